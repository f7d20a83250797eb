// Settings with all their scopes side by side: what holds everywhere, and where it differs.
import { Button, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState, type ReactNode } from "react";
import type { ApiError, Params, Row } from "../api/client";
import { useCatalogue, useList, usePerform } from "../api/use";
import { t } from "../lib/words";
import { Explain } from "../ui/Explain";
import { Picker } from "../ui/Picker";
import { Title } from "../ui/Title";

const SCOPES: [string, string][] = [["zoneid", "zone"], ["clusterid", "cluster"], ["storageid", "storage_pool"], ["domainid", "domain"], ["accountid", "account"], ["imagestoreuuid", "image_store"]];

function Setting({ row, scope }: { row: Row; scope: Params }): ReactNode {
  const run = usePerform();
  const [typed, setTyped] = useState<string>();
  const name = String(row["name"]);
  const value = String(row["value"] ?? "");
  const differs = value !== String(row["defaultvalue"] ?? "");
  const boolean = String(row["type"]).toLowerCase() === "boolean";
  const options = row["options"] ? String(row["options"]).split(",").map((one) => one.trim()) : boolean ? ["true", "false"] : undefined;
  const store = (next: string) => run.mutate({ command: "updateConfiguration", params: { name, value: next, ...scope } }, { onSuccess: () => setTyped(undefined) });
  return (
    <li className="setting">
      <div className="grow"><b className="mono">{name}</b>{differs && <span className="status busy" style={{ marginInlineStart: 8 }}>{t("changed")}</span>}<div className="quiet">{String(row["description"] ?? "")}</div><small className="faint">{t("Default: {value}", { value: String(row["defaultvalue"] ?? "") || "–" })} · {String(row["scope"] ?? "global")}</small></div>
      <form className="row wrap" onSubmit={(event) => { event.preventDefault(); if (typed !== undefined) store(typed); }}>
        {options ? <select aria-label={name} value={value} onChange={(event) => store(event.currentTarget.value)}>{[...new Set([value, ...options])].map((one) => <option key={one}>{one}</option>)}</select> : <TextInput aria-label={name} value={typed ?? value} onChange={(event) => setTyped(event.currentTarget.value)} />}
        {typed !== undefined && typed !== value && <Button type="submit" size="xs" loading={run.isPending}>{t("Set")}</Button>}
        {differs && <Button size="xs" variant="default" onClick={() => run.mutate({ command: "resetConfiguration", params: { name, ...scope } })}>{t("Reset")}</Button>}
      </form>
      {run.error && <div style={{ flexBasis: "100%" }}><Explain error={run.error as ApiError} title={t("{name} was not changed", { name })} /></div>}
    </li>
  );
}

export function Settings(): ReactNode {
  const catalogue = useCatalogue();
  const command = catalogue.commands.get("listConfigurations");
  const [typed, setTyped] = useState("");
  const [keyword] = useDebouncedValue(typed, 200);
  const [scope, setScope] = useState<[string, string]>();
  const [page, setPage] = useState(1);
  const chosen: Params = scope ? { [scope[0]]: scope[1] } : {};
  const found = useList("listConfigurations", { ...chosen, ...(keyword && { keyword }), page: keyword ? 1 : page, pagesize: 50 });
  const scopes = SCOPES.filter(([name]) => command?.params.some((param) => param.name === name));
  return (
    <>
      <Title title={t("Configuration")} line={t("{count} settings; each is in force at once", { count: found.data?.count ?? 0 })} />
      <div className="card">
        <div className="bar" style={{ padding: 0, border: 0, marginBottom: 8, alignItems: "flex-end" }}>
          <TextInput type="search" label={t("Search settings")} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} />
          {scopes.map(([name, entity]) => <Picker key={name} param={{ name, description: "", type: "uuid", required: false, length: 255, entity }} label={t("As it is for one {what}", { what: entity.replace("_", " ") })} description="" required={false} given={{}} value={scope?.[0] === name ? scope[1] : undefined} set={(id) => setScope(id ? [name, id as string] : undefined)} />)}
        </div>
        {found.error && <Explain error={found.error as ApiError} />}
        <ul className="settings">{found.data?.rows.map((row) => <Setting key={String(row["name"])} row={row} scope={chosen} />)}</ul>
        {!keyword && (found.data?.count ?? 0) > 50 && <div className="row"><Button variant="default" disabled={page === 1} onClick={() => setPage(page - 1)}>{t("Back")}</Button><span className="quiet">{page}</span><Button variant="default" disabled={page * 50 >= (found.data?.count ?? 0)} onClick={() => setPage(page + 1)}>{t("Further")}</Button></div>}
      </div>
    </>
  );
}
