// What the console costs, as figures: run by `python -m tests.bench --only console`, which prints them beside their targets.
import AxeBuilder from "@axe-core/playwright";
import { expect, test, type Browser, type Page } from "@playwright/test";
import { signIn } from "./session";

test.skip(!process.env["CLOUDWRIGHT_MEASURE"], "measured by tests.bench");
test.setTimeout(600_000);

const TIMES = 5;
const tell = (what: string, value: unknown) => console.log(`MEASURED ${JSON.stringify([what, value])}`);
const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const rows = (page: Page) => expect(page.locator("main [role=gridcell] a").first()).toBeVisible({ timeout: 60_000 });

/** A browser that was never here, but for the session. */
async function cold(browser: Browser, storage: Awaited<ReturnType<ReturnType<Page["context"]>["storageState"]>>): Promise<Page> {
  const context = await browser.newContext({ storageState: { ...storage, origins: storage.origins.map((one) => ({ ...one, localStorage: one.localStorage.filter((item) => item.name !== "catalogue") })) } });
  return context.newPage();
}

test("what it costs", async ({ browser, page }) => {
  await signIn(page);
  const session = await page.context().storageState();

  const loaded = await cold(browser, session);
  const wire = await loaded.context().newCDPSession(loaded);
  await wire.send("Network.enable");
  let bytes = 0;
  let requests = 0;
  const calls: string[] = [];
  wire.on("Network.loadingFinished", (told) => { bytes += told.encodedDataLength; requests += 1; });
  loaded.on("request", (request) => { if (request.url().includes("/client/api")) calls.push(new URLSearchParams(request.postData() ?? "").get("command") ?? ""); });
  await loaded.goto("/client/");
  await expect(loaded.getByText("Live", { exact: true })).toBeVisible();
  await expect(loaded.locator("[aria-busy=true]")).toHaveCount(0);
  await loaded.waitForTimeout(1500);
  tell("transfer until the overview, KB", [Math.round(bytes / 1024), requests]);
  tell("calls until the idle overview", calls.length);
  await loaded.context().close();

  const starts: number[] = [];
  for (let i = 0; i < TIMES; i += 1) {
    const fresh = await cold(browser, session);
    const began = Date.now();
    await fresh.goto("/client/instances");
    await rows(fresh);
    starts.push(Date.now() - began);
    await fresh.context().close();
  }
  tell("cold start to rows, ms", median(starts));

  await page.goto("/client/instances");
  await rows(page);
  const all = Number(await page.locator("main [role=grid]").getAttribute("aria-rowcount")) - 1;
  const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
  const frames = await page.locator("main [role=grid]").evaluate(async (grid) => {
    const taken: number[] = [];
    const frame = () => new Promise<number>((done) => requestAnimationFrame(done));
    let last = await frame();
    for (let i = 0; i < 100; i += 1) {
      grid.scrollTop += 300;
      const now = await frame();
      taken.push(now - last);
      last = now;
    }
    return taken.sort((a, b) => a - b);
  });
  const jumped = Date.now();
  await page.locator("main [role=grid]").evaluate((grid) => { grid.scrollTop = grid.scrollHeight; });
  await expect(page.locator("main .grid-row .skeleton")).toHaveCount(0, { timeout: 60_000 });
  await rows(page);
  tell("rows in the list", [all, nodes, Math.round(frames[50] ?? 0), Math.round(frames[95] ?? 0), Date.now() - jumped]);

  const violations: number[] = [];
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.goto("/client/instances");
    await rows(page);
    violations.push((await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]).analyze()).violations.length);
  }
  tell("axe, light and dark", violations);

  await page.goto("/client/");
  await page.evaluate(() => addEventListener("click", () => { const many = Number(sessionStorage.getItem("clicks")) + 1; sessionStorage.setItem("clicks", String(many)); }, true));
  await page.getByRole("button", { name: "Create instance" }).click();
  await page.getByRole("button", { name: "Skip to review" }).click();
  await expect(page.getByText("It fits, within your limits").or(page.getByText("A network of its own is made first."))).toBeVisible();
  await page.locator("main section").getByRole("button", { name: "Create instance" }).click();
  await expect(page.locator("h1 .status")).toHaveText("Running", { timeout: 60_000 });
  tell("clicks to an instance", Number(await page.evaluate(() => sessionStorage.getItem("clicks"))));
});
