// The page of any list command. What is searched and filtered is in the URL.
import { Button } from "@mantine/core";
import { useDebouncedCallback, useMediaQuery } from "@mantine/hooks";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useEffect, useRef, useState, type ReactNode } from "react";
import type { Command, Kind } from "../api/catalogue";
import type { Page, Params, Row } from "../api/client";
import { useCatalogue } from "../api/use";
import { number } from "../lib/format";
import { t, word, worded } from "../lib/words";
import { spoken, titleOf, within } from "../meta/words";
import { metaOf } from "../meta";
import { ActionPanel, type Asked } from "../ui/actions";
import { Bulk } from "../ui/Bulk";
import { IconPlus, IconSearch } from "../ui/iconset";
import { Title } from "../ui/Title";
import { ResourceTable } from "../ui/ResourceTable";
import { scopeParams, spansProjects } from "../ui/scope";
import { ScopeMark } from "../ui/ScopeSwitch";

const Filters = lazy(() => import("./Filters").then((part) => ({ default: part.Filters })));
const RowMenu = lazy(() => import("../ui/RowMenu").then((part) => ({ default: part.RowMenu })));
const Empty = lazy(() => import("./Empty").then((part) => ({ default: part.Empty })));

const ROOM = "calc(41px + round(down, max(420px, 100dvh - 320px), 54px))"; // of a list within a page: whole rows, as many as the window has room for

