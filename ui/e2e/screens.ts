// Pictures of every page in both schemes, wide and narrow. SHOTS says where to; ONLY, a pattern of names, which;
// LOOKS, such as "dark-390", in which looks; DIRECTION=rtl and LANGUAGE=de turn and translate them.
import { test, type Browser, type Page } from "@playwright/test";
import { FOLDED, routes } from "./routes";
import { Other, PASSWORD, signIn } from "./session";

const INTO = process.env["SHOTS"] ?? "screens";
const ONLY = new RegExp(process.env["ONLY"] ?? ".");
const LOOKS = (process.env["LOOKS"] ?? "light-1440 dark-1440 light-390 dark-390").split(" ");
const TALLEST = 2600;
const OWNED = "Console-Looks-1"; // the password of everyone whom the population made
const PAGES = ["/", "/map", "/capacity", "/infrastructure", "/settings", "/setup", "/reference", "/reference/deployVirtualMachine", "/about", "/profile", "/access", "/limits", "/identity", "/domains", "/no-such-page/at/all"];
const STEPS = ["zone", "image", "size", "network", "access", "review"];
const TABS: Record<string, string[]> = { instances: ["volumes", "nics", "rules", "affinity", "events", "activity"], networks: ["public-ips", "instances", "events"], accounts: ["limits"], domains: ["limits"], hosts: ["events"], volumes: ["events"] };

interface Shot { name: string; path: string; then?: (page: Page) => Promise<unknown> }

const press = (...keys: string[]) => async (page: Page) => { for (const key of keys) await page.keyboard.press(key); };
const more = (page: Page) => page.getByRole("button", { name: "More", exact: true }).click();

async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => !document.querySelector("[aria-busy=true], main .skeleton"), undefined, { timeout: 3000 }).catch(() => undefined);
  await page.waitForTimeout(Number(process.env["PAUSE"] ?? 350));
}

/** The page as high as what it holds, within reason, so that nothing is below the fold. */
async function shoot(page: Page, name: string, look: string): Promise<void> {
  const size = page.viewportSize() ?? { width: 1440, height: 900 };
  const needed = await page.evaluate(() => (document.querySelector("main")?.scrollHeight ?? 0) + 52);
  const height = Math.min(Math.max(size.height, needed), TALLEST);
  if (height !== size.height) await page.setViewportSize({ width: size.width, height });
  await page.screenshot({ path: `${INTO}/${name}--${look}.png` });
  if (height !== size.height) await page.setViewportSize(size);
}

async function take(page: Page, shots: Shot[], look: string): Promise<void> {
  for (const { name, path, then } of shots.filter((shot) => ONLY.test(shot.name))) {
    await page.goto(`/client${path}`);
    await page.locator("main h1, main .empty").first().waitFor({ timeout: 8000 }).catch(() => console.log(`no heading on ${path}`));
    await settled(page);
    await then?.(page).catch((error: Error) => console.log(`${name}: ${error.message.split("\n")[0]}`));
    if (then) await settled(page);
    await shoot(page, name, look);
  }
}

const named = (path: string) => path.replace(/^\//, "").replace(/\W+/g, "-") || "home";

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
  { name: "over-register-image", path: "/images", then: async (page) => { await page.getByRole("button", { name: "Create image" }).click(); await page.getByRole("button", { name: /^More \(/ }).click(); } },
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

async function inside(browser: Browser, look: string, name: string, password: string, domain = ""): Promise<Page> {
  const [scheme, width] = look.split("-");
  const context = await browser.newContext({ colorScheme: scheme as "light" | "dark", viewport: width === "390" ? { width: 390, height: 844 } : { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(([direction, language]) => { if (direction) localStorage.setItem("direction", direction); if (language) localStorage.setItem("language", language); }, [process.env["DIRECTION"], undefined]);
  if (name) await signIn(page, name, password, domain);
  if (process.env["LANGUAGE"]) await page.addInitScript((language) => localStorage.setItem("language", language), process.env["LANGUAGE"]);
  return page;
}

for (const look of LOOKS)
  test(`pages, ${look}`, async ({ browser }) => {
    const page = await inside(browser, look, "admin", PASSWORD);
    const found = await lists(page);
    const hand = PAGES.map((path) => ({ name: `page-${named(path)}`, path }));
    const wizard = STEPS.map((step) => ({ name: `wizard-${step}`, path: `/new/instances?step=${step}` }));
    await take(page, [...hand, ...wizard, ...found, ...(await jobs()), ...OVERLAYS, ...(await acting()), ...(await setUp())], look);
    await page.context().close();

    const user = await inside(browser, look, "linus", OWNED, "retail/shop");
    await take(user, ["/", "/instances", "/limits", "/map", "/isos", "/affinity", "/keys"].map((path) => ({ name: `user-${named(path)}`, path })), look);
    await user.context().close();

    const chief = await inside(browser, look, "grace", OWNED, "retail");
    await take(chief, ["/", "/domains", "/accounts"].map((path) => ({ name: `chief-${named(path)}`, path })), look);
    await chief.context().close();

    const nobody = await inside(browser, look, "", "");
    await take(nobody, [{ name: "sign-in", path: "/" }, { name: "sign-in-refused", path: "/", then: async (one) => { await one.getByLabel(/^User/).fill("admin"); await one.getByLabel(/^Password/).first().fill("wrong"); await one.getByRole("button", { name: "Sign in" }).click(); } }, { name: "console-window", path: "/console?token=no" }], look);
    await nobody.context().close();
  });
