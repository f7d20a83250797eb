// An instance's neighbours, disks, interfaces and the rules that lead to it.
import { useMediaQuery } from "@mantine/hooks";
import { useState, type ReactNode } from "react";
import type { Row } from "../../api/client";
import { useCatalogue, useList } from "../../api/use";
import { bytes } from "../../lib/format";
import { t } from "../../lib/words";
import { ActionPanel, type Asked } from "../../ui/actions";
import { edges } from "../../ui/edges";
import { sizeOf, tone } from "../../ui/values";
import { curve, Node } from "../mapParts";
import { Actions, Part } from "./Part";
import "../map.css";

const LINE = 46;

interface Near { title: string; line?: string; kind: string; to?: { slug: string; id: string } }

// Upright, for narrow pages: two beside each other, joined along the middle.
const UPRIGHT = { whole: 330, half: 156, middle: 165 };

function Upright({ row, above, below }: { row: Row; above: Near[]; below: Near[] }): ReactNode {
  const { whole, half, middle } = UPRIGHT;
  const own = Math.ceil(above.length / 2); // the line that the instance itself stands on
  const y = (line: number) => 24 + line * (LINE + 6);
  const height = y(own + Math.ceil(below.length / 2)) + 24;
  const beside = (near: Near[], from: number, kind: string) => near.map((one, i) => {
    const [x, at] = [i % 2 ? whole - half : 0, y(from + Math.floor(i / 2))];
    return (
      <g key={i}>
        <path className={kind} d={`M${i % 2 ? x : half},${at} H${middle} V${y(own)}`} />
        <Node x={x} y={at} width={half} title={one.title} line={one.line ?? ""} kind={one.kind} {...(one.to && { to: one.to })} />
      </g>
    );
  });
  return (
    <svg className="map near" viewBox={`-1 0 ${whole + 2} ${height}`} role="group" aria-label={t("Its host and volumes, its networks")} style={{ maxWidth: 460 }}>
      {beside(above, 0, "edge")}
      {beside(below, own + 1, row["state"] === "Running" ? "edge open" : "edge")}
      <Node x={middle - 95} y={y(own)} width={190} title={String(row["name"])} line={sizeOf(row)} kind={tone(String(row["state"]))} />
    </svg>
  );
}

function Neighbours({ row }: { row: Row }): ReactNode {
  const id = String(row["id"]);
  const disks = useList("listVolumes", { virtualmachineid: id, listall: true, projectid: "-1", page: 1, pagesize: 8 });
  const nics = (row["nic"] as Row[] | undefined) ?? [];
  const right: Near[] = nics.map((nic) => ({ title: String(nic["networkname"]), line: String(nic["ipaddress"] ?? ""), kind: "ok", to: { slug: "networks", id: String(nic["networkid"]) } }));
  const left: Near[] = (disks.data?.rows ?? []).map((disk) => ({ title: String(disk["name"]), line: bytes(Number(disk["size"])), kind: tone(String(disk["state"])), to: { slug: "volumes", id: String(disk["id"]) } }));
  if (row["hostid"]) left.unshift({ title: String(row["hostname"]), line: t("host"), kind: row["hostcontrolstate"] === "Up" ? "ok" : "bad", to: { slug: "hosts", id: String(row["hostid"]) } });
  const narrow = useMediaQuery("(max-width: 760px)", false, { getInitialValueInEffect: false });
  const height = Math.max(left.length, right.length, 1) * LINE + 16;
  const at = (i: number, all: number) => height / 2 + (i - (all - 1) / 2) * LINE;
  return (
    <section className="card">
      <h2 className="part">{t("Neighbours")}</h2>
      {narrow ? <Upright row={row} above={left} below={right} /> : <div className="scroll" ref={edges} tabIndex={0} role="region" aria-label={t("Neighbours")}>
        <svg className="map near" viewBox={`0 0 700 ${height}`} role="group" aria-label={t("Its host and volumes, its networks")} style={{ minWidth: 520 }}>
          {left.map((_, i) => <path key={i} className="edge" d={curve(190, at(i, left.length), 255, height / 2)} />)}
          {right.map((_, i) => <path key={i} className={row["state"] === "Running" ? "edge open" : "edge"} d={curve(445, height / 2, 510, at(i, right.length))} />)}
          {left.map((one, i) => <Node key={i} x={4} y={at(i, left.length)} width={186} title={one.title} line={one.line ?? ""} kind={one.kind} {...(one.to && { to: one.to })} />)}
          <Node x={255} y={height / 2} width={190} title={String(row["name"])} line={sizeOf(row)} kind={tone(String(row["state"]))} />
          {right.map((one, i) => <Node key={i} x={510} y={at(i, right.length)} width={186} title={one.title} line={one.line ?? ""} kind={one.kind} {...(one.to && { to: one.to })} />)}
        </svg>
      </div>}
    </section>
  );
}

