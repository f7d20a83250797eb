// Settings with all their scopes side by side: what holds everywhere, and where it differs.
import { Button, Select, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import type { ApiError, Params, Row } from "../api/client";
import { useCatalogue, useList, usePerform } from "../api/use";
import { t, word } from "../lib/words";
import { within } from "../meta/words";
import { Explain } from "../ui/Explain";
import { Picker } from "../ui/Picker";
import { Title } from "../ui/Title";
import "./detail/detail.css";

/** A scope as the server names it, the parameter that says which one, the entity to pick, the slug of its pages. */
const SCOPES: [string, string, string, string][] = [
  ["Zone", "zoneid", "zone", "zones"], ["Cluster", "clusterid", "cluster", "clusters"], ["StoragePool", "storageid", "storage_pool", "primary-storage"], ["ImageStore", "imagestoreuuid", "image_store", "secondary-storage"],
  ["Domain", "domainid", "domain", "domains"], ["Account", "accountid", "account", "accounts"], ["ManagementServer", "managementserverid", "server", "servers"],
];
const SIZE = 50;
const scopeOf = (name: unknown) => SCOPES.find(([scope]) => scope.toLowerCase() === String(name).toLowerCase().replaceAll(" ", ""));

function Field({ row, value, label, store, pending }: { row: Row; value: string; label: string; store: (next: string, kept: () => void) => void; pending: boolean }): ReactNode {
  const [typed, setTyped] = useState<string>();
  const boolean = String(row["type"]).toLowerCase() === "boolean";
  const options = row["options"] ? String(row["options"]).split(",").map((one) => one.trim()) : boolean ? ["true", "false"] : undefined;
  if (options) return <select aria-label={label} value={value} disabled={pending} onChange={(event) => store(event.currentTarget.value, () => undefined)}>{[...new Set([value, ...options])].map((one) => <option key={one} value={one}>{word(one)}</option>)}</select>;
  return (
    <form className="row" onSubmit={(event) => { event.preventDefault(); if (typed !== undefined) store(typed, () => setTyped(undefined)); }}>
      <TextInput aria-label={label} value={typed ?? value} onChange={(event) => setTyped(event.currentTarget.value)} />
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
  if (!open) return <button type="button" className="chip" style={{ alignSelf: "start", marginInlineStart: 110 }} onClick={() => setOpen(true)}>+ {t("Different in one {what}", { what: allowed.map(([scope]) => within(word(scope))).join(", ") })}</button>;
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
  const differs = value !== String(row["defaultvalue"] ?? "");
  const others = (row["values"] as Row[] | undefined) ?? [];
  return (
    <li className="setting">
      <div className="grow"><b className="mono">{String(row["name"])}</b>{differs && <span className="status busy" style={{ marginInlineStart: 8 }}>{t("changed")}</span>}<div className="quiet" lang="en">{String(row["description"] ?? "")}</div><small className="faint">{t("Default: {value}", { value: String(row["defaultvalue"] ?? "") || "–" })}</small></div>
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

export function Settings(): ReactNode {
  const catalogue = useCatalogue();
  const navigate = useNavigate();
  const { keyword: begun = "", group, subgroup } = useSearch({ strict: false }) as { keyword?: string; group?: string; subgroup?: string };
  const [typed, setTyped] = useState(begun);
  const [keyword] = useDebouncedValue(typed, 200);
  const [page, setPage] = useState(1);
  const groups = useList("listConfigurationGroups", {}, catalogue.has("listConfigurationGroups"));
  const found = useList("listConfigurations", { allscopes: true, ...(keyword && { keyword }), ...(!keyword && group && { group }), ...(!keyword && subgroup && { subgroup }), page, pagesize: SIZE });
  const count = found.data?.count ?? 0;
  const choose = (next: { group?: string; subgroup?: string }) => { setPage(1); setTyped(""); void navigate({ to: ".", search: next as never, replace: true }); };
  const parts = (groups.data?.rows.find((one) => one["name"] === group)?.["subgroup"] as Row[] | undefined) ?? [];
  return (
    <>
      <Title title={t("Configuration")} line={t("{count} settings; each is in force at once", { count })} />
      <div className="card">
        <div className="row wrap" style={{ marginBottom: 8 }}>
          <TextInput type="search" aria-label={t("Search settings")} placeholder={t("Search settings")} value={typed} onChange={(event) => { setTyped(event.currentTarget.value); setPage(1); }} w={280} />
          <div className="row wrap" role="group" aria-label={t("Groups")} style={{ gap: 2 }}>
            <button type="button" className="chip" aria-pressed={!group && !keyword} onClick={() => choose({})}>{t("All")}</button>
            {groups.data?.rows.map((one) => <button key={String(one["name"])} type="button" className="chip" aria-pressed={!keyword && group === one["name"]} onClick={() => choose({ group: String(one["name"]) })}>{word(String(one["name"]))}</button>)}
          </div>
        </div>
        {!keyword && parts.length > 1 && <div className="row wrap" role="group" aria-label={t("Parts of {group}", { group: word(group ?? "") })} style={{ gap: 2 }}>{parts.map((one) => <button key={String(one["name"])} type="button" className="chip" aria-pressed={subgroup === one["name"]} onClick={() => choose({ group: group ?? "", ...(subgroup !== one["name"] && { subgroup: String(one["name"]) }) })}>{word(String(one["name"]))}</button>)}</div>}
        {found.error && <Explain error={found.error as ApiError} title={t("The settings could not be read")} retry={() => void found.refetch()} />}
        {found.data && !found.data.rows.length && <p className="quiet">{t("No setting fits.")}</p>}
        <ul className="settings">{found.data?.rows.map((row) => <Setting key={String(row["name"])} row={row} />)}</ul>
        {count > SIZE && <div className="row" style={{ marginTop: 12 }}><Button variant="default" disabled={page === 1} onClick={() => setPage(page - 1)}>{t("Back")}</Button><span className="quiet">{t("{page} of {pages}", { page, pages: Math.ceil(count / SIZE) })}</span><Button variant="default" disabled={page * SIZE >= count} onClick={() => setPage(page + 1)}>{t("Further")}</Button></div>}
      </div>
    </>
  );
}
