"""What words are written on, kind by kind, under the API's names. A kind of a later domain may say it beside its own row."""

from __future__ import annotations

from typing import Any

from cloudwright.compute.group import InstanceGroup
from cloudwright.compute.model import ServiceOffering, SshKeyPair, Vm
from cloudwright.compute.userdata import UserData
from cloudwright.identity.model import Account, Domain, User
from cloudwright.identity.project.model import Project
from cloudwright.infrastructure.model import Cluster, Host, Pod, Zone
from cloudwright.network.model import FirewallRule, Network, NetworkOffering, Nic, PublicIp, Router
from cloudwright.operations.word.annotation import annotated, newest_told
from cloudwright.operations.word.detail import detailed
from cloudwright.operations.word.icon import pictured
from cloudwright.operations.word.tag import tagged
from cloudwright.storage.model import DiskOffering, ImageStore, OsCategory, OsType, StoragePool, Template, Volume


def _iso(row: Any) -> bool:
    return bool(row.format == "ISO")


def _template(row: Any) -> bool:
    return not _iso(row)


def _forwards(row: Any) -> bool:
    return row.purpose in ("PortForwarding", "StaticNat")


def _filters(row: Any) -> bool:
    return not _forwards(row)


tagged(Vm, "UserVm", "VirtualMachine")
tagged(Template, "Template", fits=_template)
tagged(Template, "ISO", fits=_iso)
tagged(Volume, "Volume")
tagged(Network, "Network")
tagged(PublicIp, "PublicIpAddress", "IpAddress")
tagged(FirewallRule, "FirewallRule", fits=_filters)
tagged(FirewallRule, "PortForwardingRule", fits=_forwards)
tagged(Zone, "Zone")
tagged(Domain, "Domain")
tagged(Project, "Project")
tagged(Account, "Account", shown=False)
tagged(User, "User", shown=False)
tagged(Nic, "Nic", shown=False)
tagged(Router, "DomainRouter", shown=False)
tagged(StoragePool, "Storage", "StoragePool", shown=False)
tagged(ServiceOffering, "ServiceOffering", shown=False)
tagged(DiskOffering, "DiskOffering", shown=False)
tagged(NetworkOffering, "NetworkOffering", shown=False)
tagged(OsCategory, "GuestOsCategory", shown=False)
tagged(OsType, "GuestOs", shown=False)

detailed(Vm, "UserVm", "VirtualMachine")
detailed(Template, "Template", fits=_template)
detailed(Template, "ISO", fits=_iso)
detailed(ServiceOffering, "ServiceOffering")
detailed(DiskOffering, "DiskOffering")
detailed(OsType, "GuestOs")
detailed(Volume, "Volume")
detailed(Network, "Network", shown="details")
detailed(Nic, "Nic")
detailed(Zone, "Zone", shown="resourcedetails")
detailed(StoragePool, "Storage", "StoragePool")
detailed(NetworkOffering, "NetworkOffering")
detailed(PublicIp, "PublicIpAddress", "IpAddress")
detailed(FirewallRule, "FirewallRule", fits=_filters)
detailed(FirewallRule, "PortForwardingRule", fits=_forwards)

annotated(Vm, "VM")
annotated(Volume, "VOLUME")
annotated(Network, "NETWORK")
annotated(PublicIp, "PUBLIC_IP_ADDRESS")
annotated(Template, "TEMPLATE", fits=_template)
annotated(Template, "ISO", fits=_iso)
annotated(SshKeyPair, "SSH_KEYPAIR")
annotated(InstanceGroup, "INSTANCE_GROUP")
annotated(UserData, "USER_DATA")
annotated(ServiceOffering, "SERVICE_OFFERING")
annotated(DiskOffering, "DISK_OFFERING")
annotated(NetworkOffering, "NETWORK_OFFERING")
annotated(Zone, "ZONE")
annotated(Pod, "POD")
annotated(Cluster, "CLUSTER")
annotated(Host, "HOST")
newest_told(Host)
annotated(Domain, "DOMAIN")
annotated(StoragePool, "PRIMARY_STORAGE")
annotated(ImageStore, "SECONDARY_STORAGE")
annotated(Router, "VR")

pictured(Vm, "UserVm", "VirtualMachine")
pictured(Template, "Template", fits=_template)
pictured(Template, "ISO", fits=_iso)
pictured(Network, "Network")
pictured(Zone, "Zone")
pictured(Account, "Account")
pictured(Domain, "Domain")
pictured(User, "User")
pictured(Project, "Project")
pictured(OsCategory, "GuestOsCategory")
