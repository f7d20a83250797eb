import { expect, test } from "vitest";
import { Catalogue, type Command, type Field } from "../api/catalogue";
import { measured } from "../lib/format";
import { eventCalled, thingCalled, titled } from "../meta/words";
import { columnsOf, referring } from "./Columns";

const field = (name: string, more: Partial<Field> = {}): Field => ({ name, type: "string", description: "", ...more });
const command = (name: string, more: Partial<Command> = {}): Command => ({ name, description: "", isasync: false, params: [{ name: "page", description: "", type: "integer", required: false, length: 255 }], response: [], httprequesttype: "GET", ...more });

test("an amount is shown in units that fit, with how many times of it may be given out", () => {
  expect([measured("332.80 Ghz"), measured("4096.00 GB"), measured("4096.00 GB (x2.0)"), measured("64.00 GB (x1.0)")]).toEqual(["332.8 GHz", "4 TiB", "4 TiB × 2", "64 GiB"]);
  expect([measured("2 / 4"), measured("28.00%"), measured("4096 GB of a kind")]).toEqual([undefined, undefined, undefined]);
});

test("a column does not say the unit that its values say", () => {
  expect([titled("cputotalghz"), titled("disksizeunallocatedgb"), titled("secondarystoragegb")]).toEqual(["CPU total", "Disk size unallocated", "Secondary storage GB"]);
});

test("of two amounts called alike, a list shows the one that it adds to a plainer list", () => {
  const plain = command("listPools", { response: [field("name"), field("disksizetotal", { type: "long" })] });
  const figures = command("listPoolsMetrics", { response: [...plain.response, field("disksizetotalgb")] });
  const { kinds } = new Catalogue([plain, figures]);
  expect(columnsOf(kinds[1]!, undefined, [], kinds[0])).toEqual(["disksizetotalgb"]);
});

test("what is told by its id alone is a column; what has its name beside is not, nor the row itself, nor a job", () => {
  const [kind] = new Catalogue([command("listRules", { resource: "rule", response: [field("id", { entity: "rule" }), field("networkid", { entity: "network" }), field("zoneid", { entity: "zone" }), field("zonename"), field("jobid", { entity: "task" }), field("hostid")] })]).kinds;
  expect(referring(kind!)).toEqual(["networkid"]);
  expect(columnsOf(kind!, undefined)).toEqual(["zonename", "networkid"]);
});

test("a state that two fields tell alike is shown once", () => {
  const [kind] = new Catalogue([command("listPlaces", { response: [field("state"), field("allocationstate")] })]).kinds;
  expect(columnsOf(kind!, undefined, [{ state: "Enabled", allocationstate: "Enabled" }])).toEqual(["state"]);
  expect(columnsOf(kind!, undefined, [{ state: "Up", allocationstate: "Enabled" }])).toEqual(["state", "allocationstate"]);
});

test("a type of event is called by the one command that it tells of, else by a word of its own, else by its parts", () => {
  const catalogue = new Catalogue([command("deployVirtualMachine", { event: "VM.CREATE" }), command("createPortForwardingRule", { event: "NET.RULEADD" }), command("createIpForwardingRule", { event: "NET.RULEADD" }), command("dedicateZone", { event: "DEDICATE.RESOURCE" }), command("dedicatePod", { event: "DEDICATE.RESOURCE" })]);
  expect([eventCalled("VM.CREATE", catalogue), eventCalled("NET.RULEADD", catalogue), eventCalled("ALERT.STORAGE.ALLOCATED", catalogue), eventCalled("VOLUME.ATTACH", catalogue), eventCalled("DEDICATE.RESOURCE", catalogue)]).toEqual(["Deploy virtual machine", "Create forwarding rule", "Storage allocated", "Volume attach", "Dedicate resource"]);
});

test("kinds of things are called as readers call them", () => {
  expect([thingCalled("UserVm"), thingCalled("VM"), thingCalled("DomainRouter"), thingCalled("PhysicalNetwork")]).toEqual(["Instance", "Instance", "Virtual router", "Physical network"]);
});

test("answers call some kinds of things otherwise than lists do", () => {
  const catalogue = new Catalogue([command("listVirtualMachines"), command("listRouters"), command("listVolumes")]);
  expect(["UserVm", "VM", "DomainRouter", "Volume", "Kettle"].map((type) => catalogue.called(type)?.noun)).toEqual(["VirtualMachine", "VirtualMachine", "Router", "Volume", undefined]);
});
