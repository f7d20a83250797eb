// Whatever a mouse does, keys do: what the page of keys says is true.
import { expect, test, type Page } from "@playwright/test";
import { enter, machine, Other } from "./session";

const heading = (page: Page, name: string | RegExp) => expect(page.getByRole("heading", { level: 1, name })).toBeVisible();

test("every key that is told does what is told of it", async ({ page }) => {
  const other = await Other.signIn();
  const name = `keyed-${Date.now().toString(36)}`;
  const { id } = await machine(other, name, { startvm: "false" });
  await enter(page, "/");
  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Keys" });
  await expect(help.getByRole("term").first()).toBeVisible();
  const told = await help.getByRole("term").allInnerTexts();
  const means = await help.getByRole("definition").allInnerTexts();
  await page.keyboard.press("Escape");
  await expect(help).toHaveCount(0);
  const goes = told.map((key, i) => [key, means[i] ?? ""] as const).filter(([key]) => key.startsWith("g "));
  expect(goes.length).toBeGreaterThan(5);
  for (const [key, to] of goes) {
    for (const one of key.split(" ")) await page.keyboard.press(one);
    await heading(page, to);
  }
  await page.goto(`/client/instances?keyword=${name}`);
  const row = page.getByRole("row").filter({ hasText: name });
  await expect(row).toBeVisible();
  const acts: Record<string, () => Promise<void>> = {
    "j k": async () => { await page.keyboard.press("j"); await expect(row).toHaveClass(/at/); },
    x: async () => { await page.keyboard.press("x"); await expect(row).toHaveAttribute("aria-selected", "true"); },
    ".": async () => { await page.keyboard.press("."); await expect(page.getByRole("menuitem").first()).toBeFocused(); await page.keyboard.press("Escape"); },
    Enter: async () => { await page.keyboard.press("Enter"); await heading(page, new RegExp(name)); await page.goBack(); await expect(row).toBeVisible(); },
    "/": async () => { await page.keyboard.press("/"); await expect(page.getByRole("searchbox", { name: "Search Instances" })).toBeFocused(); await page.keyboard.press("Escape"); await page.getByRole("heading", { level: 1 }).click(); },
    a: async () => { await page.keyboard.press("a"); await expect(page.getByRole("dialog", { name: "Activity" })).toBeVisible(); },
    Esc: async () => { await page.keyboard.press("Escape"); await expect(page.getByRole("dialog")).toHaveCount(0); },
    c: async () => { await page.keyboard.press("c"); await heading(page, "Create instance"); },
    "Ctrl K": async () => {
      await page.keyboard.press("Control+k");
      await expect(page.getByRole("combobox", { name: "Search or jump to" })).toBeFocused();
      await page.keyboard.type(name);
      await expect(page.getByRole("option", { name: new RegExp(`^${name}\\s*instance`) })).toHaveAttribute("aria-selected", "true");
      await page.keyboard.press("Enter");
      await expect(page).toHaveURL(new RegExp(id));
      await expect(page.getByRole("dialog")).toHaveCount(0);
    },
    "?": async () => { await page.keyboard.press("?"); await expect(help).toBeVisible(); },
  };
  expect(Object.keys(acts).sort()).toEqual(told.filter((key) => !key.startsWith("g ")).sort());
  for (const act of Object.values(acts)) await act();
});

test("the palette finds pages and actions, too, by what they are called", async ({ page }) => {
  await enter(page, "/");
  for (const [typed, to] of [["public ip", "Public IPs"], ["create vol", "Create volume"]] as const) {
    await page.keyboard.press("Control+k");
    await expect(page.getByRole("combobox", { name: "Search or jump to" })).toBeFocused();
    await page.keyboard.type(typed);
    await expect(page.getByRole("option").first()).toBeVisible();
    await page.getByRole("option", { name: new RegExp(to) }).first().click();
    await heading(page, to);
  }
});
