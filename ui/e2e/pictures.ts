// Taking pictures. SHOTS says where to; ONLY, a pattern of names, which; LOOKS, such as "dark-390", in which looks;
// DIRECTION=rtl and LANGUAGE=de turn and translate them.
import type { Browser, Page } from "@playwright/test";
import { signIn } from "./session";

const INTO = process.env["SHOTS"] ?? "screens";
const ONLY = new RegExp(process.env["ONLY"] ?? ".");
export const LOOKS = (process.env["LOOKS"] ?? "light-1440 dark-1440 light-390 dark-390").split(" ");
export const OWNED = "Console-Looks-1"; // the password of everyone whom the population made
const TALLEST = 2600;

export interface Shot { name: string; path: string; then?: (page: Page) => Promise<unknown> }

export const press = (...keys: string[]) => async (page: Page) => { for (const key of keys) await page.keyboard.press(key); };
export const more = (page: Page) => page.getByRole("button", { name: "More", exact: true }).click();

export async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => !document.querySelector("[aria-busy=true], main .skeleton"), undefined, { timeout: 3000 }).catch(() => undefined);
  await page.waitForTimeout(Number(process.env["PAUSE"] ?? 350));
}

/** The page as high as what it holds, within reason, so that nothing is below the fold. */
export async function shoot(page: Page, name: string, look: string): Promise<void> {
  const size = page.viewportSize() ?? { width: 1440, height: 900 };
  const needed = await page.evaluate(() => { const main = document.querySelector("main"); return main ? Math.ceil(main.getBoundingClientRect().top) + main.scrollHeight : 0; });
  const height = Math.min(Math.max(size.height, needed), TALLEST);
  if (height !== size.height) await page.setViewportSize({ width: size.width, height });
  await page.screenshot({ path: `${INTO}/${name}--${look}.png` });
  if (height !== size.height) await page.setViewportSize(size);
}

export async function take(page: Page, shots: Shot[], look: string): Promise<void> {
  for (const { name, path, then } of shots.filter((shot) => ONLY.test(shot.name))) {
    await page.goto(`/client${path}`);
    await page.locator("main h1, main .empty").first().waitFor({ timeout: 8000 }).catch(() => console.log(`no heading on ${path}`));
    await settled(page);
    await then?.(page).catch((error: Error) => console.log(`${name}: ${error.message.split("\n")[0]}`));
    if (then) await settled(page);
    await shoot(page, name, look);
  }
}

export const named = (path: string) => path.replace(/^\//, "").replace(/\W+/g, "-") || "home";

/** A page in one look; signed in where a name is given. */
export async function inside(browser: Browser, look: string, name: string, password: string, domain = ""): Promise<Page> {
  const [scheme, width] = look.split("-");
  const context = await browser.newContext({ colorScheme: scheme as "light" | "dark", viewport: width === "390" ? { width: 390, height: 844 } : { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(([direction, language]) => { if (direction) localStorage.setItem("direction", direction); if (language) localStorage.setItem("language", language); }, [process.env["DIRECTION"], undefined]);
  if (name) await signIn(page, name, password, domain);
  if (process.env["LANGUAGE"]) await page.addInitScript((language) => localStorage.setItem("language", language), process.env["LANGUAGE"]);
  return page;
}
