// What takes time: how it ends is told once, survives reloads, is begun once more; many at a time; a stream that is cut.
import { expect, test, type Page } from "@playwright/test";
import { enter, machine, Other, small } from "./session";
import { Wire } from "./wire";

const run = Date.now().toString(36);
const notices = (page: Page) => page.getByRole("region", { name: "Notifications" }).getByRole("alert");

test("a job that failed raises one notification that leads to its explanation, and is begun once more", async ({ page }) => {
  const other = await Other.signIn();
  const vast = await other.call("createServiceOffering", { name: `failing-${run}`, displaytext: "vast", cpunumber: "64", cpuspeed: "2000", memory: "4000000" });
  const { id } = await machine(other, `failing-${run}`, { startvm: "false" });
  await other.call("changeServiceForVirtualMachine", { id, serviceofferingid: vast["serviceoffering"].id });
  await enter(page, `/instances/${id}`);
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Start virtual machine" }).click();
  await expect(page.getByRole("dialog")).toHaveCount(0); // nobody waits before a spinner
  await expect(notices(page)).toHaveText([/Start virtual machine failed.*fits on no host/s]);
  await page.getByRole("link", { name: "Why, and what helps" }).click();
  await expect(page.getByRole("heading", { level: 1, name: /Start virtual machine/ })).toBeVisible();
  await expect(page.getByRole("main").getByRole("alert")).toContainText(/GiB memory are free/);
  await expect(notices(page)).toHaveCount(0);

  await page.reload();
  await expect(page.getByRole("main").getByRole("alert")).toBeVisible();
  await other.call("changeServiceForVirtualMachine", { id, serviceofferingid: await small(other) });
  await page.keyboard.press("a");
  const drawer = page.getByRole("dialog", { name: "Activity" });
  const entry = drawer.getByRole("listitem").filter({ hasText: "Start virtual machine" }).first();
  await expect(entry).toContainText("Failed");
  await entry.getByText("Steps").click();
  await expect(entry.getByRole("list").getByRole("listitem").first()).toBeVisible();
  await entry.getByRole("button", { name: "Try again" }).click();
  await expect(drawer.getByRole("listitem").filter({ hasText: "Start virtual machine" }).first()).toContainText("Done");
  await expect(page.getByRole("status").filter({ hasText: "Start virtual machine is done" })).toBeAttached();
  await expect(notices(page)).toHaveCount(0); // success is quiet
});

test("fifty are stopped at once: one question, one entry, no word of success", async ({ page }) => {
  test.setTimeout(120_000);
  const other = await Other.signIn();
  const first = await machine(other, `many-${run}-0`);
  await Promise.all(Array.from({ length: 49 }, (_, i) => machine(other, `many-${run}-${i + 1}`, {}, first.network)));
  await enter(page, `/instances?keyword=many-${run}`);
  await page.getByLabel("Select all that are read").check();
  const bar = page.getByRole("region", { name: "Chosen rows" });
  await bar.getByRole("button", { name: "Stop 50" }).click();
  await expect(bar).toContainText("Stop 50 of 50?");
  await bar.getByRole("button", { name: "Stop 50" }).click();
  await expect(bar.getByRole("status")).toContainText("done");
  await expect(page.getByRole("button", { name: /^Stopped/ })).toContainText("50", { timeout: 60_000 });
  await expect(bar.getByRole("status")).toHaveCount(0);
  await expect(notices(page)).toHaveCount(0);
  await page.getByRole("button", { name: /^Activity/ }).click();
  await expect(page.getByRole("dialog", { name: "Activity" }).getByRole("listitem").first()).toContainText(/Stop virtual machine, 50 times.*Done/s);
});

test("what another client does is seen at once; a stream that is cut turns the mark amber and lists are polled, until it is back", async ({ page }) => {
  const wire = await Wire.open();
  try {
    const other = await Other.signIn();
    const group = async (name: string) => { await other.done("createAffinityGroup", { name: `${name}-${run}`, type: "host anti-affinity" }); };
    const seen = (name: string) => expect(page.getByRole("link", { name: `${name}-${run}` })).toBeVisible();
    await page.clock.install();
    await enter(page, `/affinity`, wire.url);
    const mark = page.locator(".live");
    await expect(mark).toHaveText("Live");
    await group("streamed");
    await seen("streamed");
    wire.cut(/\/client\/events/);
    await expect(mark).toHaveText(/old/);
    await expect(mark).toHaveClass(/late/);
    await group("polled");
    await page.clock.fastForward(16_000);
    await seen("polled");
    await group("caught-up");
    wire.mend();
    await page.clock.fastForward(6_000);
    await expect(mark).toHaveText("Live");
    await seen("caught-up");
    await group("again");
    await seen("again");
  } finally {
    wire.close();
  }
});

test("a job is cancelled by a click: it is unwound, and told", async ({ page }) => {
  test.skip(!process.env["CLOUDWRIGHT_SLOW"], "needs a server whose pools take their time");
  const other = await Other.signIn();
  const name = `endless-${run}`;
  const zone = (await other.call("listZones", { available: "true" }))["zone"][0].id as string;
  const template = (await other.call("listTemplates", { templatefilter: "executable", zoneid: zone }))["template"][0].id as string;
  const offering = (await other.call("listNetworkOfferings", { name: "DefaultIsolatedNetworkOfferingWithSourceNatService" }))["networkoffering"][0].id as string;
  const network = (await other.call("createNetwork", { zoneid: zone, networkofferingid: offering, name, displaytext: name }))["network"].id as string;
  const { id } = await other.call("deployVirtualMachine", { zoneid: zone, templateid: template, serviceofferingid: await small(other), networkids: network, name });

  await enter(page, "/instances");
  await page.getByRole("button", { name: "Activity, 1 running" }).click();
  const drawer = page.getByRole("dialog", { name: "Activity" });
  const entry = drawer.getByRole("listitem").filter({ hasText: "Deploy virtual machine" }).first();
  await expect(entry).toContainText(name);
  await expect(entry).toContainText("Running");
  await entry.getByRole("button", { name: "Cancel" }).click();
  await expect(entry).toContainText("Cancelled");
  await expect(entry.getByRole("button", { name: "Cancel" })).toHaveCount(0);
  await expect(page.getByRole("status").filter({ hasText: "Deploy virtual machine was cancelled" })).toBeAttached();
  await expect(notices(page)).toHaveCount(0); // who cancels it need not be told of a failure
  await entry.getByText("Steps").click();
  await expect(entry.getByRole("list").getByRole("listitem").first()).toBeVisible();
  const left = ((await other.call("listVirtualMachines", { id, listall: "true" }))["virtualmachine"] ?? []) as { state: string; hostid?: string }[];
  expect(left.filter((row) => row.hostid || row.state === "Running" || row.state === "Starting")).toEqual([]);
});
