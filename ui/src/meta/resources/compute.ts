import { me } from "../../api/client";
import type { Meta } from "..";

const ROOT = "1"; // the type of a root administrator's account

/** Only root administrators may list every image; others see those that they may use. */
const visible = () => (me()?.type === ROOT ? "all" : "executable");

export default [
  {
    list: "listVirtualMachines", slug: "instances", title: "Instances", one: "instance", section: "Compute", icon: "server", facets: true, console: true, badge: (row) => (row["templatename"] ?? row["osdisplayname"]) as string | undefined,
    about: "Virtual machines: each with its size, its disks and its addresses.",
    columns: ["state", "templatename", "ipaddress", "size", "zonename", "account", "created", "hostname"],
    context: (row) => (row["hostname"] as string) ?? (row["displayname"] !== row["name"] ? (row["displayname"] as string) : undefined) ?? (row["instancename"] as string),
    create: "", first: ["startVirtualMachine", "stopVirtualMachine"], tabs: ["volumes", "nics", "affinity", "snapshots", "console-sessions"],
    facts: {
      Size: ["serviceofferingname", "cpunumber", "cpuspeed", "memory"],
      Image: ["templatename", "isoname", "osdisplayname", "arch"],
      Access: ["ipaddress", "publicip", "keypairs", "passwordenabled", "userdataname"],
      Place: ["zonename", "hostname", "hostcontrolstate", "hypervisor", "instancename", "haenable"],
      Owner: ["account", "project", "domainpath", "group", "created", "deleteprotection"],
    },
  },
  {
    list: "listTemplates", slug: "images", title: "Images", one: "image", section: "Compute", icon: "photo", badge: (row) => row["name"] as string | undefined, apart: ["zonename"],
    about: "What an instance's first disk is made from.",
    columns: ["status", "ostypename", "size", "format", "hypervisor", "zonename", "ispublic", "created"],
    get params() { return { templatefilter: visible() }; }, create: "registerTemplate", asks: { registerTemplate: ["url", "zoneid", "ostypeid", "ispublic"] }, first: ["updateTemplate"], tabs: [],
    facts: { Image: ["ostypename", "format", "size", "physicalsize", "arch", "hypervisor", "templatetype"], Use: ["ispublic", "isfeatured", "isextractable", "passwordenabled", "sshkeyenabled", "isdynamicallyscalable", "userdataname"], Owner: ["account", "project", "domainpath", "zonename", "created"] },
  },
  {
    list: "listIsos", slug: "isos", title: "ISOs", one: "ISO", section: "Compute", icon: "disc", about: "Discs to boot or install from.", apart: ["zonename"],
    columns: ["status", "ostypename", "size", "zonename", "ispublic", "created"], get params() { return { isofilter: visible() }; }, create: "registerIso", asks: { registerIso: ["url", "zoneid", "ostypeid"] }, first: ["updateIso"], tabs: [],
  },
  {
    list: "listSSHKeyPairs", slug: "keys", title: "SSH keys", one: "SSH key", section: "Compute", icon: "key",
    about: "Keys that open instances, given to them at their first start.", columns: ["fingerprint", "account", "domain"], create: "registerSSHKeyPair", also: ["createSSHKeyPair"],
  },
  { list: "listUserData", slug: "user-data", title: "User data", one: "user data", section: "Compute", icon: "file-text", about: "Scripts and settings that instances read when they start." },
  { list: "listAffinityGroups", slug: "affinity", title: "Affinity groups", one: "affinity group", section: "Compute", icon: "affiliate", about: "Rules that keep instances together or apart." },
] satisfies Meta[];
