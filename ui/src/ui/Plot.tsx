// A curve to read values from: with axes, the sample under the pointer, and all of them as a table.
import { useState, type PointerEvent, type ReactNode } from "react";
import type { Row } from "../api/client";
import { exactly, number } from "../lib/format";
import { t } from "../lib/words";
import { edges } from "./edges";
import { course, Curve, moment, prospect, samplesOf, sentence, share, soon, thresholdOf, type Sample } from "./Trend";

const TICKS = 4; // times below the curve
const LINES = [100, 50, 0]; // percent at which lines are drawn

function Samples({ title, samples, show }: { title: string; samples: Sample[]; show: (value: number) => string }): ReactNode {
  const measured = samples.some((one) => one.used !== undefined);
  return (
    <details>
      <summary className="quiet">{t("As a table")}</summary>
      <div className="scroll" ref={edges} tabIndex={0} role="region" aria-label={title}>
        <table className="plain">
          <thead><tr><th>{t("Time")}</th><th>{t("Allocated")}</th><th>%</th>{measured && <th>{t("In use")}</th>}<th>{t("Total")}</th></tr></thead>
          <tbody>{samples.map((one) => <tr key={one.at}><td>{exactly(new Date(one.at))}</td><td>{show(one.given)}</td><td>{number(share(one), 1)}</td>{measured && <td>{one.used === undefined ? "" : show(one.used)}</td>}<td>{show(one.total)}</td></tr>)}</tbody>
        </table>
      </div>
    </details>
  );
}

/** A row of `listCapacityHistory` from a time to another (ms). */
export function Plot({ title, row, from, to, show }: { title: string; row: Row; from: number; to: number; show: (value: number) => string }): ReactNode {
  const [over, setOver] = useState<number>();
  const samples = samplesOf(row, from, to);
  const one = over === undefined ? undefined : samples[over];
  const point = (event: PointerEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    const at = from + ((to - from) * (event.clientX - box.left)) / box.width;
    const near = samples.reduce((best, sample, i) => (Math.abs(sample.at - at) < Math.abs((samples[best]?.at ?? 0) - at) ? i : best), 0);
    setOver(samples.length ? near : undefined);
  };
  const threshold = thresholdOf(row);
  const marks = Array.from({ length: TICKS }, (_, i) => from + ((to - from) * i) / (TICKS - 1));
  return (
    <section className="history">
      <h3>{title}</h3>
      <p className={one ? "" : soon(row) ? "soon" : "quiet"}>{one ? t("{when}: {part} %, {amount} of {total}", { when: exactly(new Date(one.at)), part: number(share(one), 1), amount: show(one.given), total: show(one.total) }) : [course(samples, from, to), prospect(row)].filter(Boolean).join(". ")}</p>
      <div className="axes" dir="ltr">
        <div className="scale" aria-hidden>{LINES.map((part) => <span key={part}>{number(part)} %</span>)}</div>
        <div className="plot" onPointerMove={point} onPointerLeave={() => setOver(undefined)}>
          <Curve samples={samples} from={from} to={to} threshold={threshold} label={sentence(title, row, samples, from, to)}>
            {LINES.map((part) => <path key={part} className="line" d={`M0 ${100 - part}H1000`} />)}
            {one && <path className="at" d={`M${((1000 * (one.at - from)) / (to - from)).toFixed(1)} 0V100`} />}
          </Curve>
        </div>
        <div className="times" aria-hidden>{marks.map((at) => <span key={at}>{moment(at, to - from)}</span>)}</div>
      </div>
      {samples.length > 0 && <Samples title={t("Samples of {what}", { what: title })} samples={samples} show={show} />}
    </section>
  );
}
