// What there is and how much of it is given out, one tile a kind.
import type { ReactNode } from "react";
import type { Params, Row } from "../api/client";
import { useList } from "../api/use";
import { bytes, number } from "../lib/format";
import { t } from "../lib/words";
import { Icon } from "../ui/icons";
import { Figure } from "../ui/Meter";

const ghz = (value: number) => `${number(value / 1000, value < 10_000 ? 1 : 0)} GHz`;
// said: kinds of capacity, as the server names them, in the order in which they run out
const KINDS: Record<string, [string, string, (value: number) => string]> = {
  CPU: ["CPU", "cpu", ghz], MEMORY: ["Memory", "cpu-2", bytes], STORAGE_ALLOCATED: ["Primary storage", "database", bytes], VIRTUAL_NETWORK_PUBLIC_IP: ["Public IPs", "world", number],
  SECONDARY_STORAGE: ["Secondary storage", "archive", bytes], LOCAL_STORAGE: ["Local storage", "server-2", bytes], PRIVATE_IP: ["Management IPs", "network", number], VLAN: ["VLANs", "sitemap", number], CPU_CORE: ["CPU cores", "cpu", number],
};
const FIRST = 4;

/** Of the whole cloud, or of one of its parts: `within` narrows it. */
export function CapacityTiles({ within = {}, all = false }: { within?: Params; all?: boolean }): ReactNode {
  const found = useList("listCapacity", within);
  const sums = new Map<string, Row>();
  for (const row of found.data?.rows ?? []) {
    const name = String(row["name"]);
    const sum = sums.get(name) ?? { capacityused: 0, capacityallocated: 0, capacitytotal: 0 };
    for (const part of Object.keys(sum)) sum[part] = Number(sum[part]) + Number(row[part] ?? 0);
    sums.set(name, sum);
  }
  const shown = Object.entries(KINDS).filter(([name]) => Number(sums.get(name)?.["capacitytotal"] ?? 0) > 0);
  if (!shown.length) return null;
  return (
    <div className={all && shown.length % 3 === 0 ? "tiles threes" : "tiles"}>
      {shown.slice(0, all ? undefined : FIRST).map(([name, [title, icon, show]]) => {
        const sum = sums.get(name) ?? {};
        return <Figure key={name} title={t(title)} icon={<Icon name={icon} />} used={Number(sum["capacityused"])} allocated={Number(sum["capacityallocated"])} total={Number(sum["capacitytotal"])} show={show} />;
      })}
    </div>
  );
}
