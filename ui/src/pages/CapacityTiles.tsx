// What there is and how much of it is given out, one tile a kind.
import { lazy, Suspense, type ReactNode } from "react";
import type { Params, Row } from "../api/client";
import { useCatalogue, useList } from "../api/use";
import { bytes, number } from "../lib/format";
import { t } from "../lib/words";
import { Icon } from "../ui/icons";
import { Figure } from "../ui/Meter";

const Trend = lazy(() => import("../ui/Trend").then((file) => ({ default: file.Trend })));

const ghz = (value: number) => `${number(value / 1000, value < 10_000 ? 1 : 0)} GHz`;
// said: kinds of capacity, as the server names them, in the order in which they run out
const KINDS: Record<string, [string, string, (value: number) => string]> = {
  CPU: ["CPU", "cpu", ghz], MEMORY: ["Memory", "cpu-2", bytes], STORAGE_ALLOCATED: ["Primary storage", "database", bytes], VIRTUAL_NETWORK_PUBLIC_IP: ["Public IPs", "world", number],
  SECONDARY_STORAGE: ["Secondary storage", "archive", bytes], LOCAL_STORAGE: ["Local storage", "server-2", bytes], PRIVATE_IP: ["Management IPs", "network", number], VLAN: ["VLANs", "sitemap", number], CPU_CORE: ["CPU cores", "cpu", number],
};
const FIRST = 4;

export interface Kind { name: string; title: string; icon: string; show: (value: number) => string; row: Row }

/** Of the whole cloud or of a part of it: how much there is of each kind; of zones with samples (since a time), where the server keeps them. */
export function useCapacity(within: Params, since?: string): Kind[] {
  const kept = useCatalogue().has("listCapacityHistory") && Object.keys(within).every((name) => name === "zoneid");
  const found = useList(kept ? "listCapacityHistory" : "listCapacity", { ...within, ...(kept && since && { startdate: since }) });
  const sums = new Map<string, Row>();
  for (const row of found.data?.rows ?? []) {
    const sum = sums.get(String(row["name"]));
    if (!sum) sums.set(String(row["name"]), { ...row });
    else for (const part of ["capacityused", "capacityallocated", "capacitytotal"]) sum[part] = Number(sum[part] ?? 0) + Number(row[part] ?? 0);
  }
  return Object.entries(KINDS).flatMap(([name, [title, icon, show]]) => {
    const row = sums.get(name);
    return row && Number(row["capacitytotal"]) > 0 ? [{ name, title, icon, show, row }] : [];
  });
}

/** `within` narrows it to a part; `trend` shows the last day below each amount. */
export function CapacityTiles({ within = {}, all = false, trend = false }: { within?: Params; all?: boolean; trend?: boolean }): ReactNode {
  return <Tiles kinds={useCapacity(within)} all={all} trend={trend} />;
}

export function Tiles({ kinds, all = false, trend = false }: { kinds: Kind[]; all?: boolean; trend?: boolean }): ReactNode {
  if (!kinds.length) return null;
  return (
    <div className={all && kinds.length % 3 === 0 ? "tiles threes" : "tiles"}>
      {kinds.slice(0, all ? undefined : FIRST).map(({ name, title, icon, show, row }) => (
        <Figure key={name} title={t(title)} icon={<Icon name={icon} />} used={Number(row["capacityused"] ?? row["capacityallocated"])} allocated={Number(row["capacityallocated"])} total={Number(row["capacitytotal"])} hot={row["threshold"] === undefined ? undefined : 100 * Number(row["threshold"])} show={show}>
          {trend && row["stats"] !== undefined && <Suspense fallback={<div style={{ minHeight: 64 }} />}><Trend title={t(title)} row={row} /></Suspense>}
        </Figure>
      ))}
    </div>
  );
}
