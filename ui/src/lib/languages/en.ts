// English needs a file only where a text has plural forms.
import type { Texts, Values } from "../words";

export default {
  "{count} commands that your role may call": { one: "{count} command that your role may call", other: "{count} commands that your role may call" },
  "{count} networks": { one: "{count} network", other: "{count} networks" },
  "{count} instances": { one: "{count} instance", other: "{count} instances" },
  "{count} public addresses": { one: "{count} public address", other: "{count} public addresses" },
  "{count} settings; each is in force at once": { one: "{count} setting; it is in force at once", other: "{count} settings; each is in force at once" },
  "{count} users": { one: "{count} user", other: "{count} users" },
  "{count} rules lead in from outside": { one: "{count} rule leads in from outside", other: "{count} rules lead in from outside" },
} satisfies Texts;

export const values: Values = {
  "Download Complete": "Downloaded",
  "ResourceAdmin": "Resource admin", "DomainAdmin": "Domain admin", "ExplicitDedication": "Explicit dedication", "VirtualRouter": "Virtual router", "VpcVirtualRouter": "VPC virtual router",
  // Services of networks.
  "SourceNat": "Source NAT", "StaticNat": "Static NAT", "PortForwarding": "Port forwarding", "Dhcp": "DHCP", "Dns": "DNS", "UserData": "User data",
  // Types of events that no single command tells of, and of alerts whose parts are no words.
  "ACCOUNT.DISABLE": "Disable or lock account", "ACCOUNT.UPDATE": "Update account", "CONFIGURATION.VALUE.EDIT": "Change setting", "DEDICATE.RESOURCE.RELEASE": "Release dedicated resource", "DOMAIN.UPDATE": "Update domain",
  "NET.IPASSIGN": "Assign address", "NET.RULEADD": "Create forwarding rule", "NET.RULEDELETE": "Delete forwarding rule", "NETWORK.OFFERING.CREATE": "Create network offering", "NIC.UPDATE": "Update NIC", "REGISTER.SSH.KEYPAIR": "Register SSH key",
  "SERVICE.PROVIDER.CREATE": "Add service provider", "USER.LOGIN": "Sign in", "USER.LOGOUT": "Sign out", "USER.UPDATE": "Update user", "VM.UPGRADE": "Change size of instance", "VOLUME.UPDATE": "Update volume",
  "ALERT.COMPUTE.HOST": "Host", "ALERT.USERVM": "Instance", "ALERT.USERVM.MIGRATE": "Migration of instance", "ALERT.OOBM.AUTHERROR": "Sign-in to remote management", "ALERT.SERVICE.DOMAINROUTER": "Virtual router", "ALERT.NETWORK.DOMAINROUTERMIGRATE": "Migration of virtual router",
  "ALERT.SERVICE.CONSOLEPROXY": "Console proxy", "ALERT.SERVICE.CONSOLEPROXYMIGRATE": "Migration of console proxy", "ALERT.SERVICE.SSVM": "Secondary storage VM", "ALERT.VR.PRIVATE.IFACE.MTU": "MTU of router's private interface", "ALERT.VR.PUBLIC.IFACE.MTU": "MTU of router's public interface",
};
