// How much an owner may have and has: a meter each, the limit edited in place.
import { Button, NumberInput } from "@mantine/core";
import { useSearch } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { me, type ApiError, type Params, type Row } from "../api/client";
import { useCatalogue, useList, useOne, usePerform } from "../api/use";
import { t } from "../lib/words";
import { limitCalled, limitShown, limitUnit } from "../meta/limits";
import { Explain } from "../ui/Explain";
import { Meter } from "../ui/Meter";
import { Title } from "../ui/Title";
import "./detail/detail.css";

const COUNTED: Record<string, string> = { user_vm: "vm", public_ip: "ip" };

function Limit({ limit, used, owner, fixed }: { limit: Row; used: number; owner: Params; fixed: boolean }): ReactNode {
  const catalogue = useCatalogue();
  const run = usePerform();
  const [typed, setTyped] = useState<string | number>();
  const name = String(limit["resourcetypename"]);
  const title = limitCalled(name);
  const max = Number(limit["max"]);
  const unit = limitUnit(name);
  const store = (value: number) => run.mutate({ command: "updateResourceLimit", params: { ...owner, resourcetype: String(limit["resourcetype"]), max: value } }, { onSuccess: () => setTyped(undefined) });
  return (
    <li className="limit">
      <div className="grow"><Meter title={title} used={used} total={max >= 0 ? max : undefined} show={(value) => limitShown(name, value)} /></div>
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
