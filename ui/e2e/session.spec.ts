// Signing in and out, second factors, and a session that ends under one's hands.
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, type Page } from "@playwright/test";
import { Post } from "./post";
import { Other, PASSWORD, signIn, watch } from "./session";

const run = Date.now().toString(36);
const SECRET = "A-good-Secret-1";

/** A domain with settings of its own, and somebody in it. */
async function somebody(name: string, settings: Record<string, string> = {}, role: "0" | "2" = "0"): Promise<{ user: string; domain: string; id: string }> {
  const root = await Other.signIn();
  const domain = `${name}-${run}`;
  const made = await root.call("createDomain", { name: domain });
  for (const [setting, value] of Object.entries(settings)) await root.call("updateConfiguration", { name: setting, value, domainid: made["domain"].id });
  const account = await root.call("createAccount", { username: name, password: SECRET, email: "a@example.com", firstname: name, lastname: "E", accounttype: role, domainid: made["domain"].id });
  return { user: name, domain, id: account["account"].user[0].id };
}

async function show(page: Page, user: string, domain: string, password = SECRET): Promise<void> {
  await page.goto("/client/");
  await page.getByLabel(/^User/).fill(user);
  await page.getByLabel(/^Password/).first().fill(password);
  await page.getByLabel(/^Domain/).fill(domain);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** What an authenticator app shows now (RFC 6238). */
function totp(secret: string, ahead = 0): string {
  const bits = [...secret].map((char) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(char).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const count = Buffer.alloc(8);
  count.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const hash = createHmac("sha1", key).update(count).digest();
  return String((hash.readUInt32BE((hash.at(-1) ?? 0) & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

const inside = (page: Page) => expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();

test("a wrong password is explained, the right one opens the door, signing out closes it", async ({ page }) => {
  await page.goto("/client/");
  await page.getByLabel(/^User/).fill("admin");
  await page.getByLabel(/^Password/).first().fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toContainText("You were not signed in");
  await signIn(page);
  await page.getByRole("button", { name: /admin cloud/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
});

test("a second factor is set up within the sign-in where it is mandated, and asked for from then on", async ({ page }) => {
  const { user, domain } = await somebody("tom", { "enable.user.2fa": "true", "mandate.user.2fa": "true" });
  await show(page, user, domain);
  await expect(page.getByRole("heading", { name: "Set up a second factor" })).toBeVisible();
  await page.getByRole("button", { name: "Set up an authenticator app" }).click();
  await expect(page.getByRole("img", { name: "QR code for the authenticator app" })).toBeVisible();
  const secret = await page.locator("[data-secret]").innerText();
  await page.getByLabel(/^Code/).fill("000000");
  await page.getByRole("button", { name: "Confirm" }).click();
  await expect(page.getByRole("alert")).toContainText("The code does not fit");
  await page.getByLabel(/^Code/).fill(totp(secret));
  await page.getByRole("button", { name: "Confirm" }).click();
  await inside(page);
  await page.reload();
  await inside(page);
  await page.context().clearCookies();
  await page.evaluate(() => localStorage.clear());
  await show(page, user, domain);
  await page.getByLabel(/^Code/).fill("000000");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toContainText("You were not signed in");
  await page.getByLabel(/^Code/).fill(totp(secret, 1)); // the one before was used
  await page.getByRole("button", { name: "Sign in" }).click();
  await inside(page);
});

test("a fixed PIN is a second factor; a session that ends asks for it, too", async ({ page, context }) => {
  const { user, domain } = await somebody("pia", { "enable.user.2fa": "true", "mandate.user.2fa": "true" });
  await show(page, user, domain);
  await page.getByRole("button", { name: "Use a fixed PIN" }).click();
  const pin = await page.locator("[data-secret]").innerText();
  await page.getByLabel(/^Code/).fill(pin);
  await page.getByRole("button", { name: "Confirm" }).click();
  await inside(page);
  await context.clearCookies();
  await page.getByRole("link", { name: "Images" }).click();
  const dialog = page.getByRole("dialog", { name: "Sign in again" });
  await expect(dialog.getByLabel(/^User/)).toHaveValue("pia");
  await dialog.getByLabel(/^Password/).first().fill(SECRET);
  await page.keyboard.press("Enter");
  await dialog.getByLabel(/^Code/).fill(pin);
  await page.keyboard.press("Enter");
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole("heading", { level: 1, name: "Images" })).toBeVisible();
  await expect(page.getByRole("alert")).toHaveCount(0);
});

test("a password that is due is changed within the sign-in", async ({ page }) => {
  const { user, domain, id } = await somebody("ned");
  await (await Other.signIn()).call("updateUser", { id, passwordchangerequired: "true" });
  await show(page, user, domain);
  await expect(page.getByRole("heading", { name: "A new password" })).toBeVisible();
  await page.getByLabel(/^New password/).first().fill("Another-Secret-2");
  await page.getByRole("button", { name: "Change password" }).click();
  await inside(page);
});

test("a forgotten password is set anew by the link of a letter, once; the page offers it where the server does", async ({ page, baseURL }) => {
  const { user, domain } = await somebody("fay");
  const root = await Other.signIn();
  const wrong = watch(page);
  await page.goto("/client/");
  await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Forgotten password" })).toHaveCount(0);
  expect(wrong).toEqual([]); // nothing is asked that is switched off
  const post = await Post.open();
  const settings = { enabled: "true", "smtp.host": "127.0.0.1", "smtp.port": String(post.port), "email.sender": "cloud@example.org", "mail.domain.url": `${baseURL ?? ""}/client` };
  try {
    for (const [name, value] of Object.entries(settings)) await root.call("updateConfiguration", { name: `user.password.reset.${name}`, value });
    await page.reload();
    await page.getByRole("button", { name: "Forgotten password" }).click();
    await page.getByLabel(/^User/).fill(user);
    await page.getByLabel(/^Domain/).fill(domain);
    await page.getByRole("button", { name: "Send a letter" }).click();
    await expect(page.getByRole("status")).toContainText("a letter is on its way");
    const link = /http\S+resetPassword\S+/.exec(await post.next())?.[0] ?? "";

    await signIn(page); // somebody else is signed in where the link is opened
    await page.goto(link);
    await expect(page.getByText(`For ${user} in domain ${domain}`)).toBeVisible();
    await page.getByLabel(/^New password/).first().fill("Another-Secret-2");
    await page.getByRole("button", { name: "Change password" }).click();
    await expect(page.getByRole("status")).toContainText("The new password is set");
    await page.getByRole("button", { name: "To the sign-in" }).click();
    await expect(page.getByLabel(/^User/)).toHaveValue(user);
    await page.getByLabel(/^Password/).first().fill("Another-Secret-2");
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByText(`Signed in as ${user}`)).toBeVisible();
    expect(wrong).toEqual([]);

    await page.goto(link);
    await page.getByLabel(/^New password/).first().fill("Another-Secret-3");
    await page.getByRole("button", { name: "Change password" }).click();
    await expect(page.getByRole("alert")).toContainText("it is wrong, too old, or was used");
  } finally {
    await root.call("updateConfiguration", { name: "user.password.reset.enabled", value: "false" });
    post.close();
  }
});

test("a session that ends is asked for over the page; what was refused goes on, and nothing is lost", async ({ page, context }) => {
  await signIn(page);
  await page.goto("/client/new/domains");
  await page.getByLabel(/^Name/).fill(`kept-${run}`);
  await page.getByRole("button", { name: /^More/ }).click();
  await page.getByLabel(/^Network domain/).fill("kept.example");
  await context.clearCookies();
  await page.getByRole("button", { name: /^Create domain/ }).click();
  const dialog = page.getByRole("dialog", { name: "Sign in again" });
  await expect(dialog.getByRole("heading", { name: "Sign in again" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeVisible();
  await expect(page.getByLabel(/^Network domain/)).toHaveValue("kept.example");
  await dialog.getByLabel(/^Password/).first().fill(PASSWORD);
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole("heading", { level: 1, name: "Domains" })).toBeVisible(); // the domain was made
  await expect(page.getByRole("link", { name: `kept-${run}` })).toBeVisible();
  await expect(page.locator(".live")).toHaveText("Live");
});

/** The navigation that the units expect of a role, as paths. */
const expected = (role: string) => readFileSync(join(import.meta.dirname, `../src/testing/navigation.${role}.txt`), "utf8").trim().split("\n").map((line) => line.split(" ").at(-1));
const shown = async (page: Page) => (await page.locator("nav[aria-label=Main] a").evaluateAll((links) => links.map((link) => new URL((link as HTMLAnchorElement).href).pathname.replace("/client", "")))).filter((path) => path !== "/");

test("each role sees exactly its tree", async ({ page, browser }) => {
  await signIn(page);
  expect(await shown(page)).toEqual(expected("root"));
  for (const [role, type] of [["chief", "2"], ["user", "0"]] as const) {
    const { user, domain } = await somebody(role, {}, type);
    const other = await browser.newPage();
    await show(other, user, domain);
    await inside(other);
    expect(await shown(other), role).toEqual(expected(role));
    await other.goto("/client/setup");
    await expect(other.getByText("your role does not list it")).toBeVisible();
    await other.close();
  }
});
