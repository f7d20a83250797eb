// The API writes names of fields as one word ("templatedisplaytext"); readers want them apart.
import type { Catalogue } from "../api/catalogue";
import { sentence } from "../lib/format";
import { language, t, word } from "../lib/words";

const WHOLE: Record<string, string> = {
  templatename: "Image", templateid: "Image", ipaddress: "Address", virtualmachineid: "Instance", virtualmachinename: "Instance", vmname: "Instance", virtualmachineids: "Instances", serviceofferingid: "Compute offering",
  serviceofferingname: "Compute offering", diskofferingname: "Disk offering", networkofferingname: "Offering", osdisplayname: "Operating system", ostypename: "Operating system", created: "Created", haenable: "High availability",
  cpunumber: "CPUs", issourcenat: "Source NAT", isstaticnat: "Static NAT", associatednetworkname: "Network", instancename: "Name on the host", domainpath: "Domain",
  cidrlist: "Source", destcidrlist: "Destination", startport: "From port", endport: "To port", publicport: "Port", publicendport: "To port", privateport: "Instance's port", privateendport: "Instance's last port",
  vmguestip: "Instance's address", virtualmachinedisplayname: "Instance shown as", isdefault: "Default", macaddress: "MAC", deviceid: "Slot", keypairs: "SSH keys", passwordenabled: "Resets passwords", isready: "Ready", ispublic: "Public", isfeatured: "Featured",
  crossZones: "In all zones", is2faenabled: "Second factor", is2famandated: "Second factor demanded", apikeyaccess: "API keys", usersource: "Signs in by", agentscount: "Hosts", lastserverstart: "Started",
  pendingjobscount: "Jobs waiting", serviceip: "Service address", osdistribution: "System", kernelversion: "Kernel", sent: "Sent", success: "State", resourcename: "On", username: "User", firstname: "First name", lastname: "Last name", startdate: "From", enddate: "Until", cpuspeed: "CPU speed, MHz", nspid: "Provider", memoryallocatedpercentage: "Memory allocated",
  cpuallocated: "CPU allocated", clustername: "Cluster", podname: "Pod", zonename: "Zone", hostname: "Host", networkname: "Network", physicalsize: "Size on store", sslverification: "Verifies TLS", payloadurl: "Address",
  istagarule: "Tag is a rule", cn: "Common name", op: "Operation", update_passwd_on_host: "Change it on the host, too", sigalg: "Signature algorithm", asnumber: "AS number", specifyasnumber: "Specify AS number", idpid: "Identity provider", idpId: "Identity provider", uri: "URI", bgppeerids: "BGP peers", clientid: "Client ID",
  isos: "ISOs", isomaxcount: "ISOs at most", msid: "Number of the management server", allowuserspecifyvrmtu: "Users choose MTUs", ilbvms: "Internal load balancers",
};
const SPELT: Record<string, string> = { ip: "IP", cpu: "CPU", dns: "DNS", dns1: "DNS 1", dns2: "DNS 2", uri: "URI", cidr: "CIDR", os: "OS", ha: "HA", url: "URL", vlan: "VLAN", nat: "NAT", api: "API", mac: "MAC", mtu: "MTU", iso: "ISO", ssh: "SSH", vm: "instance", nic: "NIC", ssl: "TLS", vpc: "VPC", acl: "ACL", gpu: "GPU", iops: "IOPS", id: "ID", "2fa": "2FA", hvm: "HVM", kvm: "KVM", uefi: "UEFI", ip6: "IPv6", ipv6: "IPv6", dhcp: "DHCP", gb: "GB", ghz: "GHz", lb: "balancer", nsx: "NSX", bgp: "BGP", kms: "KMS", csr: "CSR", dn: "DN", ldap: "LDAP", cni: "CNI", uuid: "UUID", saml: "SAML", nfs: "NFS", vnf: "VNF", vgpu: "vGPU", pvlan: "PVLAN", gslb: "GSLB", idp: "IdP", db: "database", opts: "options", params: "parameters", proc: "process", cmd: "command", vsm: "VSM", vms: "instances", macaddress: "MAC", tls: "TLS", ca: "CA", io: "I/O", ui: "UI", http: "HTTP", ovm3: "OVM3", hyperv: "Hyper-V", vmware: "VMware", kubernetes: "Kubernetes", cloudstack: "CloudStack", tungsten: "Tungsten", cks: "CKS", l2: "L2", streched: "stretched", xen: "Xen", sharedfs: "shared file system" };
const KNOWN = new Set([...Object.keys(SPELT), ...(
  "access account accounts action address agent agents all allocated allocation allow api arch archived as associated attached available average backup bits boot bootable broadcast bucket by bytes can capabilities capacity category certificate " +
  "check checksum class cluster code collection command config connect control core count created cross current custom customized data days date dedicated default delete deploy description dest destroyed destination details device " +
  "direct disconnected disk display domain down download duration dynamically earliest egress email enable enabled encrypted encryption end endpoint entry error event expires explicit external extractable facts featured file filter fingerprint first for full " +
  "format from gateway generation group groups guest has hash header headers host hosts hypervisor icmp icon image imported in install instance instances interface internal internet is isolation job jobs key keypair kernel label last latest " +
  "level limit list load local location machine managed management mandate max memory message method min mode name names netmask network networks new next node note number observed of offering offerings on only open order " +
  "out over owner owners parent part path password payload peers pending percentage permission persistent physical pinged placement planner pod policy pool port ports primary private profile project protection protocol provider " +
  "provisioning public quiesce range rate read ready reason redundant register related release remote removed required requires reserved resource resources restart retention role root router rule rules running scalable scale scope secondary secret security " +
  "self server service services shared show size snapshot snapshots source speed ssl start started startup state static status stopped storage store support supported supports suspended system tag tags target task template templates text threads time " +
  "timeout timezone token total traffic type types unused update usage use used user value values version virtual volume volumes with without write writeable xen year zone zones enrol destination source ids " +
  "admin admins affinity alg alive annotations applied authorize auto autoscaling averages balancing band base base64 batch bgp bind bypass cache caller capabilities capability catalogue cert chain child cleaned cleanup cmd cni commit commits compute conflicting connections conserve count cpus creator csr custom daemon db dedicated deployed deployment destroy dhcp disable dn dynamic edge entity expiry explicit extension factor fetch firewall force free gb ghz gslb guid hardware health hide idp implementor implicit individual ip6 ipv6 isolated keep kms lb ldap lease length list live loads local lock make mapped mapping match migrate mode motion mount multi networks nfs nsx object ok open option opts over overlap override params pass patch percent planners portable power proc processors provisioned purge pvlan query ranges ratio ready redirect relay request requires result retrieve root routing saml scaling search seconds select serial shrink sig sizes sort specify stats step stop store stretched strictness subdomain subgroup supported swap switch tagged threshold trust tungsten unallocated unique upgrade usage uuid vendor vgpu vnf volatile vsm vswitch wait waits zones client active defined conversion guests availability addresses methods offer encrypt provision webhook routed reserve annotation capacities scopes cks info sequence response change drop subnet streched l2 rolling domains enforced passed allowed into checks copy io driver threads extra parameter additional consider enough suitable migration why not suspend create projects expunge recover view dry ui page interval issuer roles async http kubernetes experimental features per queue invite position session permissions offset tls versions comment repetition pools stores servers retention hyperv vmware skipped updated failed results verified add peer peers blank considered creator region certificates cloud identifier annotated disks setup vip ovm3 lease days health websocket cloudstack alert console endpoint sharedfs ram packed virtqueues org options run ca to deviation cycle cycles repositories").split(" ")]);

