// Signing in and out, and a session that ends under one's hands.
import { expect, test } from "@playwright/test";
import { Other, PASSWORD, signIn } from "./session";

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

test("a session that ends is asked for over the page, and nothing is lost", async ({ page, context }) => {
  await signIn(page);
  await page.goto("/client/new/domains");
  await page.getByLabel(/^Name/).fill("kept");
  await context.clearCookies();
  await page.getByRole("button", { name: /^Create domain/ }).click();
  await expect(page.getByRole("heading", { name: "Sign in again" })).toBeVisible();
  await page.getByLabel(/^User/).fill("admin");
  await page.getByLabel(/^Password/).first().fill(PASSWORD);
  await page.locator(".over").getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "Sign in again" })).toHaveCount(0);
  await expect(page.getByLabel(/^Name/)).toHaveValue("kept");
  await expect(page.locator(".live")).toHaveText("Live");
});

test("a user sees a user's pages, and no administrator's", async ({ page }) => {
  const other = await Other.signIn();
  const una = `una-${Date.now().toString(36)}`;
  await other.call("createAccount", { username: una, password: "Una-Secret-1", email: "una@example.com", firstname: "Una", lastname: "User", accounttype: "0" });
  await signIn(page, una, "Una-Secret-1");
  const entries = await page.locator("nav[aria-label=Main] a").allInnerTexts();
  expect(entries).toContain("Instances");
  for (const hidden of ["Infrastructure", "Capacity", "Configuration", "Domains"]) expect(entries).not.toContain(hidden);
});
