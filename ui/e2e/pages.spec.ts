// Every page of the administrator, in both schemes: no error, no failed call, no accessibility violation, no sideways scroll.
import AxeBuilder from "@axe-core/playwright";
import { expect, test, type Page } from "@playwright/test";
import { Other, signIn, watch } from "./session";

const HAND_MADE = ["/", "/map", "/capacity", "/infrastructure", "/settings", "/setup", "/reference", "/about", "/new/instances"];

async function open(page: Page, path: string): Promise<void> {
  await page.evaluate((to) => { history.pushState({}, "", `/client${to}`); dispatchEvent(new PopStateEvent("popstate")); }, path);
  await expect(page.locator("main h1")).toBeVisible();
  await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
}

async function violations(page: Page): Promise<string[]> {
  const found = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]).analyze();
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).slice(0, 3).join(" | ")}`);
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
    const other = await Other.signIn();
    const machine = (await other.call("listVirtualMachines", { listall: "true" }))["virtualmachine"]?.[0]?.id as string;
    for (const path of [...(await paths(page)), ...(machine ? [`/instances/${machine}`] : [])]) {
      await open(page, path);
      expect.soft(await violations(page), `axe on ${path}`).toEqual([]);
      expect.soft(wrong.splice(0), `errors on ${path}`).toEqual([]);
      if (process.env["SHOTS"]) await page.screenshot({ path: `${process.env["SHOTS"]}/${path.replace(/\W+/g, "-")}-${colorScheme}-1440.png` });
    }
    await page.setViewportSize({ width: 390, height: 844 });
    for (const path of await paths(page)) {
      await open(page, path);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth + Math.max(0, document.querySelector("main")!.scrollWidth - document.querySelector("main")!.clientWidth));
      expect.soft(overflow, `sideways scroll on ${path}`).toBeLessThanOrEqual(0);
      if (process.env["SHOTS"]) await page.screenshot({ path: `${process.env["SHOTS"]}/${path.replace(/\W+/g, "-")}-${colorScheme}-390.png` });
    }
    await context.close();
  });

test("every command that the server lists has a usable form", async ({ page }) => {
  test.setTimeout(240_000);
  await signIn(page);
  const wrong = watch(page);
  const other = await Other.signIn();
  const commands = (await other.call("listApis"))["api"] as { name: string; params: { name: string; required: boolean }[] }[];
  expect(commands.length).toBeGreaterThan(200);
  for (const command of commands) {
    await page.evaluate((to) => { history.pushState({}, "", to); dispatchEvent(new PopStateEvent("popstate")); }, `/client/reference/${command.name}`);
    await expect(page.getByRole("heading", { level: 1, name: command.name, exact: true })).toBeVisible();
    await expect(page.getByRole("button", { name: "Call" })).toBeVisible();
    const required = command.params.filter((param) => param.required).map((param) => param.name);
    const shown = await page.locator("[data-param]").evaluateAll((inputs) => inputs.filter((input) => input.querySelector("input, textarea, button")).map((input) => (input as HTMLElement).dataset["param"]));
    expect.soft(required.filter((name) => !shown.includes(name)), `inputs missing for ${command.name}`).toEqual([]);
  }
  expect(wrong).toEqual([]);
});
