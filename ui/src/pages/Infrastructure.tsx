// The whole ground of the cloud as one tree: zone, pods, clusters, hosts; networks and storage beside.
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import type { Params, Row } from "../api/client";
import { useCatalogue, useList } from "../api/use";
import { t } from "../lib/words";
import { ActionPanel, type Asked } from "../ui/actions";
import { Icon } from "../ui/icons";
import { Title } from "../ui/Title";
import { nameOf, Status } from "../ui/values";
import "./tree.css";

interface Level {
  list: string;
  icon: string;
  slug: string;
  params?: Params;
  by?: string; // the parameter that narrows it to what is above
  parts?: Level[];
}

const TREE: Level = {
  list: "listZones", icon: "map-pin", slug: "zones",
  parts: [
    { list: "listPods", icon: "building", slug: "pods", by: "zoneid", parts: [{ list: "listClusters", icon: "stack-2", slug: "clusters", by: "podid", parts: [{ list: "listHosts", icon: "cpu", slug: "hosts", by: "clusterid", params: { type: "Routing" } }, { list: "listStoragePools", icon: "server-2", slug: "primary-storage", by: "clusterid", params: { scope: "CLUSTER" } }] }] },
    { list: "listPhysicalNetworks", icon: "network", slug: "physical-networks", by: "zoneid", parts: [{ list: "listTrafficTypes", icon: "arrows-right", slug: "traffic-types", by: "physicalnetworkid" }, { list: "listNetworkServiceProviders", icon: "adjustments", slug: "network-service-providers", by: "physicalnetworkid" }] },
    { list: "listStoragePools", icon: "server-2", slug: "primary-storage", by: "zoneid", params: { scope: "ZONE" } },
    { list: "listImageStores", icon: "archive", slug: "secondary-storage", by: "zoneid" },
    { list: "listVlanIpRanges", icon: "world", slug: "vlan-ip-ranges", by: "zoneid" },
    { list: "listRouters", icon: "router", slug: "routers", by: "zoneid", params: { listall: true } },
  ],
};

function Branch({ level, above, depth, ask }: { level: Level; above?: string; depth: number; ask: (asked: Asked, fixed: Params) => void }): ReactNode {
  const catalogue = useCatalogue();
  const kind = catalogue.kinds.find((one) => one.list.name === level.list);
  const narrowed: Params = { ...level.params, page: 1, pagesize: 200, ...(level.by && above && { [level.by]: above }) };
  const found = useList(level.list, narrowed, kind !== undefined);
  if (!kind) return null;
  const create = kind.create[0];
  return (
    <li className="branch">
      <div className="branch-head"><span className="quiet">{kind.title}{found.data ? ` (${found.data.count})` : ""}</span>{create && <button type="button" className="chip" onClick={() => ask({ command: create, rows: [] }, level.by && above ? { [level.by]: above } : {})}>+ {t("Add")}</button>}</div>
      <ul>{found.data?.rows.map((row) => <Leaf key={String(row["id"] ?? nameOf(row))} row={row} level={level} slug={kind.slug} depth={depth} ask={ask} />)}</ul>
    </li>
  );
}

function Leaf({ row, level, slug, depth, ask }: { row: Row; level: Level; slug: string; depth: number; ask: (asked: Asked, fixed: Params) => void }): ReactNode {
  const [open, setOpen] = useState(depth < 3);
  const state = row["resourcestate"] && row["resourcestate"] !== "Enabled" ? row["resourcestate"] : (row["state"] ?? row["allocationstate"]);
  const name = row["startip"] && !row["name"] ? `${String(row["startip"])} – ${String(row["endip"])}` : (row["traffictype"] as string | undefined) ?? nameOf(row);
  return (
    <li>
      <div className="leaf">
        {level.parts ? <button type="button" className="twist" aria-expanded={open} aria-label={t("Show what is in {name}", { name })} onClick={() => setOpen(!open)}>{open ? "▾" : "▸"}</button> : <span className="twist" />}
        <Icon name={level.icon} size={15} />
        {row["id"] ? <Link to="/$slug/$id" params={{ slug, id: String(row["id"]) }}>{name}</Link> : name}
        {state !== undefined && <Status state={String(state)} />}
        <small className="faint mono">{String(row["ipaddress"] ?? row["url"] ?? row["cidr"] ?? "")}</small>
      </div>
      {open && level.parts && <ul>{level.parts.map((part) => <Branch key={part.list + String(part.params?.["scope"])} level={part} above={String(row["id"])} depth={depth + 1} ask={ask} />)}</ul>}
    </li>
  );
}

export function Infrastructure(): ReactNode {
  const catalogue = useCatalogue();
  const [asked, setAsked] = useState<Asked>();
  const [fixed, setFixed] = useState<Params>({});
  const kind = asked && catalogue.kinds.find((one) => one.create.includes(asked.command));
  const zones = catalogue.kinds.find((one) => one.list.name === "listZones");
  return (
    <>
      <Title title={t("Infrastructure")} line={t("Zones, with all that stands in them")}>
        {catalogue.has("createZone") && <Link to="/setup"><Button component="span">{t("Set up a zone")}</Button></Link>}
      </Title>
      <div className="card tree"><ul><Branch level={TREE} depth={0} ask={(wanted, known) => { setFixed(known); setAsked(wanted); }} /></ul></div>
      {(kind ?? zones) && <ActionPanel asked={asked} kind={(kind ?? zones)!} close={() => setAsked(undefined)} fixed={fixed} />}
    </>
  );
}
