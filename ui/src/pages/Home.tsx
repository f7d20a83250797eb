// What needs me, what I have, what happened. One call a tile at most.
import { Button } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useCatalogue, useList } from "../api/use";
import { me, type Row } from "../api/client";
import { number } from "../lib/format";
import { t } from "../lib/words";
import { IconAlertTriangle, IconPlus } from "../ui/iconset";
import { Title } from "../ui/Title";
import { Meter } from "../ui/Meter";
import { Age, Status, tone } from "../ui/values";

const LIMITS: [string, string][] = [["vm", "Instances"], ["cpu", "CPUs"], ["memory", "Memory, MiB"], ["volume", "Volumes"], ["primarystorage", "Primary storage, GiB"], ["ip", "Public IPs"], ["network", "Networks"], ["template", "Images"]];

function Limits(): ReactNode {
  const own = useList("listAccounts", { domainid: me()?.domainid, name: me()?.account });
  const row = own.data?.rows[0];
  if (!row) return null;
  const known = LIMITS.filter(([name]) => row[`${name}total`] !== undefined);
  if (!known.length) return null;
  return (
    <section className="card">
      <h2>{t("Limits and use")}</h2>
      <div className="stack" style={{ marginTop: 12 }}>
        {known.map(([name, title]) => {
          const used = Number(row[`${name}total`]);
          const limit = Number(row[`${name}limit`]);
          return <Meter key={name} title={t(title)} used={used} total={Number.isFinite(limit) && limit >= 0 ? limit : undefined} />;
        })}
      </div>
    </section>
  );
}

export function EventFeed({ rows }: { rows: Row[] }): ReactNode {
  return <ul className="feed">{rows.map((row) => <li key={String(row["id"])}><Status state={String(row["level"] ?? row["state"])} /><span>{String(row["description"])}<br /><small className="quiet">{String(row["username"] ?? "")} · {String(row["type"] ?? "")}</small></span><span className="age"><Age at={String(row["created"])} /></span></li>)}</ul>;
}

export function Home(): ReactNode {
  const catalogue = useCatalogue();
  const navigate = useNavigate();
  const machines = useList("listVirtualMachines", { listall: true, page: 1, pagesize: 100, facets: "state" }, catalogue.has("listVirtualMachines"));
  const events = useList("listEvents", { listall: true, page: 1, pagesize: 8 }, catalogue.has("listEvents"));
  const alerts = useList("listAlerts", { page: 1, pagesize: 5 }, catalogue.has("listAlerts"));
  const zones = useList("listZones", { page: 1, pagesize: 100 }, catalogue.has("createZone"));
  const unready = zones.data?.rows.every((row) => row["allocationstate"] !== "Enabled") ? zones.data.rows[0] : undefined;
  const states = machines.data?.facets?.["state"] ?? Object.fromEntries([...Map.groupBy(machines.data?.rows ?? [], (row) => String(row["state"]))].map(([state, rows]) => [state, rows.length]));
  const bad = (machines.data?.rows ?? []).filter((row) => tone(String(row["state"])) === "bad");
  const attention = [...bad.map((row) => ({ id: String(row["id"]), text: t("{name} is {state}", { name: String(row["name"]), state: String(row["state"]) }), to: `/instances/${String(row["id"])}` })), ...(alerts.data?.rows ?? []).map((row) => ({ id: String(row["id"]), text: String(row["description"]), to: `/alerts/${String(row["id"])}` }))];
  return (
    <>
      <Title title={t("Overview")} line={t("Signed in as {name}", { name: me()?.username ?? "" })}>
        {catalogue.has("deployVirtualMachine") && <Button leftSection={<IconPlus size={16} />} onClick={() => void navigate({ to: "/new/$slug", params: { slug: "instances" } })}>{t("Create instance")}</Button>}
      </Title>
      {zones.data?.count === 0 && (
        <div className="card row wrap" style={{ marginBottom: 14 }}><div className="grow"><h2>{t("There is no zone yet")}</h2><p className="quiet">{t("A zone is a data centre: its networks, hosts and storage. Five steps build the first one.")}</p></div><Button onClick={() => void navigate({ to: "/setup" })}>{t("Set up the first zone")}</Button></div>
      )}
      {unready && (
        <div className="card row wrap" style={{ marginBottom: 14 }}><div className="grow"><h2>{t("{name} is not enabled yet", { name: String(unready["name"]) })}</h2><p className="quiet">{t("No instance runs before a zone is enabled. Its set-up goes on where it was left.")}</p></div><Button onClick={() => void navigate({ to: "/setup", search: { zone: String(unready["id"]) } as never })}>{t("Go on with the set-up")}</Button></div>
      )}
      <div className="tiles" style={{ marginBottom: 14 }}>
        <section className="card tile"><h2><Link to="/$slug" params={{ slug: "instances" }}>{t("Instances")}</Link></h2><b>{number(machines.data?.count ?? 0)}</b></section>
        {Object.entries(states).map(([state, many]) => <section className="card tile" key={state}><h2><Link to="/$slug" params={{ slug: "instances" }} search={{ state }}><Status state={state} /></Link></h2><b>{number(many)}</b></section>)}
      </div>
      <div className="two">
        <section className="card"><h2>{t("Latest events")}</h2>{events.data && <EventFeed rows={events.data.rows} />}</section>
        <div className="stack">
          <section className="card">
            <h2>{t("Needs attention")}</h2>
            {attention.length ? <ul className="feed">{attention.map((one) => <li key={one.id}><IconAlertTriangle size={16} color="var(--warn)" aria-hidden /><Link to={one.to}>{one.text}</Link></li>)}</ul> : <p className="quiet">{t("Nothing does.")}</p>}
          </section>
          <Limits />
        </div>
      </div>
    </>
  );
}
