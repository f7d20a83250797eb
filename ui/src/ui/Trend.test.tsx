import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import type { Row } from "../api/client";
import { course, Curve, prospect, samplesOf, sentence, soon } from "./Trend";

const HOUR = 3_600_000;
const NOW = Date.parse("2026-11-23T12:00:00Z");
const stat = (hours: number, given: number) => ({ timestamp: `${new Date(NOW - hours * HOUR).toISOString().slice(0, 19)}+0000`, capacityallocated: given, capacitytotal: 200 });
const row = (...stats: Row[]): Row => ({ capacityallocated: 100, capacitytotal: 200, threshold: 0.75, stats });
const day = (of: Row) => samplesOf(of, NOW - 24 * HOUR, NOW);

test("samples end with how it is now; what is older than is asked for is not among them", () => {
  expect(day(row(stat(25, 1), stat(24, 20), stat(1, 60))).map(({ at, given }) => [(NOW - at) / HOUR, given])).toEqual([[24, 20], [1, 60], [0, 100]]);
  expect(day(row())).toEqual([]);
});

test("what went on is said in words, and since when that is known", () => {
  const said = (of: Row) => course(day(of), NOW - 24 * HOUR, NOW);
  expect(said(row(stat(24, 20), stat(1, 60)))).toBe("From 10\u00a0% to 50\u00a0%");
  expect(said(row(stat(23, 100)))).toBe("Steady at 50\u00a0%");
  expect(said(row(stat(20, 20)))).toMatch(/^Collected since .+\. From 10\u00a0% to 50\u00a0%$/);
  expect(said(row())).toMatch(/^No samples yet/);
});

test("when it is full is told with the hours behind it, and not where the server does not tell it", () => {
  const growing = { ...row(stat(24, 20)), daystofull: 12.7, observeddays: 6.68 };
  expect(prospect(growing)).toBe("Full in 12 days at the growth of the last 160 hours");
  expect(prospect({ ...growing, daystofull: 1.9 })).toBe("Full in 45 hours at the growth of the last 160 hours");
  expect(prospect({ ...growing, daystofull: 0.4 })).toBe("Full in 9 hours at the growth of the last 160 hours");
  expect(prospect(row())).toBeUndefined();
  expect([soon(growing), soon({ ...growing, daystofull: 31 }), soon(row())]).toEqual([true, false, false]);
  expect(sentence("CPU", growing, day(growing), NOW - 24 * HOUR, NOW)).toBe("CPU: From 10\u00a0% to 50\u00a0%; at most 50\u00a0%, threshold 75\u00a0%; Full in 12 days at the growth of the last 160 hours");
});

test("the curve goes from the first sample to the last, under the threshold", () => {
  const { container } = render(<Curve samples={day(row(stat(12, 20)))} from={NOW - 24 * HOUR} to={NOW} threshold={75} label="CPU" />);
  expect(screen.getByRole("img", { name: "CPU" })).toBeTruthy();
  const path = (name: string) => container.querySelector(`.${name}`)?.getAttribute("d");
  expect(path("curve")).toBe("M500.0 90.00L1000.0 50.00");
  expect(path("threshold")).toBe("M0 25.00H1000");
  expect(path("used")).toBeUndefined();
});

test("what is really in use is drawn and said where it is measured", () => {
  const measured = { ...row({ ...stat(12, 20), capacityused: 10 }, stat(6, 20), { ...stat(3, 20), capacityused: 30 }), capacityused: 50 };
  const { container } = render(<Curve samples={day(measured)} from={NOW - 24 * HOUR} to={NOW} threshold={75} label="CPU" />);
  expect(container.querySelector(".used")?.getAttribute("d")).toBe("M500.0 95.00L875.0 85.00L1000.0 75.00");
  expect(sentence("CPU", measured, day(measured), NOW - 24 * HOUR, NOW)).toContain("; 25\u00a0% really in use");
});
