// What the console may cost: bytes, calls, nodes, and how soon rows are there among many.
import { expect, test, type Page } from "@playwright/test";
import { enter, Other, PASSWORD, signIn } from "./session";

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

const TIMES = 3; // the best of so many counts: others use the machine, too
const SLACK = Number(process.env["CLOUDWRIGHT_SLACK"] ?? 1);

async function rows(page: Page, path: string): Promise<number> {
  const start = Date.now();
  await page.goto(`/client${path}`);
  await expect(page.locator("main [role=gridcell] a").first()).toBeVisible();
  return Date.now() - start;
}

/** The 95th percentile of ms between frames while a long list is scrolled through. */
function frames(page: Page): Promise<number> {
  return page.locator("main [role=grid]").evaluate(async (grid) => {
    const taken: number[] = [];
    const frame = () => new Promise<number>((done) => requestAnimationFrame(done));
    let last = await frame();
    for (let i = 0; i < 60; i += 1) {
      grid.scrollTop += i < 30 ? 300 : -300;
      const now = await frame();
      taken.push(now - last);
      last = now;
    }
    return taken.sort((a, b) => a - b)[Math.floor(taken.length * 0.95)] ?? 0;
  });
}

async function best(measure: () => Promise<number>, enough: number): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < TIMES && least > enough; i += 1) least = Math.min(least, await measure());
  return least;
}

test("rows of a long list are soon there, few nodes at a time, and scroll smoothly", async ({ page }) => {
  await enter(page, "/about");
  const took = await best(() => rows(page, "/instances"), 1500);
  const all = Number(await page.locator("main [role=grid]").getAttribute("aria-rowcount")) - 1;
  const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
  const frame = await best(() => frames(page), 120);
  await page.locator("main [role=grid]").evaluate((grid) => { grid.scrollTop = grid.scrollHeight; });
  await expect(page.locator("main .grid-row .skeleton")).toHaveCount(0);
  await expect(page.locator("main [role=gridcell] a").last()).toBeVisible();
  console.log(`${all} instances: rows after ${took} ms from a cold page, ${nodes} nodes, 95 % of frames within ${frame.toFixed(0)} ms`);
  if (process.env["CLOUDWRIGHT_MANY"]) expect(all).toBeGreaterThan(Number(process.env["CLOUDWRIGHT_MANY"]));
  expect(nodes).toBeLessThanOrEqual(1500);
  expect(took).toBeLessThanOrEqual(1500 * SLACK);
  expect(frame).toBeLessThanOrEqual(120 * SLACK);
});

test("a long list that changes all the time keeps its memory", async ({ page }) => {
  const other = await Other.signIn();
  const { id } = (await other.call("listVirtualMachines", { listall: "true", page: "1", pagesize: "1" }))["virtualmachine"][0] as { id: string };
  await enter(page, "/about");
  await rows(page, "/instances");
  await expect(page.locator(".live")).toHaveText("Live");
  const tools = await page.context().newCDPSession(page);
  let reads = 0;
  page.on("requestfinished", (request) => { if ((request.postData() ?? "").includes("command=listVirtualMachines")) reads += 1; });
  let changes = 0;
  /** Changes that each make the page read its list again; then the bytes in use. */
  const round = async (many: number): Promise<number> => {
    for (let i = 0; i < many; i += 1) {
      const before = reads;
      await other.call("updateVirtualMachine", { id, displayname: `changed-${(changes += 1)}` });
      await expect.poll(() => reads).toBeGreaterThan(before);
    }
    await tools.send("HeapProfiler.collectGarbage");
    return (await tools.send("Runtime.getHeapUsage")).usedSize;
  };
  const heaps = [await round(6), await round(6), await round(6)];
  console.log(`heap while ${changes} changes came, MB: ${heaps.map((heap) => (heap / 1e6).toFixed(1)).join(", ")}`);
  expect(heaps[2]! - heaps[1]!, "growth between the second and the third six changes").toBeLessThan(1e6);
});
