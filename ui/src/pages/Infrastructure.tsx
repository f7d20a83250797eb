// The whole ground of the cloud as one tree: zone, pods, clusters, hosts; networks and storage beside.
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import type { ApiError, Params, Row } from "../api/client";
import { useCatalogue, useList } from "../api/use";
import { t, word } from "../lib/words";
import { ActionPanel, type Asked } from "../ui/actions";
import { Explain } from "../ui/Explain";
import { Icon } from "../ui/icons";
import { IconChevronRight, IconPlus } from "../ui/iconset";
import { Title } from "../ui/Title";
import { nameOf, Status } from "../ui/values";
import "./tree.css";

interface Level {
  list: string;
  title: string;
  icon: string;
  params?: Params;
  by?: string; // the parameter that narrows it to what is above
  tiles?: boolean; // many alike: side by side
  parts?: Level[];
}

const [MACHINES, OF_CLUSTER, OF_ZONE] = [{ type: "Routing" }, { scope: "CLUSTER" }, { scope: "ZONE" }];

type Ask = (asked: Asked, fixed: Params) => void;

// said: what stands in a zone
const STANDING: Level[] = [{
  list: "listPods", title: "Pods", icon: "building", by: "zoneid", parts: [{
    list: "listClusters", title: "Clusters", icon: "stack-2", by: "podid", parts: [
      { list: "listHosts", title: "Hosts", icon: "cpu", by: "clusterid", params: MACHINES, tiles: true },
      { list: "listStoragePools", title: "Primary storage", icon: "server-2", by: "clusterid", params: OF_CLUSTER, tiles: true },
    ],
  }],
}];
// said: what serves a whole zone
const BESIDE: Level[] = [
  { list: "listStoragePools", title: "Primary storage of the zone", icon: "server-2", by: "zoneid", params: OF_ZONE },
  { list: "listImageStores", title: "Secondary storage", icon: "archive", by: "zoneid" },
  { list: "listVlanIpRanges", title: "Public addresses", icon: "world", by: "zoneid", params: { forvirtualnetwork: true } },
  { list: "listPhysicalNetworks", title: "Physical networks", icon: "network", by: "zoneid", parts: [{ list: "listTrafficTypes", title: "Traffic", icon: "arrows-right", by: "physicalnetworkid" }, { list: "listNetworkServiceProviders", title: "Service providers", icon: "adjustments", by: "physicalnetworkid" }] },
  { list: "listRouters", title: "Virtual routers", icon: "router", by: "zoneid", params: { listall: true, projectid: "-1" } },
];

const stateOf = (row: Row) => (row["resourcestate"] && row["resourcestate"] !== "Enabled" ? row["resourcestate"] : (row["state"] ?? row["allocationstate"]));

function Group({ level, above, ask }: { level: Level; above: string; ask: Ask }): ReactNode {
  const catalogue = useCatalogue();
  const kind = catalogue.kinds.find((one) => one.list.name === level.list);
  const narrowed: Params = { ...level.params, page: 1, pagesize: 200, ...(level.by && { [level.by]: above }) };
  const found = useList(level.list, narrowed, kind !== undefined);
  if (!kind) return null;
  const create = kind.create[0];
  const rows = found.data?.rows ?? [];
  return (
    <div className="branch">
      <div className="branch-head"><span>{t(level.title)}{rows.length > 1 && <b> {rows.length}</b>}</span>{found.data && !rows.length && <span className="faint">{t("none")}</span>}{found.error && <button type="button" className="chip" data-unread title={found.error.message} onClick={() => void found.refetch()}>{t("Could not be read; try again")}</button>}{create && <button type="button" className="icon-button tiny" title={t("Add")} aria-label={t("Add to {what}", { what: t(level.title) })} onClick={() => ask({ command: create, rows: [] }, level.by ? { [level.by]: above } : {})}><IconPlus size={14} /></button>}</div>
      {found.isPending && <div className="skeleton" role="status" aria-label={t("Being read")} />}
      {rows.length > 0 && <ul className={level.tiles ? "leaves" : ""}>{rows.map((row) => <Leaf key={String(row["id"] ?? nameOf(row))} row={row} level={level} slug={kind.slug} ask={ask} />)}</ul>}
    </div>
  );
}