export function InstanceVolumes({ row }: { row: Row }): ReactNode {
  const id = String(row["id"]);
  const forIt = { virtualmachineid: id };
  return <Part title={t("Volumes")} list="listVolumes" params={{ ...forIt, listall: true }} columns={["name", "type", "size", "state", "deviceid", "diskofferingname"]} empty={t("It has no disks.")} adds={[{ command: "attachVolume", label: t("Attach volume"), fixed: forIt }, { command: "createVolume", label: t("Create volume"), initial: { name: `${String(row["name"])}-data`, diskofferingid: undefined, size: undefined }, fixed: { zoneid: String(row["zoneid"]) } }]} />;
}

export function InstanceNics({ row }: { row: Row }): ReactNode {
  const forIt = { virtualmachineid: String(row["id"]) };
  return <Part title={t("NICs")} list="listNics" params={forIt} fixed={forIt} linked={false} columns={["networkname", "ipaddress", "netmask", "gateway", "macaddress", "isdefault", "publicip"]} empty={t("It has no NIC.")} adds={[{ command: "addNicToVirtualMachine", label: t("Add NIC"), fixed: forIt }]} />;
}

export function InstanceRules({ row }: { row: Row }): ReactNode {
  const id = String(row["id"]);
  const catalogue = useCatalogue();
  const mine = (rule: Row) => rule["virtualmachineid"] === id;
  const networks = [...new Set(((row["nic"] as Row[] | undefined) ?? []).map((nic) => String(nic["networkid"])))];
  return (
    <div className="stack">
      <Part title={t("Port forwarding")} list="listPortForwardingRules" params={{ listall: true }} sift={mine} columns={["ipaddress", "protocol", "publicport", "privateport", "cidrlist", "state"]} empty={t("No port of a public address leads here.")} linked={false} adds={[{ command: "createPortForwardingRule", label: t("Forward a port"), fixed: { virtualmachineid: id }, initial: { protocol: "tcp", publicport: undefined, privateport: undefined, ipaddressid: undefined } }]} />
      {catalogue.has("listIpForwardingRules") && <Part title={t("Static NAT")} list="listPublicIpAddresses" params={{ listall: true, isstaticnat: true }} sift={mine} columns={["ipaddress", "vmipaddress", "associatednetworkname", "state"]} empty={t("No public address is its own.")} adds={[{ command: "enableStaticNat", label: t("Give it an address"), fixed: { virtualmachineid: id } }]} />}
      {networks.map((network) => <Part key={network} title={t("What its network lets out")} list="listEgressFirewallRules" params={{ listall: true, networkid: network }} columns={["protocol", "startport", "endport", "cidrlist", "destcidrlist", "state"]} linked={false} empty={t("No rule: the network's offering decides.")} />)}
    </div>
  );
}

export function InstanceParts({ row }: { row: Row }): ReactNode {
  const catalogue = useCatalogue();
  const kind = catalogue.bySlug("instances");
  const [asked, setAsked] = useState<Asked>();
  return (
    <>
      <Neighbours row={row} />
      {kind && <section className="card">
        <h2 className="part">{t("Change it")}</h2>
        <div className="row wrap"><Actions row={row} kind={kind} names={["scaleVirtualMachine", "resetPasswordForVirtualMachine", "resetSSHKeyForVirtualMachine", "migrateVirtualMachine", "attachIso", "detachIso", "restoreVirtualMachine"]} ask={setAsked} /></div>
      </section>}
      <InstanceVolumes row={row} />
      <InstanceNics row={row} />
      {kind && <ActionPanel asked={asked} kind={kind} close={() => setAsked(undefined)} />}
    </>
  );
}
