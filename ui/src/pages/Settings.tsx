// Settings with all their scopes side by side: what holds everywhere, and where it differs.
import { Button, Select, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Fragment, useState, type ReactNode } from "react";
import type { ApiError, Params, Row } from "../api/client";
import { useCatalogue, useList, usePerform } from "../api/use";
import { number } from "../lib/format";
import { t, word } from "../lib/words";
import { stepOf, within } from "../meta/words";
import { Explain } from "../ui/Explain";
import { Picker } from "../ui/Picker";
import { Title } from "../ui/Title";
import "./detail/detail.css";
import "./settings.css";

/** A scope as the server names it, the parameter that says which one, the entity to pick, the slug of its pages. */
const SCOPES: [string, string, string, string][] = [
  ["Zone", "zoneid", "zone", "zones"], ["Cluster", "clusterid", "cluster", "clusters"], ["StoragePool", "storageid", "storage_pool", "primary-storage"], ["ImageStore", "imagestoreuuid", "image_store", "secondary-storage"],
  ["Domain", "domainid", "domain", "domains"], ["Account", "accountid", "account", "accounts"], ["ManagementServer", "managementserverid", "server", "servers"],
];
const MOST = 500;
const scopeOf = (name: unknown) => SCOPES.find(([scope]) => scope.toLowerCase() === String(name).toLowerCase().replaceAll(" ", ""));

function Field({ row, value, label, store, pending }: { row: Row; value: string; label: string; store: (next: string, kept: () => void) => void; pending: boolean }): ReactNode {
  const [typed, setTyped] = useState<string>();
  const boolean = String(row["type"]).toLowerCase() === "boolean";
  const options = row["options"] ? String(row["options"]).split(",").map((one) => one.trim()) : boolean ? ["true", "false"] : undefined;
  if (options) return <select aria-label={label} value={value} disabled={pending} onChange={(event) => store(event.currentTarget.value, () => undefined)}>{[...new Set([value, ...options])].map((one) => <option key={one} value={one}>{word(one)}</option>)}</select>;
  return (
    <form className="row" onSubmit={(event) => { event.preventDefault(); if (typed !== undefined) store(typed, () => setTyped(undefined)); }}>
      <TextInput aria-label={label} type={/password|secret/.test(String(row["name"])) ? "password" : "text"} value={typed ?? value} onChange={(event) => setTyped(event.currentTarget.value)} />
      {typed !== undefined && typed !== value && <Button type="submit" size="xs" loading={pending}>{t("Set")}</Button>}
    </form>
  );
}

/** The value in one scope: everywhere, or in a zone, a cluster, a domain … */
function InScope({ row, value, where, scope }: { row: Row; value: string; where: ReactNode; scope: Params }): ReactNode {
  const run = usePerform();
  const name = String(row["name"]);
  const everywhere = !Object.keys(scope).length;
  const reset = everywhere ? value !== String(row["defaultvalue"] ?? "") : true;
  const undo: Params = "imagestoreuuid" in scope ? { imagestoreid: scope["imagestoreuuid"] } : scope;
  return (
    <div className="in-scope">
      <span className="where">{where}</span>
      <Field row={row} value={value} label={`${name}${everywhere ? "" : `, ${Object.values(scope).join()}`}`} pending={run.isPending} store={(next, kept) => run.mutate({ command: "updateConfiguration", params: { name, value: next, ...scope } }, { onSuccess: kept })} />
      {reset && <Button size="xs" variant="default" loading={run.isPending} onClick={() => run.mutate({ command: "resetConfiguration", params: { name, ...undo } })}>{everywhere ? t("Reset") : t("As everywhere")}</Button>}
      {run.error && <div style={{ flexBasis: "100%" }}><Explain error={run.error} title={t("{name} was not changed", { name })} /></div>}
    </div>
  );
}

