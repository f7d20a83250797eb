import type { ReactNode } from "react";
import { number } from "../lib/format";
import { t } from "../lib/words";

const HOT = 75; // percent from which a reader should look
const part = (value: number, total: number | undefined) => (total ? Math.min(100, (100 * value) / total) : 0);

function Bar({ used, more, label, from = HOT }: { used: number; more: number; label: string; from?: number }): ReactNode {
  const hot = used + more > from ? "hot" : "";
  return <div className="meter" role="img" aria-label={label}><i className={hot} style={{ width: `${used}%` }} /><i className={hot} style={{ width: `${more}%` }} /></div>;
}

/** How much of what there is is in use; `allocated` is what was promised beside what is used. */
export function Meter({ title, name = String(title), used, total, allocated, show = (value: number) => number(value) }: { title: ReactNode; name?: string; used: number; total: number | undefined; allocated?: number; show?: (value: number) => string }): ReactNode {
  const taken = part(used, total);
  return (
    <div>
      <div className="row" style={{ justifyContent: "space-between" }}><span>{title}</span><span className="quiet">{total === undefined ? t("{used}, no limit", { used: show(used) }) : t("{used} of {total}", { used: show(used), total: show(total) })}</span></div>
      {total !== undefined && <Bar used={taken} more={Math.max(0, part(allocated ?? 0, total) - taken)} label={`${name}: ${Math.round(taken)} %`} />}
    </div>
  );
}

/** A part in percent; what there is of it is never told as nothing. */
const percent = (value: number): string => (value > 0 && value < 1 ? "< 1" : number(value));

/** The same at a glance: the amount large, the bar below, what is left beside. From `hot` percent on a reader should look. */
export function Figure({ title, icon, used, total, allocated, hot, show, unit, children }: { title: string; icon: ReactNode; used: number; total: number; allocated: number; hot?: number; show: (value: number) => string; unit?: string; children?: ReactNode }): ReactNode {
  const most = Math.max(used, allocated);
  const [amount, own = ""] = show(most).split(" ");
  const taken = part(used, total);
  const promised = part(allocated, total);
  return (
    <section className="card figure">
      <h2>{icon}{title}</h2>
      <p><b>{amount}</b> {own !== show(total).split(" ")[1] ? own : ""} {t("of {total}", { total: show(total) })} {unit}</p>
      <Bar used={taken} more={Math.max(0, promised - taken)} label={`${title}: ${Math.round(Math.max(taken, promised))} %`} from={hot} />
      <small className="quiet">
        <span>{promised !== taken ? t("{used} % used, {allocated} % allocated", { used: percent(taken), allocated: percent(promised) }) : t("{used} % allocated", { used: percent(taken) })}</span>
        <span>{t("{amount} free", { amount: show(Math.max(0, total - most)) })}</span>
      </small>
      {children}
    </section>
  );
}
