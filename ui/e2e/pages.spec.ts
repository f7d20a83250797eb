// Every page of the administrator, in both schemes: no error, no failed call, no accessibility violation, no sideways scroll.
import AxeBuilder from "@axe-core/playwright";
import { expect, test, type Page } from "@playwright/test";
import { routes } from "./routes";
import { Other, PASSWORD, signIn, watch } from "./session";

const HAND_MADE = ["/", "/map", "/capacity", "/infrastructure", "/settings", "/setup", "/reference", "/about", "/profile", "/new/instances"];
const REFUSED = ["ldap-users", "saml-authorization"]; // while neither is configured
const DAILY = ["instances", "networks", "public-ips", "volumes", "images", "hosts", "accounts", "domains", "roles"]; // things whose pages are looked at in both schemes

async function open(page: Page, path: string): Promise<void> {
  await page.evaluate((to) => { history.pushState({}, "", `/client${to}`); dispatchEvent(new PopStateEvent("popstate")); }, path);
  await expect(page.locator("main h1"), `heading of ${path}`).toBeVisible();
  await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
}

/** In one scheme all rules; in the other only those that colours decide. What frames every page is looked at once. */
async function violations(page: Page, all: boolean, frame: boolean): Promise<string[]> {
  const axe = new AxeBuilder({ page }).options({
    resultTypes: ["violations"],
    runOnly: all ? { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] } : { type: "rule", values: ["color-contrast"] },
  });
  const found = await (frame ? axe : axe.include("main")).analyze();
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).slice(0, 3).join(" | ")}`);
}

/** How far the page can be scrolled sideways. */
function overflow(page: Page): Promise<number> {
  return page.evaluate(() => [document.documentElement, document.querySelector("main") as HTMLElement].reduce((sum, one) => sum + Math.max(0, one.scrollWidth - one.clientWidth), 0));
}

async function paths(page: Page): Promise<string[]> {
  const entries = await page.locator("nav[aria-label=Main] a").evaluateAll((links) => links.map((link) => new URL((link as HTMLAnchorElement).href).pathname.replace("/client", "")));
  return [...new Set([...HAND_MADE, ...entries.map((path) => path || "/")])];
}

for (const colorScheme of ["light", "dark"] as const)
  test(`every page of the administrator, ${colorScheme}`, async ({ browser }) => {
    test.setTimeout(240_000);
    const context = await browser.newContext({ colorScheme });
    const page = await context.newPage();
    await signIn(page);
    const wrong = watch(page);
    const { generated, things } = await routes(await Other.signIn());
    const looked = [...(await paths(page)), ...things.filter(([slug]) => DAILY.includes(slug)).map(([slug, id]) => `/${slug}/${id}`)];
    for (const path of looked) {
      await open(page, path);
      expect.soft(await violations(page, colorScheme === "light", path === "/"), `axe on ${path}`).toEqual([]);
      expect.soft(wrong.splice(0), `errors on ${path}`).toEqual([]);
    }
    if (colorScheme === "dark") return context.close();
    await page.setViewportSize({ width: 390, height: 844 });
    const rest = [...generated.filter((slug) => !REFUSED.includes(slug)).map((slug) => `/${slug}`), ...things.map(([slug, id]) => `/${slug}/${id}`)].filter((path) => !looked.includes(path));
    for (const path of [...looked, ...rest]) {
      await open(page, path);
      expect.soft(await overflow(page), `sideways scroll on ${path}`).toBe(0);
      expect.soft(wrong.splice(0), `errors on ${path}`).toEqual([]);
    }
    await context.close();
  });

test("what is not set up or switched off says what changes that, calmly; what could not be read is not live", async ({ page }) => {
  await signIn(page);
  await open(page, "/instances");
  await expect(page.locator(".live")).toBeVisible();
  await open(page, "/ldap-users");
  await expect(page.getByText("This is not set up yet")).toBeVisible();
  await expect(page.locator("main [role=alert], .live:visible")).toHaveCount(0);
  await page.getByRole("button", { name: "Add LDAP configuration" }).click();
  await expect(page.getByRole("dialog").getByLabel(/^Host/)).toBeVisible();
  await page.keyboard.press("Escape");
  await open(page, "/saml-authorization");
  await expect(page.getByText("This is switched off")).toBeVisible();
  await page.getByRole("link", { name: "Open the setting" }).click();
  await expect(page.getByText("saml2.enabled").first()).toBeVisible();
  await open(page, "/instances?zoneid=no-zone");
  await expect(page.getByRole("alert").getByText("The list could not be read")).toBeVisible();
  await expect(page.locator(".live:visible")).toHaveCount(0);
});

test("a list wider than its place keeps names and menus in view", async ({ page }) => {
  await signIn(page);
  await page.evaluate(() => localStorage.setItem("columns:listHosts", JSON.stringify(["state", "resourcestate", "hypervisor", "ipaddress", "memorytotal", "cpunumber", "cpuspeed", "clustername", "podname", "created", "version", "arch"])));
  await page.goto("/client/hosts");
  const [grid, row] = [page.getByRole("grid"), page.locator(".grid-row").first()];
  await row.waitFor();
  await grid.evaluate((node) => node.scrollTo({ left: node.scrollWidth }));
  expect(await grid.evaluate((node) => node.scrollLeft)).toBeGreaterThan(100);
  const [box, name, menu] = await Promise.all([grid, row.getByRole("link"), row.getByRole("button")].map((one) => one.first().boundingBox()));
  expect(name!.x).toBeGreaterThanOrEqual(box!.x);
  expect(menu!.x + menu!.width).toBeLessThanOrEqual(box!.x + box!.width);
});

test("from right to left nothing sticks out, and the sidebar stands at the right", async ({ page }) => {
  await page.addInitScript(() => localStorage.setItem("direction", "rtl"));
  await signIn(page);
  for (const path of ["/", "/instances", "/map", "/new/instances", "/settings"]) {
    await open(page, path);
    expect.soft(await overflow(page), path).toBe(0);
  }
  const side = await page.locator("aside.side").boundingBox();
  expect((side?.x ?? 0) + (side?.width ?? 0)).toBe(1440);
});

test("the second language speaks on every page", async ({ page }) => {
  await page.addInitScript(() => localStorage.setItem("language", "de"));
  await page.goto("/client/");
  await page.getByLabel(/^Benutzer/).fill("admin");
  await page.getByLabel(/^Passwort/).first().fill(PASSWORD);
  await page.getByRole("button", { name: "Anmelden" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Übersicht" })).toBeVisible();
  await expect(page.getByRole("navigation", { name: "Hauptmenü" }).getByRole("link", { name: "Instanzen" })).toBeVisible();
  await open(page, "/instances");
  await expect(page.getByRole("heading", { level: 1, name: "Instanzen" })).toBeVisible();
});

test("a script or style that the page did not bring has no effect", async ({ page }) => {
  const answer = await page.goto("/client/");
  expect(answer?.headers()["content-security-policy"]).not.toContain("unsafe-inline");
  const colour = await page.evaluate(() => {
    const style = document.createElement("style");
    style.textContent = "body { color: rgb(1, 2, 3) !important }";
    document.head.append(style);
    const script = document.createElement("script");
    script.textContent = "window.brought = 1";
    document.head.append(script);
    return [getComputedStyle(document.body).color, String((window as unknown as Record<string, unknown>)["brought"])];
  });
  expect(colour).toEqual([expect.not.stringContaining("rgb(1, 2, 3)"), "undefined"]);
});
