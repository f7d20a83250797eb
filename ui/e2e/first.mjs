// A first instance by keyboard alone against any running cloud, until its login prompt can be read in the browser:
//
//   node ui/e2e/first.mjs http://127.0.0.1:8080 admin PASSWORD first.png
//
// Says what it does and how long that took. Ends with an error where something is missing.
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { chromium, expect } from "@playwright/test";

const [url, user, password, picture = "first.png"] = process.argv.slice(2);
if (!password) throw new Error("usage: node ui/e2e/first.mjs URL USER PASSWORD [PICTURE]");
const BOOT = 600_000; // ms until a screen stands still; software emulation takes minutes
const STILL = 30; // looks, one a second, in which nothing changes but a cursor that blinks
const name = `first-${Date.now().toString(36)}`;
const began = Date.now();
const say = (text) => console.log(`${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${text}`);

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-GB" });
const page = await context.newPage();
page.setDefaultTimeout(60_000);

/** Tab until a thing has the focus, as a person without a mouse does. */
async function tabTo(wanted, from = page) {
  await expect(wanted).toBeVisible({ timeout: 60_000 });
  const focused = () => wanted.evaluate((one) => one === document.activeElement);
  for (let tabs = 0; tabs < 80 && !(await focused()); tabs += 1) await from.keyboard.press("Tab");
  if (!(await focused())) throw new Error("Tab does not reach it");
}
const heading = (title) => expect(page.getByRole("heading", { level: 1, name: title })).toBeVisible({ timeout: 60_000 });

try {
  await page.goto(new URL("/client/", url).href);
  await tabTo(page.getByLabel(/^User/));
  await page.keyboard.type(user);
  await tabTo(page.getByLabel(/^Password/).first());
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
  await heading("Overview");
  say("signed in");
  await page.keyboard.press("g");
  await page.keyboard.press("i");
  await heading("Instances");
  await page.keyboard.press("c");
  await heading("Create instance");
  await tabTo(page.getByRole("button", { name: "Skip to review" }));
  await page.keyboard.press("Enter");
  await tabTo(page.getByLabel(/^Name/));
  await page.keyboard.press("Control+a");
  await page.keyboard.type(name);
  await expect(page.getByText("It fits, within your limits").or(page.getByText("A network of its own is made first."))).toBeVisible({ timeout: 60_000 });
  say(`${name} fits`);
  await tabTo(page.locator("main section").getByRole("button", { name: "Create instance" }));
  await page.keyboard.press("Enter");
  await heading(new RegExp(name));
  say("it is a row");
  await expect(page.locator("h1 .status")).toHaveText("Running", { timeout: BOOT });
  say("it runs");
  await tabTo(page.getByRole("button", { name: "Console", exact: true }));
  const opening = context.waitForEvent("page");
  await page.keyboard.press("Enter");
  const screen = await opening;
  await expect(screen.locator("#state")).toHaveText("Connected", { timeout: 60_000 });
  say("its screen is open");
  const seen = [];
  while (seen.length < STILL || new Set(seen.slice(-STILL)).size > 2) {
    if (Date.now() - began > BOOT) throw new Error("the screen never stands still");
    seen.push(createHash("sha1").update(await screen.locator("canvas").evaluate((canvas) => canvas.toDataURL())).digest("hex"));
    await screen.waitForTimeout(1000);
  }
  writeFileSync(picture, await screen.screenshot());
  say(`its screen stands still: ${picture} shows it`);
} finally {
  await browser.close();
}
