// What has no name of its own is called by what it is of, wherever the name must be looked for.
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import { afterEach, expect, test, vi } from "vitest";
import type { Row } from "../api/client";
import { CatalogueContext } from "../api/use";
import { offered } from "../testing/offered";
import { Called } from "./Named";

const catalogue = offered("root");
const THERE: Record<string, Row[]> = {
  listNetworkServiceProviders: [{ id: "p1", name: "VirtualRouter", physicalnetworkid: "n1" }, { id: "p2", name: "VirtualRouter", physicalnetworkid: "n2" }], // takes no id
  listPhysicalNetworks: [{ id: "n1", name: "one-fabric" }, { id: "n2", name: "two-fabric" }],
};

function server(_: string, { body }: { body: URLSearchParams }): Promise<Response> {
  const command = body.get("command") ?? "";
  const takes = catalogue.commands.get(command)?.params.some((param) => param.name === "id");
  const rows = (THERE[command] ?? []).filter((row) => !takes || row["id"] === body.get("id"));
  return Promise.resolve(new Response(JSON.stringify({ response: { count: rows.length, row: rows } })));
}

afterEach(() => vi.unstubAllGlobals());

async function called(slug: string, row: Row, name: string): Promise<void> {
  vi.stubGlobal("fetch", vi.fn(server));
  const box = document.createElement("div");
  const root = createRoot(box);
  root.render(<QueryClientProvider client={new QueryClient()}><CatalogueContext value={catalogue}><Called row={row} kind={catalogue.bySlug(slug)!} /></CatalogueContext></QueryClientProvider>);
  await vi.waitFor(() => expect(box.textContent).toBe(name)).finally(() => root.unmount());
}

test("a virtual router's element is called by its provider and the physical network", () => called("virtual-router-elements", { id: "p2", nspid: "p2", enabled: true }, "VirtualRouter · two-fabric"));
test("a dedication is called by what is dedicated", () => called("dedicated-clusters", { id: "d", domainid: "x", clusterid: "c", clustername: "rack-7" }, "rack-7"));
test("a name of its own is enough", () => called("zones", { id: "z", name: "fra-1", networktype: "Advanced" }, "fra-1"));
