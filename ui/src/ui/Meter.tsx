import type { ReactNode } from "react";
import { number } from "../lib/format";
import { t } from "../lib/words";

/** How much of what there is is in use; `allocated` is what was promised beside what is used. */
export function Meter({ title, used, total, allocated, show = (value: number) => number(value) }: { title: string; used: number; total: number | undefined; allocated?: number; show?: (value: number) => string }): ReactNode {
  const part = (value: number) => (total ? Math.min(100, (100 * value) / total) : 0);
  const more = Math.max(0, part(allocated ?? 0) - part(used));
  return (
    <div>
      <div className="row" style={{ justifyContent: "space-between" }}><span>{title}</span><span className="quiet">{total === undefined ? t("{used}, no limit", { used: show(used) }) : t("{used} of {total}", { used: show(used), total: show(total) })}</span></div>
      {total !== undefined && <div className="meter" role="img" aria-label={`${title}: ${Math.round(part(used))} %`}><i className={part(allocated ?? used) > 75 ? "hot" : ""} style={{ width: `${part(used)}%` }} /><i className={part(allocated ?? used) > 75 ? "hot" : ""} style={{ width: `${more}%` }} /></div>}
    </div>
  );
}
