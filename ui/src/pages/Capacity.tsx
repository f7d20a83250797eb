// What there is and what is in use, zone by zone, host by host.
import { useState, type ReactNode } from "react";
import { Link } from "@tanstack/react-router";
import type { Row } from "../api/client";
import { useCatalogue, useList } from "../api/use";
import { bytes, number } from "../lib/format";
import { t } from "../lib/words";
import { Meter } from "../ui/Meter";
import { Title } from "../ui/Title";
import { EventFeed } from "./Home";
import "./capacity.css";

const NAMES: Record<string, [string, (value: number) => string]> = {
  CPU: ["CPU", (value) => `${number(value / 1000, 1)} GHz`], MEMORY: ["Memory", bytes], STORAGE: ["Primary storage, used", bytes], STORAGE_ALLOCATED: ["Primary storage", bytes], SECONDARY_STORAGE: ["Secondary storage", bytes],
  LOCAL_STORAGE: ["Local storage", bytes], VIRTUAL_NETWORK_PUBLIC_IP: ["Public IPs", number], PRIVATE_IP: ["Management IPs", number], VLAN: ["VLANs", number], CPU_CORE: ["CPU cores", number],
};
const percent = (text: unknown) => Number.parseFloat(String(text ?? "0")) || 0;

function Cell({ host }: { host: Row }): ReactNode {
  const allocated = percent(host["memoryallocatedpercentage"]);
  const state = String(host["state"]);
  const mode = String(host["resourcestate"] ?? "");
  const word = state !== "Up" ? t("down") : mode !== "Enabled" ? t("maint") : `${Math.round(allocated)}`;
  const tone = state !== "Up" ? "bad" : mode !== "Enabled" ? "off" : allocated > 75 ? "hot" : "";
  return <Link className={`cell-host ${tone}`} style={tone ? undefined : { "--part": `${20 + allocated}%` } as React.CSSProperties} to="/$slug/$id" params={{ slug: "hosts", id: String(host["id"]) }} title={`${String(host["name"])}: ${state}, ${mode}, ${allocated} %`}><span className="visually-hidden">{String(host["name"])}: </span>{word}</Link>;
}

export function Capacity(): ReactNode {
  const catalogue = useCatalogue();
  const [zone, setZone] = useState<string>();
  const zones = useList("listZones", { page: 1, pagesize: 100 });
  const capacity = useList("listCapacity", { ...(zone && { zoneid: zone }) });
  const hosts = useList("listHosts", { type: "Routing", page: 1, pagesize: 500, ...(zone && { zoneid: zone }) }, catalogue.has("listHosts"));
  const alerts = useList("listAlerts", { page: 1, pagesize: 6 }, catalogue.has("listAlerts"));
  const events = useList("listEvents", { listall: true, page: 1, pagesize: 6 }, catalogue.has("listEvents"));
  const sums = new Map<string, Row>();
  for (const row of capacity.data?.rows ?? []) {
    const name = String(row["name"]);
    const sum = sums.get(name) ?? { capacityused: 0, capacityallocated: 0, capacitytotal: 0 };
    for (const part of Object.keys(sum)) sum[part] = Number(sum[part]) + Number(row[part] ?? 0);
    sums.set(name, sum);
  }
  const clusters = Map.groupBy(hosts.data?.rows ?? [], (host) => String(host["clustername"] ?? ""));
  return (
    <>
      <Title title={t("Capacity")} line={t("{hosts} hosts in {clusters} clusters", { hosts: number(hosts.data?.count ?? 0), clusters: clusters.size })}>
        <div className="row wrap" role="group" aria-label={t("Zone")}>
          <button type="button" className="chip" aria-pressed={!zone} onClick={() => setZone(undefined)}>{t("All zones")}</button>
          {zones.data?.rows.map((row) => <button type="button" className="chip" key={String(row["id"])} aria-pressed={zone === row["id"]} onClick={() => setZone(String(row["id"]))}>{String(row["name"])}</button>)}
        </div>
      </Title>
      <div className="tiles" style={{ marginBottom: 14 }}>
        {[...sums].filter(([, sum]) => Number(sum["capacitytotal"]) > 0).map(([name, sum]) => {
          const [title, show] = NAMES[name] ?? [name, (value: number) => number(value)];
          return <section className="card" key={name}><Meter title={t(title)} used={Number(sum["capacityused"])} allocated={Number(sum["capacityallocated"])} total={Number(sum["capacitytotal"])} show={show} /></section>;
        })}
      </div>
      <div className="two">
        <section className="card">
          <h2>{t("Memory allocated per host")}</h2>
          <div className="hosts">{[...clusters].map(([cluster, rows]) => <div key={cluster} className="host-line"><span className="clip">{cluster}</span><div>{rows.map((host) => <Cell key={String(host["id"])} host={host} />)}</div></div>)}</div>
        </section>
        <div className="stack">
          <section className="card"><h2>{t("Needs attention")}</h2>{alerts.data?.rows.length ? <EventFeed rows={alerts.data.rows.map((row) => ({ ...row, level: "WARN", created: row["sent"], username: row["name"] }))} /> : <p className="quiet">{t("Nothing does.")}</p>}</section>
          <section className="card"><h2>{t("Latest events")}</h2>{events.data && <EventFeed rows={events.data.rows} />}</section>
        </div>
      </div>
    </>
  );
}
