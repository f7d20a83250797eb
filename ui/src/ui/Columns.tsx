// What a list shows of each row, and how densely: the reader's own choice, kept in the browser.
import { useEffect, useRef, useState, type ReactNode } from "react";
import type { Kind } from "../api/catalogue";
import { t } from "../lib/words";
import type { Meta } from "../meta";
import { titleOf } from "../meta/words";

export interface View {
  columns?: string[] | undefined; // as chosen; without: as the resource proposes
  dense: boolean;
}

const SKIPPED = /^(id|name|displayname|displaytext|jobid|jobstatus|hasannotations|domainpath|.*id)$/;
const PROPOSED = 7;
const MADE = new Set(["size"]); // columns made of several fields

function simple(kind: Kind): string[] {
  return kind.list.response.filter((field) => !SKIPPED.test(field.name) && !field.response && field.type !== "map" && field.type !== "list").map((field) => field.name);
}

export function columnsOf(kind: Kind, meta: Meta | undefined): string[] {
  if (!meta?.columns) return simple(kind).slice(0, PROPOSED);
  const known = new Set(kind.list.response.map((field) => field.name)); // a role may not be told of all
  return meta.columns.filter((name) => known.has(name) || MADE.has(name));
}

export function useView(kind: Kind): [View, (view: View) => void] {
  const key = `columns:${kind.list.name}`;
  const [view, setView] = useState<View>(() => ({
    columns: JSON.parse(localStorage.getItem(key) ?? "null") ?? undefined,
    dense: localStorage.getItem("density") === "compact",
  }));
  const change = (next: View) => {
    if (next.columns) localStorage.setItem(key, JSON.stringify(next.columns));
    else localStorage.removeItem(key);
    localStorage.setItem("density", next.dense ? "compact" : "normal");
    setView(next);
  };
  return [view, change];
}

export function Columns({ kind, columns, view, change, close }: { kind: Kind; columns: string[]; view: View; change: (view: View) => void; close: () => void }): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const closing = useRef(close);
  closing.current = close;
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    box.current?.querySelector("input")?.focus();
    const outside = (event: MouseEvent) => { if (!box.current?.contains(event.target as Node) && !before?.contains(event.target as Node)) closing.current(); };
    document.addEventListener("mousedown", outside);
    return () => { document.removeEventListener("mousedown", outside); before?.focus(); };
  }, []);
  const names = [...columns, ...simple(kind).filter((name) => !columns.includes(name))];
  const toggle = (name: string) => change({ ...view, columns: columns.includes(name) ? columns.filter((one) => one !== name) : [...columns, name] });
  return (
    <div ref={box} role="dialog" aria-label={t("Columns and density")} className="card menu columns" onKeyDown={(event) => { if (event.key === "Escape") close(); event.stopPropagation(); }}>
      <label><input type="checkbox" checked={view.dense} onChange={() => change({ ...view, dense: !view.dense })} /> {t("Compact rows")}</label>
      <hr />
      {names.map((name) => <label key={name}><input type="checkbox" checked={columns.includes(name)} onChange={() => toggle(name)} /> {titleOf(name)}</label>)}
      <button type="button" disabled={!view.columns} onClick={() => change({ ...view, columns: undefined })}>{t("As proposed")}</button>
    </div>
  );
}
