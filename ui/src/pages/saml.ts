import { useCatalogue, useList } from "../api/use";

/** Whether users may sign in through SAML: the server refuses to speak of providers while its setting is off. */
export function useSaml(): boolean {
  const catalogue = useCatalogue();
  const known = useList("listConfigurations", { name: "saml2.enabled", page: 1, pagesize: 1 }, catalogue.has("listConfigurations") && catalogue.has("listIdps"));
  return known.data?.rows[0]?.["value"] === "true";
}
