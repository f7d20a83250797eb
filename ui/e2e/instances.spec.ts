// A first instance, by mouse and by keyboard alone; what cannot fit, explained; what others do, seen at once.
import { expect, test } from "@playwright/test";
import { Other, signIn } from "./session";

test("an instance by mouse, in few clicks", async ({ page }) => {
  await signIn(page);
  await page.getByRole("button", { name: "Create instance" }).click();
  await page.getByRole("button", { name: "Skip to review" }).click();
  await expect(page.getByText("It fits, within your limits")).toBeVisible();
  await page.getByLabel(/^Name/).fill("by-mouse");
  await page.getByRole("button", { name: "Create instance" }).click();
  await expect(page.getByRole("heading", { level: 1, name: /by-mouse/ })).toBeVisible();
  await expect(page.locator("h1 .status")).toHaveText("Running");
});

test("an instance by keyboard alone", async ({ page }) => {
  await signIn(page);
  await page.keyboard.press("g");
  await page.keyboard.press("i");
  await expect(page.getByRole("heading", { level: 1, name: "Instances" })).toBeVisible();
  await page.keyboard.press("c");
  await expect(page.getByRole("heading", { level: 1, name: "Create instance" })).toBeVisible();
  const skip = page.getByRole("button", { name: "Skip to review" });
  await expect(skip).toBeVisible();
  for (let tabs = 0; tabs < 60 && !(await skip.evaluate((button) => button === document.activeElement)); tabs += 1) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  const name = page.getByLabel(/^Name/);
  await expect(name).toBeVisible();
  for (let tabs = 0; tabs < 60 && !(await name.evaluate((input) => input === document.activeElement)); tabs += 1) await page.keyboard.press("Tab");
  await page.keyboard.press("Control+a");
  await page.keyboard.type("by-keys");
  const create = page.locator("main section").getByRole("button", { name: "Create instance" });
  for (let tabs = 0; tabs < 60 && !(await create.evaluate((button) => button === document.activeElement)); tabs += 1) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: /by-keys/ })).toBeVisible();
  await expect(page.locator("h1 .status")).toHaveText("Running");
});

test("what does not fit is explained, with numbers", async ({ page }) => {
  const other = await Other.signIn();
  await other.call("createServiceOffering", { name: `vast-${Date.now()}`, displaytext: "vast", cpunumber: "64", cpuspeed: "2000", memory: "4000000" });
  await signIn(page);
  await page.goto("/client/new/instances?step=size");
  await page.getByRole("button", { name: /^vast/ }).last().click();
  await page.getByRole("button", { name: "Skip to review" }).click();
  await page.locator("main section").getByRole("button", { name: "Create instance" }).click();
  await expect(page.getByRole("alert").first()).toContainText(/memory|MiB|GiB/i);
});

test("what another client does is seen without a reload", async ({ page }) => {
  const other = await Other.signIn();
  const network = (await other.call("listNetworks", { listall: "true" }))["network"][0];
  const offering = (await other.call("listServiceOfferings"))["serviceoffering"][0];
  const template = (await other.call("listTemplates", { templatefilter: "all" }))["template"][0];
  await signIn(page);
  await page.goto("/client/instances");
  await expect(page.locator(".live")).toHaveText("Live");
  await other.done("deployVirtualMachine", { zoneid: network.zoneid, networkids: network.id, serviceofferingid: offering.id, templateid: template.id, name: "elsewhere" });
  await expect(page.getByRole("link", { name: "elsewhere" })).toBeVisible();
});

test("choosing several rows, and stopping those that run", async ({ page }) => {
  await signIn(page);
  await page.goto("/client/instances");
  await expect(page.getByRole("link", { name: "by-mouse" })).toBeVisible();
  for (const name of ["by-mouse", "by-keys"]) await page.getByLabel(`Select ${name}`).check();
  await page.getByRole("button", { name: "Stop 2" }).click();
  await page.getByRole("region", { name: "Chosen rows" }).getByRole("button", { name: "Stop 2" }).click();
  await expect(page.locator("[role=row]", { hasText: "by-mouse" }).locator(".status")).toHaveText("Stopped");
  await expect(page.locator("[role=row]", { hasText: "by-keys" }).locator(".status")).toHaveText("Stopped");
});
