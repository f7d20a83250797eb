// Who reaches whom: the internet, routers with their addresses, networks with their instances. Laid out by rule; the same as a table below.
import { useMediaQuery } from "@mantine/hooks";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Row } from "../api/client";
import { useCatalogue, useList } from "../api/use";
import { number } from "../lib/format";
import { t, word } from "../lib/words";
import { edges } from "../ui/edges";
import { scopeParams } from "../ui/scope";
import { ScopeMark } from "../ui/ScopeSwitch";
import { Segments } from "../ui/Segments";
import { Title } from "../ui/Title";
import { nameOf, Status, tone } from "../ui/values";
import { clipped, curve } from "./mapParts";
import "./map.css";

const MOST = 8; // instances drawn of a network
const CELL = { width: 147, height: 44, gap: 9 };
const HEAD = 56;
// Where things stand: wide, from the internet by routers to networks; narrow, the networks alone.
const WIDE = { world: 16, router: 186, tier: 420, end: 1084, row: 4, whole: 1100 };
const NARROW = { ...WIDE, tier: 6, end: 353, row: 2, whole: 359 };
type Plan = typeof WIDE;
const ROUTER = { width: 158, height: 72 };

interface Tier { network: Row; addresses: Row[]; machines: Row[]; rules: Row[]; top: number; height: number }

function layOut(plan: Plan, networks: Row[], addresses: Row[], machines: Row[], rules: Row[]): Tier[] {
  let top = 16;
  return networks.map((network) => {
    const mine = machines.filter((machine) => (machine["nic"] as Row[] | undefined)?.some((nic) => nic["networkid"] === network["id"]));
    const lines = Math.ceil(Math.min(mine.length, MOST) / plan.row);
    const height = Math.max(HEAD + lines * (CELL.height + CELL.gap) + (lines ? 8 : 4), plan === WIDE ? ROUTER.height : 0);
    const ids = new Set(mine.map((machine) => machine["id"]));
    const tier = { network, machines: mine, addresses: addresses.filter((one) => one["associatednetworkid"] === network["id"]), rules: rules.filter((rule) => ids.has(rule["virtualmachineid"])), top, height };
    top += height + 16;
    return tier;
  });
}

const leads = (tier: Tier, machine: Row) => tier.rules.filter((rule) => rule["virtualmachineid"] === machine["id"]);
const own = (tier: Tier, machine: Row) => tier.addresses.find((one) => one["isstaticnat"] === true && one["virtualmachineid"] === machine["id"]);
const reached = (tier: Tier, machine: Row) => leads(tier, machine).length > 0 || own(tier, machine) !== undefined;
const ways = (tier: Tier, machine: Row): string => [...leads(tier, machine).map((rule) => `${String(rule["ipaddress"])}:${String(rule["publicport"])} → ${String(rule["privateport"])}/${String(rule["protocol"])}`), ...(own(tier, machine) ? [`${String(own(tier, machine)?.["ipaddress"])} → ${t("Static NAT")}`] : [])].join(", ");

function Machine({ tier, machine, x, y }: { tier: Tier; machine: Row; x: number; y: number }): ReactNode {
  const nic = (machine["nic"] as Row[]).find((one) => one["networkid"] === tier.network["id"]);
  const inward = reached(tier, machine);
  const ports = own(tier, machine) ? t("all") : leads(tier, machine).map((rule) => rule["publicport"]).join(" ");
  return (
    <Link to="/$slug/$id" params={{ slug: "instances", id: String(machine["id"]) }} className={`machine ${tone(String(machine["state"]))}${inward ? " reached" : ""}`}>
      <title>{`${nameOf(machine)}, ${word(String(machine["state"]))}. ${inward ? ways(tier, machine) : t("No rule leads in from outside")}`}</title>
      <rect x={x} y={y} width={CELL.width} height={CELL.height} rx={8} />
      <circle cx={x + 14} cy={y + 16} r={4} />
      <text x={x + 25} y={y + 20}>{clipped(nameOf(machine), inward ? 12 : 15)}</text>
      <text x={x + 25} y={y + 35} className="small">{String(nic?.["ipaddress"] ?? "")}</text>
      {inward && <text x={x + CELL.width - 9} y={y + 20} className="small port">{clipped(ports, 7)}</text>}
    </Link>
  );
}

