// Signing in, calling the API as another client would, and watching a page for errors.
import { expect, type Page } from "@playwright/test";

export const PASSWORD = process.env["CLOUDWRIGHT_PASSWORD"] ?? "";
const SERVER = process.env["CLOUDWRIGHT_URL"] ?? "";
const API = `${SERVER}/client/api`;

export async function signIn(page: Page, username = "admin", password = PASSWORD, domain = ""): Promise<void> {
  await page.goto("/client/");
  await page.getByLabel(/^User/).fill(username);
  await page.getByLabel(/^Password/).first().fill(password);
  if (domain) await page.getByLabel(/^Domain/).fill(domain);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
}

/** Come in by a session that was begun without the page, and open one. `at` is where the server is, if not at its own address. */
export async function enter(page: Page, path: string, at = SERVER): Promise<void> {
  const answer = await page.context().request.post(`${at}/client/api`, { form: { command: "login", username: "admin", password: PASSWORD, domain: "/", response: "json" } });
  const { sessionkey, ...me } = ((await answer.json()) as { loginresponse: Record<string, unknown> }).loginresponse;
  await page.addInitScript(([key, who]) => {
    if (sessionStorage.getItem("entered")) return;
    sessionStorage.setItem("entered", "1");
    localStorage.setItem("sessionkey", String(key));
    localStorage.setItem("me", JSON.stringify(who));
  }, [sessionkey, me] as const);
  await page.goto(`${at}/client${path}`);
  await expect(page.locator("main h1")).toBeVisible();
}

/** What went wrong on a page: errors of its scripts, refused resources, failed calls. */
export function watch(page: Page): string[] {
  const wrong: string[] = [];
  page.on("pageerror", (error) => wrong.push(`script: ${error.message}`));
  page.on("console", (message) => { if (message.type() === "error") wrong.push(`console: ${message.text()}`); });
  page.on("response", (response) => { if (response.status() >= 400) wrong.push(`${response.status()} ${response.url()} ${response.request().postData() ?? ""}`); });
  return wrong;
}

/** Another client: calls the API with a session of its own, waiting for jobs. */
export class Other {
  private constructor(private readonly cookie: string, private readonly key: string) {}

  static async signIn(username = "admin", password = PASSWORD, domain = "/"): Promise<Other> {
    const answer = await fetch(API, { method: "POST", body: new URLSearchParams({ command: "login", username, password, domain, response: "json" }) });
    const cookie = answer.headers.getSetCookie().map((one) => one.split(";")[0]).join("; ");
    return new Other(cookie, ((await answer.json()) as { loginresponse: { sessionkey: string } }).loginresponse.sessionkey);
  }

  async call(command: string, params: Record<string, string> = {}): Promise<Record<string, any>> {
    const body = new URLSearchParams({ ...params, command, response: "json", sessionkey: this.key });
    const answer = await fetch(API, { method: "POST", body, headers: { cookie: this.cookie } });
    const told = Object.values((await answer.json()) as Record<string, any>)[0];
    if (!answer.ok) throw new Error(`${command}: ${told.errortext}`);
    return told;
  }

  async done(command: string, params: Record<string, string> = {}): Promise<Record<string, any>> {
    const { jobid } = await this.call(command, params);
    for (let tries = 0; tries < 300; tries += 1) {
      const job = await this.call("queryAsyncJobResult", { jobid });
      if (job["jobstatus"] === 1) return job["jobresult"] as Record<string, any>;
      if (job["jobstatus"] !== 0) throw new Error(`${command}: ${JSON.stringify(job["jobresult"])}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`${command} did not end`);
  }
}

/** The id of the small compute offering. */
export async function small(other: Other): Promise<string> {
  return (await other.call("listServiceOfferings", { name: "Small Instance" }))["serviceoffering"][0].id as string;
}

/** An instance in a network of its own, or in that of another. */
export async function machine(other: Other, name: string, more: Record<string, string> = {}, within = ""): Promise<{ id: string; network: string; zone: string }> {
  const zone = (await other.call("listZones", { available: "true" }))["zone"][0].id as string;
  const template = (await other.call("listTemplates", { templatefilter: "executable", zoneid: zone }))["template"][0].id as string;
  let network = within;
  if (!network) {
    const offering = (await other.call("listNetworkOfferings", { state: "Enabled", guestiptype: "Isolated", name: "DefaultIsolatedNetworkOfferingWithSourceNatService" }))["networkoffering"][0].id as string;
    network = (await other.call("createNetwork", { zoneid: zone, networkofferingid: offering, name: `${name}-net`, displaytext: name }))["network"].id as string;
  }
  const made = await other.done("deployVirtualMachine", { zoneid: zone, templateid: template, serviceofferingid: await small(other), networkids: network, name, ...more });
  return { id: made["virtualmachine"].id as string, network, zone };
}
