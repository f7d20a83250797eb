// What a list shows of each row, and how densely: the reader's own choice, kept in the browser.
import { useEffect, useRef, useState, type ReactNode } from "react";
import type { Kind } from "../api/catalogue";
import { t } from "../lib/words";
import type { Row } from "../api/client";
import type { Meta } from "../meta";
import { titleOf } from "../meta/words";
import { nameField } from "./values";

export interface View {
  columns?: string[] | undefined; // as chosen; without: as the resource proposes
  dense: boolean;
}

const SKIPPED = /^(id|name|displayname|displaytext|jobid|jobstatus|jobprocstatus|accounttype|hasannotations|domainpath|fordisplay|icon|headers|payload|.*id)$/;
const PROPOSED = 7;
// What a reader looks for first comes first: states, then what is its own; whose it is, its age and its limits come last.
const RANKS: [RegExp, number][] = [[/^(state|status|allocationstate|resourcestate)$/, 0], [/..id$/, 2], [/^(account|project|domain)$/, 3], [/^created$/, 4], [/(limit|total|available)$/, 5], [/^removed$|threshold$/, 6]];
const BEYOND = 6; // shown when chosen only
const rank = (name: string) => RANKS.find(([words]) => words.test(name))?.[1] ?? 1;
const MADE = new Set(["size"]); // columns made of several fields
const WITH_UNIT = /(gb|ghz)$/; // of two amounts that are called alike, the one that a list of figures adds

/** Fields that name another thing by nothing but its id. */
export function referring(kind: Kind): string[] {
  const names = new Set(kind.list.response.map((field) => field.name));
  return kind.list.response.filter(({ name, entity }) => entity !== undefined && entity !== kind.resource && /..(?<!job)id$/.test(name) && !names.has(name.replace(/id$/, "name")) && !names.has(name.replace(/id$/, ""))).map((field) => field.name);
}

function simple(kind: Kind): string[] {
  const others = new Set(referring(kind));
  const names = kind.list.response.filter((field) => (!SKIPPED.test(field.name) || others.has(field.name)) && !field.response && field.type !== "map" && field.type !== "list").map((field) => field.name);
  return names.filter((name) => {
    const same = names.filter((other) => titleOf(other) === titleOf(name));
    return name === (same.find((other) => WITH_UNIT.test(other)) ?? same[0]);
  });
}

/** What a list shows unless the reader chose otherwise; of what none of the rows has, nothing. `base` is the list that this one adds figures to. */
export function columnsOf(kind: Kind, meta: Meta | undefined, rows: Row[] = [], base?: Kind): string[] {
  const called = rows[0] && nameField(rows[0]);
  const twice = rows.every((row) => row["state"] === row["allocationstate"]); // figures of places tell it by both names
  const had = (name: string) => !rows.length || MADE.has(name) || (!(name === "allocationstate" && twice) && name !== called && `${name}name` !== called && !(called === "startip" && name === "endip") && rows.some((row) => row[name] !== undefined && row[name] !== null && row[name] !== ""));
  const plainer = new Set(base?.list.response.map((field) => field.name));
  const order = (name: string) => (plainer.has(name) && name !== "state" ? 9 : 0) + rank(name);
  if (!meta?.columns) return simple(kind).filter((name) => had(name) && rank(name) < BEYOND).sort((a, b) => order(a) - order(b)).slice(0, PROPOSED);
  const known = new Set(kind.list.response.map((field) => field.name)); // a role may not be told of all
  return meta.columns.filter((name) => (known.has(name) || MADE.has(name)) && had(name));
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

/** `columns` are those shown now, `proposed` those shown where there is room. */
export function Columns({ kind, columns, proposed, view, change, close }: { kind: Kind; columns: string[]; proposed: string[]; view: View; change: (view: View) => void; close: () => void }): ReactNode {
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
  const names = [...new Set([...proposed, ...columns, ...simple(kind)])];
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
