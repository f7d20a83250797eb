// What there is and what is in use, zone by zone, host by host.
import { useState, type ReactNode } from "react";
import { Link } from "@tanstack/react-router";
import type { Row } from "../api/client";
import { useCatalogue, useList } from "../api/use";
import { bytes, number } from "../lib/format";
import { t, word } from "../lib/words";
import { Meter } from "../ui/Meter";
import { Plot } from "../ui/Plot";
import { Segments } from "../ui/Segments";
import { Title } from "../ui/Title";
import { Tiles, useCapacity, type Kind } from "./CapacityTiles";
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

/** How far back one looks, in days. */
const ranges = (): [string, string][] => [["1", t("24 hours")], ["7", t("7 days")], ["30", t("30 days")], ["365", t("1 year")]];
const HOUR = 3_600_000; // ms
const reach = (days: string) => Number(days) * 24 * HOUR;
/** When a stretch of so many days begins, to the hour: the same call serves as long. */
const since = (days: string) => `${new Date(Math.floor((Date.now() - reach(days)) / HOUR) * HOUR).toISOString().slice(0, 19)}+0000`;

function History({ kinds, days, choose }: { kinds: Kind[]; days: string; choose: (days: string) => void }): ReactNode {
  const to = Date.now();
  const measured = kinds.some(({ row }) => row["capacityused"] !== undefined);
  return (
    <section className="card past">
      <div className="row wrap"><h2 className="grow">{t("Allocated over time")}</h2>{measured && <><span className="key"><i />{t("Allocated")}</span><span className="key"><i className="used" />{t("In use")}</span></>}<span className="key"><i className="threshold" />{t("Threshold")}</span><Segments label={t("Time")} value={days} choose={choose} options={ranges()} /></div>
      <div className="histories">{kinds.map(({ name, title, show, row }) => <Plot key={name} title={t(title)} row={row} from={to - reach(days)} to={to} show={show} />)}</div>
    </section>
  );
}

export function Capacity(): ReactNode {
  const catalogue = useCatalogue();
  const [zone, setZone] = useState<string | undefined>();
  const [days, setDays] = useState("30");
  const kinds = useCapacity(zone ? { zoneid: zone } : {}, since(days));
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
      <Tiles kinds={kinds} all />
      {kinds.some(({ row }) => row["stats"]) && <History kinds={kinds} days={days} choose={setDays} />}
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
