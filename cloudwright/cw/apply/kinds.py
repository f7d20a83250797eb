"""The kinds that files can hold. What is not said here is derived from the server's own catalogue."""

from __future__ import annotations

from cloudwright.cw.apply import extra
from cloudwright.cw.apply.kind import Kind

_RATES = {
    f"{what}{way}rate{more}": f"disk{what.capitalize()}{way.capitalize()}Rate{told}"
    for what in ("bytes", "iops")
    for way in ("read", "write")
    for more, told in (("", ""), ("max", "Max"), ("maxlength", "MaxLength"))
}
_FOR = {"domainid": "domains", "zoneid": "zones"}  # an offering may be for some domains and zones only
_FOR_REFS = {"domains": "domain", "zones": "zone"}
_FOR_READ = {"domains": "domainid", "zones": "zoneid"}
_CHOSEN = dict.fromkeys(("host", "pod", "cluster", "hypervisor", "ipaddress", "macaddress", "physicalNetwork", "vlan"), "")
"""Where a thing was placed is the server's affair: it may be said when the thing is made, and is not compared afterwards."""
_MOVES = frozenset({"changecidr", "forced", "updateinsequence", "cleanupdetails", "forceupdateostype"})  # how, not what

ZONE_LAYOUT = [
    Kind(
        "zone", "a place with hosts, storage and networks of its own", "listZones", "createZone", "deleteZone", ("updateZone",),
        tag="Zone", late=frozenset({"allocationstate"}), read={"details": "resourcedetails", "dhcpprovider": ""},
    ),
    Kind(
        "physicalNetwork", "the wires of a zone, and the VLANs that guests may have on them", "listPhysicalNetworks",
        "createPhysicalNetwork", "deletePhysicalNetwork", ("updatePhysicalNetwork",), within=("zone",), layout=True,
    ),
    Kind(
        "trafficType", "a sort of traffic that a physical network carries, and by which bridge of the hosts",
        "listTrafficTypes", "addTrafficType", "deleteTrafficType", ("updateTrafficType",), within=("physicalNetwork",),
        named="traffictype", named_in="traffictype", each="physicalnetworkid", layout=True,
    ),
    Kind(
        "provider", "who provides services on a physical network", "listNetworkServiceProviders", "addNetworkServiceProvider",
        "deleteNetworkServiceProvider", ("updateNetworkServiceProvider",), within=("physicalNetwork",),
        extras={"state": extra.PROVIDER_STATE}, layout=True, hidden=frozenset({"state"}), born=True,
    ),
    Kind(
        "pod", "a rack, and the addresses of its hosts' appliances", "listPods", "createPod", "deletePod", ("updatePod",),
        within=("zone",), layout=True,
    ),
    Kind(
        "vlanIpRange", "public addresses, or those of a shared network; its name is <startip>-<endip>", "listVlanIpRanges",
        "createVlanIpRange", "deleteVlanIpRange", ("updateVlanIpRange",), within=("zone",), named="",
        natural=("startip", "endip"), layout=True, after=("trafficType",),
    ),
    Kind(
        "cluster", "hosts of one sort that share storage", "listClusters", "addCluster", "deleteCluster", ("updateCluster",),
        within=("pod",), named="clustername", read={"hypervisor": "hypervisortype"}, layout=True,
    ),
    Kind(
        "host", "a machine that runs instances", "listHosts", "addHost", "deleteHost", ("updateHost",), within=("cluster",),
        named="", list_with={"type": "Routing"}, read={"url": ""}, ready={"state": "Up"}, clear=extra.disable_host,
        hidden=frozenset({"clustername", "name", "allocationstate", "annotation"}), extras={"allocationstate": extra.HOST_STATE},
        layout=True,
    ),
    Kind(
        "storagePool", "primary storage: where disks of instances lie", "listStoragePools", "createStoragePool",
        "deleteStoragePool", ("updateStoragePool",), within=("zone",), tag="Storage", after=("host",), ready={"state": "Up"},
        read={"url": "", "capacitybytes": ""}, layout=True,
    ),
    Kind(
        "imageStore", "secondary storage: where templates and snapshots lie", "listImageStores", "addImageStore",
        "deleteImageStore", ("updateImageStore",), within=("zone",), read={"provider": "providername"}, layout=True,
        clear=extra.remove_builtin_images, after=("host",),
    ),
]  # fmt: skip