/** The fewest known words that make up the name; undefined when it has other parts. */
function split(name: string): string[] | undefined {
  const best: (string[] | undefined)[] = [[]];
  for (let end = 1; end <= name.length; end += 1) {
    for (let start = Math.max(0, end - 14); start < end; start += 1) {
      const before = best[start];
      const word = name.slice(start, end);
      if (before && KNOWN.has(word) && (!best[end] || before.length + 1 < (best[end]?.length ?? 0))) best[end] = [...before, word];
    }
  }
  return best[name.length];
}

const UNIT = /(?<=total|allocated|used|size)(gb|ghz)$/; // values bring their units along

/** "templatedisplaytext" -> "Template display text"; the id of something is called by what it is the id of, an amount without its unit. */
export function titled(field: string): string {
  const name = field.replace(UNIT, "");
  const whole = WHOLE[name];
  if (whole) return whole;
  const plain = name.replace(/(?<=..)(id|name)$/, "");
  const all = split(plain.toLowerCase()) ?? (/[A-Z]/.test(plain) ? undefined : split(name));
  const words = all && all.length > 1 && all[0] === "is" ? all.slice(1) : all;
  if (!words?.length) return sentence(name);
  const text = words.map((word) => SPELT[word] ?? word).join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What a field or a parameter is called, in the reader's language. */
export function titleOf(name: string): string {
  return t(titled(name));
}

/** A command's name, or a noun of the API, in the reader's language. */
export function spoken(name: string): string {
  const [, listed] = /^list([A-Z].*)$/.exec(name) ?? [];
  return listed ? t("List {what}", { what: within(t(sentence(listed))) }) : t(sentence(name));
}

/** What a type of event or alert is called: by its own word, else by the command that it tells of, else by its parts. */
export function eventCalled(type: string, catalogue: Catalogue): string {
  const own = word(type);
  if (own !== type) return own;
  const [command, ...others] = catalogue.telling(type);
  if (command && !others.length) return spoken(command.name);
  const parts = type.replace(/^ALERT\./, "").toLowerCase().split(/[._-]/);
  return parts.map((part, at) => (at ? within(titled(part)) : titled(part))).join(" ");
}

// said: kinds of things that commands call otherwise than readers do
const THINGS: Record<string, string> = {
  vm: "Instance", uservm: "Instance", virtualmachine: "Instance", template: "Image", ipaddress: "Public IP", publicipaddress: "Public IP", domainrouter: "Virtual router", router: "Virtual router", storagepool: "Primary storage",
  imagestore: "Secondary storage", serviceoffering: "Compute offering", managementserver: "Server", sshkeypair: "SSH key", apikeypair: "API key", physicalnetworkserviceprovider: "Network service provider",
};

/** What a kind of thing is called ("UserVm", "DomainRouter"), in the reader's language. */
export function thingCalled(kind: string): string {
  return t(THINGS[kind.replaceAll("_", "").toLowerCase()] ?? sentence(kind));
}

/** What a task of a job does, or one of its steps. */
export function stepOf(name: string): string {
  return word(name) === name ? sentence(name) : word(name);
}

/** What one of a kind is called within a sentence: "VLAN IP range", "host tag". */
export function within(text: string): string {
  return language() === "en" && /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
