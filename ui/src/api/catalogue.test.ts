// From what the server offers a role to the pages it sees.
import { describe, expect, test } from "vitest";
import { METAS } from "../meta";
import { offered, type Role } from "../testing/offered";
import { entriesOf } from "../ui/entries";
import { Catalogue, nounOf, plural, singular, naming } from "./catalogue";

// Resources whose commands come with a later part of the server; their pages appear with them.
const LATER = new Set(["listSnapshots"]);
const ROLES: Role[] = ["root", "chief", "user"];

test.each(ROLES)("the navigation of %s", async (role) => {
  const lines = entriesOf(offered(role)).map((entry) => `${entry.section}: ${entry.title} ${entry.to}`);
  await expect(lines.join("\n")).toMatchFileSnapshot(`../testing/navigation.${role}.txt`);
});

test("who governs sees more than who uses, and every entry leads to a page", () => {
  const seen = ROLES.map((role) => new Set(entriesOf(offered(role)).map((entry) => entry.to)));
  for (const [less, more] of [[seen[2]!, seen[1]!], [seen[1]!, seen[0]!]] as const) for (const entry of less) expect(more, entry).toContain(entry);
  expect(seen[0]!.size).toBeGreaterThan(seen[2]!.size + 8);
});

describe("kinds", () => {
  const catalogue = offered("root");
  const kind = (list: string) => catalogue.kinds.find((one) => one.list.name === list)!;
  const names = (list: string) => kind(list).actions.map((command) => command.name);

  test("every improved resource is one that the server lists", () => {
    const improved = METAS.filter((meta) => !LATER.has(meta.list));
    for (const meta of improved) expect(catalogue.has(meta.list), meta.list).toBe(true);
    for (const meta of improved) for (const command of [meta.create, ...(meta.first ?? [])]) if (command) expect(catalogue.has(command), command).toBe(true);
  });

  test("pages have paths of their own", () => {
    const slugs = catalogue.kinds.map((one) => one.slug);
    expect(new Set(slugs).size).toBe(slugs.length);
  });

  test("commands find the rows they act on", () => {
    expect(names("listVirtualMachines")).toEqual(expect.arrayContaining(["startVirtualMachine", "stopVirtualMachine", "destroyVirtualMachine", "resetPasswordForVirtualMachine"]));
    expect(names("listVolumes")).toEqual(expect.arrayContaining(["attachVolume", "detachVolume", "resizeVolume"]));
    expect(kind("listNetworks").create.map((command) => command.name)).toContain("createNetwork");
    expect(catalogue.target(catalogue.commands.get("attachVolume")!, kind("listVolumes"))?.name).toBe("id");
  });

  test("a row that is known by its name is named by it, and by whose it is", () => {
    const command = kind("listSSHKeyPairs").actions.find((one) => one.name === "deleteSSHKeyPair")!;
    const target = catalogue.target(command, kind("listSSHKeyPairs"))!;
    expect(naming(command, target, { id: "1", name: "laptop", account: "ann", domainid: "d" })).toEqual({ name: "laptop", account: "ann", domainid: "d" });
    expect(naming(command, target, { id: "1", name: "laptop", projectid: "p" })).toEqual({ name: "laptop", projectid: "p" });
  });

  test("an id of which a command does not say what it refers to is asked for as in other commands", () => {
    expect(catalogue.commands.get("registerIso")?.params.find((param) => param.name === "zoneid")?.entity).toBe(catalogue.commands.get("createVolume")?.params.find((param) => param.name === "zoneid")?.entity);
  });

  test("hardly a command is without a place", () => {
    const placed = new Set(catalogue.kinds.flatMap((one) => [one.list, ...one.create, ...one.actions].map((command) => command.name)));
    const homeless = [...catalogue.commands.keys()].filter((name) => !placed.has(name) && !/^(list|query|get|login|logout|find|ready)/.test(name));
    expect(homeless.length / catalogue.commands.size, homeless.join()).toBeLessThan(0.2);
  });

  test("paging and planning are not asked of a person", () => {
    for (const command of catalogue.commands.values()) expect(Catalogue.fillable(command).map((param) => param.name)).not.toContain("dryrun");
  });
});

test.each([["GuestOsMapping", "GuestOsMappings"], ["Volumes", "Volumes"], ["DomainChildren", "DomainChildren"], ["UserData", "UserData"]])("many of %s", (name, many) => expect(plural(name)).toBe(many));
test.each([["VirtualMachines", "VirtualMachine"], ["Addresses", "Address"], ["Policies", "Policy"], ["Boxes", "Box"]])("one of %s", (many, one) => expect(singular(many)).toBe(one));
test.each([["createVolume", "Volume"], ["resetPasswordForVirtualMachine", "VirtualMachine"], ["addNicToVirtualMachine", "VirtualMachine"]])("what %s is about", (command, noun) => expect(nounOf(command)).toBe(noun));
