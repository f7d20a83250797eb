// A host with what runs on it; a webhook with what it was told.
import { Link } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import type { Row } from "../../api/client";
import { useCatalogue } from "../../api/use";
import { bytes, number } from "../../lib/format";
import { t } from "../../lib/words";
import { eventCalled } from "../../meta/words";
import { ActionPanel, type Asked } from "../../ui/actions";
import { Meter } from "../../ui/Meter";
import { Status } from "../../ui/values";
import { CapacityTiles } from "../CapacityTiles";
import { Actions, Part } from "./Part";

export function HostParts({ row }: { row: Row }): ReactNode {
  const catalogue = useCatalogue();
  const [asked, setAsked] = useState<Asked>();
  const kind = catalogue.bySlug("hosts");
  const mhz = Number(row["cpuwithoverprovisioning"] ?? 0);
  const mode = String(row["resourcestate"] ?? "");
  const names = mode === "Enabled" ? ["prepareHostForMaintenance", "reconnectHost", "declareHostAsDegraded"] : mode === "Degraded" ? ["cancelHostAsDegraded", "reconnectHost"] : ["cancelHostMaintenance", "reconnectHost"];
  return (
    <>
      <section className="card stack">
        <h2>{t("Capacity")}</h2>
        <Meter title={t("CPU allocated")} used={Number(row["cpuallocatedvalue"] ?? 0)} total={mhz} show={(value) => `${number(value / 1000, 1)} GHz`} />
        <Meter title={t("Memory allocated")} used={Number(row["memoryallocatedbytes"] ?? 0)} total={Number(row["memorywithoverprovisioning"] ?? row["memorytotal"] ?? 0)} show={bytes} />
        <small className="quiet">{t("{cores} cores of {mhz} MHz, {memory}", { cores: number(Number(row["cpunumber"] ?? 0)), mhz: number(Number(row["cpuspeed"] ?? 0)), memory: bytes(Number(row["memorytotal"] ?? 0)) })}</small>
      </section>
      <section className="card">
        <h2 className="part">{t("Maintenance")}</h2>
        <p className="quiet" style={{ margin: "0 0 12px" }}><Status state={mode} /> {mode === "Enabled" ? t("Instances may be started here. Before work on the machine, maintenance moves them away.") : t("No instance is placed here.")}</p>
        {kind && <div className="row wrap"><Actions row={row} kind={kind} names={names} ask={setAsked} /></div>}
      </section>
      <Part title={t("Instances on it")} list="listVirtualMachines" params={{ hostid: String(row["id"]), listall: true }} columns={["name", "state", "cpunumber", "memory", "ipaddress", "account"]} empty={t("None.")} />
      <Part title={t("Routers on it")} list="listRouters" params={{ hostid: String(row["id"]), listall: true }} columns={["name", "state", "guestnetworkname", "publicip"]} empty={t("None.")} />
      {kind && <ActionPanel asked={asked} kind={kind} close={() => setAsked(undefined)} />}
    </>
  );
}

const here = (name: string, row: Row) => ({ [name]: String(row["id"]) });

export function ZoneParts({ row }: { row: Row }): ReactNode {
  const zone = here("zoneid", row);
  return (
    <>
      <CapacityTiles within={zone} all trend />
      <Part title={t("Clusters")} list="listClusters" params={zone} columns={["name", "podname", "hypervisortype", "allocationstate"]} empty={t("None.")} />
      <Part title={t("Networks")} list="listNetworks" params={{ ...zone, listall: true }} columns={["name", "state", "cidr", "account"]} empty={t("None.")} />
      <Part title={t("Public addresses")} list="listVlanIpRanges" params={{ ...zone, forvirtualnetwork: true }} linked={false} columns={["startip", "endip", "gateway", "vlan"]} empty={t("None.")} />
    </>
  );
}

export function PodParts({ row }: { row: Row }): ReactNode {
  const pod = here("podid", row);
  return (
    <>
      <CapacityTiles within={pod} all />
      <Part title={t("Clusters")} list="listClusters" params={pod} columns={["name", "hypervisortype", "allocationstate", "managedstate"]} empty={t("None.")} />
      <Part title={t("Hosts")} list="listHosts" params={{ ...pod, type: "Routing" }} columns={["name", "state", "resourcestate", "memoryallocatedpercentage", "clustername"]} empty={t("None.")} />
    </>
  );
}

export function ClusterParts({ row }: { row: Row }): ReactNode {
  const cluster = here("clusterid", row);
  return (
    <>
      <CapacityTiles within={cluster} all />
      <Part title={t("Hosts")} list="listHosts" params={{ ...cluster, type: "Routing" }} columns={["name", "state", "resourcestate", "cpuallocated", "memoryallocatedpercentage"]} empty={t("None.")} />
      <Part title={t("Primary storage")} list="listStoragePools" params={cluster} columns={["name", "state", "type", "disksizeallocated", "disksizetotal"]} empty={t("None.")} />
    </>
  );
}

export function PoolParts({ row }: { row: Row }): ReactNode {
  return (
    <>
      <section className="card stack"><h2>{t("Capacity")}</h2><Meter title={t("Allocated")} used={Number(row["disksizeallocated"] ?? 0)} total={Number(row["disksizetotal"] ?? 0)} show={bytes} /><Meter title={t("Taken on storage")} used={Number(row["disksizeused"] ?? 0)} total={Number(row["disksizetotal"] ?? 0)} show={bytes} /></section>
      <Part title={t("Volumes")} list="listVolumes" params={{ storageid: String(row["id"]), listall: true }} columns={["name", "state", "size", "vmname", "account"]} empty={t("None.")} />
    </>
  );
}

export function WebhookParts({ row }: { row: Row }): ReactNode {
  const catalogue = useCatalogue();
  const its = { webhookid: String(row["id"]) };
  return (
    <>
      <Part title={t("Deliveries")} list="listWebhookDeliveries" params={its} columns={["eventtype", "success", "startdate", "response"]} empty={t("Nothing was told yet. Send a test to see it work.")}
        cells={{ eventtype: (one) => <Link to="/$slug/$id" params={{ slug: "webhook-deliveries", id: String(one["id"]) }}>{eventCalled(String(one["eventtype"]), catalogue)}</Link> }} adds={[{ command: "executeWebhookDelivery", label: t("Send a test"), fixed: its, initial: { payload: '{"test": true}' } }]} />
      <Part title={t("Filters")} list="listWebhookFilters" params={its} linked={false} columns={["mode", "matchtype", "value", "created"]} empty={t("None: every event in its scope is told.")} adds={[{ command: "addWebhookFilter", label: t("Add filter"), fixed: its, initial: { mode: "Include", matchtype: "Prefix" } }]} />
    </>
  );
}
