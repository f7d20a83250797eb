import { expect, test } from "vitest";
import { exactly, parseDate } from "../lib/format";
import { limitShown } from "../meta/limits";
import { reasonOf } from "./Explain";
import { nameField, nameOf } from "./values";

test("a job is called by its command, whoever asked for it", () => {
  expect(nameOf({ jobid: "j", cmd: "cloudwright.compute.vm.DeployVirtualMachine", username: "admin" })).toBe("Deploy virtual machine");
});

test("a session at a screen is called by its instance and its time, also where its host is told", () => {
  const session = { id: "00000000-0000-4000-8000-000000000000", virtualmachinename: "web", hostname: "h1", consoleendpointcreatoraddress: "::1", created: "2026-11-22T20:00:00+0000" };
  expect(nameOf(session)).toBe(`web, ${exactly(parseDate(session.created))}`);
  expect(nameField({ ...session, consoleendpointcreatoraddress: undefined })).toBe("hostname");
});

test("limits are called by what they limit, and measured in its unit", () => {
  expect([nameOf({ resourcetypename: "user_vm" }), nameOf({ resourcetypename: "cpu" }), nameOf({ resourcetypename: "new_thing" })]).toEqual(["Instances", "CPUs", "New thing"]);
  expect([limitShown("memory", 655360), limitShown("primary_storage", 200), limitShown("user_vm", 60)]).toEqual(["640 GiB", "200 GiB", "60"]);
});

test("below a field, a refusal does not say again what the field is called", () => {
  expect([reasonOf("Parameter diskofferingid: it is needed"), reasonOf("Parameter jobid is missing: name a job"), reasonOf("There is no room")]).toEqual(["It is needed", "Is missing: name a job", "There is no room"]);
});
