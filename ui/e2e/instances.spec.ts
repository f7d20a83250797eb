// A first instance, by mouse and by keyboard alone; what cannot fit, explained; what others do, seen at once.
import { expect, test, type Locator, type Page } from "@playwright/test";
import { enter, machine, Other } from "./session";

// Names of this run: the server may have those of another.
const run = Date.now().toString(36);
const MOUSE = `mouse-${run}`;
const KEYS = `keys-${run}`;

async function tabTo(page: Page, wanted: Locator): Promise<void> {
  await expect(wanted).toBeVisible();
  const focused = () => wanted.evaluate((one) => one === document.activeElement);
  for (let tabs = 0; tabs < 60 && !(await focused()); tabs += 1) await page.keyboard.press("Tab");
  await expect(wanted).toBeFocused();
}

test("an instance by mouse, in few clicks", async ({ page }) => {
  await enter(page, "/");
  await page.getByRole("button", { name: "Create instance" }).click();
  await page.getByRole("button", { name: "Skip to review" }).click();
  await page.getByLabel(/^Name/).fill(MOUSE);
  await page.getByRole("button", { name: "Create instance" }).click();
  await expect(page.getByRole("heading", { level: 1, name: MOUSE })).toBeVisible();
  await expect(page.locator("h1 .status")).toHaveText("Running");
});

test("an instance by keyboard alone", async ({ page }) => {
  await enter(page, "/");
  await page.keyboard.press("g");
  await page.keyboard.press("i");
  await expect(page.getByRole("heading", { level: 1, name: "Instances" })).toBeVisible();
  await page.keyboard.press("c");
  await expect(page.getByRole("heading", { level: 1, name: "Create instance" })).toBeVisible();
  await tabTo(page, page.getByRole("button", { name: "Skip to review" }));
  await page.keyboard.press("Enter");
  await tabTo(page, page.getByLabel(/^Name/));
  await page.keyboard.press("Control+a");
  await page.keyboard.type(KEYS);
  await expect(page.getByText("It fits, within your limits")).toBeVisible();
  await tabTo(page, page.locator("main section").getByRole("button", { name: "Create instance" }));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: KEYS })).toBeVisible();
  await expect(page.locator("h1 .status")).toHaveText("Running");
});

test("what does not fit is explained, with numbers", async ({ page }) => {
  const other = await Other.signIn();
  await other.call("createServiceOffering", { name: `vast-${run}`, displaytext: "vast", cpunumber: "64", cpuspeed: "2000", memory: "4000000" });
  await enter(page, "/new/instances?step=size");
  await page.getByRole("button", { name: `vast-${run}` }).click();
  await page.getByRole("button", { name: "Skip to review" }).click();
  await expect(page.getByRole("alert").first()).toContainText(/memory|MiB|GiB/i);
});

test("rows by keyboard, ordered and chosen; those that run are stopped at once; columns and density last", async ({ page }) => {
  const other = await Other.signIn();
  const [ONE, TWO] = [`row-a-${Date.now().toString(36)}`, `row-b-${Date.now().toString(36)}`];
  const { network } = await machine(other, TWO);
  await machine(other, ONE, {}, network);
  await enter(page, `/instances?keyword=${ONE.slice(6)}`);
  const row = (name: string) => page.locator("[role=row]", { hasText: name });
  await expect(row(TWO)).toBeVisible();
  await page.getByRole("columnheader", { name: "Name" }).getByRole("button").click();
  await expect(page).toHaveURL(/orderby=name/);
  await expect(page.getByRole("gridcell").getByRole("link").first()).toHaveText(ONE);
  await page.locator("main h1").click();
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await expect(row(ONE)).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press(".");
  await expect(page.getByRole("menuitem").first()).toBeFocused();
  await page.keyboard.press("Escape");
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await page.getByRole("button", { name: "Stop 2" }).click();
  await page.getByRole("region", { name: "Chosen rows" }).getByRole("button", { name: "Stop 2" }).click();
  for (const name of [ONE, TWO]) await expect(row(name).locator(".status")).toHaveText("Stopped");
  const head = page.getByRole("columnheader", { name: "Image" });
  await expect(head).toBeVisible();
  await page.getByRole("button", { name: "Columns and density" }).click();
  await page.getByLabel("Compact rows").check();
  await page.getByRole("dialog", { name: "Columns and density" }).getByLabel("Image").uncheck();
  await page.keyboard.press("Escape");
  await page.reload();
  await expect(row(ONE)).toBeVisible();
  await expect(head).toHaveCount(0);
  expect(await page.locator(".grid-row").first().evaluate((one) => one.clientHeight)).toBeLessThanOrEqual(40);
});
