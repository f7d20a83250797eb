// The steps of a first zone, in the order in which the API wants them. Each says what it asks, how to see that it is done, and what it calls.
import { list, type Params, type Row } from "../../api/client";
import { perform } from "../../api/jobs";
import { t, word } from "../../lib/words";

export interface Ask {
  name: string;
  label: string;
  hint: string;
  initial?: string;
  options?: string[];
}

export interface Step {
  id: string;
  title: string;
  about: string;
  asks: Ask[];
  done: (zone: string) => Promise<string | undefined>; // what there is, in words; undefined while it is missing
  run: (zone: string, values: Record<string, string>, say: (what: string) => void) => Promise<string | undefined>; // a new zone's id from the first
}

const ALL = { page: 1, pagesize: 100 };
const rows = async (command: string, params: Params): Promise<Row[]> => (await list(command, { ...ALL, ...params })).rows;
const names = (found: Row[]): string | undefined => (found.length ? found.map((row) => String(row["name"] ?? row["startip"] ?? row["id"])).join(", ") : undefined);
const inner = (answer: Row): Row => (Object.values(answer).find((value) => typeof value === "object" && value !== null) as Row | undefined) ?? answer;
const idOf = (row: Row | undefined): string => String(row?.["id"] ?? "");

/** The name of a zone: what is made for it is called by it, since some names are given once in a cloud. */
async function nameOf(zone: string): Promise<string> {
  return String((await rows("listZones", { id: zone }))[0]?.["name"]);
}

async function physicalOf(zone: string): Promise<Row | undefined> {
  return (await rows("listPhysicalNetworks", { zoneid: zone }))[0];
}

async function physicalNetwork(zone: string): Promise<string> {
  return idOf(await physicalOf(zone));
}

async function enableRouter(physical: string): Promise<void> {
  for (const provider of await rows("listNetworkServiceProviders", { physicalnetworkid: physical, name: "VirtualRouter" })) {
    for (const element of await rows("listVirtualRouterElements", { nspid: idOf(provider) })) if (element["enabled"] !== true) await perform("configureVirtualRouterElement", { id: idOf(element), enabled: true });
    if (provider["state"] !== "Enabled") await perform("updateNetworkServiceProvider", { id: idOf(provider), state: "Enabled" });
  }
}

