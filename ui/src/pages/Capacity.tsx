// What there is and what is in use, zone by zone, host by host.
import { useState, type ReactNode } from "react";
import { Link } from "@tanstack/react-router";
import type { Row } from "../api/client";
import { useCatalogue, useList } from "../api/use";
import { bytes, number } from "../lib/format";
import { t, word } from "../lib/words";
import { Meter } from "../ui/Meter";
import { Segments } from "../ui/Segments";
import { Title } from "../ui/Title";
import { CapacityTiles } from "./CapacityTiles";
import { EventFeed, useLatest } from "./Home";
import "./capacity.css";

// said: what the shades of hosts mean
const LEGEND: [string, string][] = [["", "under 75 %"], ["hot", "over 75 %"], ["off", "takes nothing new"], ["bad", "does not answer"]];
const OFF = /^Disabled$/;
const percent = (text: unknown) => Number.parseFloat(String(text ?? "0")) || 0;

function Cell({ host }: { host: Row }): ReactNode {
  const allocated = percent(host["memoryallocatedpercentage"]);
  const state = String(host["state"]);
  const mode = String(host["resourcestate"] ?? "");
  const said = state !== "Up" ? t("down") : OFF.test(mode) ? t("off") : mode !== "Enabled" ? t("maint") : `${Math.round(allocated)} %`;
  const tone = state !== "Up" ? "bad" : mode !== "Enabled" ? "off" : allocated > 75 ? "hot" : "";
  return <Link className={`cell-host ${tone}`} style={tone ? undefined : { "--part": `${14 + allocated * 0.45}%` } as React.CSSProperties} to="/$slug/$id" params={{ slug: "hosts", id: String(host["id"]) }} title={`${String(host["name"])}: ${word(state)}, ${word(mode)}, ${number(allocated, 1)} %`}><span className="visually-hidden">{String(host["name"])}: </span>{said}</Link>;
}

export function Capacity(): ReactNode {
  const catalogue = useCatalogue();
  const [zone, setZone] = useState<string | undefined>();
  const zones = useList("listZones", { page: 1, pagesize: 100 });
  const places = (zones.data?.rows ?? []).filter((row) => row["allocationstate"] === "Enabled");
  const hosts = useList("listHosts", { type: "Routing", page: 1, pagesize: 500, ...(zone && { zoneid: zone }) }, catalogue.has("listHosts"));
  const alerts = useList("listAlerts", { page: 1, pagesize: 6 }, catalogue.has("listAlerts"));
  const events = useLatest(6, catalogue.has("listEvents"));
  const pools = useList("listStoragePools", { page: 1, pagesize: 12, ...(zone && { zoneid: zone }) }, catalogue.has("listStoragePools"));
  const clusters = Map.groupBy(hosts.data?.rows ?? [], (host) => String(host["clustername"] ?? ""));
  return (
    <>
      <Title title={t("Capacity")} line={t("{hosts} hosts in {clusters} clusters", { hosts: number(hosts.data?.count ?? 0), clusters: clusters.size })}>
        {places.length > 1 && <Segments label={t("Zone")} value={zone} choose={setZone} options={[[undefined, t("All zones")], ...places.map((row) => [String(row["id"]), String(row["name"])] as [string, string])]} />}
      </Title>
      <CapacityTiles within={zone ? { zoneid: zone } : {}} all />
      <p className="quiet growth">{t("As it is now. The server keeps no history of capacity, so nothing is said of how fast it grows.")}</p>
      <div className="two">
        <div className="stack">
          <section className="card">
            <div className="row wrap"><h2 className="grow">{t("Memory allocated per host")}</h2><span className="legend">{LEGEND.map(([tone, text]) => <span key={tone}><i className={`cell-host ${tone}`} />{t(text)}</span>)}</span></div>
            <div className="hosts">{[...clusters].map(([cluster, rows]) => <div key={cluster} className="host-line"><span className="clip" title={cluster}>{cluster}</span><div>{rows.map((host) => <Cell key={String(host["id"])} host={host} />)}</div></div>)}</div>
          </section>
          <section className="card"><h2>{t("Latest events")}</h2>{events.data && <EventFeed rows={events.data} to="event-log" />}</section>
        </div>
        <div className="stack">
          <section className="card"><h2>{t("Needs attention")}</h2>{alerts.data?.rows.length ? <EventFeed rows={alerts.data.rows.map((row) => ({ ...row, level: "WARN", created: row["sent"] }))} to="alerts" /> : <p className="quiet">{t("Nothing does.")}</p>}</section>
          {!!pools.data?.rows.length && <section className="card stack"><h2>{t("Primary storage")}</h2>{pools.data.rows.map((pool) => <Meter key={String(pool["id"])} title={<Link className="plain" to="/$slug/$id" params={{ slug: "primary-storage", id: String(pool["id"]) }}>{String(pool["name"])}</Link>} name={String(pool["name"])} used={Number(pool["disksizeallocated"] ?? 0)} total={Number(pool["disksizetotal"] ?? 0)} show={bytes} />)}</section>}
        </div>
      </div>
    </>
  );
}