export function ListPage({ kind, fixed = {}, bare = false }: { kind: Kind; fixed?: Params; bare?: boolean }): ReactNode {
  const catalogue = useCatalogue();
  const meta = metaOf(kind.list.name);
  const search = useSearch({ strict: false }) as Record<string, string>;
  const navigate = useNavigate();
  const [page, setPage] = useState<Page>();
  const [asked, setAsked] = useState<Asked>();
  const [menu, setMenu] = useState<{ row: Row; anchor: HTMLElement }>();
  const [chosen, setChosen] = useState(new Map<string, Row>());
  const box = useRef<HTMLInputElement>(null);
  const touched = useMediaQuery("(max-width: 760px), (pointer: coarse)", false, { getInitialValueInEffect: false }); // rather than typed on
  const takes = (name: string) => kind.list.params.some((param) => param.name === name);
  const owned = spansProjects(kind);
  const counted = !bare && takes("facets") && takes("state") && kind.list.response.some((field) => field.name === "state" && field.orders);
  const filters = bare ? {} : Object.fromEntries(Object.entries(search).filter(([name]) => name !== "keyword" && name !== "scope" && takes(name)));
  const params: Params = { ...meta?.params, ...(takes("listall") ? scopeParams(search["scope"], (name) => takes(name) && (name !== "projectid" || owned)) : {}), ...filters, ...fixed, ...(!bare && search["keyword"] && { keyword: search["keyword"] }), ...(counted && { facets: "state" }) };
  const asks = bare ? [] : kind.list.params.filter((param) => param.required && fixed[param.name] === undefined && meta?.params?.[param.name] === undefined).map((param) => param.name);
  const wanting = asks.filter((name) => params[name] === undefined); // without these the server lists nothing
  const change = useCallback((values: Record<string, string | undefined>) => void navigate({ to: ".", search: ((old: Record<string, string>) => ({ ...old, ...values })) as never, replace: true }), [navigate]);
  const typed = useDebouncedCallback((keyword: string) => change({ keyword: keyword || undefined }), 250);
  useEffect(() => {
    const keys = (event: KeyboardEvent) => {
      if ((event.target as HTMLElement).matches("input, textarea, [contenteditable], [role=dialog] *") || event.ctrlKey || event.metaKey) return;
      if (event.key === "/") { event.preventDefault(); box.current?.focus(); }
      if (event.key === "c" && create) { event.preventDefault(); begin(); }
    };
    document.addEventListener("keydown", keys);
    return () => document.removeEventListener("keydown", keys);
  });
  const create: Command | undefined = meta?.create === "" ? kind.create[0] : (kind.create.find((command) => command.name === meta?.create) ?? kind.create[0]);
  const ask = (command: Command) => setAsked({ command, rows: [], ...(command === create && { title: createLabel }), initial: Object.fromEntries((meta?.asks?.[command.name] ?? []).map((name) => [name, undefined])) });
  const begin = () => (meta?.create === "" ? void navigate({ to: "/new/$slug", params: { slug: kind.slug } }) : create && ask(create));
  const toggle = useCallback((row: Row) => setChosen((old) => {
    const next = new Map(old);
    if (!next.delete(String(row["id"]))) next.set(String(row["id"]), row);
    return next;
  }), []);
  const choose = useCallback((rows: Row[]) => setChosen(new Map(rows.map((row) => [String(row["id"]), row]))), []);
  const open = (row: Row) => void navigate({ to: "/$slug/$id", params: { slug: kind.slug, id: String(row["id"]) } });
  const shut = useCallback(() => setMenu(undefined), []);
  const one = within(meta ? t(meta.one) : spoken(kind.noun));
  const makes = !create ? "" : /^(create|deploy)[A-Z]/.test(create.name) ? t("Create {what}", { what: one }) : /^register[A-Z]/.test(create.name) ? t("Register {what}", { what: one }) : /^associate[A-Z]/.test(create.name) ? t("Acquire {what}", { what: one }) : /^add[A-Z]/.test(create.name) ? t("Add {what}", { what: one }) : spoken(create.name);
  const createLabel = makes.charAt(0).toUpperCase() + makes.slice(1); // not in all languages does a verb begin it
  const sifted = Boolean(search["keyword"]) || Object.keys(filters).length > 0;
  const clear = () => {
    if (box.current) box.current.value = "";
    change(Object.fromEntries(["keyword", ...Object.keys(filters)].map((name) => [name, undefined])));
  };
  const states = page?.facets?.["state"];
  const table = (
    <div className="card table" style={bare ? { maxHeight: ROOM, height: page ? 104 + Math.max(page.count, 3) * 54 : 460 } : undefined}>
      {!bare && (
        <div className="bar">
          <label className="search"><IconSearch size={16} aria-hidden /><input ref={box} type="search" defaultValue={search["keyword"] ?? ""} onChange={(event) => typed(event.currentTarget.value)} placeholder={touched ? t("Search") : t("Search, press /")} aria-label={t("Search {what}", { what: t(meta?.title ?? kind.title) })} /></label>
          {states && Object.keys(states).length > 0 && (
            <div className="row wrap" role="group" aria-label={t("State")} style={{ gap: 2 }}>
              <button type="button" className="chip" aria-pressed={!search["state"]} onClick={() => change({ state: undefined })}>{t("All")} <b>{number(Object.values(states).reduce((sum, many) => sum + many, 0))}</b></button>
              {Object.entries(states).sort(([, one], [, two]) => two - one).map(([state, many]) => (
                <button key={state} type="button" className="chip" aria-pressed={search["state"] === state} onClick={() => change({ state })}>{worded(state)} <b>{number(many)}</b></button>
              ))}
            </div>
          )}
          {Object.entries(filters).filter(([name]) => name !== "state" && !meta?.filters?.includes(name)).map(([name, value]) => (
            <button key={name} type="button" className="chip" aria-pressed onClick={() => change({ [name]: undefined })} aria-label={t("Remove the filter {name}", { name: titleOf(name) })}>{titleOf(name)}: {word(String(value)).slice(0, 12)} ✕</button>
          ))}
        </div>
      )}
      {!bare && (meta?.filters ?? asks).length > 0 && <Suspense><Filters kind={kind} names={[...asks, ...(meta?.filters ?? [])]} search={search} change={change} /></Suspense>}
      {wanting.length > 0 && <div className="empty"><strong>{t("Choose first: {what}", { what: wanting.map((name) => titleOf(name)).join(", ") })}</strong><span>{t("This is listed for one at a time.")}</span></div>}
      {!wanting.length && <ResourceTable kind={kind} meta={meta} params={params} selection={{ chosen, toggle, set: choose }} menu={(row, anchor) => setMenu({ row, anchor })} open={open} onCount={setPage}
        empty={<Suspense><Empty kind={kind} meta={meta} label={createLabel} create={create && begin} clear={sifted ? clear : undefined} fixed={fixed} /></Suspense>}
      />}
      <Bulk kind={kind} chosen={chosen} clear={() => setChosen(new Map())} />
    </div>
  );
  return (
    <>
      {!bare && (
        <Title title={t(meta?.title ?? kind.title)} line={page?.count ? t("{count} in all", { count: number(page.count) }) : " "}>
          {takes("listall") && <ScopeMark />}
          {(meta?.also ?? []).map((name) => catalogue.commands.get(name)).map((command) => command && <Button key={command.name} variant="default" onClick={() => ask(command)}>{spoken(command.name)}</Button>)}
          {create && <Button onClick={begin} leftSection={<IconPlus size={16} />}>{createLabel}</Button>}
        </Title>
      )}
      {table}
      {menu && <Suspense><RowMenu {...menu} kind={kind} close={shut} pick={(command) => { setAsked({ command, rows: [menu.row] }); setMenu(undefined); }} /></Suspense>}
      <ActionPanel asked={asked} kind={catalogue.bySlug(kind.slug) ?? kind} close={() => setAsked(undefined)} fixed={asked?.rows.length ? {} : fixed} />
    </>
  );
}
