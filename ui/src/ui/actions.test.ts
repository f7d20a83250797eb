// What can be done with a row follows from what the server declares of each command.
import { expect, test } from "vitest";
import { ends, groupOf } from "../api/catalogue";
import { offered } from "../testing/offered";
import { whyNot } from "./actions";
import { placed } from "./RowMenu";

const command = (name: string) => offered("root").commands.get(name)!;

test.each([
  ["startVirtualMachine", { state: "Stopped" }, undefined],
  ["startVirtualMachine", { state: "Running" }, "It is Running"],
  ["stopVirtualMachine", { state: "Stopped" }, "It is Stopped"],
  ["updateVirtualMachine", { state: "Running" }, undefined],
  ["cancelHostMaintenance", { state: "Up", resourcestate: "Maintenance" }, undefined],
  ["cancelHostMaintenance", { state: "Up", resourcestate: "Enabled" }, "It is Up, Enabled"],
  ["detachVolume", { state: "Ready" }, "Instance: none"],
  ["attachVolume", { state: "Ready", virtualmachineid: "1" }, "Instance: set already"],
  ["attachVolume", { state: "Ready" }, undefined],
])("%s on %o", (name, row, why) => {
  expect(whyNot(command(name), row)).toBe(why);
});

test("a command that comes with the next version needs no line here", () => {
  expect(whyNot({ ...command("startVirtualMachine"), name: "petVirtualMachine", states: ["Running"] }, { state: "Stopped" })).toBe("It is Stopped");
});

test.each([
  ["instances", "state", ["rebootVirtualMachine", "recoverVirtualMachine", "startVirtualMachine", "stopVirtualMachine"]],
  ["instances", "connect", ["addNicToVirtualMachine", "removeNicFromVirtualMachine", "updateDefaultNicForVirtualMachine"]],
  ["instances", "tell", ["getVMPassword"]],
  ["instances", "end", ["destroyVirtualMachine", "expungeVirtualMachine"]],
  ["volumes", "connect", ["attachVolume", "detachVolume"]],
  ["hosts", "end", ["deleteHost"]],
  ["projects", "end", ["deleteProject"]],
  ["public-ips", "end", ["disassociateIpAddress"]],
])("of %s, these are in the group %s", (slug, group, names) => {
  const kind = offered("root").bySlug(slug)!;
  expect(kind.actions.filter((one) => groupOf(one, kind) === group).map((one) => one.name)).toEqual(names);
});

test("what takes something from a row does not end it", () => {
  const hosts = offered("root").bySlug("hosts")!;
  expect(ends(command("releaseHostReservation"), hosts)).toBe(false);
  expect(groupOf(command("releaseHostReservation"), hosts)).toBe("connect");
});

test.each([
  ["below, where it fits", { top: 100, bottom: 140 }, 300, { top: 144, maxHeight: 648 }],
  ["above, where more room is", { top: 700, bottom: 740 }, 300, { bottom: 104, maxHeight: 688 }],
  ["below and scrolled, where it fits nowhere", { top: 300, bottom: 340 }, 900, { top: 344, maxHeight: 448 }],
])("a menu opens %s", (_, line, height, place) => {
  expect(placed(line, height, 800)).toEqual(place);
});
