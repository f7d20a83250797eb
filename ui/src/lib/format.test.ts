import { afterEach, describe, expect, test } from "vitest";
import { ago, bytes, duration, exactly, kebab, number, parseDate, sentence } from "./format";
import { speak, t } from "./words";

afterEach(() => speak("en"));

test.each([[0, "0 B"], [1023, "1,023 B"], [1024, "1 KiB"], [1536, "1.5 KiB"], [5 * 1024 ** 3, "5 GiB"], [15.5 * 1024 ** 3, "16 GiB"], [3 * 1024 ** 5, "3 PiB"]])("%d bytes", (value, text) => {
  expect(bytes(value)).toBe(text);
});

test.each([[0.25, "250 ms"], [1, "1 s"], [59.94, "59.9 s"], [61, "1 min 1 s"], [3720, "1 h 2 min"]])("%d seconds", (value, text) => {
  expect(duration(value)).toBe(text);
});

test("dates as the API writes them", () => {
  expect(parseDate("2026-11-22T20:00:00+0200").toISOString()).toBe("2026-11-22T18:00:00.000Z");
  expect(parseDate("2026-11-22T20:00:00+0000").getTime()).toBe(Date.UTC(2026, 10, 22, 20));
  expect(exactly(new Date(2026, 10, 22, 20, 5, 6))).toMatch(/22/);
});

test.each([[-5, "5 sec. ago"], [-120, "2 min. ago"], [-7200, "2 hr. ago"], [-86400, "yesterday"], [86400 * 3, "in 3 days"], [-86400 * 400, "13 mo. ago"]])("%d seconds from now", (seconds, text) => {
  expect(ago(new Date(1e12 + seconds * 1000), 1e12)).toBe(text);
});

test.each([["deployVirtualMachine", "Deploy virtual machine"], ["listSSHKeyPairs", "List SSH key pairs"], ["associateIpAddress", "Associate IP address"], ["listVlanIpRanges", "List VLAN IP ranges"]])("%s as words", (name, text) => {
  expect(sentence(name)).toBe(text);
});

test("slugs", () => expect(kebab("PublicIpAddresses")).toBe("public-ip-addresses"));

describe("another language", () => {
  test("numbers, dates and plural forms follow it", async () => {
    expect(t("{count} networks", { count: 1 })).toBe("1 network");
    expect(t("{count} networks", { count: 1200 })).toBe("1,200 networks");
    await speak("de");
    expect(document.documentElement.lang).toBe("de");
    expect(number(1234.5, 1)).toBe("1.234,5");
    expect(t("{count} networks", { count: 1 })).toBe("1 Netzwerk");
    expect(t("{count} networks", { count: 1200 })).toBe("1.200 Netzwerke");
    expect(ago(new Date(0), 7200_000)).toMatch(/^vor 2/);
  });

  test("what has no translation stays, and what is not given stays visible", () => {
    expect(t("No such text of {name}")).toBe("No such text of {name}");
    expect(t("{name} is {state}", { name: "web", state: "Running" })).toBe("web is Running");
  });
});
