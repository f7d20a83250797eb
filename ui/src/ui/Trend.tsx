// How full something was over time: a curve with the threshold, and in words what it shows.
import type { ReactNode } from "react";
import type { Row } from "../api/client";
import { number, parseDate } from "../lib/format";
import { language, t } from "../lib/words";
import "./trend.css";

const HOUR = 3_600_000; // ms
const DAY = 24 * HOUR;
const SOON = 30; // days

/** How much is allocated, how much there is, and, where it is measured, how much is really in use. */
export interface Sample { at: number; given: number; total: number; used: number | undefined }

const sample = (one: Row, at: number): Sample => ({ at, given: Number(one["capacityallocated"]), total: Number(one["capacitytotal"]), used: one["capacityused"] as number | undefined });

/** The samples of a row of `listCapacityHistory` since a time, the oldest first; the last is how it is now. */
export function samplesOf(row: Row, from: number, now: number): Sample[] {
  const kept = ((row["stats"] ?? []) as Row[]).map((one) => sample(one, parseDate(String(one["timestamp"])).getTime())).filter(({ at }) => at >= from && at < now);
  return kept.length ? [...kept, sample(row, now)] : [];
}

const part = (amount: number, total: number): number => (total ? (100 * amount) / total : 0);
export const share = (one: Sample): number => part(one.given, one.total);
/** In percent; undefined where nobody measured it. */
export const inUse = (one: Sample): number | undefined => (one.used === undefined ? undefined : part(one.used, one.total));

/** A moment as it is written beside others of the same stretch of time. */
export function moment(at: number, stretch: number): string {
  const look: Intl.DateTimeFormatOptions = stretch <= DAY ? { timeStyle: "short" } : stretch <= 8 * DAY ? { weekday: "short", hour: "numeric", minute: "2-digit" } : stretch <= 90 * DAY ? { day: "numeric", month: "short" } : { month: "short", year: "numeric" };
  return new Intl.DateTimeFormat(language(), look).format(at);
}

/** When it is full, if the server can tell; from how much it tells that belongs to it. */
export function prospect(row: Row): string | undefined {
  if (row["daystofull"] === undefined) return undefined;
  const days = Number(row["daystofull"]);
  const time = new Intl.RelativeTimeFormat(language());
  return t("Full {when} at the growth of the last {hours} hours", { when: days < 2 ? time.format(Math.floor(24 * days), "hour") : time.format(Math.floor(days), "day"), hours: Math.round(24 * Number(row["observeddays"])) });
}

/** Whether that is so near that one should act. */
export const soon = (row: Row): boolean => Number(row["daystofull"]) <= SOON;

/** Since when there are samples, if not from the beginning; and from what to what it went. */
export function course(samples: Sample[], from: number, to: number): string {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last) return t("No samples yet; the first ones come within minutes");
  const ends = { from: number(share(first), 1), to: number(share(last), 1) };
  const went = ends.from === ends.to ? t("Steady at {part} %", { part: ends.to }) : t("From {from} % to {to} %", ends);
  return first.at - from < (to - from) / 10 ? went : `${t("Collected since {when}", { when: begun(first.at, to) })}. ${went}`;
}

const begun = (at: number, now: number) => new Intl.DateTimeFormat(language(), new Date(at).toDateString() === new Date(now).toDateString() ? { timeStyle: "short" } : { dateStyle: "medium" }).format(at);

const FEW = 50; // a curve shorter than this part of the whole is hardly seen
const WIDE = 1000; // units across; the picture is stretched to the room there is

/** The curve alone. `threshold` is in percent. */
export function Curve({ samples, from, to, threshold, label, children }: { samples: Sample[]; from: number; to: number; threshold: number; label: string; children?: ReactNode }): ReactNode {
  const top = Math.max(100, ...samples.flatMap((one) => [share(one), inUse(one) ?? 0]));
  const x = (at: number) => ((WIDE * (at - from)) / (to - from)).toFixed(1);
  const y = (percent: number) => (100 - (100 * percent) / top).toFixed(2);
  const drawn = (points: Sample[], height: (one: Sample) => number) => points.map((one, i) => `${i ? "L" : "M"}${x(one.at)} ${y(height(one))}`).join("");
  const line = drawn(samples, share);
  const measured = samples.filter((one) => one.used !== undefined);
  const [first, last] = [samples[0], samples.at(-1)];
  return (
    <svg viewBox={`0 0 ${WIDE} 100`} preserveAspectRatio="none" role="img" aria-label={label}>
      {first && last && <path className="under" d={`${line}L${x(last.at)} 100L${x(first.at)} 100Z`} />}
      <path className="threshold" d={`M0 ${y(threshold)}H${WIDE}`} />
      {first && <path className="curve" d={line} />}
      {first && last && last.at - first.at < (to - from) / FEW && <path className="dot" d={`M${x(last.at)} ${y(share(last))}h0`} />}
      {measured.length > 1 && <path className="used" d={drawn(measured, (one) => inUse(one) ?? 0)} />}
      {children}
    </svg>
  );
}

export const thresholdOf = (row: Row): number => 100 * Number(row["threshold"] ?? 1);

/** What stands in place of a picture: from what to what, the highest, the threshold, and when it is full. */
export function sentence(title: string, row: Row, samples: Sample[], from: number, to: number): string {
  const most = number(Math.max(0, ...samples.map(share)), 1);
  const used = samples.length ? inUse(sample(row, to)) : undefined;
  return [`${title}: ${course(samples, from, to)}`, t("at most {most} %, threshold {threshold} %", { most, threshold: number(thresholdOf(row)) }), used !== undefined && t("{part} % really in use", { part: number(used, 1) }), prospect(row)].filter(Boolean).join("; ");
}

/** The last day, small: below an amount. */
export function Trend({ title, row }: { title: string; row: Row }): ReactNode {
  const to = Date.now();
  const from = to - DAY;
  const samples = samplesOf(row, from, to);
  return (
    <div className="trend">
      <div className="plot" dir="ltr"><Curve samples={samples} from={from} to={to} threshold={thresholdOf(row)} label={t("Last 24 hours. {what}", { what: sentence(title, row, samples, from, to) })} /></div>
      <small aria-hidden className={soon(row) ? "soon" : "quiet"}>{prospect(row) ?? course(samples, from, to)}</small>
    </div>
  );
}
