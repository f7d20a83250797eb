// Every command that the server lists has a form, with an input for all that it needs. No line is written for any of them.
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { Catalogue, type Command, type Param } from "../api/catalogue";
import type { Params } from "../api/client";
import { CatalogueContext } from "../api/use";
import { offered } from "../testing/offered";
import { ActionForm, request } from "./ActionForm";

const catalogue = offered("root");

/** The form as HTML, by parameter; what is before the first parameter is under "". Parameters in `fixed` are not asked for. */
function form(command: Command, fixed: Params): Map<string, string> {
  const html = renderToStaticMarkup(
    <MantineProvider><QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { enabled: false } } })}><CatalogueContext value={catalogue}><ActionForm command={command} fixed={fixed} done={() => {}} opened /></CatalogueContext></QueryClientProvider></MantineProvider>,
  );
  const [before = "", ...parts] = html.split('data-param="');
  return new Map([["", before], ...parts.map((part): [string, string] => [part.slice(0, part.indexOf('"')), part])]);
}

test("every command renders a form that asks for all it takes", () => {
  expect(catalogue.commands.size).toBeGreaterThan(300);
  const seen = new Set<string>(); // kinds of parameters, of which one is looked at
  const kindOf = (param: Param) => JSON.stringify([param.type, param.required, param.entity && catalogue.of(param.entity) !== undefined, param.enum?.length, param.secret, param.multiple, param.keys, param.length > 1024, /password|secretkey/.test(param.name)]);
  for (const command of catalogue.commands.values()) {
    const params = Catalogue.fillable(command);
    const fresh = params.filter((param) => !seen.has(kindOf(param)));
    for (const param of fresh) seen.add(kindOf(param));
    const shown = form(command, Object.fromEntries(params.filter((param) => !fresh.includes(param)).map((param) => [param.name, "given"])));
    for (const param of fresh) {
      const input = shown.get(param.name) ?? "";
      expect(input, `${command.name} ${param.name}`).toMatch(/<(input|textarea|button)/);
      if (param.secret) expect(input, `${command.name} ${param.name} is secret`).toContain('type="password"');
    }
    expect([...shown.values()].join(""), command.name).toContain('type="submit"');
  }
}, 30_000);

test("what is left empty is not sent; dates are sent as the API reads them", () => {
  const command = catalogue.commands.get("listEvents")!;
  expect(request(command, { keyword: "", account: undefined, level: "ERROR", startdate: "2026-11-22T20:00:00" })).toEqual({ level: "ERROR", startdate: "2026-11-22 20:00:00" });
});
