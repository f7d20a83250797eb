// What can be done with a row follows from what the server declares of each command.
import { expect, test } from "vitest";
import { offered } from "../testing/offered";
import { whyNot } from "./actions";

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
