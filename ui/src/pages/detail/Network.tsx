// A public address with its rules, edited in place; a network with what is in it.
import { Button, NativeSelect, TextInput } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState, type FormEvent, type ReactNode } from "react";
import type { ApiError, Params, Row } from "../../api/client";
import { useCatalogue, useList, usePerform } from "../../api/use";
import { t } from "../../lib/words";
import { ActionPanel, type Asked } from "../../ui/actions";
import { edges } from "../../ui/edges";
import { Explain } from "../../ui/Explain";
import { Picker } from "../../ui/Picker";
import { everyOwner } from "../../ui/scope";
import { Status } from "../../ui/values";
import { Part } from "./Part";

type Sort = "firewall" | "forward";
const SORTS: Record<Sort, { list: string; create: string; remove: string; update: string }> = {
  firewall: { list: "listFirewallRules", create: "createFirewallRule", remove: "deleteFirewallRule", update: "updateFirewallRule" },
  forward: { list: "listPortForwardingRules", create: "createPortForwardingRule", remove: "deletePortForwardingRule", update: "updatePortForwardingRule" },
};
const ports = (from: unknown, to: unknown) => (from === undefined || from === null ? t("all") : to === undefined || to === null || to === from ? String(from) : `${String(from)}–${String(to)}`);
const range = (text: string): [string, string] => { const [from = "", to = from] = text.split(/[-–]/).map((part) => part.trim()); return [from, to]; };

function RuleRow({ rule, sort, change }: { rule: Row; sort: Sort; change: (sort: Sort, rule: Row) => void }): ReactNode {
  const catalogue = useCatalogue();
  const run = usePerform();
  const forward = sort === "forward";
  return (
    <>
      <tr>
        <td data-label={t("Kind")}>{forward ? t("Forward") : t("Firewall")}</td><td data-label={t("Protocol")}>{String(rule["protocol"])}</td>
        <td className="mono" data-label={t("Ports")}>{rule["protocol"] === "icmp" ? `${String(rule["icmptype"])}/${String(rule["icmpcode"])}` : forward ? ports(rule["publicport"], rule["publicendport"]) : ports(rule["startport"], rule["endport"])}</td>
        <td className="mono" data-label={t("From")}>{String(rule["cidrlist"] ?? "") || "0.0.0.0/0"}</td>
        <td className="whole" data-label={t("Leads to")}>{forward ? <span><Link to="/$slug/$id" params={{ slug: "instances", id: String(rule["virtualmachineid"]) }}>{String(rule["virtualmachinename"])}</Link>:{ports(rule["privateport"], rule["privateendport"])}</span> : t("allowed")}</td>
        <td data-label={t("State")}><Status state={String(rule["state"])} /></td>
        <td className="whole" style={{ textAlign: "end" }}>{catalogue.has(SORTS[sort].update) && <><Button size="compact-xs" variant="default" onClick={() => change(sort, rule)}>{t("Change")}</Button>{" "}</>}{catalogue.has(SORTS[sort].remove) && <Button size="compact-xs" variant="default" loading={run.isPending} onClick={() => run.mutate({ command: SORTS[sort].remove, params: { id: String(rule["id"]) } })}>{t("Remove")}</Button>}</td>
      </tr>
      {run.error && <tr><td colSpan={7}><Explain error={run.error} title={t("The rule was not removed")} /></td></tr>}
    </>
  );
}

const EMPTY = { sort: "forward" as Sort, protocol: "tcp", port: "", from: "", machine: undefined as string | undefined, to: "" };