export const STEPS: Step[] = [
  {
    id: "zone", title: "Zone", about: "One data centre. Its instances ask these name servers; its isolated networks take addresses from this range.",
    asks: [
      { name: "name", label: "Name", hint: "How people will call it", initial: "zone-1" },
      { name: "dns1", label: "DNS for instances", hint: "An address that instances can reach", initial: "9.9.9.9" },
      { name: "internaldns1", label: "DNS for the cloud itself", hint: "An address that hosts and routers can reach", initial: "9.9.9.9" },
      { name: "guestcidraddress", label: "Range of isolated networks", hint: "Each isolated network takes its addresses from it", initial: "10.1.1.0/24" },
    ],
    done: async (zone) => (zone ? names(await rows("listZones", { id: zone })) : undefined),
    run: async (_, values) => idOf(inner(await perform("createZone", { ...values, networktype: "Advanced" }))),
  },
  {
    id: "network", title: "Physical network", about: "What carries the traffic of guests, of the public and of management, and the VLANs that isolate guests' networks.",
    asks: [
      { name: "vlan", label: "VLANs for guests", hint: "From-to, as the switches allow", initial: "100-199" },
      { name: "guest", label: "Bridge for guests", hint: "Its name on KVM hosts", initial: "cloudbr0" },
      { name: "public", label: "Bridge for the public", hint: "Its name on KVM hosts", initial: "cloudbr1" },
      { name: "management", label: "Bridge for management", hint: "Its name on KVM hosts", initial: "cloudbr0" },
    ],
    done: async (zone) => {
      const physical = await physicalOf(zone);
      const types = physical ? await rows("listTrafficTypes", { physicalnetworkid: idOf(physical) }) : [];
      // It is enabled last: before, this step is not whole.
      return types.length >= 3 && physical?.["state"] === "Enabled" ? types.map((type) => word(String(type["traffictype"]))).join(", ") : undefined;
    },
    run: async (zone, values, say) => {
      let physical = await physicalNetwork(zone);
      if (!physical) { say(t("Making the physical network")); physical = idOf(inner(await perform("createPhysicalNetwork", { name: `${await nameOf(zone)}-physical`, zoneid: zone, vlan: values["vlan"], isolationmethods: "VLAN" }))); }
      const there = new Set((await rows("listTrafficTypes", { physicalnetworkid: physical })).map((row) => row["traffictype"]));
      for (const type of ["Guest", "Public", "Management"]) if (!there.has(type)) { say(t("Adding traffic: {what}", { what: word(type) })); await perform("addTrafficType", { physicalnetworkid: physical, traffictype: type, kvmnetworklabel: values[type.toLowerCase()] }); }
      say(t("Enabling the virtual router"));
      await enableRouter(physical);
      await perform("updatePhysicalNetwork", { id: physical, state: "Enabled" });
      return undefined;
    },
  },
  {
    id: "addresses", title: "Addresses", about: "A pod's management addresses (routers and hosts), and the public addresses that the world reaches.",
    asks: [
      { name: "podgateway", label: "Management gateway", hint: "An address of the management network", initial: "192.0.2.1" },
      { name: "podnetmask", label: "Management netmask", hint: "", initial: "255.255.255.0" },
      { name: "podstart", label: "First management address", hint: "Free for the cloud's own appliances", initial: "192.0.2.200" },
      { name: "podend", label: "Last management address", hint: "", initial: "192.0.2.220" },
      { name: "gateway", label: "Public gateway", hint: "", initial: "203.0.113.1" },
      { name: "netmask", label: "Public netmask", hint: "", initial: "255.255.255.0" },
      { name: "start", label: "First public address", hint: "", initial: "203.0.113.100" },
      { name: "end", label: "Last public address", hint: "", initial: "203.0.113.150" },
      { name: "publicvlan", label: "Public VLAN", hint: "A number, or untagged", initial: "untagged" },
    ],
    done: async (zone) => {
      const pods = await rows("listPods", { zoneid: zone });
      const ranges = await rows("listVlanIpRanges", { zoneid: zone, forvirtualnetwork: true });
      return pods.length && ranges.length ? `${names(pods)}; ${ranges.map((row) => `${String(row["startip"])}–${String(row["endip"])}`).join(", ")}` : undefined;
    },
    run: async (zone, values, say) => {
      const pods = await rows("listPods", { zoneid: zone });
      if (!pods.length) { say(t("Making the pod")); await perform("createPod", { name: `${await nameOf(zone)}-pod`, zoneid: zone, gateway: values["podgateway"], netmask: values["podnetmask"], startip: values["podstart"], endip: values["podend"] }); }
      const ranges = await rows("listVlanIpRanges", { zoneid: zone, forvirtualnetwork: true });
      if (!ranges.length) { say(t("Adding public addresses")); await perform("createVlanIpRange", { zoneid: zone, physicalnetworkid: await physicalNetwork(zone), forvirtualnetwork: true, vlan: values["publicvlan"], gateway: values["gateway"], netmask: values["netmask"], startip: values["start"], endip: values["end"] }); }
      return undefined;
    },
  },
  {
    id: "hosts", title: "Cluster and hosts", about: "Machines that instances run on. A KVM host answers with the one command to run there; a simulated one (http://sim/name) is there at once.",
    asks: [
      { name: "hypervisor", label: "Hypervisor", hint: "", initial: "KVM", options: ["KVM", "Simulator"] },
      { name: "urls", label: "Hosts", hint: "URLs by comma: http://192.0.2.11/host-1, or http://sim/one", initial: "" },
    ],
    done: async (zone) => {
      const up = (await rows("listHosts", { zoneid: zone, type: "Routing" })).filter((host) => host["state"] === "Up");
      return names(up);
    },
    run: async (zone, values, say) => {
      const pod = idOf((await rows("listPods", { zoneid: zone }))[0]);
      let cluster = idOf((await rows("listClusters", { zoneid: zone, hypervisor: values["hypervisor"] }))[0]);
      if (!cluster) { say(t("Making the cluster")); cluster = idOf(((await perform("addCluster", { zoneid: zone, podid: pod, clustername: `${await nameOf(zone)}-cluster`, hypervisor: values["hypervisor"], clustertype: "CloudManaged" }))["cluster"] as Row[])[0]); }
      const commands: string[] = [];
      for (const url of (values["urls"] ?? "").split(/[\s,]+/).filter(Boolean)) {
        say(url);
        const hosts = (await perform("addHost", { zoneid: zone, podid: pod, clusterid: cluster, hypervisor: values["hypervisor"], url }))["host"] as Row[];
        for (const host of hosts) if (typeof host["enrolcommand"] === "string") commands.push(`${String(host["name"])}: ${host["enrolcommand"]}`);
      }
      if (commands.length) say(`${t("Run on each host:")}\n${commands.join("\n")}`);
      return undefined;
    },
  },
  {
    id: "storage", title: "Storage", about: "Primary storage holds the disks of instances; secondary storage holds images. Then the zone is enabled.",
    asks: [
      { name: "primary", label: "Primary storage", hint: "nfs://server/path, SharedMountPoint://localhost/path, or sim://name", initial: "" },
      { name: "secondary", label: "Secondary storage", hint: "nfs://server/path, file:///path, or sim://name", initial: "" },
    ],
    done: async (zone) => {
      const found = (await rows("listZones", { id: zone }))[0];
      if (found?.["allocationstate"] !== "Enabled") return undefined;
      return names([...(await rows("listStoragePools", { zoneid: zone })), ...(await rows("listImageStores", { zoneid: zone }))]) ?? t("None.");
    },
    run: async (zone, values, say) => {
      const cluster = (await rows("listClusters", { zoneid: zone }))[0];
      if (!(await rows("listStoragePools", { zoneid: zone })).length) { say(t("Making the primary storage")); await perform("createStoragePool", { name: `${await nameOf(zone)}-primary`, zoneid: zone, podid: String(cluster?.["podid"]), clusterid: idOf(cluster), scope: "cluster", url: values["primary"] }); }
      if (!(await rows("listImageStores", { zoneid: zone })).length) { say(t("Adding the secondary storage")); await perform("addImageStore", { name: `${await nameOf(zone)}-secondary`, provider: "NFS", zoneid: zone, url: values["secondary"] }); }
      say(t("Enabling the zone"));
      await perform("updateZone", { id: zone, allocationstate: "Enabled" });
      return undefined;
    },
  },
];
