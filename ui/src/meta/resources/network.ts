import type { Meta } from "..";

export default [
  {
    list: "listNetworks", slug: "networks", title: "Networks", one: "network", section: "Network", icon: "network",
    about: "Private networks of instances, behind a router that gives addresses, names and a way out.",
    columns: ["state", "type", "cidr", "networkofferingname", "zonename", "account", "created"], create: "createNetwork", asks: { createNetwork: ["zoneid", "networkofferingid"] }, first: ["updateNetwork", "restartNetwork"], tabs: ["public-ips", "instances", "routers"],
    facts: { Addresses: ["cidr", "gateway", "netmask", "dns1", "dns2", "networkdomain", "broadcasturi"], Offering: ["networkofferingname", "type", "traffictype", "egressdefaultpolicy", "ispersistent", "redundantrouter"], Owner: ["account", "project", "domainpath", "zonename", "created", "acltype"] },
  },
  {
    list: "listPublicIpAddresses", slug: "public-ips", title: "Public IPs", one: "public IP", section: "Network", icon: "world",
    about: "Addresses that the world reaches. Forwarding, static NAT and balancing lead from them to instances.",
    columns: ["state", "associatednetworkname", "virtualmachinename", "issourcenat", "zonename", "allocated"], create: "associateIpAddress", asks: { associateIpAddress: ["zoneid", "networkid"] }, first: ["disassociateIpAddress"], tabs: [],
    facts: { Address: ["ipaddress", "issourcenat", "isstaticnat", "virtualmachinename", "vmipaddress"], Place: ["associatednetworkname", "zonename", "vlanname"], Owner: ["account", "project", "domainpath", "allocated"] },
  },
  {
    list: "listPortForwardingRules", slug: "port-forwarding", title: "Port forwarding", one: "rule", section: "Network", icon: "arrows-right",
    about: "Ports of public addresses that lead to instances.",
    columns: ["state", "protocol", "virtualmachinename", "privateport", "networkname", "cidrlist"], create: "createPortForwardingRule",
  },
  {
    list: "listFirewallRules", slug: "firewall", title: "Firewall", one: "rule", section: "Network", icon: "shield",
    about: "Who may reach a public address, at which ports.", columns: ["state", "protocol", "cidrlist", "networkname"], create: "createFirewallRule",
  },
  {
    list: "listEgressFirewallRules", slug: "egress-firewall-rules", title: "Egress firewall rules", one: "rule", section: "Network", icon: "shield", apart: ["networkid"],
    about: "What instances of a network may reach outside.", columns: ["networkid", "state", "cidrlist", "destcidrlist"], create: "createEgressFirewallRule",
  },
] satisfies Meta[];