function NewRule({ address }: { address: Row }): ReactNode {
  const [rule, setRule] = useState(EMPTY);
  const run = usePerform();
  const forward = rule.sort === "forward";
  const change = (part: Partial<typeof EMPTY>) => setRule((old) => ({ ...old, ...part }));
  const params = (): Params => {
    const [start, end] = range(rule.port);
    const shared: Params = { ipaddressid: String(address["id"]), protocol: rule.protocol, ...(rule.from && { cidrlist: rule.from.split(/[\s,]+/) }) };
    if (rule.protocol === "icmp") return { ...shared, icmptype: -1, icmpcode: -1 };
    if (!forward) return { ...shared, ...(start && { startport: start, endport: end }) };
    const [inner, last] = range(rule.to || rule.port);
    return { ...shared, publicport: start, publicendport: end, privateport: inner, privateendport: last, virtualmachineid: rule.machine };
  };
  const go = (event: FormEvent) => { event.preventDefault(); run.mutate({ command: SORTS[rule.sort].create, params: params() }, { onSuccess: () => setRule({ ...EMPTY, sort: rule.sort }) }); };
  return (
    <form onSubmit={go} className="stack" style={{ marginTop: 12 }} aria-label={t("A new rule")}>
      <div className="inline-form">
        <NativeSelect label={t("Kind")} value={rule.sort} onChange={(event) => change({ sort: event.currentTarget.value as Sort, protocol: "tcp" })} data={[{ value: "forward", label: t("Forward") }, { value: "firewall", label: t("Firewall") }]} />
        <NativeSelect label={t("Protocol")} value={rule.protocol} onChange={(event) => change({ protocol: event.currentTarget.value })} data={forward ? ["tcp", "udp"] : ["tcp", "udp", "icmp"]} />
        {rule.protocol !== "icmp" && <TextInput label={t("Port or range")} placeholder="80-81" required={forward} value={rule.port} onChange={(event) => change({ port: event.currentTarget.value })} />}
        <TextInput label={t("From")} placeholder="0.0.0.0/0" value={rule.from} onChange={(event) => change({ from: event.currentTarget.value })} />
        {forward && <Picker param={{ name: "virtualmachineid", description: "", type: "uuid", required: true, length: 40, entity: "vm" }} label={t("Instance")} description="" required given={{ networkid: address["associatednetworkid"], zoneid: address["zoneid"] }} value={rule.machine} set={(machine) => change({ machine: machine as string | undefined })} />}
        {forward && <TextInput label={t("Its port")} placeholder={rule.port || "80"} value={rule.to} onChange={(event) => change({ to: event.currentTarget.value })} />}
        <Button type="submit" loading={run.isPending}>{t("Add rule")}</Button>
      </div>
      {run.error && <Explain error={run.error} title={t("The rule was not added")} />}
    </form>
  );
}

function StaticNat({ row }: { row: Row }): ReactNode {
  const run = usePerform();
  const catalogue = useCatalogue();
  const [machine, setMachine] = useState<string>();
  const id = String(row["id"]);
  const on = row["isstaticnat"] === true;
  if (!catalogue.has("enableStaticNat")) return null;
  return (
    <section className="card">
      <h2 className="part">{t("Static NAT")}</h2>
      {on ? (
        <div className="row wrap"><span className="grow">{t("All of it leads to {name}, {address}", { name: String(row["virtualmachinename"] ?? ""), address: String(row["vmipaddress"] ?? "") })}</span><Button size="xs" variant="default" loading={run.isPending} onClick={() => run.mutate({ command: "disableStaticNat", params: { ipaddressid: id } })}>{t("End static NAT")}</Button></div>
      ) : row["issourcenat"] === true ? <p className="quiet" style={{ margin: 0 }}>{t("This is the network's source NAT address: it serves all its instances, and cannot belong to one.")}</p> : (
        <form className="inline-form" onSubmit={(event) => { event.preventDefault(); run.mutate({ command: "enableStaticNat", params: { ipaddressid: id, virtualmachineid: machine } }); }}>
          <Picker param={{ name: "virtualmachineid", description: "", type: "uuid", required: true, length: 40, entity: "vm" }} label={t("Lead all of it to one instance")} description="" required given={{ networkid: row["associatednetworkid"] }} value={machine} set={(one) => setMachine(one as string | undefined)} />
          <Button type="submit" variant="default" disabled={!machine} loading={run.isPending}>{t("Begin static NAT")}</Button>
        </form>
      )}
      {run.error && <Explain error={run.error} />}
    </section>
  );
}