function Leaf({ row, level, slug, ask }: { row: Row; level: Level; slug: string; ask: Ask }): ReactNode {
  const [open, setOpen] = useState(true);
  const state = stateOf(row);
  const name = nameOf(row);
  const quiet = level.tiles && (state === "Up" || state === "Enabled"); // what is as it should be needs no word
  return (
    <li>
      <div className="leaf">
        {level.parts && <button type="button" className="twist" aria-expanded={open} aria-label={t("Show what is in {name}", { name })} onClick={() => setOpen(!open)}><IconChevronRight size={14} /></button>}
        <Icon name={level.icon} size={15} />
        {row["id"] ? <Link className="clip" to="/$slug/$id" params={{ slug, id: String(row["id"]) }} title={name}>{name}</Link> : name}
        {state !== undefined && (quiet ? <i className="dot ok" role="img" aria-label={word(String(state))} title={word(String(state))} /> : <Status state={String(state)} />)}
        {!level.tiles && <small className="faint mono clip">{String(row["url"] ?? row["cidr"] ?? row["vlan"] ?? row["publicip"] ?? "")}</small>}
      </div>
      {open && level.parts && <div className="below">{level.parts.map((part) => <Group key={part.title} level={part} above={String(row["id"])} ask={ask} />)}</div>}
    </li>
  );
}

function Zone({ zone, ask }: { zone: Row; ask: Ask }): ReactNode {
  const [open, setOpen] = useState(true);
  const id = String(zone["id"]);
  const name = nameOf(zone);
  const enabled = zone["allocationstate"] === "Enabled";
  return (
    <section className="card zone" aria-label={name}>
      <div className="leaf">
        <button type="button" className="twist" aria-expanded={open} aria-label={t("Show what is in {name}", { name })} onClick={() => setOpen(!open)}><IconChevronRight size={16} /></button>
        <Icon name="map-pin" size={18} />
        <h2><Link className="plain" to="/$slug/$id" params={{ slug: "zones", id }}>{name}</Link></h2>
        <Status state={String(zone["allocationstate"])} />
        <small className="quiet">{word(String(zone["networktype"] ?? ""))}</small>
        {!enabled && <Link style={{ marginInlineStart: "auto" }} to="/setup" search={{ zone: id } as never}>{t("Go on with the set-up")}</Link>}
      </div>
      {open && <div className="ground"><div>{STANDING.map((level) => <Group key={level.title} level={level} above={id} ask={ask} />)}</div><div>{BESIDE.map((level) => <Group key={level.title} level={level} above={id} ask={ask} />)}</div></div>}
    </section>
  );
}

export function Infrastructure(): ReactNode {
  const catalogue = useCatalogue();
  const [asked, setAsked] = useState<Asked>();
  const [fixed, setFixed] = useState<Params>({});
  const zones = useList("listZones", { page: 1, pagesize: 200 });
  const kind = (asked && catalogue.kinds.find((one) => one.create.includes(asked.command))) ?? catalogue.bySlug("zones");
  return (
    <>
      <Title title={t("Infrastructure")} line={t("Zones, with all that stands in them")}>
        {catalogue.has("createZone") && <Link to="/setup"><Button component="span" leftSection={<IconPlus size={16} />}>{t("Set up a zone")}</Button></Link>}
      </Title>
      {zones.error && <Explain error={zones.error as ApiError} title={t("The list could not be read")} retry={() => void zones.refetch()} />}
      {zones.data?.rows.length === 0 && <div className="card empty"><strong>{t("There is no zone yet")}</strong><span>{t("A zone is a data centre: its networks, hosts and storage. Five steps build the first one.")}</span></div>}
      {zones.isPending && <section className="card zone" role="status" aria-label={t("Being read")}><div className="skeleton" /></section>}
      <div className="stack">{zones.data?.rows.map((zone) => <Zone key={String(zone["id"])} zone={zone} ask={(wanted, known) => { setFixed(known); setAsked(wanted); }} />)}</div>
      {kind && <ActionPanel asked={asked} kind={kind} close={() => setAsked(undefined)} fixed={fixed} />}
    </>
  );
}
