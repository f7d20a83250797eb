// A network with its rules and its place on the map; a zone that is set up step by step.
import { expect, test } from "@playwright/test";
import { enter, machine, Other } from "./session";

const run = Date.now().toString(36);

test("rules of an address are made, changed and removed where they stand; the map shows the network", async ({ page }) => {
  const other = await Other.signIn();
  const name = `ruled-${run}`;
  const { id, network } = await machine(other, name);
  await other.done("associateIpAddress", { networkid: network });
  const address = (await other.call("listPublicIpAddresses", { associatednetworkid: network, issourcenat: "false", listall: "true" }))["publicipaddress"][0];
  await enter(page, `/public-ips/${address.id}`);
  const form = page.getByRole("form", { name: "A new rule" });
  await form.getByLabel(/^Port or range/).fill("8080");
  await form.getByLabel(/^Instance/).first().click();
  await page.getByRole("option", { name }).click();
  await form.getByLabel(/^Its port/).fill("80");
  await form.getByRole("button", { name: "Add rule" }).click();
  const rule = page.getByRole("row").filter({ hasText: `${name}:80` });
  await expect(rule.locator(".status")).toHaveText("Active");
  await rule.getByRole("button", { name: "Change" }).click();
  const panel = page.getByRole("dialog");
  await panel.getByRole("button", { name: /^More/ }).click();
  for (const port of [/^Instance's port/, /^Instance's last port/]) await panel.getByLabel(port).fill("81");
  await panel.getByRole("button", { name: "Update port forwarding rule" }).click();
  await expect(panel).toHaveCount(0);
  const changed = page.getByRole("row").filter({ hasText: `${name}:81` });
  await expect(changed.locator(".status")).toHaveText("Active");
  await changed.getByRole("button", { name: "Remove" }).click();
  await expect(changed).toHaveCount(0);

  await page.goto("/client/map");
  await expect(page.getByRole("link", { name: new RegExp(name) }).first()).toBeVisible();
  await page.goto(`/client/networks/${network}`);
  await expect(page.getByRole("link", { name, exact: true }).first()).toHaveAttribute("href", `/client/instances/${id}`);
});

test("a zone is set up in five steps, left in between, and ready at the end", async ({ page }) => {
  await enter(page, "/setup");
  const done = page.getByRole("button", { name: "Do this step" });
  const step = (title: string) => expect(page.getByRole("heading", { level: 2, name: title })).toBeVisible();
  await step("Zone");
  await page.getByLabel(/^Name/).fill(`zone-${run}`);
  await done.click();
  await step("Physical network");
  await done.click();
  await step("Addresses");
  await page.goto("/client/"); // and back, later
  await page.goto("/client/setup");
  await page.getByRole("button", { name: `Go on with zone-${run}` }).click();
  await step("Addresses");
  const second = { "Management gateway": "198.51.100.1", "First management address": "198.51.100.200", "Last management address": "198.51.100.220", "Public gateway": "198.18.0.1", "First public address": "198.18.0.100", "Last public address": "198.18.0.150" };
  for (const [label, value] of Object.entries(second)) await page.getByLabel(new RegExp(`^${label}`)).fill(value);
  await done.click();
  await step("Cluster and hosts");
  await page.getByRole("combobox", { name: /^Hypervisor/ }).click();
  await page.getByRole("option", { name: "Simulator" }).click();
  await page.getByRole("textbox", { name: /^Hosts/ }).fill(`http://sim/set-${run}`);
  await done.click();
  await step("Storage");
  await page.getByLabel(/^Primary storage/).fill(`sim://set-${run}/primary`);
  await page.getByLabel(/^Secondary storage/).fill(`sim://set-${run}-secondary`);
  await done.click();
  await expect(page.getByText("The zone is ready")).toBeVisible();
  const other = await Other.signIn();
  const zone = (await other.call("listZones", { name: `zone-${run}` }))["zone"][0];
  expect(zone.allocationstate).toBe("Enabled");
  await other.call("updateZone", { id: zone.id, allocationstate: "Disabled" }); // other tests mean the one they had
});