function AddScope({ row }: { row: Row }): ReactNode {
  const run = usePerform();
  const allowed = String(row["scope"] ?? "").split(",").map(scopeOf).filter((one): one is (typeof SCOPES)[number] => one !== undefined);
  const [open, setOpen] = useState(false);
  const [sort, setSort] = useState(allowed[0]?.[0] ?? "");
  const [where, setWhere] = useState<string>();
  const [value, setValue] = useState(String(row["value"] ?? ""));
  const chosen = allowed.find(([scope]) => scope === sort);
  if (!allowed.length || !chosen) return null;
  if (!open) return <button type="button" className="chip add-scope" onClick={() => setOpen(true)}>+ {t("Different in one {what}", { what: allowed.map(([scope]) => within(stepOf(scope))).join(", ") })}</button>;
  return (
    <form className="inline-form" onSubmit={(event) => { event.preventDefault(); run.mutate({ command: "updateConfiguration", params: { name: String(row["name"]), value, [chosen[1]]: where } }, { onSuccess: () => { setOpen(false); setWhere(undefined); } }); }}>
      {allowed.length > 1 && <Select label={t("Where")} data={allowed.map(([scope]) => ({ value: scope, label: word(scope) }))} value={sort} allowDeselect={false} onChange={(one) => { setSort(one ?? ""); setWhere(undefined); }} />}
      <Picker key={chosen[2]} param={{ name: chosen[1], description: "", type: "uuid", required: true, length: 40, entity: chosen[2] }} label={word(chosen[0])} description="" required given={{}} value={where} set={(one) => setWhere(one as string | undefined)} />
      <TextInput label={t("Value")} value={value} onChange={(event) => setValue(event.currentTarget.value)} />
      <Button type="submit" disabled={!where} loading={run.isPending}>{t("Set")}</Button>
      <Button variant="default" onClick={() => setOpen(false)}>{t("Do not")}</Button>
      {run.error && <div style={{ flexBasis: "100%" }}><Explain error={run.error} title={t("{name} was not changed", { name: String(row["name"]) })} /></div>}
    </form>
  );
}

function Setting({ row }: { row: Row }): ReactNode {
  const value = String(row["value"] ?? "");
  const others = (row["values"] as Row[] | undefined) ?? [];
  return (
    <li className="setting">
      <div className="grow"><b className="mono">{String(row["name"])}</b>{changed(row) && <span className="status mark" style={{ marginInlineStart: 8 }}>{t("changed")}</span>}<div className="quiet" lang="en">{String(row["description"] ?? "")}</div><small className="faint">{t("Default: {value}", { value: word(String(row["defaultvalue"] ?? "")) || "–" })}</small></div>
      <div className="scopes">
        <InScope row={row} value={value} where={t("everywhere")} scope={{}} />
        {others.map((one) => {
          const scope = scopeOf(one["scope"]);
          return scope && <InScope key={`${String(one["scope"])}${String(one["id"])}`} row={row} value={String(one["value"] ?? "")} where={<Link to="/$slug/$id" params={{ slug: scope[3], id: String(one["id"]) }}>{String(one["name"])}</Link>} scope={{ [scope[1]]: String(one["id"]) }} />;
        })}
        <AddScope row={row} />
      </div>
    </li>
  );
}

const CHANGED = "changed";
const changed = (row: Row) => String(row["value"] ?? "") !== String(row["defaultvalue"] ?? "") || ((row["values"] as Row[] | undefined) ?? []).length > 0;
const partOf = (row: Row) => String(row["subgroup"] ?? "");
const anchor = (part: string) => `part-${part.replace(/\W+/g, "-")}`;

interface Group { name: string; rows: Row[]; parts: [string, Row[]][] }

/** Settings in the groups of the server's catalogue, those first whose turn is first; what has no group known comes last. */
function grouped(rows: Row[], groups: Row[]): Group[] {
  const names = [...new Set([...groups.map((one) => String(one["name"])), ...rows.map((row) => String(row["group"]))])];
  return names.map((name) => {
    const mine = rows.filter((row) => String(row["group"]) === name);
    return { name, rows: mine, parts: [...Map.groupBy(mine, partOf)].sort(([one], [two]) => one.localeCompare(two)) };
  }).filter((group) => group.rows.length > 0);
}

