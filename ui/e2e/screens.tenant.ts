// Pictures of what a tenant sees, signed in as a plain user of the population: every page, what opens over pages, what is refused; and the ways in.
import { test, type Browser, type Page } from "@playwright/test";
import { inside, LOOKS, more, named, OWNED, press, settled, shoot, take, type Shot } from "./pictures";
import { routes } from "./routes";
import { Other } from "./session";

const PAGES = ["/", "/map", "/limits", "/profile", "/access", "/about", "/reference", "/reference/createVolume", "/capacity", "/no-such-page/at/all"];
const STEPS = ["zone", "image", "size", "network", "access", "review"];
const TABS: Record<string, string[]> = { instances: ["volumes", "nics", "rules", "affinity", "snapshots", "console-sessions", "events", "activity"], networks: ["public-ips", "instances", "events", "activity"], volumes: ["events", "activity"], projects: ["limits", "events"], "public-ips": ["events"], images: ["events"] };

const linus = () => Other.signIn("linus", OWNED, "/retail/shop");
const first = async (command: string, more: Record<string, string> = {}) => (Object.values(await (await linus()).call(command, { listall: "true", page: "1", pagesize: "1", ...more })).find(Array.isArray) as { id: string }[])[0]?.id ?? "";
const begin = (button: string | RegExp) => (page: Page) => page.getByRole("button", { name: button }).first().click();
const field = (page: Page, label: RegExp) => page.getByRole("dialog").getByLabel(label).first();
const submit = (page: Page) => page.getByRole("dialog").locator("button[type=submit]").click();

async function pages(page: Page): Promise<Shot[]> {
  const { generated, things } = await routes(await linus());
  const entries = await page.locator("nav[aria-label=Main] a").evaluateAll((links) => links.map((link) => new URL((link as HTMLAnchorElement).href).pathname.replace("/client", "")));
  const shots = PAGES.map((path) => ({ name: `user-page-${named(path)}`, path }));
  for (const step of STEPS) shots.push({ name: `user-wizard-${step}`, path: `/new/instances?step=${step}` });
  for (const path of [...entries, "/port-forwarding", "/firewall", "/egress-firewall-rules"]) if (!PAGES.includes(path)) shots.push({ name: `user-list-${named(path)}`, path });
  for (const slug of generated) shots.push({ name: `user-generated-${slug}`, path: `/${slug}` });
  for (const [slug, id] of things) for (const tab of ["", ...(TABS[slug] ?? [])]) shots.push({ name: `user-detail-${slug}${tab && `-${tab}`}`, path: `/${slug}/${id}${tab && `/${tab}`}` });
  return shots;
}

/** Within a project, of which the lists tell its things alone. */
async function scoped(): Promise<Shot[]> {
  const project = await first("listProjects");
  return ["instances", "networks", "volumes", "public-ips", "port-forwarding", "firewall", "map", "affinity"].map((slug) => ({ name: `user-project-${slug}`, path: `/${slug}?scope=project:${project}` }));
}

