// Every command that the server lists has a form, with an input for all that it needs. No line is written for any of them.
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { Catalogue, isSecret, type Command, type Param } from "../api/catalogue";
import { encode, type Params } from "../api/client";
import { CatalogueContext } from "../api/use";
import { offered } from "../testing/offered";
import { ActionForm, request, long } from "./ActionForm";

const catalogue = offered("root");

/** The form as HTML, by parameter; what is before the first parameter is under "". Parameters in `fixed` are not asked for. */
function form(command: Command, fixed: Params, opened: boolean): Map<string, string> {
  const html = renderToStaticMarkup(
    <MantineProvider><QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { enabled: false } } })}><CatalogueContext value={catalogue}><ActionForm command={command} fixed={fixed} done={() => {}} opened={opened} /></CatalogueContext></QueryClientProvider></MantineProvider>,
  );
  const [before = "", ...parts] = html.split('data-param="');
  return new Map([["", before], ...parts.map((part): [string, string] => [part.slice(0, part.indexOf('"')), part])]);
}

/** What a parameter is asked for by. */
function widget(param: Param): RegExp {
  if (catalogue.of(param.entity) || param.enum) return /<input[^>]*aria-haspopup="listbox"/;
  if (param.type === "boolean") return /<input[^>]*type="checkbox"/;
  if (/^(integer|long|short|double)$/.test(param.type)) return /<input[^>]*inputMode="(numeric|decimal)"/i;
  if (param.type === "map") return /<button/;
  if (param.type === "list") return /<input/;
  if (param.type === "date") return /<input[^>]*type="datetime-local"/;
  if (isSecret(param)) return /<input[^>]*type="password"/;
  return long(param) ? /<textarea/ : /<input/;
}

const kindOf = (param: Param) => JSON.stringify([param.type, param.required, param.entity && catalogue.of(param.entity) !== undefined, param.enum?.length, isSecret(param), param.multiple, param.keys, long(param)]);
const SAMPLE: Record<string, unknown> = { boolean: true, integer: 1, long: 1, short: 1, double: 0.5, map: { a: "b" }, list: ["a"], date: "2026-11-22T20:00:00" };

/** What keeps a person from using a command by its form. Kinds of parameters in `seen` were looked at before, unless they are required. */
function unusable(command: Command, seen = new Set<string>()): string[] {
  const params = Catalogue.fillable(command);
  const looked = params.filter((param) => param.required || !seen.has(kindOf(param)));
  const fixed = Object.fromEntries(params.filter((param) => !looked.includes(param)).map((param) => [param.name, "given"]));
  const shown = form(command, fixed, true);
  const closed = looked.some((param) => !param.required) ? form(command, fixed, false) : shown;
  const wrong = command.params.filter((param) => param.required && !params.includes(param)).map((param) => `${param.name} is required and never asked for`);
  for (const param of looked) {
    if (!widget(param).test(shown.get(param.name) ?? "")) wrong.push(`${param.name} is not asked for as a ${param.type}`);
    if (param.required && !closed.has(param.name)) wrong.push(`${param.name} is required and folded away`);
    seen.add(kindOf(param));
  }
  if (![...shown.values()].join("").includes('type="submit"')) wrong.push("it cannot be sent");
  const filled = encode(request(command, Object.fromEntries(params.filter((param) => param.required).map((param) => [param.name, SAMPLE[param.type] ?? "x"]))));
  for (const param of params) if (param.required && ![...filled.keys()].some((name) => name === param.name || name.startsWith(`${param.name}[0].`))) wrong.push(`${param.name} is filled in and not sent`);
  return wrong;
}

test("every command that the server lists has a usable form", () => {
  expect(catalogue.commands.size).toBeGreaterThan(300);
  const seen = new Set<string>();
  const wrong = [...catalogue.commands.values()].flatMap((command) => unusable(command, seen).map((what) => `${command.name}: ${what}`));
  expect(wrong).toEqual([]);
  for (const kind of ["boolean", "integer", "long", "map", "list", "date", "uuid", "string"]) expect([...seen].some((one) => one.startsWith(`["${kind}"`)), kind).toBe(true);
}, 200_000);

test("a command without a usable form is told", () => {
  const command = catalogue.commands.get("createVolume")!;
  const param = (name: string, more: Partial<Param> = {}): Param => ({ name, description: "", type: "string", required: true, length: 255, ...more });
  expect(unusable({ ...command, params: [param("page")] })).toEqual(["page is required and never asked for"]);
});

test("what is left empty is not sent; dates are sent as the API reads them", () => {
  const command = catalogue.commands.get("listEvents")!;
  expect(request(command, { keyword: "", account: undefined, level: "ERROR", startdate: "2026-11-22T20:00:00" })).toEqual({ level: "ERROR", startdate: "2026-11-22 20:00:00" });
});
