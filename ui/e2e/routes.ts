// Pages that follow from what the server lists: a list for each of its list commands, a page for each thing.
import type { Other } from "./session";

export const FOLDED = ["/zones", "/pods", "/clusters", "/hosts", "/primary-storage", "/secondary-storage", "/port-forwarding", "/firewall", "/egress-firewall-rules"];
// Paths of pages whose words are improved; others follow from their command's name.
const KNOWN: Record<string, string> = {
  listVirtualMachines: "instances", listTemplates: "images", listIsos: "isos", listSSHKeyPairs: "keys", listUserData: "user-data", listAffinityGroups: "affinity", listVolumes: "volumes", listNetworks: "networks", listPublicIpAddresses: "public-ips",
  listPortForwardingRules: "port-forwarding", listFirewallRules: "firewall", listEgressFirewallRules: "egress-firewall-rules", listProjects: "projects", listEvents: "event-log", listWebhooks: "webhooks", listDomains: "domains", listAccounts: "accounts", listUsers: "users", listRoles: "roles", listZones: "zones",
  listPods: "pods", listClusters: "clusters", listHosts: "hosts", listStoragePools: "primary-storage", listImageStores: "secondary-storage", listRouters: "routers", listAlerts: "alerts", listManagementServers: "servers", listServiceOfferings: "compute-offerings",
  listDiskOfferings: "disk-offerings", listNetworkOfferings: "network-offerings", listConfigurations: "configuration", listOsTypes: "guest-os", listHypervisorCapabilities: "hypervisor-capabilities",
};

interface Offered { name: string; params: { name: string; required: boolean }[] }

const kebab = (name: string) => (name.match(/[A-Z]{2,}(?![a-z])|[A-Z]?[a-z0-9]+/g) ?? [name]).join("-").toLowerCase();

/** Slugs of generated lists, and (slug, id) of the first thing of each list that may be asked for without more words. */
export async function routes(other: Other): Promise<{ generated: string[]; things: [string, string][] }> {
  const offered = (await other.call("listApis"))["api"] as Offered[];
  const paged = offered.filter((one) => /^list[A-Z]/.test(one.name) && one.params.some((param) => param.name === "page"));
  const found = await Promise.all(paged.map(async (command): Promise<[string, string] | undefined> => {
    const takes = (name: string) => command.params.some((param) => param.name === name);
    if (command.params.some((param) => param.required) || !takes("id")) return undefined;
    const answer = await other.call(command.name, { page: "1", pagesize: "3", ...(takes("listall") && { listall: "true" }), ...(takes("templatefilter") && { templatefilter: "all" }), ...(takes("isofilter") && { isofilter: "all" }) }).catch(() => ({}));
    const id = (Object.values(answer).find(Array.isArray) as { id?: string }[] | undefined)?.find((row) => row.id)?.id;
    return id ? [KNOWN[command.name] ?? kebab(command.name.slice(4)), id] : undefined;
  }));
  return { generated: paged.filter((one) => !KNOWN[one.name]).map((one) => kebab(one.name.slice(4))), things: found.filter((one) => one !== undefined) };
}