async function over(): Promise<Shot[]> {
  const [running, stopped, volume, network] = [await first("listVirtualMachines", { state: "Running" }), await first("listVirtualMachines", { state: "Stopped" }), await first("listVolumes", { type: "DATADISK" }), await first("listNetworks")];
  const address = await first("listPublicIpAddresses", { issourcenat: "true" });
  const menu = (name: RegExp) => async (page: Page) => { await more(page); await page.getByRole("menuitem", { name }).click(); };
  const sidebar = async (page: Page) => { await page.locator(".menu-button").click({ timeout: 500 }).catch(() => undefined); };
  return [
    { name: "user-over-palette", path: "/instances", then: async (page) => { await press("Control+k")(page); await page.getByRole("combobox").fill("web"); await page.waitForTimeout(900); } },
    { name: "user-over-palette-empty", path: "/instances", then: press("Control+k") },
    { name: "user-over-palette-none", path: "/instances", then: async (page) => { await press("Control+k")(page); await page.getByRole("combobox").fill("zzzz"); await page.waitForTimeout(900); } },
    { name: "user-over-activity", path: "/instances", then: press("a") },
    { name: "user-over-keys", path: "/instances", then: press("?") },
    { name: "user-over-sidebar", path: "/instances", then: sidebar },
    { name: "user-over-menu", path: "/instances", then: async (page) => { await sidebar(page); await page.locator(".foot button").click(); } },
    { name: "user-over-scope", path: "/instances", then: async (page) => { await sidebar(page); await page.locator("aside .whose").first().click(); } },
    { name: "user-over-columns", path: "/instances", then: begin("Columns and density") },
    { name: "user-over-row-menu", path: "/instances", then: (page) => page.getByRole("button", { name: /^Actions for/ }).nth(2).click() },
    { name: "user-over-chosen", path: "/instances", then: async (page) => { for (const at of [0, 1, 2]) await page.locator("main .grid-row input").nth(at).check(); } },
    { name: "user-over-create-network", path: "/networks", then: begin("Create network") },
    { name: "user-over-create-volume", path: "/volumes", then: begin("Create volume") },
    { name: "user-over-pick-zone", path: "/volumes", then: async (page) => { await begin("Create volume")(page); await field(page, /^Zone/).click(); } },
    { name: "user-over-register-image", path: "/images", then: async (page) => { await begin("Register image")(page); await begin(/^More \(/)(page); } },
    { name: "user-over-register-iso", path: "/isos", then: begin("Register ISO") },
    { name: "user-over-public-ip", path: "/public-ips", then: begin("Acquire public IP") },
    { name: "user-over-key", path: "/keys", then: begin("Register SSH key") },
    { name: "user-over-affinity", path: "/affinity", then: begin("Create affinity group") },
    { name: "user-over-user-data", path: "/user-data", then: begin("Register user data") },
    { name: "user-over-project", path: "/projects", then: begin("Create project") },
    { name: "user-over-forward", path: `/instances/${running}/rules`, then: begin("Forward a port") },
    { name: "user-over-actions", path: `/instances/${running}`, then: more },
    { name: "user-over-scale", path: `/instances/${running}`, then: menu(/^Scale/) },
    { name: "user-over-destroy", path: `/instances/${running}`, then: menu(/^Destroy/) },
    { name: "user-over-stop", path: `/instances/${running}`, then: begin(/^Stop/) },
    { name: "user-over-attach", path: `/instances/${running}`, then: begin("Attach volume") },
    { name: "user-over-delete-network", path: `/networks/${network}`, then: menu(/^Delete/) },
    { name: "user-over-delete-volume", path: `/volumes/${volume}`, then: menu(/^Delete/) },
    { name: "user-detail-stopped", path: `/instances/${stopped}` },
    { name: "user-refused-list", path: "/instances?zoneid=no-zone" },
    { name: "user-refused-none-fits", path: "/instances?keyword=nothing-of-this-name" },
    { name: "user-refused-gone", path: "/instances/00000000-0000-4000-8000-000000000000" },
    { name: "user-refused-volume", path: "/volumes", then: async (page) => { await begin("Create volume")(page); await field(page, /^Name/).fill("x"); await submit(page); } },
    { name: "user-refused-forward", path: `/public-ips/${address}`, then: async (page) => { await page.getByLabel(/^Port or range/).fill("443"); await page.getByLabel(/^Instance/).first().click(); await page.getByRole("listbox").getByRole("option").first().click(); await page.getByRole("button", { name: "Add rule" }).click(); } },
    { name: "user-refused-delete", path: `/networks/${network}`, then: async (page) => { await menu(/^Delete/)(page); await page.getByRole("dialog").getByRole("textbox").first().fill("shop-web", { timeout: 1000 }).catch(() => undefined); await submit(page); } },
    { name: "user-wizard-fits", path: "/new/instances?step=image", then: async (page) => { await page.getByText("Debian 13").first().click(); await page.getByRole("button", { name: "Skip to review" }).click(); } },
    { name: "user-wizard-request", path: "/new/instances?step=review", then: (page) => page.getByText(/^(CLI|Terraform)$/).last().click() },
    { name: "user-made-key", path: "/keys", then: async (page) => { await begin(/^Create SSH key pair/)(page); await field(page, /^Name/).fill(`laptop-${Date.now().toString(36)}`); await submit(page); } },
  ];
}

async function jobs(): Promise<Shot[]> {
  const rows = (await (await linus()).call("listAsyncJobs", { listall: "true", page: "1", pagesize: "400" }))["asyncjobs"] as { jobid: string; jobstatus: number; cmd: string }[];
  const found = { deployed: rows.find((job) => job.jobstatus === 1 && /Deploy/i.test(job.cmd)), failed: rows.find((job) => job.jobstatus === 2) };
  return Object.entries(found).flatMap(([name, job]) => (job ? [{ name: `user-job-${name}`, path: `/activity/${job.jobid}` }] : []));
}

/** The ways in: a wrong password, a second factor that is asked for or set up, a password that is due, a session that ended. */
async function ways(browser: Browser, look: string): Promise<void> {
  const page = await inside(browser, look, "", "");
  const root = await Other.signIn();
  const domain = `looks-${look}-${Date.now().toString(36)}`;
  const { id } = (await root.call("createDomain", { name: domain }))["domain"] as { id: string };
  for (const name of ["enable.user.2fa", "mandate.user.2fa"]) await root.call("updateConfiguration", { name, value: "true", domainid: id });
  await root.call("createAccount", { username: "tom", password: OWNED, email: "t@example.com", firstname: "Tom", lastname: "Two", accounttype: "0", domainid: id });
  const come = (password: string) => async (one: Page) => {
    await one.getByLabel(/^User/).fill("tom");
    await one.getByLabel(/^Password/).first().fill(password);
    await one.getByLabel(/^Domain/).fill(domain);
    await one.getByRole("button", { name: "Sign in", exact: true }).click();
  };
  const due = async (one: Page, choice: string) => { await come(OWNED)(one); await one.getByRole("button", { name: choice }).click(); };
  await take(page, [
    { name: "sign-in", path: "/" },
    { name: "sign-in-refused", path: "/", then: come("wrong") },
    { name: "sign-in-set-up", path: "/", then: async (one) => { await come(OWNED)(one); await one.getByRole("button", { name: "Use a fixed PIN" }).waitFor(); } },
    { name: "sign-in-app", path: "/", then: (one) => due(one, "Set up an authenticator app") },
    { name: "sign-in-pin", path: "/", then: async (one) => { await due(one, "Use a fixed PIN"); await one.getByLabel(/^Code/).fill("000"); await one.getByRole("button", { name: "Confirm" }).click(); } },
    { name: "console-window", path: "/console?token=no" },
  ], look);
  await page.context().close();
}

async function lost(page: Page, look: string): Promise<void> {
  const id = await first("listVirtualMachines", { state: "Running" });
  await page.goto(`/client/instances/${id}`);
  const [screen] = await Promise.all([page.waitForEvent("popup"), page.getByRole("button", { name: "Console", exact: true }).click()]);
  await screen.setViewportSize(page.viewportSize() ?? { width: 1440, height: 900 });
  await screen.getByText("Connected").waitFor({ timeout: 8000 });
  await shoot(screen, "console-connected", look);
  await screen.close();
  await page.context().clearCookies();
  await page.goto("/client/images");
  await page.getByRole("dialog", { name: "Sign in again" }).waitFor({ timeout: 8000 });
  await settled(page);
  await shoot(page, "sign-in-again", look);
}

for (const look of LOOKS)
  test(`a tenant's pages, ${look}`, async ({ browser }) => {
    const page = await inside(browser, look, "linus", OWNED, "retail/shop");
    await take(page, [...(await pages(page)), ...(await scoped()), ...(await over()), ...(await jobs())], look);
    await lost(page, look);
    await page.context().close();
    await ways(browser, look);
  });
