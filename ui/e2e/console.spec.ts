// An instance's screen in a window of its own: it opens, is lost and found again, sends keys, is scaled, and offers to start what is stopped.
import { expect, test } from "@playwright/test";
import { enter, machine, Other } from "./session";
import { Wire } from "./wire";

test("a screen is opened, lost with the network, found again, and started where the instance was stopped", async ({ page }) => {
  const wire = await Wire.open();
  try {
    const other = await Other.signIn();
    const name = `screen-${Date.now().toString(36)}`;
    const { id } = await machine(other, name);
    await enter(page, `/instances/${id}`, wire.url);
    const [screen] = await Promise.all([page.waitForEvent("popup"), page.getByRole("button", { name: "Console", exact: true }).click()]);
    const state = screen.getByRole("status");
    await expect(state).toHaveText("Connected");
    await expect(screen).toHaveTitle(`${name} – Console`);
    await expect(screen.locator("canvas")).toBeVisible();

    const fit = screen.getByRole("button", { name: "Fit" });
    const width = () => screen.locator("canvas").evaluate((canvas) => canvas.getBoundingClientRect().width);
    const fitted = await width();
    await fit.click();
    await expect(fit).toHaveAttribute("aria-pressed", "false");
    await expect.poll(width).toBeLessThan(fitted); // 320 pixels of the simulator, no more
    await screen.getByLabel("Send keys").selectOption("Ctrl-Alt-Del");
    await screen.getByRole("button", { name: "Paste" }).click();
    await screen.getByLabel("Text to type into the machine").fill("root\nécho");
    await screen.getByRole("button", { name: "Type it" }).click();
    await expect(screen.getByLabel("Text to type into the machine")).toBeHidden();
    await expect(state).toHaveText("Connected");

    wire.cut(/./);
    await expect(state).toHaveText(/trying again/);
    wire.mend();
    await expect(state).toHaveText("Connected");

    await other.done("stopVirtualMachine", { id });
    wire.cut(/console/); // the simulator's screen outlives its machine
    await expect(screen.getByRole("heading", { name: `${name} is Stopped` })).toBeVisible();
    wire.mend();
    await screen.getByRole("button", { name: "Start" }).click();
    await expect(state).toHaveText("Connected");
    await expect(screen.getByRole("heading", { name: `${name} is Stopped` })).toBeHidden();
  } finally {
    wire.close();
  }
});

test("a serial console echoes, keeps what it showed over a cut, takes pasted text, and offers to start what is stopped", async ({ page }) => {
  const wire = await Wire.open();
  try {
    const other = await Other.signIn();
    const name = `serial-${Date.now().toString(36)}`;
    const { id } = await machine(other, name);
    await enter(page, `/instances/${id}`, wire.url);
    const [port] = await Promise.all([page.waitForEvent("popup"), page.getByRole("button", { name: "Serial console" }).click()]);
    const state = port.getByRole("status");
    const lines = port.locator(".xterm-rows > div");
    await expect(state).toHaveText(/^Connected/);
    await expect(port).toHaveTitle(`${name} – Serial console`);
    await expect(lines.nth(0)).toHaveText(/^login:/);
    await port.keyboard.type("root\n");
    await expect(lines.nth(0)).toHaveText("login: root");

    wire.cut(/./);
    await expect(state).toHaveText(/trying again/);
    wire.mend();
    await expect(state).toHaveText(/^Connected/);
    await expect(lines.nth(0)).toHaveText("login: root");
    await port.getByRole("button", { name: "Paste" }).click();
    await port.getByLabel("Text to type into the machine").fill("one\ntwo");
    await port.getByRole("button", { name: "Type it" }).click();
    await expect(lines.nth(2)).toHaveText("login: two");

    await other.done("stopVirtualMachine", { id });
    wire.cut(/console/); // the simulator's port outlives its machine
    await expect(port.getByRole("heading", { name: `${name} is Stopped` })).toBeVisible();
    wire.mend();
    await port.getByRole("button", { name: "Start" }).click();
    await expect(state).toHaveText(/^Connected/);

    await port.getByRole("link", { name: "Screen" }).click();
    await expect(port.locator("canvas")).toBeVisible();
    await port.getByRole("link", { name: "Serial console" }).click();
    await expect(lines.nth(0)).toHaveText(/^login:/);
  } finally {
    wire.close();
  }
});
