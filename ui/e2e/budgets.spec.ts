// What the console may cost: bytes, calls, nodes, and how soon rows are there among many.
import { expect, test, type Page } from "@playwright/test";
import { PASSWORD, signIn } from "./session";

const KB = 1024;

test("bytes until the first list", async ({ page }) => {
  const sizes: Record<string, number> = {};
  page.on("requestfinished", async (request) => {
    const kind = /\.(js|css|woff2)$/.exec(new URL(request.url()).pathname)?.[1];
    const { responseBodySize } = await request.sizes().catch(() => ({ responseBodySize: 0 }));
    if (kind) sizes[kind] = (sizes[kind] ?? 0) + responseBodySize;
  });
  await page.goto("/client/instances");
  await page.getByLabel(/^User/).fill("admin");
  await page.getByLabel(/^Password/).first().fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.locator("main [role=grid][aria-busy=false]")).toBeVisible();
  await page.waitForLoadState("networkidle", { timeout: 3000 }).catch(() => undefined); // the stream of events stays open
  console.log(`until the first list, KB: ${JSON.stringify(Object.fromEntries(Object.entries(sizes).map(([kind, size]) => [kind, Math.round(size / KB)])))}`);
  expect(sizes["js"]).toBeLessThanOrEqual(240 * KB);
  expect(sizes["css"]).toBeLessThanOrEqual(50 * KB);
  expect(sizes["woff2"]).toBeLessThanOrEqual(100 * KB);
});

test("calls from the sign-in to an idle overview", async ({ page }) => {
  const calls: string[] = [];
  page.on("request", (request) => { if (request.url().includes("/client/api")) calls.push(new URLSearchParams(request.postData() ?? "").get("command") ?? ""); });
  await signIn(page);
  await expect(page.locator(".live")).toHaveText("Live");
  await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
  await page.waitForTimeout(700);
  console.log(`from sign-in to the idle overview: ${calls.length} calls: ${calls.join(" ")}`);
  expect(calls.length).toBeLessThanOrEqual(10);
});

async function rows(page: Page, path: string): Promise<number> {
  const start = Date.now();
  await page.goto(`/client${path}`);
  await expect(page.locator("main [role=gridcell] a").first()).toBeVisible();
  return Date.now() - start;
}

test("rows of a long list are soon there, few nodes at a time", async ({ page }) => {
  await signIn(page);
  const took = await rows(page, "/instances");
  const all = Number(await page.locator("main [role=grid]").getAttribute("aria-rowcount")) - 1;
  const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
  await page.locator("main [role=grid]").evaluate((grid) => { grid.scrollTop = grid.scrollHeight; });
  await expect(page.locator("main .grid-row .skeleton")).toHaveCount(0);
  await expect(page.locator("main [role=gridcell] a").last()).toBeVisible();
  console.log(`${all} instances: rows after ${took} ms from a cold page, ${nodes} nodes`);
  if (process.env["CLOUDWRIGHT_MANY"]) expect(all).toBeGreaterThan(Number(process.env["CLOUDWRIGHT_MANY"]));
  expect(nodes).toBeLessThanOrEqual(1500);
  expect(took).toBeLessThanOrEqual(1500 * Number(process.env["CLOUDWRIGHT_SLACK"] ?? 1));
});