/** The groups with how many settings each has; the parts of the chosen one, to jump to. */
function Rail({ groups, own, chosen, choose }: { groups: Group[]; own: number; chosen: string | undefined; choose: (group: string) => void }): ReactNode {
  const jump = (part: string) => document.getElementById(anchor(part))?.scrollIntoView({ block: "start" });
  return (
    <nav className="rail" aria-label={t("Groups")}>
      <button type="button" className="chip" aria-pressed={chosen === CHANGED} onClick={() => choose(CHANGED)}>{t("Changed")} <b>{number(own)}</b></button>
      {groups.map((group) => (
        <Fragment key={group.name}>
          <button type="button" className="chip" aria-pressed={chosen === group.name} onClick={() => choose(group.name)}>{word(group.name)} <b>{number(group.rows.length)}</b></button>
          {chosen === group.name && group.parts.length > 1 && <div className="parts">{group.parts.map(([part, rows]) => <button key={part} type="button" className="chip" onClick={() => jump(part)}>{word(part)} <b>{number(rows.length)}</b></button>)}</div>}
        </Fragment>
      ))}
    </nav>
  );
}

const Section = ({ title, part, rows }: { title: string; part?: string; rows: Row[] }): ReactNode => (
  <section className="card" id={anchor(part ?? title)} aria-label={title}><h2>{title} <span className="faint">{number(rows.length)}</span></h2><ul className="settings">{rows.map((row) => <Setting key={String(row["name"])} row={row} />)}</ul></section>
);

export function Settings(): ReactNode {
  const catalogue = useCatalogue();
  const navigate = useNavigate();
  const { keyword: begun = "", group: wanted } = useSearch({ strict: false }) as { keyword?: string; group?: string };
  const [typed, setTyped] = useState(begun);
  const [keyword] = useDebouncedValue(typed.trim(), 200);
  const known = useList("listConfigurationGroups", {}, catalogue.has("listConfigurationGroups"));
  const all = useList("listConfigurations", { allscopes: true, page: 1, pagesize: MOST });
  const found = useList("listConfigurations", { allscopes: true, keyword, page: 1, pagesize: MOST }, keyword !== "");
  const shown = keyword ? found : all;
  const rows = all.data?.rows ?? [];
  const groups = grouped(keyword ? (found.data?.rows ?? []) : rows, known.data?.rows ?? []);
  const group = keyword ? undefined : (wanted ?? groups[0]?.name);
  const own = rows.filter(changed);
  const here = groups.find((one) => one.name === group);
  const choose = (next: string) => { setTyped(""); void navigate({ to: ".", search: { group: next } as never, replace: true }); };
  return (
    <>
      <Title title={t("Configuration")} line={t("{count} settings; each is in force at once", { count: all.data?.count ?? 0 })} />
      <div className="settings-page">
        <div className="beside">
          <TextInput type="search" aria-label={t("Search settings")} placeholder={t("Search settings")} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} />
          <Rail groups={groups} own={own.length} chosen={group} choose={choose} />
        </div>
        <div className="stack">
          {shown.error && <Explain error={shown.error as ApiError} title={t("The settings could not be read")} retry={() => void shown.refetch()} />}
          {keyword && found.data && !groups.length && <div className="card empty"><strong>{t("No setting fits.")}</strong></div>}
          {group === CHANGED && !own.length && <div className="card empty"><strong>{t("Every setting is as it came.")}</strong></div>}
          {group === CHANGED && own.length > 0 && <Section title={t("Changed")} rows={own} />}
          {keyword !== "" && groups.map((one) => <Section key={one.name} title={word(one.name)} rows={one.rows} />)}
          {here?.parts.map(([part, some]) => <Section key={part} part={part} title={word(part || here.name)} rows={some} />)}
          {(shown.data?.count ?? 0) > MOST && <p className="quiet">{t("{count} more are not drawn; the search finds them.", { count: (shown.data?.count ?? 0) - MOST })}</p>}
        </div>
      </div>
    </>
  );
}