export function AddressRules({ row }: { row: Row }): ReactNode {
  const catalogue = useCatalogue();
  const narrow = { ipaddressid: String(row["id"]), listall: true, page: 1, pagesize: 200 };
  const every = (list: string) => everyOwner(catalogue.kinds.find((one) => one.list.name === list), narrow);
  const firewall = useList(SORTS.firewall.list, every(SORTS.firewall.list), catalogue.has(SORTS.firewall.list));
  const forward = useList(SORTS.forward.list, every(SORTS.forward.list), catalogue.has(SORTS.forward.list));
  const rules: [Sort, Row][] = [...(forward.data?.rows ?? []).map((rule) => ["forward", rule] as [Sort, Row]), ...(firewall.data?.rows ?? []).map((rule) => ["firewall", rule] as [Sort, Row])];
  const failed = (firewall.error ?? forward.error) as ApiError | null;
  const [asked, setAsked] = useState<Asked & { sort: Sort }>();
  const change = (sort: Sort, rule: Row) => { const command = catalogue.commands.get(SORTS[sort].update); if (command) setAsked({ command, rows: [rule], sort }); };
  const kind = asked && catalogue.kinds.find((one) => one.list.name === SORTS[asked.sort].list);
  return (
    <>
      <section className="card">
        <h2 className="part">{t("Rules")}</h2>
        {failed && <Explain error={failed} title={t("The rules could not be read")} />}
        {!rules.length && !failed && <p className="quiet">{t("Nothing is let in yet. A forwarding rule leads a port to an instance, and opens the firewall for it.")}</p>}
        {rules.length > 0 && <div className="scroll" ref={edges} tabIndex={0} role="region" aria-label={t("Rules")}><table className="plain part"><thead><tr><th>{t("Kind")}</th><th>{t("Protocol")}</th><th>{t("Ports")}</th><th>{t("From")}</th><th>{t("Leads to")}</th><th>{t("State")}</th><th><span className="visually-hidden">{t("Actions")}</span></th></tr></thead><tbody>{rules.map(([sort, rule]) => <RuleRow key={String(rule["id"])} rule={rule} sort={sort} change={change} />)}</tbody></table></div>}
        {catalogue.has("createPortForwardingRule") && <NewRule address={row} />}
      </section>
      {kind && <ActionPanel asked={asked} kind={kind} close={() => setAsked(undefined)} />}
      <StaticNat row={row} />
    </>
  );
}

export function NetworkParts({ row }: { row: Row }): ReactNode {
  const id = String(row["id"]);
  const narrow = { networkid: id, listall: true };
  const routed = row["type"] === "Isolated";
  return (
    <>
      {routed && <Part title={t("Public addresses")} list="listPublicIpAddresses" params={{ associatednetworkid: id, listall: true }} columns={["ipaddress", "issourcenat", "isstaticnat", "virtualmachinename", "state"]} empty={t("The first instance brings its address.")} adds={[{ command: "associateIpAddress", label: t("Get an address"), fixed: { networkid: id } }]} />}
      <Part title={t("Instances")} list="listVirtualMachines" params={narrow} columns={["name", "state", "ipaddress", "hostname", "created"]} empty={t("No instance is in this network.")} />
      {routed && <Part title={t("What is let out")} list="listEgressFirewallRules" params={narrow} linked={false} columns={["protocol", "startport", "endport", "cidrlist", "destcidrlist", "state"]} empty={row["egressdefaultpolicy"] === true ? t("Everything is let out; rules here forbid.") : t("Nothing is let out; rules here allow.")} adds={[{ command: "createEgressFirewallRule", label: t("Add rule"), fixed: { networkid: id }, initial: { protocol: "tcp", startport: undefined, endport: undefined, cidrlist: undefined, destcidrlist: undefined } }]} />}
      <Part title={t("Routers")} list="listRouters" params={narrow} columns={["name", "state", "publicip", "hostname", "version"]} empty={t("None runs: it starts with the first instance.")} />
    </>
  );
}
