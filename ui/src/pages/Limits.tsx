// How much an owner may have and has: a meter each, the limit edited in place.
import { Button, NumberInput } from "@mantine/core";
import { useSearch } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { me, type ApiError, type Params, type Row } from "../api/client";
import { useCatalogue, useList, useOne, usePerform } from "../api/use";
import { bytes, number } from "../lib/format";
import { t } from "../lib/words";
import { Explain } from "../ui/Explain";
import { Meter } from "../ui/Meter";
import { Title } from "../ui/Title";
import "./detail/detail.css";

// said: what is limited
const WORDS: Record<string, string> = { user_vm: "Instances", public_ip: "Public IPs", volume: "Volumes", snapshot: "Snapshots", template: "Images", project: "Projects", network: "Networks", vpc: "VPCs", cpu: "CPUs", memory: "Memory", primary_storage: "Primary storage", secondary_storage: "Secondary storage", backup: "Backups", backup_storage: "Backup storage", bucket: "Buckets", object_storage: "Object storage", gpu: "GPUs" };
const COUNTED: Record<string, string> = { user_vm: "vm", public_ip: "ip" };
const UNIT: Record<string, [string, number]> = { memory: ["MiB", 1024 ** 2], primary_storage: ["GiB", 1024 ** 3], secondary_storage: ["GiB", 1024 ** 3], backup_storage: ["GiB", 1024 ** 3], object_storage: ["GiB", 1024 ** 3] };

function Limit({ limit, used, owner, fixed }: { limit: Row; used: number; owner: Params; fixed: boolean }): ReactNode {
  const catalogue = useCatalogue();
  const run = usePerform();
  const [typed, setTyped] = useState<string | number>();
  const name = String(limit["resourcetypename"]);
  const title = t(WORDS[name] ?? name);
  const max = Number(limit["max"]);
  const [unit, factor] = UNIT[name] ?? ["", 1];
  const store = (value: number) => run.mutate({ command: "updateResourceLimit", params: { ...owner, resourcetype: String(limit["resourcetype"]), max: value } }, { onSuccess: () => setTyped(undefined) });
  return (
    <li className="limit">
      <div className="grow"><Meter title={title} used={used} total={max >= 0 ? max : undefined} show={(value) => (unit ? bytes(value * factor) : number(value))} /></div>
      {!fixed && catalogue.has("updateResourceLimit") && (typed === undefined
        ? <Button size="compact-sm" variant="default" aria-label={t("Change the limit of {what}", { what: title })} onClick={() => setTyped(max)}>{t("Change")}</Button>
        : <form className="row wrap" onSubmit={(event) => { event.preventDefault(); store(Number(typed)); }}>
            <NumberInput size="xs" aria-label={t("Limit of {what}", { what: title })} description={t("-1: no limit")} value={typed} min={-1} onChange={setTyped} suffix={unit && ` ${unit}`} w={150} autoFocus />
            <Button size="xs" type="submit" loading={run.isPending}>{t("Set")}</Button>
            <Button size="xs" variant="default" onClick={() => setTyped(undefined)}>{t("Do not")}</Button>
          </form>)}
      {run.error && <div style={{ flexBasis: "100%" }}><Explain error={run.error} title={t("The limit was not changed")} /></div>}
    </li>
  );
}

/** The limits of an owner; `totals` is the owner's row, which says what is in use. */
function Owned({ owner, totals, fixed = false }: { owner: Params; totals: Row | undefined; fixed?: boolean }): ReactNode {
  const found = useList("listResourceLimits", owner);
  const limits = (found.data?.rows ?? []).filter((limit) => !limit["tag"]);
  if (found.error) return <Explain error={found.error as ApiError} title={t("The limits could not be read")} />;
  return <section className="card">{fixed && <p className="quiet" style={{ margin: 0 }}>{t("A root administrator's account is not limited.")}</p>}<ul className="limits">{limits.map((limit) => <Limit key={String(limit["resourcetype"])} limit={limit} owner={owner} fixed={fixed} used={Number(totals?.[`${COUNTED[String(limit["resourcetypename"])] ?? String(limit["resourcetypename"]).replaceAll("_", "")}total`] ?? 0)} />)}</ul></section>;
}

export const DomainLimits = ({ row }: { row: Row }): ReactNode => <Owned owner={{ domainid: String(row["id"]) }} totals={row} />;
export const AccountLimits = ({ row }: { row: Row }): ReactNode => <Owned owner={{ account: String(row["name"]), domainid: String(row["domainid"]) }} totals={row} fixed={row["roletype"] === "Admin"} />;
export const ProjectLimits = ({ row }: { row: Row }): ReactNode => <Owned owner={{ projectid: String(row["id"]) }} totals={row} />;

/** The limits of whose resources are looked at: mine, a project's, a domain's. */
export function Limits(): ReactNode {
  const { scope } = useSearch({ strict: false }) as { scope?: string };
  const [kind, id] = (scope ?? "mine").split(":");
  const project = useOne("listProjects", { id, listall: true, page: 1, pagesize: 1 }, kind === "project");
  const domain = useOne("listDomains", { id, listall: true, page: 1, pagesize: 1 }, kind === "domain");
  const account = useOne("listAccounts", { name: me()?.account, domainid: me()?.domainid, page: 1, pagesize: 1 }, kind !== "project" && kind !== "domain");
  const row = project.data ?? domain.data ?? account.data;
  return (
    <>
      <Title title={t("Limits and usage")} line={row ? t("Of {name}", { name: String(row["path"] ?? row["name"]) }) : " "} />
      {row && (kind === "project" ? <ProjectLimits row={row} /> : kind === "domain" ? <DomainLimits row={row} /> : <AccountLimits row={row} />)}
    </>
  );
}