function Network({ tier, middle, plan: X }: { tier: Tier; middle: number; plan: Plan }): ReactNode {
  const { network, machines, addresses } = tier;
  const y = tier.top + tier.height / 2;
  const wide = X === WIDE;
  const source = addresses.find((one) => one["issourcenat"] === true) ?? addresses[0];
  const flows = addresses.length > 0 && network["state"] === "Implemented";
  const way = flows ? "edge open" : "edge";
  const hidden = machines.length - MOST;
  return (
    <g>
      {wide && source && <path className={way} d={curve(X.world + 110, middle, X.router, y)}><title>{t("Out through {address}", { address: String(source["ipaddress"]) })}</title></path>}
      {wide && source && <path className={way} d={curve(X.router + ROUTER.width, y, X.tier, y)}><title>{tier.rules.length ? t("{count} rules lead in from outside", { count: tier.rules.length }) : t("No rule leads in from outside")}</title></path>}
      {wide && source && (
        <Link to="/$slug/$id" params={{ slug: "public-ips", id: String(source["id"]) }} className="router">
          <rect x={X.router} y={y - ROUTER.height / 2} width={ROUTER.width} height={ROUTER.height} rx={12} />
          <text x={X.router + ROUTER.width / 2} y={y - 12}>{t("Router")}</text>
          <text x={X.router + ROUTER.width / 2} y={y + 7} className="small">{String(source["ipaddress"])}</text>
          <text x={X.router + ROUTER.width / 2} y={y + 23} className="small">{t("{count} public addresses", { count: addresses.length })}</text>
        </Link>
      )}
      <rect className="tier" x={X.tier} y={tier.top} width={X.end - X.tier} height={tier.height} rx={12} />
      <rect className={flows ? "spine" : "spine off"} x={X.tier - 2} y={tier.top + 12} width={4} height={tier.height - 24} rx={2} />
      <Link to="/$slug/$id" params={{ slug: "networks", id: String(network["id"]) }}><text x={X.tier + 18} y={tier.top + 27} className="head">{clipped(nameOf(network), wide ? 34 : 22)}</text></Link>
      <text x={X.tier + 18} y={tier.top + 44} className="small">{[network["cidr"], network["zonename"], wide ? undefined : source?.["ipaddress"], network["state"] === "Implemented" ? undefined : word(String(network["state"]))].filter(Boolean).join(" · ")}</text>
      <text x={X.end - 18} y={tier.top + 27} className="note">{t("{count} instances", { count: machines.length })}</text>
      {hidden > 0 && <Link to="/$slug" params={{ slug: "instances" }} search={{ networkid: String(network["id"]) }}><text x={X.end - 18} y={tier.top + 44} className="note more">{t("{count} more", { count: hidden })}</text></Link>}
      {machines.slice(0, MOST).map((machine, i) => <Machine key={String(machine["id"])} tier={tier} machine={machine} x={X.tier + 18 + (i % X.row) * (CELL.width + CELL.gap)} y={tier.top + HEAD + Math.floor(i / X.row) * (CELL.height + CELL.gap)} />)}
    </g>
  );
}

function Table({ tiers }: { tiers: Tier[] }): ReactNode {
  return (
    <section className="card scroll" ref={edges} style={{ marginTop: 14 }} tabIndex={0} aria-label={t("The same as a table")}>
      <h2>{t("The same as a table")}</h2>
      <table className="plain part">
        <thead><tr><th>{t("Network")}</th><th>{t("State")}</th><th>{t("Public addresses")}</th><th>{t("Instances")}</th><th style={{ minWidth: 260 }}>{t("Reached from outside")}</th></tr></thead>
        <tbody>{tiers.map((tier) => (
          <tr key={String(tier.network["id"])}>
            <td data-label={t("Network")}><Link to="/$slug/$id" params={{ slug: "networks", id: String(tier.network["id"]) }}>{nameOf(tier.network)}</Link></td><td data-label={t("State")}><Status state={String(tier.network["state"])} /></td>
            <td className="mono" data-label={t("Public addresses")}>{tier.addresses.map((one) => one["ipaddress"]).join(", ") || "–"}</td><td data-label={t("Instances")}>{number(tier.machines.length)}</td>
            <td data-label={t("Reached from outside")}>{tier.machines.filter((machine) => reached(tier, machine)).map((machine) => `${nameOf(machine)} (${ways(tier, machine)})`).join("; ") || "–"}</td>
          </tr>
        ))}</tbody>
      </table>
    </section>
  );
}

