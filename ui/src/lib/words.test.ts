// Every text of the console has a translation, every name and value of the catalogue, too, and no translation is left without a use.
import { describe, expect, test } from "vitest";
import { offered, spoken, type Role } from "../testing/offered";
import { fixed, labels, texts, told, unsaid, values } from "../testing/texts";
import german, { values as germanValues } from "./languages/de";
import english from "./languages/en";
import type { Texts } from "./words";

const known: Texts = german;
const words: Record<string, string> = germanValues;
const ROLES: Role[] = ["root", "chief", "user"];
const named = new Map(ROLES.flatMap((role) => [...labels(offered(role))]));
const chosen = new Set(ROLES.flatMap((role) => [...values(offered(role))]));

describe("German", () => {
  test("has every text of the console", () => {
    expect([...texts()].filter((text) => known[text] === undefined)).toEqual([]);
  });

  test("has every command, kind, parameter and field that the server lists", () => {
    expect(named.size).toBeGreaterThan(1000);
    expect([...named].filter(([label]) => known[label] === undefined)).toEqual([]);
  });

  test("has every value: choices, states, steps of jobs, groups of settings", () => {
    expect(chosen.size).toBeGreaterThan(100);
    expect(spoken.length).toBeGreaterThan(200);
    expect([...chosen, ...spoken].filter((value) => words[value] === undefined)).toEqual([]);
  });

  test("has nothing that nobody says", () => {
    const said = new Set([...texts(), ...named.keys()]);
    expect(Object.keys(known).filter((text) => !said.has(text))).toEqual([]);
    const is = told(offered("root"));
    expect(Object.keys(words).filter((value) => !chosen.has(value) && !spoken.includes(value) && !is(value))).toEqual([]);
  });
});

test("no text stands in the source without a language", () => {
  expect(fixed()).toEqual([]);
  expect(unsaid(new Set([...texts(), ...named.keys()]))).toEqual([]);
});

const filled = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort().join();

test.each([["German", german], ["English", english]] as [string, Texts][])("%s keeps every value and plural form", (language, all) => {
  const wanted = new Intl.PluralRules(language === "German" ? "de" : "en").resolvedOptions().pluralCategories;
  for (const [text, said] of Object.entries(all)) {
    if (typeof said === "string") expect(filled(said), text).toBe(filled(text));
    else for (const form of wanted) expect(filled(said[form] ?? ""), `${text}, ${form}`).toBe(filled(text));
  }
});
