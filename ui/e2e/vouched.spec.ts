// Signing in by what another vouches for: to a provider of OpenID Connect or SAML, and back.
import { expect, test, type Page } from "@playwright/test";
import { Other, watch } from "./session";

const SAML = process.env["CLOUDWRIGHT_SAML"] ?? "";
const OIDC = process.env["CLOUDWRIGHT_OIDC"] ?? "";
const SERVER = process.env["CLOUDWRIGHT_URL"] ?? "";

test("whom a provider vouches for is signed in by a button, and whom it does not is told so", async ({ page }) => {
  test.skip(!OIDC, "needs a provider of OpenID Connect");
  const root = await Other.signIn();
  for (const [name, value] of [["oauth2.enabled", "true"], ["oauth2.plugins", "google,github,acme"]] as const) await root.call("updateConfiguration", { name, value });
  const domain = (await root.call("createDomain", { name: "vouched" }))["domain"].id as string;
  await root.call("registerOauthProvider", { provider: "acme", description: "Acme ID", domainid: domain, clientid: "cloud", secretkey: "client secret", redirecturi: `${SERVER}/client/verifyOauth`, "details[0].issuer": OIDC });

  await page.goto("/client/");
  await page.getByRole("button", { name: "Sign in with Acme ID" }).click();
  await expect(page.getByRole("alert")).toContainText("You were not signed in"); // nobody there has the address
  await expect(page).toHaveURL(/\/client\/$/);

  await root.call("createAccount", { username: "ann", password: "A-good-Secret-1", email: "ann@example.org", firstname: "Ann", lastname: "Vouched", accounttype: "0", domainid: domain });
  await page.getByRole("button", { name: "Sign in with Acme ID" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  await expect(page.getByText("Signed in as ann")).toBeVisible();
  await expect(page).toHaveURL(/\/client\/$/);
  await page.reload();
  await expect(page.getByText("Signed in as ann")).toBeVisible();
});

/** To the identity provider, where one says who one is, and back. */
async function through(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name: "Sign in with Acme", exact: true }).click();
  await page.getByLabel("Who are you?").fill(name);
  await page.getByRole("button", { name: "Go on" }).click();
}

test("whom an identity provider of SAML vouches for is where it wanted to be, and signs out there, too; others are told why not", async ({ page }) => {
  test.skip(!SAML, "needs an identity provider of SAML");
  const root = await Other.signIn();
  const [sso, slo] = ["samlSso", "samlSlo"].map((command) => `${SERVER}/client/api?command=${command}`) as [string, string];
  const settings = { enabled: "true", "idp.metadata.url": `${SAML}/metadata`, "sp.sso.url": sso, "sp.slo.url": slo, "redirect.url": `${SERVER}/client` };
  for (const [name, value] of Object.entries(settings)) await root.call("updateConfiguration", { name: `saml2.${name}`, value });
  await fetch(`${SAML}/sp`, { method: "POST", body: (await root.call("getSPMetadata"))["metadata"] as string });
  const domain = (await root.call("createDomain", { name: "federated" }))["domain"].id as string;
  for (const name of ["enable.user.2fa", "mandate.user.2fa"]) await root.call("updateConfiguration", { name, value: "true", domainid: domain });
  for (const name of ["sam", "zoe"]) {
    const made = await root.call("createAccount", { username: name, password: "A-good-Secret-1", email: `${name}@example.org`, firstname: name, lastname: "Federated", accounttype: "0", domainid: domain });
    if (name === "sam") await root.call("authorizeSamlSso", { userid: made["account"].user[0].id as string, enable: "true", entityid: `${SAML}/idp` });
  }
  const wrong = watch(page);

  await page.goto("/client/images?keyword=none");
  await through(page, "zoe");
  await expect(page.getByRole("alert")).toContainText("User 'zoe' may not sign in through SAML identity provider Acme");
  await expect(page).toHaveURL(/\/client\/images\?keyword=none$/);
  await page.reload();
  await expect(page.getByRole("button", { name: "Sign in", exact: true })).toBeVisible();
  await expect(page.getByRole("alert")).toHaveCount(0); // it is told once

  await through(page, "sam");
  await page.getByRole("button", { name: "Use a fixed PIN" }).click();
  const pin = await page.locator("[data-secret]").innerText();
  await page.getByLabel(/^Code/).fill(pin);
  await page.getByRole("button", { name: "Confirm" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Images" })).toBeVisible();
  await expect(page).toHaveURL(/\/client\/images\?keyword=none$/);

  const there = page.waitForRequest((request) => request.url().startsWith(`${SAML}/slo?SAMLRequest=`));
  await page.getByRole("button", { name: /sam Federated/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await there;
  await expect(page.getByRole("button", { name: "Sign in", exact: true })).toBeVisible();
  await expect(page).toHaveURL(/\/client\/$/);
  expect((await page.context().cookies(SERVER)).map((cookie) => cookie.name)).toEqual([]);

  await through(page, "sam");
  await page.getByLabel(/^Code of your second factor/).fill(pin);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  expect(wrong).toEqual([]);
});
