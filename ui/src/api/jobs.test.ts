import { expect, test, vi } from "vitest";
import { offered } from "../testing/offered";
import { begin, gathered, givenTo, onceMore, type Job } from "./jobs";

const job = (jobid: string, cmd: string, seconds: number, userid = "ann"): Job => ({ jobid, cmd: `x.${cmd}`, userid, jobstatus: 2, created: `2026-11-22T20:00:${String(seconds).padStart(2, "0")}+0000` });

test("what was begun together is one entry, the newest first", () => {
  const jobs = [job("1", "Stop", 1), job("2", "Stop", 9), job("3", "Start", 10), job("4", "Stop", 11), job("5", "Stop", 12, "bob"), job("6", "Stop", 40), job("7", "Stop", 58)];
  expect(gathered(jobs).map((group) => group.map((one) => one.jobid).join(""))).toEqual(["7", "6", "5", "4", "3", "21"]);
});

test("a job that failed is begun once more with what it was given, without secrets; else with what it was about", async () => {
  const catalogue = offered("root");
  const stop = { ...job("1", "StopVirtualMachine", 1), jobinstanceid: "vm" };
  expect(onceMore(stop, catalogue)).toMatchObject({ params: { id: "vm" }, complete: true });
  expect(onceMore({ ...stop, cmd: "x.DeployVirtualMachine" }, catalogue)).toBeUndefined();
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify({ response: { jobid: "9" } })));
  await begin("deployVirtualMachine", { zoneid: "z", serviceofferingid: "s", password: "secret" }, (name) => name === "password");
  expect(givenTo("9")).toEqual({ zoneid: "z", serviceofferingid: "s" });
  expect(sessionStorage.getItem("begun")).not.toContain("secret");
  expect(onceMore(job("9", "DeployVirtualMachine", 1), catalogue)?.params).toEqual({ zoneid: "z", serviceofferingid: "s" });
  vi.unstubAllGlobals();
});
