// Who reaches whom: the internet, routers with their addresses, networks, instances. Laid out by rule; the same as a table below.
import { Link, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Row } from "../api/client";
import { useCatalogue, useList } from "../api/use";
import { t } from "../lib/words";
import { scopeParams } from "../ui/scope";
import { Title } from "../ui/Title";
import { nameOf, Status, tone } from "../ui/values";
import { curve, Node } from "./mapParts";
import "./map.css";

const MOST = 8; // instances drawn of a network
const LINE = 46;
const X = { world: 20, router: 190, network: 450, machine: 720 };

interface Tier {
  network: Row;
  addresses: Row[];
  machines: Row[];
  top: number;
  height: number;
}

function layOut(networks: Row[], addresses: Row[], machines: Row[]): Tier[] {
  let top = 20;
  return networks.map((network) => {
    const mine = machines.filter((machine) => (machine["nic"] as Row[] | undefined)?.some((nic) => nic["networkid"] === network["id"]));
    const height = Math.max(1, Math.min(mine.length, MOST) + (mine.length > MOST ? 1 : 0)) * LINE + 26;
    const tier = { network, machines: mine, addresses: addresses.filter((one) => one["associatednetworkid"] === network["id"]), top, height };
    top += height;
    return tier;
  });
}

export function NetworkMap(): ReactNode {
  const catalogue = useCatalogue();
  const { scope } = useSearch({ strict: false }) as { scope?: string };
  const all = { ...scopeParams(scope, () => true), page: 1 };
  const networks = useList("listNetworks", { ...all, pagesize: 40 });
  const addresses = useList("listPublicIpAddresses", { ...all, pagesize: 200 }, catalogue.has("listPublicIpAddresses"));
  const machines = useList("listVirtualMachines", { ...all, pagesize: 500 }, catalogue.has("listVirtualMachines"));
  const rules = useList("listPortForwardingRules", { ...all, pagesize: 500 }, catalogue.has("listPortForwardingRules"));
  const tiers = layOut(networks.data?.rows ?? [], addresses.data?.rows ?? [], machines.data?.rows ?? []);
  const height = Math.max(220, tiers.reduce((sum, tier) => sum + tier.height, 40));
  const middle = height / 2;
  const leads = (machine: Row) => (rules.data?.rows ?? []).filter((rule) => rule["virtualmachineid"] === machine["id"]);
  const reached = (tier: Tier, machine: Row) => leads(machine).length > 0 || tier.addresses.some((one) => one["virtualmachineid"] === machine["id"]);
  return (
    <>
      <Title title={t("Network map")} line={`${t("{count} networks", { count: networks.data?.count ?? 0 })}, ${t("{count} instances", { count: machines.data?.count ?? 0 })}`} />
      {networks.data?.count === 0 ? (
        <div className="card empty"><strong>{t("There is no network yet")}</strong><span>{t("A network appears here with its router, its addresses and its instances. Creating an instance makes one.")}</span></div>
      ) : (
        <div className="card scroll" tabIndex={0} role="region" aria-label={t("Network map")}>
          <svg className="map" viewBox={`0 0 1000 ${height}`} style={{ minWidth: 900, maxWidth: 1300 }} role="group" aria-label={t("Map; the same is in the table below")}>
            <Node x={X.world} y={middle} width={110} title={t("Internet")} kind="world" />
            {tiers.map((tier) => {
              const y = tier.top + tier.height / 2 - 8;
              const source = tier.addresses.find((one) => one["issourcenat"] === true);
              const routed = tier.addresses.length > 0;
              return (
                <g key={String(tier.network["id"])}>
                  {routed && <path className="edge" d={curve(X.world + 110, middle, X.router, y)}><title>{t("Out through {address}", { address: String(source?.["ipaddress"] ?? "") })}</title></path>}
                  {routed && <Node x={X.router} y={y} width={190} title={String(source?.["ipaddress"] ?? t("Router"))} line={t("{count} public addresses", { count: tier.addresses.length })} kind="router" {...(source && { to: { slug: "public-ips", id: String(source["id"]) } })} />}
                  {routed && <path className="edge" d={curve(X.router + 190, y, X.network, y)} />}
                  <Node x={X.network} y={y} width={190} title={nameOf(tier.network)} line={`${String(tier.network["type"])} ${String(tier.network["cidr"] ?? "")}`} kind={tone(String(tier.network["state"]))} to={{ slug: "networks", id: String(tier.network["id"]) }} />
                  {tier.machines.slice(0, MOST).map((machine, i) => {
                    const at = tier.top + 24 + i * LINE;
                    const nic = (machine["nic"] as Row[]).find((one) => one["networkid"] === tier.network["id"]);
                    const inward = reached(tier, machine);
                    return (
                      <g key={String(machine["id"])}>
                        <path className={inward && machine["state"] === "Running" ? "edge open" : "edge"} d={curve(X.network + 190, y, X.machine, at)}>
                          <title>{inward ? leads(machine).map((rule) => `${String(rule["ipaddress"])}:${String(rule["publicport"])} → ${String(rule["privateport"])}/${String(rule["protocol"])}`).join(", ") || t("Static NAT leads to it") : t("No rule leads in from outside")}</title>
                        </path>
                        <Node x={X.machine} y={at} width={240} title={nameOf(machine)} line={`${String(nic?.["ipaddress"] ?? "")} · ${String(machine["state"])}`} kind={tone(String(machine["state"]))} to={{ slug: "instances", id: String(machine["id"]) }} />
                      </g>
                    );
                  })}
                  {tier.machines.length > MOST && <Link to="/$slug" params={{ slug: "instances" }} search={{ networkid: String(tier.network["id"]) }}><text x={X.machine + 12} y={tier.top + 28 + MOST * LINE} className="more">{t("{count} more", { count: tier.machines.length - MOST })}</text></Link>}
                </g>
              );
            })}
          </svg>
        </div>
      )}
      <section className="card scroll" style={{ marginTop: 14 }} tabIndex={0} aria-label={t("The same as a table")}>
        <h2>{t("The same as a table")}</h2>
        <table className="plain">
          <thead><tr><th>{t("Network")}</th><th>{t("State")}</th><th>{t("Public addresses")}</th><th>{t("Instances")}</th><th>{t("Reached from outside")}</th></tr></thead>
          <tbody>{tiers.map((tier) => (
            <tr key={String(tier.network["id"])}>
              <td><Link to="/$slug/$id" params={{ slug: "networks", id: String(tier.network["id"]) }}>{nameOf(tier.network)}</Link></td><td><Status state={String(tier.network["state"])} /></td>
              <td className="mono">{tier.addresses.map((one) => one["ipaddress"]).join(", ") || "–"}</td><td>{tier.machines.length}</td>
              <td>{tier.machines.filter((machine) => reached(tier, machine)).map((machine) => `${nameOf(machine)} (${leads(machine).map((rule) => `${String(rule["ipaddress"])}:${String(rule["publicport"])}`).join(", ")})`).join("; ") || "–"}</td>
            </tr>
          ))}</tbody>
        </table>
      </section>
    </>
  );
}
