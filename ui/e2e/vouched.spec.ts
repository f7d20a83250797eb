// Signing in by what another vouches for: to a provider of OpenID Connect, and back.
import { expect, test } from "@playwright/test";
import { Other } from "./session";

const OIDC = process.env["CLOUDWRIGHT_OIDC"] ?? "";
const SERVER = process.env["CLOUDWRIGHT_URL"] ?? "";

test("whom a provider vouches for is signed in by a button, and whom it does not is told so", async ({ page }) => {
  test.skip(!OIDC, "needs a provider of OpenID Connect");
  const root = await Other.signIn();
  for (const [name, value] of [["oauth2.enabled", "true"], ["oauth2.plugins", "google,github,acme"]] as const) await root.call("updateConfiguration", { name, value });
  const domain = (await root.call("createDomain", { name: "vouched" }))["domain"].id as string;
  await root.call("registerOauthProvider", { provider: "acme", description: "Acme", domainid: domain, clientid: "cloud", secretkey: "client secret", redirecturi: `${SERVER}/client/verifyOauth`, "details[0].issuer": OIDC });

  await page.goto("/client/");
  await page.getByRole("button", { name: "Sign in with Acme" }).click();
  await expect(page.getByRole("alert")).toContainText("You were not signed in"); // nobody there has the address
  await expect(page).toHaveURL(/\/client\/$/);

  await root.call("createAccount", { username: "ann", password: "A-good-Secret-1", email: "ann@example.org", firstname: "Ann", lastname: "Vouched", accounttype: "0", domainid: domain });
  await page.getByRole("button", { name: "Sign in with Acme" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  await expect(page.getByText("Signed in as ann")).toBeVisible();
  await expect(page).toHaveURL(/\/client\/$/);
  await page.reload();
  await expect(page.getByText("Signed in as ann")).toBeVisible();
});
