// Pictures of every page as an administrator sees it, in both schemes, wide and narrow.
import { test, type Page } from "@playwright/test";
import { inside, LOOKS, more, named, OWNED, press, take, type Shot } from "./pictures";
import { FOLDED, routes } from "./routes";
import { Other, PASSWORD } from "./session";

const PAGES = ["/", "/map", "/capacity", "/infrastructure", "/settings", "/setup", "/reference", "/reference/deployVirtualMachine", "/about", "/profile", "/access", "/limits", "/identity", "/domains", "/no-such-page/at/all"];
const STEPS = ["zone", "image", "size", "network", "access", "review"];
const TABS: Record<string, string[]> = { instances: ["volumes", "nics", "rules", "affinity", "events", "activity"], networks: ["public-ips", "instances", "events"], accounts: ["limits"], domains: ["limits"], hosts: ["events"], volumes: ["events"] };

/** Lists of the sidebar, those folded into other pages, and all that are generated; each with the page of its first row. */
async function lists(page: Page): Promise<Shot[]> {
  const { generated, things } = await routes(await Other.signIn());
  const entries = await page.locator("nav[aria-label=Main] a").evaluateAll((links) => links.map((link) => new URL((link as HTMLAnchorElement).href).pathname.replace("/client", "")));
  const shots = [...entries, ...FOLDED].filter((path) => path && !PAGES.includes(path)).map((path) => ({ name: `list-${named(path)}`, path }));
  for (const slug of generated) shots.push({ name: `generated-${slug}`, path: `/${slug}` });
  for (const [slug, id] of things) for (const tab of ["", ...(TABS[slug] ?? [])]) shots.push({ name: `detail-${slug}${tab && `-${tab}`}`, path: `/${slug}/${id}${tab && `/${tab}`}` });
  return shots;
}

async function jobs(): Promise<Shot[]> {
  const rows = (await (await Other.signIn()).call("listAsyncJobs", { listall: "true", page: "1", pagesize: "400" }))["asyncjobs"] as { jobid: string; jobstatus: number; cmd: string }[];
  const done = rows.find((job) => job.jobstatus === 1 && /Deploy/i.test(job.cmd));
  const failed = rows.find((job) => job.jobstatus === 2);
  return [["done", done], ["failed", failed]].flatMap(([name, job]) => (job ? [{ name: `job-${String(name)}`, path: `/activity/${(job as { jobid: string }).jobid}` }] : []));
}

/** What opens over a page, and what a list looks like while it is worked with. */
const OVERLAYS: Shot[] = [
  { name: "over-palette", path: "/instances", then: async (page) => { await page.keyboard.press("Control+k"); await page.getByRole("combobox").fill("web"); await page.waitForTimeout(900); } },
  { name: "over-activity", path: "/instances", then: press("a") },
  { name: "over-keys", path: "/instances", then: press("?") },
  { name: "over-user", path: "/instances", then: async (page) => { await page.locator(".menu-button").click({ timeout: 500 }).catch(() => undefined); await page.locator(".foot button").click(); } },
  { name: "over-scope", path: "/instances", then: async (page) => { await page.locator(".menu-button").click({ timeout: 500 }).catch(() => undefined); await page.locator("aside .whose").first().click(); } },
  { name: "over-columns", path: "/instances", then: (page) => page.getByRole("button", { name: "Columns and density" }).click() },
  { name: "over-chosen", path: "/instances", then: async (page) => { for (const at of [0, 1, 2]) await page.locator("main .grid-row input").nth(at).check(); } },
  { name: "over-row-menu", path: "/instances", then: (page) => page.getByRole("button", { name: /^Actions for/ }).nth(2).click() },
  { name: "over-create-network", path: "/networks", then: (page) => page.getByRole("button", { name: "Create network" }).click() },
  { name: "over-create-volume-picker", path: "/volumes", then: async (page) => { await page.getByRole("button", { name: "Create volume" }).click(); await page.getByRole("dialog").getByLabel(/^Zone/).first().click(); } },
  { name: "over-register-image", path: "/images", then: async (page) => { await page.getByRole("button", { name: "Register image" }).click(); await page.getByRole("button", { name: /^More \(/ }).click(); } },
  { name: "list-none-fits", path: "/instances?keyword=nothing-of-this-name" },
  { name: "list-refused", path: "/instances?zoneid=no-zone" },
  { name: "list-scope-mine", path: "/instances?scope=mine" },
  { name: "settings-expunge", path: "/settings?keyword=overprovisioning" },
  { name: "create-networks", path: "/new/networks" }, { name: "create-accounts", path: "/new/accounts" }, { name: "create-compute-offerings", path: "/new/compute-offerings" },
];

async function acting(): Promise<Shot[]> {
  const rows = (await (await Other.signIn()).call("listVirtualMachines", { listall: "true", state: "Running", page: "1", pagesize: "1" }))["virtualmachine"] as { id: string }[];
  const own = `/instances/${rows[0]?.id ?? ""}`;
  return [
    { name: "over-actions", path: own, then: more },
    { name: "over-scale", path: own, then: async (one) => { await more(one); await one.getByRole("menuitem", { name: /^Scale/ }).click(); } },
    { name: "over-destroy", path: own, then: async (one) => { await more(one); await one.getByRole("menuitem", { name: /^Destroy/ }).click(); } },
  ];
}

async function setUp(): Promise<Shot[]> {
  const zones = (await (await Other.signIn()).call("listZones"))["zone"] as { id: string; name: string; allocationstate: string }[];
  const begun = zones.find((zone) => zone.allocationstate !== "Enabled");
  const whole = zones.find((zone) => zone.allocationstate === "Enabled");
  const steps = begun ? ["zone", "network"].map((step) => ({ name: `setup-${step}`, path: `/setup?zone=${begun.id}&step=${step}` })) : [];
  return [...steps, ...(whole ? [{ name: "setup-done", path: `/setup?zone=${whole.id}` }, { name: "setup-hosts", path: `/setup?zone=${whole.id}&step=hosts` }] : [])];
}

for (const look of LOOKS)
  test(`pages, ${look}`, async ({ browser }) => {
    const page = await inside(browser, look, "admin", PASSWORD);
    const found = await lists(page);
    const hand = PAGES.map((path) => ({ name: `page-${named(path)}`, path }));
    const wizard = STEPS.map((step) => ({ name: `wizard-${step}`, path: `/new/instances?step=${step}` }));
    await take(page, [...hand, ...wizard, ...found, ...(await jobs()), ...OVERLAYS, ...(await acting()), ...(await setUp())], look);
    await page.context().close();

    const chief = await inside(browser, look, "grace", OWNED, "retail");
    await take(chief, ["/", "/domains", "/accounts"].map((path) => ({ name: `chief-${named(path)}`, path })), look);
    await chief.context().close();
  });