OFFERINGS = [
    Kind(
        "serviceOffering", "a size of instances", "listServiceOfferings", "createServiceOffering", "deleteServiceOffering",
        ("updateServiceOffering",), tag="ServiceOffering", alias={**_FOR, "storagetags": "tags"}, refs=_FOR_REFS,
        read={**_RATES, **_FOR_READ, "tags": "storagetags", "customized": "iscustomized", "customizediops": "iscustomizediops"},
        hidden=frozenset({"state", "cleanupexternaldetails"}),
    ),
    Kind(
        "diskOffering", "a size of disks", "listDiskOfferings", "createDiskOffering", "deleteDiskOffering",
        ("updateDiskOffering",), tag="DiskOffering", alias=_FOR, refs=_FOR_REFS,
        read={**_RATES, **_FOR_READ, "customized": "iscustomized", "customizediops": "iscustomizediops"},
        hidden=frozenset({"state"}),
    ),
    Kind(
        "networkOffering", "a sort of networks, and who provides its services", "listNetworkOfferings", "createNetworkOffering",
        "deleteNetworkOffering", ("updateNetworkOffering",), tag="NetworkOffering", alias=_FOR, refs=_FOR_REFS,
        read={**_FOR_READ, "supportedservices": "service.name", "serviceOffering": ""}, hidden=frozenset({"enable"}),
    ),
]  # fmt: skip

IDENTITIES = [
    Kind(
        "domain", "a part of the tree of organisations", "listDomains", "createDomain", "deleteDomain", ("updateDomain",),
        within=("parentdomain",), alias={"parentdomainid": "parentdomain"}, refs={"parentdomain": "domain"},
        read={"parentdomain": "parentdomainid"}, tag="Domain",
        list_with={"listall": True},
    ),
    Kind(
        "role", "what its users may call", "listRoles", "createRole", "deleteRole", ("updateRole",),
        extras={"rules": extra.RULES},
    ),
    Kind(
        "account", "an owner of things, with its first user", "listAccounts", "createAccount", "deleteAccount",
        ("updateAccount",), within=("domain",), named="account", alias={"domainid": "domain"}, tag="Account",
        list_with={"listall": True}, hidden=frozenset({"newname", "accountid", "userid"}),
    ),
    Kind(
        "user", "a person or program of an account", "listUsers", "createUser", "deleteUser", ("updateUser",),
        within=("account",), named="username", named_in="username", alias={"account": "account"}, refs={"account": "account"},
        read={"account": "accountid"}, tag="User", list_with={"listall": True},
        hidden=frozenset({"userid", "currentpassword", "userapikey", "usersecretkey"}),
    ),
    Kind(  # it has no tag: that would be a thing of its own, and a project that owns things is not deleted
        "project", "an owner of things that several accounts use", "listProjects", "createProject", "deleteProject",
        ("updateProject",), within=("domain",), alias={"domainid": "domain"}, list_with={"listall": True},
        hidden=frozenset({"accountid", "userid", "roletype", "swapowner"}),
    ),
    Kind(
        "setting", "the value of a setting; in the scope that is named, else for all", "listConfigurations",
        "updateConfiguration", "resetConfiguration", ("updateConfiguration",),
        within=("zone", "cluster", "storagePool", "imageStore", "account", "domain"),
        alias={"imagestoreuuid": "imageStore", "storageid": "storagePool", "accountid": "account", "domainid": "domain"},
        refs={"imageStore": "imageStore", "storagePool": "storagePool", "account": "account", "domain": "domain"},
        hidden=frozenset({"managementserverid"}), delete_by={"name": "name"},
    ),
]  # fmt: skip

