// The sidebar: which pages a role has.
import { useMemo } from "react";
import type { Catalogue } from "../api/catalogue";
import { useCatalogue } from "../api/use";
import { METAS, SECTIONS } from "../meta";

export interface Entry {
  to: string;
  title: string;
  icon: string;
  section: string;
}

// said: titles of pages made by hand
const PAGES: (Entry & { needs: string })[] = [
  { to: "/map", title: "Network map", icon: "map", section: "Network", needs: "listNetworks" },
  { to: "/capacity", title: "Capacity", icon: "gauge", section: "Operate", needs: "listCapacity" },
  { to: "/infrastructure", title: "Infrastructure", icon: "tree", section: "Operate", needs: "listPods" },
  { to: "/limits", title: "Limits and usage", icon: "gauge", section: "Project", needs: "listResourceLimits" },
  { to: "/access", title: "Who may do what", icon: "shield", section: "Govern", needs: "explainAccess" },
  { to: "/identity", title: "Identity", icon: "users-group", section: "Settings", needs: "listLdapConfigurations" },
  { to: "/settings", title: "Configuration", icon: "settings", section: "Settings", needs: "listConfigurations" },
];
/** The list without which such a page is not there. */
export const NEEDS: Record<string, string> = { ...Object.fromEntries(PAGES.map((page) => [page.to, page.needs])), "/domains": "listDomains", "/setup": "createZone", "/new/instances": "deployVirtualMachine" };
const FOLDED = new Set(["zones", "pods", "clusters", "hosts", "primary-storage", "secondary-storage", "configuration", "port-forwarding", "firewall", "egress-firewall-rules"]);

export const OWN = new Set([...PAGES.map((page) => page.to), "/domains", "/profile", "/setup", "/reference", "/about"]); // pages that are no lists

/** What the caller's role lets it open; a section without entries vanishes. */
export function entriesOf(catalogue: Catalogue): Entry[] {
  const listed = METAS.filter((meta) => meta.section && !FOLDED.has(meta.slug) && catalogue.has(meta.list));
  const entries: Entry[] = [
    ...listed.map((meta) => ({ to: `/${meta.slug}`, title: meta.title, icon: meta.icon ?? "", section: meta.section ?? "" })),
    ...PAGES.filter((page) => catalogue.has(page.needs)),
  ];
  return SECTIONS.flatMap((section) => entries.filter((entry) => entry.section === section));
}

export function useEntries(): Entry[] {
  const catalogue = useCatalogue();
  return useMemo(() => entriesOf(catalogue), [catalogue]);
}
