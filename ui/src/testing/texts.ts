// What the console says, wherever it gets it from: texts in its source, names that it makes from the catalogue, and values of the API.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Catalogue, plural, type Command, type Field } from "../api/catalogue";
import { sentence } from "../lib/format";
import { METAS, SECTIONS } from "../meta";
import { titled } from "../meta/words";

const SOURCE = join(import.meta.dirname, "..");
const files = (readdirSync(SOURCE, { recursive: true }) as string[]).filter((name) => /\.tsx?$/.test(name) && !/\.test\.tsx?$|languages\/|testing\//.test(name));
const sources = new Map(files.map((file) => [file, readFileSync(join(SOURCE, file), "utf8")]));

/** Texts given to `t`, also by a condition: t(a ? "x" : "y"); and those of tables, marked by `said`. */
export function texts(): Set<string> {
  const found = new Set<string>(SECTIONS);
  for (const code of sources.values()) {
    for (const [, text] of code.matchAll(/\bt\(\s*"((?:[^"\\]|\\.)*)"/g)) found.add(JSON.parse(`"${text}"`) as string);
    for (const [, one, two] of code.matchAll(/\bt\([^"()]*\?\s*"((?:[^"\\]|\\.)*)"\s*:\s*"((?:[^"\\]|\\.)*)"/g)) found.add(one ?? "").add(two ?? "");
    for (const [, text] of code.matchAll(/\b(?:title|about|label|hint): "([^"]+)"/g)) found.add(text ?? "");
    // Tables of texts that are translated where they are shown.
    for (const [, table] of code.matchAll(/\/\/ said: (?:.|\n)*?= ([[{](?:.|\n)*?\n?[\]}]);/g)) for (const [, text] of (table ?? "").matchAll(/"([A-Z][^"]*|[a-z]+ [^"]*)"/g)) found.add(text ?? "");
  }
  for (const meta of METAS) for (const text of [meta.title, meta.one, meta.about, ...Object.keys(meta.facts ?? {})]) if (text) found.add(text);
  return found;
}

/** Texts that stand in the source as they are shown, so that no language can change them. Names of products and keys may. */
export function fixed(): string[] {
  const names = /^(Cloudwright|Ctrl K|vCPU ·|[a-z]\S*)$/;
  const bare = [/\s(?:title|label|placeholder|aria-label|alt|description|nothingFoundMessage)="([^"]*[A-Za-z]{2}[^"]*)"/g, />([^<>{}=;()&|]*[A-Za-z]{3}[^<>{}=;()&|]*)<\//g];
  return [...sources].filter(([file]) => file.endsWith(".tsx")).flatMap(([file, code]) => bare.flatMap((pattern) => [...code.matchAll(pattern)].map(([, text]) => (text ?? "").trim()).filter((text) => !names.test(text)).map((text) => `${file}: ${text}`)));
}

/** Sentences in the source, of two words at least, that are not among its texts: wherever they are shown, no language has them. */
export function unsaid(known: Set<string>): string[] {
  const names = new Set([...known, "Inter Variable"]);
  const bare = (code: string) => code.replace(/\/\*(?:.|\n)*?\*\/|^\s*\/\/.*$|\s\/\/ .*$|\bnew Error\("[^"]*"\)/gm, "");
  return [...sources].flatMap(([file, code]) => [...bare(code).matchAll(/"([A-Z][a-z']+ [^"]*)"/g)].map(([, text]) => text ?? "").filter((text) => !names.has(text)).map((text) => `${file}: ${text}`));
}

const inner = (fields: Field[]): Field[] => fields.flatMap((field) => [field, ...inner(field.response ?? [])]);
const facts = (command: Command) => [command.has, command.lacks].filter((name) => name !== undefined);

/** What commands, parameters, fields and kinds are called in English, with where it comes from. */
export function labels(catalogue: Catalogue): Map<string, string> {
  const found = new Map<string, string>();
  for (const command of catalogue.commands.values()) {
    found.set(sentence(command.name.replace(/^list(?=[A-Z])/, "")), command.name);
    const names = [...Catalogue.fillable(command), ...inner(command.response)].map((one) => one.name);
    for (const name of [...names, ...facts(command)]) found.set(titled(name), `${name} of ${command.name}`);
  }
  for (const kind of catalogue.kinds) for (const field of kind.list.response) if (field.response) found.set(plural(titled(field.name)), `${field.name} of ${kind.slug}, as a table`);
  for (const kind of catalogue.kinds) found.set(kind.title, kind.slug).set(sentence(kind.noun), kind.slug);
  return found;
}

/** Values that commands take and ask for. */
export function values(catalogue: Catalogue): Set<string> {
  return new Set([...catalogue.commands.values()].flatMap((command) => [...(command.states ?? []), ...command.params.flatMap((param) => param.enum ?? [])]));
}

/** Whether a value is told of in the catalogue's descriptions, or known to the console's source. */
export function told(catalogue: Catalogue): (value: string) => boolean {
  const described = [...catalogue.commands.values()].flatMap((command) => [...command.params, ...inner(command.response)].map((one) => one.description)).join("\n");
  const words = new Set(described.match(/[\w]+/g));
  const code = [...sources.values()].join("\n");
  return (value) => words.has(value) || described.includes(value) || code.includes(`"${value}"`) || new RegExp(`\\b${value}\\b[^"]*\\$/i`).test(code);
}
