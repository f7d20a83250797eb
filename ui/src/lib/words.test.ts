// Every text of the console has a translation, and no translation has lost a value that is filled in.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { METAS, SECTIONS } from "../meta";
import german from "./languages/de";
import english from "./languages/en";
import type { Texts } from "./words";

const SOURCE = join(import.meta.dirname, "..");
const files = (readdirSync(SOURCE, { recursive: true }) as string[]).filter((name) => /\.tsx?$/.test(name) && !/\.test\.tsx?$|languages\//.test(name));

/** Texts given to `t`, also by a condition: t(a ? "x" : "y"); and those of tables, marked by `said`. */
function texts(): Set<string> {
  const found = new Set<string>();
  for (const file of files) {
    const code = readFileSync(join(SOURCE, file), "utf8");
    for (const [, text] of code.matchAll(/\bt\(\s*"((?:[^"\\]|\\.)*)"/g)) found.add(JSON.parse(`"${text}"`) as string);
    for (const [, one, two] of code.matchAll(/\bt\([^"()]*\?\s*"((?:[^"\\]|\\.)*)"\s*:\s*"((?:[^"\\]|\\.)*)"/g)) found.add(one ?? "").add(two ?? "");
    // Tables of texts that are translated where they are shown.
    for (const [, table] of code.matchAll(/\/\/ said: (?:.|\n)*?= ([[{](?:.|\n)*?\n?[\]}]);/g)) for (const [, text] of (table ?? "").matchAll(/"([A-Z][^"]*)"/g)) found.add(text ?? "");
  }
  for (const section of SECTIONS) found.add(section);
  for (const meta of METAS) for (const text of [meta.title, meta.one, meta.about]) if (text) found.add(text);
  return found;
}

const values = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort().join();

test("German is complete", () => {
  const known: Texts = german;
  const missing = [...texts()].filter((text) => known[text] === undefined);
  expect(missing).toEqual([]);
});

test.each([["German", german], ["English", english]] as [string, Texts][])("%s keeps every value and plural form", (language, known) => {
  const wanted = new Intl.PluralRules(language === "German" ? "de" : "en").resolvedOptions().pluralCategories;
  for (const [text, said] of Object.entries(known)) {
    if (typeof said === "string") expect(values(said), text).toBe(values(text));
    else for (const form of wanted) expect(values(said[form] ?? ""), `${text}, ${form}`).toBe(values(text));
  }
});