TENANTS = [
    Kind(
        "sshKey", "a public key that instances let in", "listSSHKeyPairs", "registerSSHKeyPair", "deleteSSHKeyPair",
        owned=True, delete_by={"name": "name"},
    ),
    Kind(
        "userData", "what instances do at their first start", "listUserData", "registerUserData", "deleteUserData", owned=True,
        base64=frozenset({"userdata"}),
    ),
    Kind(
        "affinityGroup", "instances to be placed together, or apart", "listAffinityGroups", "createAffinityGroup",
        "deleteAffinityGroup", owned=True,
    ),
    Kind(
        "template", "a disk to begin instances with, fetched from its URL", "listTemplates", "registerTemplate",
        "deleteTemplate", ("updateTemplate", "updateTemplatePermissions"), owned=True, tag="Template",
        list_with={"templatefilter": "all"}, after=("imageStore",), ready={"isready": True},
        hidden=frozenset({"zoneids", "accounts", "op", "projectids", "sortkey"}) | _MOVES,
    ),
    Kind(
        "network", "a network of instances", "listNetworks", "createNetwork", "deleteNetwork", ("updateNetwork",),
        within=("zone",), owned=True, tag="Network", hidden=_MOVES, read=_CHOSEN,
        after=("provider", "trafficType", "vlanIpRange", "host"),
    ),
    Kind(
        "publicIp", "a public address of a network", "listPublicIpAddresses", "associateIpAddress", "disassociateIpAddress",
        ("updateIpAddress",), within=("network",), owned=True, named="", labelled=True, natural=("ipaddress",),
        tag="PublicIpAddress", read={"network": "associatednetworkid"}, after=("vlanIpRange",), stays="issourcenat",
    ),
    Kind(
        "firewallRule", "what may come in by a public address", "listFirewallRules", "createFirewallRule",
        "deleteFirewallRule", ("updateFirewallRule",), within=("publicIp",), named="", labelled=True,
        natural=("protocol", "startport", "endport"), tag="FirewallRule", list_with={"listall": True},
    ),
    Kind(
        "egressRule", "what may leave a network", "listEgressFirewallRules", "createEgressFirewallRule",
        "deleteEgressFirewallRule", within=("network",), named="", labelled=True, natural=("protocol", "startport", "endport"),
        tag="FirewallRule", list_with={"listall": True},
    ),
    Kind(
        "portForwarding", "a port of a public address that leads to an instance", "listPortForwardingRules",
        "createPortForwardingRule", "deletePortForwardingRule", ("updatePortForwardingRule",), within=("publicIp",), named="",
        labelled=True, natural=("protocol", "publicport"), tag="PortForwardingRule", list_with={"listall": True},
        read={"vmguestip": "", "network": ""},
    ),
    Kind(
        "instance", "a virtual machine", "listVirtualMachines", "deployVirtualMachine", "destroyVirtualMachine",
        ("updateVirtualMachine", "scaleVirtualMachine", "resetSSHKeyForVirtualMachine"), within=("zone",), owned=True,
        tag="UserVm", delete_with={"expunge": True},
        alias={"affinitygroupids": "affinityGroups", "keypairs": "keys"},
        refs={"affinityGroups": "affinityGroup", "keys": "sshKey"},
        read={"affinityGroups": "affinitygroup.id", "keys": "keypairs", **_CHOSEN}, after=("host", "storagePool", "vlanIpRange"),
        extras={"networks": extra.NETWORKS, "state": extra.POWER},
        hidden=frozenset({"networkids", "keypair", "affinitygroupnames", "size", "userdata"}) | _MOVES,
    ),
    Kind(
        "volume", "a disk for data", "listVolumes", "createVolume", "deleteVolume", ("updateVolume", "resizeVolume"),
        within=("zone",), owned=True, tag="Volume", list_with={"type": "DATADISK"}, scale={"size": 1 << 30},
        extras={"instance": extra.ATTACHED}, clear=extra.detach, after=("storagePool",),
        hidden=frozenset({"virtualmachineid", "storageid", "chaininfo", "path", "state", "shrinkok", "automigrate"}),
    ),
]  # fmt: skip

KINDS = {kind.name: kind for kind in (*IDENTITIES, *ZONE_LAYOUT, *OFFERINGS, *TENANTS)}
"""All of them by name."""