export function NetworkMap(): ReactNode {
  const catalogue = useCatalogue();
  const navigate = useNavigate();
  const { scope, zoneid } = useSearch({ strict: false }) as { scope?: string; zoneid?: string };
  const all = { ...scopeParams(scope, () => true), ...(zoneid && { zoneid }), page: 1 };
  const zones = useList("listZones", { page: 1, pagesize: 100, available: true }, catalogue.has("listZones"));
  const networks = useList("listNetworks", { ...all, pagesize: 40 });
  const addresses = useList("listPublicIpAddresses", { ...all, pagesize: 200 }, catalogue.has("listPublicIpAddresses"));
  const machines = useList("listVirtualMachines", { ...all, pagesize: 500 }, catalogue.has("listVirtualMachines"));
  const rules = useList("listPortForwardingRules", { ...scopeParams(scope, () => true), page: 1, pagesize: 500 }, catalogue.has("listPortForwardingRules"));
  const plan = useMediaQuery("(max-width: 760px)", false, { getInitialValueInEffect: false }) ? NARROW : WIDE;
  const tiers = layOut(plan, networks.data?.rows ?? [], addresses.data?.rows ?? [], machines.data?.rows ?? [], rules.data?.rows ?? []);
  const height = Math.max(180, tiers.reduce((sum, tier) => Math.max(sum, tier.top + tier.height), 0) + 16);
  const places = (zones.data?.rows ?? []).filter((zone) => zone["allocationstate"] === "Enabled");
  return (
    <>
      <Title title={t("Network map")} line={`${t("{count} networks", { count: networks.data?.count ?? 0 })}, ${t("{count} instances", { count: machines.data?.count ?? 0 })}`}>
        <ScopeMark />
        {places.length > 1 && <Segments label={t("Zone")} value={zoneid} choose={(next) => void navigate({ to: ".", search: ((old: Record<string, string>) => ({ ...old, zoneid: next })) as never })} options={[[undefined, t("All zones")], ...places.map((zone) => [String(zone["id"]), nameOf(zone)] as [string, string])]} />}
      </Title>
      {networks.data?.count === 0 ? (
        <div className="card empty"><strong>{t("There is no network yet")}</strong><span>{t("A network appears here with its router, its addresses and its instances. Creating an instance makes one.")}</span><Link to="/new/instances">{t("Create instance")}</Link></div>
      ) : (
        <div className="card scroll canvas" ref={edges} tabIndex={0} role="region" aria-label={t("Network map")}>
          <svg className="map" viewBox={`0 0 ${plan.whole} ${height}`} style={plan === WIDE ? { minWidth: 860 } : undefined} role="group" aria-label={t("Map; the same is in the table below")}>
            {tiers.map((tier) => <Network key={String(tier.network["id"])} tier={tier} middle={height / 2} plan={plan} />)}
            {plan === WIDE && <g className="world"><rect x={WIDE.world} y={height / 2 - 42} width={110} height={84} rx={12} /><Globe x={WIDE.world + 55} y={height / 2 - 10} /><text x={WIDE.world + 55} y={height / 2 + 28}>{t("Internet")}</text></g>}
          </svg>
        </div>
      )}
      <Table tiers={tiers} />
    </>
  );
}

function Globe({ x, y }: { x: number; y: number }): ReactNode {
  return <g className="globe"><circle cx={x} cy={y} r={16} /><ellipse cx={x} cy={y} rx={7} ry={16} /><path d={`M${x - 16},${y}h32`} /></g>;
}
