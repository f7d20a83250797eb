"""Making a network. Nothing is made on any host before the first machine needs it, unless the offering says so."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from cloudwright.core.access import Caller
from cloudwright.core.command import Command
from cloudwright.core.error import InUse, ParamError
from cloudwright.core.param import Ref, param
from cloudwright.core.setting import setting
from cloudwright.core.task import start
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.model import Account, Domain
from cloudwright.identity.owner import OwnedBy, owner
from cloudwright.infrastructure.address import ip, mask
from cloudwright.infrastructure.model import PhysicalNetwork, Provider, SegmentNumber, TrafficType, Zone
from cloudwright.infrastructure.offered import check_fits
from cloudwright.network.address.take import take_address
from cloudwright.network.model import Network, NetworkOffering
from cloudwright.network.network.apply import ApplyNetwork
from cloudwright.network.network.mtu import checked_mtu
from cloudwright.network.network.view import NetworkView
from cloudwright.network.services import ROUTER

GUEST_CIDR = "10.1.1.0/24"
SMALLEST_PREFIX = setting("network.guest.cidr.limit", 22, "the shortest prefix of a guest network", minimum=8, maximum=29)
SUFFIX = setting("guest.domain.suffix", "cloud.internal", "how the DNS domains of guest networks end", scopes=("zone",))
DUPLICATES = setting(
    "allow.duplicate.networkname", True, "whether an account may have two networks of one name", scopes=("account",)
)
_UNBUILT = {
    "isolated_pvlan": "private VLANs", "isolated_pvlan_type": "private VLANs", "vpcid": "VPCs",
    "tungsten_virtual_router_uuid": "Tungsten Fabric", "start_ipv6": "IPv6", "end_ipv6": "IPv6", "ip6_gateway": "IPv6",
    "ip6_cidr": "IPv6", "ip6_dns1": "IPv6", "ip6_dns2": "IPv6", "external_id": "external providers", "aclid": "network ACLs",
    "associated_networkid": "associated networks", "cidr_size": "routed networks", "as_number": "BGP", "bgp_peerids": "BGP",
    "router_ip": "shared networks", "router_ipv6": "IPv6", "hide_ip_address_usage": "usage records of addresses",
    "keep_mac_address_on_public_nic": "keeping a router's hardware address",
}  # fmt: skip


class CreateNetwork(OwnedBy, Command, answers=NetworkView, event="NETWORK.CREATE"):
    """Makes a network."""

    name: str = param("its name")
    display_text: str | None = param("its description; the name by default")
    network_offering: Ref[NetworkOffering] = param("its offering: which services it has")
    zone: Ref[Zone] = param("its zone")
    physical_network: Ref[PhysicalNetwork] | None = param("the physical network that shall carry it")
    gateway: str | None = param("its gateway; with netmask it sets the addresses, 10.1.1.0/24 by default", check=ip)
    netmask: str | None = param("its mask", check=mask)
    start_ip: str | None = param("the first address of a shared network")
    end_ip: str | None = param("the last address of a shared network")
    network_domain: str | None = param("its DNS domain")
    acl_type: str | None = param("who may use it: Account", choices=("Account", "Domain"))
    subdomain_access: bool | None = param("whether domains below may use it, too")
    display_network: bool = param("whether its owner is shown it", default=True, roles=("Admin",))
    public_mtu: int | None = param("the largest packet towards the outside, in bytes", since="4.18.0")
    private_mtu: int | None = param("the largest packet inside, in bytes", since="4.18.0")
    dns1: str | None = param("the DNS server asked first, instead of the zone's", since="4.18.0", check=ip)
    dns2: str | None = param("the DNS server asked second", since="4.18.0", check=ip)
    source_nat_ip_address: str | None = param("the public address of source NAT", since="4.19", check=ip)
    vlan: str | None = param("its VLAN or VNI, where the offering asks for one", roles=("Admin",))
    bypass_vlan_overlap_check: bool = param("true: share the VLAN of another network", default=False, roles=("Admin",))
    vpcid: str | None = param("the VPC it shall be a tier of", kind="uuid")
    isolated_pvlan: str | None = param("its private VLAN")
    isolated_pvlan_type: str | None = param("the kind of its private VLAN")
    tungsten_virtual_router_uuid: str | None = param("its Tungsten Fabric router")
    start_ipv6: str | None = param("the first IPv6 address")
    end_ipv6: str | None = param("the last IPv6 address")
    ip6_gateway: str | None = param("its IPv6 gateway")
    ip6_cidr: str | None = param("its IPv6 addresses")
    ip6_dns1: str | None = param("the first DNS server over IPv6", since="4.18.0")
    ip6_dns2: str | None = param("the second DNS server over IPv6", since="4.18.0")
    external_id: str | None = param("its id at an external provider")
    aclid: str | None = param("its network ACL", kind="uuid")
    associated_networkid: str | None = param("the network it belongs to", kind="uuid", since="4.17.0")
    cidr_size: int | None = param("the prefix of a routed network", since="4.20.0")
    as_number: int | None = param("its AS number", kind="long", since="4.20.0")
    keep_mac_address_on_public_nic: bool | None = param(
        "keep the router's outer hardware address", roles=("Admin",), since="4.23.0"
    )
    hide_ip_address_usage: bool | None = param("keep its addresses out of usage records", roles=("Admin",))
    router_ip: str | None = param("the router's address on a shared network", roles=("Admin",), since="4.16")
    router_ipv6: str | None = param("the router's IPv6 address", roles=("Admin",), since="4.16")
    bgp_peerids: list[str] | None = param("its BGP peers", roles=("Admin",), since="4.20.0")

    def run(self, tx: Tx, caller: Caller) -> Network:
        offering, account = self.network_offering, owner(tx, caller, self)
        self._refuse(offering)
        check_fits(tx, offering, self.zone, account.domain_id, "networkofferingid")
        self._refuse_names(tx, account)
        physical = self._physical(tx, offering)
        number, kind = self._number(physical, offering)
        subnet = self._subnet(tx, offering)
        network = Network(
            name=self.name, display_text=self.display_text or self.name, zone_id=self.zone.id, offering_id=offering.id,
            physical_network_id=physical.id, guest_type=offering.guest_type or "Isolated", account_id=account.id,
            domain_id=account.domain_id, state="Setup" if self.vlan else "Allocated", segment_kind=kind, segment_number=number,
            vlan_given=bool(self.vlan),
            generation=1,  # 0 is that of an appliance that runs nothing
            network_domain=self._domain(tx, account) if subnet else None, dns1=self.dns1,
            dns2=self.dns2, display=self.display_network,
            public_mtu=checked_mtu(tx, self.zone, caller, "public", self.public_mtu),
            private_mtu=checked_mtu(tx, self.zone, caller, "private", self.private_mtu),
            cidr=str(subnet) if subnet else None, gateway=self._gateway(subnet) if subnet else None,
            netmask=str(subnet.netmask) if subnet else None,
        )  # fmt: skip
        tx.insert(network)
        if number is not None:
            self._take_vlan(tx, physical, network, number)
        if self.source_nat_ip_address:
            self._take_source(tx, network, account)
        if offering.persistent:
            start(tx, ApplyNetwork(network=network.id), network)
        return network

    def _refuse(self, offering: NetworkOffering) -> None:
        for name, what in _UNBUILT.items():
            if self.__dict__.get(name) not in (None, False):
                wire_name = self.api.params[name].wire_name
                raise ParamError(f"Parameter {wire_name}: {what}: this is not built yet", param=wire_name)
        if offering.guest_type == "Shared" or self.start_ip or self.end_ip:
            text = f"Network offering {offering.name} is for shared networks, which are not built yet"
            raise ParamError(text, param="networkofferingid", fix=["take an offering for isolated or L2 networks"])
        if (self.acl_type and self.acl_type.lower() == "domain") or self.subdomain_access:
            raise ParamError(
                "Parameter acltype: only shared networks, which are not built yet, can be a domain's", param="acltype"
            )
        if offering.state != "Enabled":
            text = f"Parameter networkofferingid: network offering {offering.name} is {offering.state}, not Enabled"
            raise ParamError(text, param="networkofferingid", fix=["enable it with updateNetworkOffering", "choose another"])
        if offering.system_only:
            text = f"Parameter networkofferingid: network offering {offering.name} is the system's own"
            raise ParamError(text, param="networkofferingid", fix=["choose one of listNetworkOfferings state=Enabled"])
        if self.zone.network_type == "Basic":
            raise ParamError(f"Zone {self.zone.name} is a basic one: it has one shared network", param="zoneid")
        if offering.guest_type == "L2" and (self.gateway or self.netmask):
            raise ParamError("Parameter gateway: an L2 network has no addresses", param="gateway")
        if self.source_nat_ip_address and "SourceNat" not in offering.services:
            raise ParamError(
                f"Parameter sourcenatipaddress: offering {offering.name} has no SourceNat", param="sourcenatipaddress"
            )

    def _refuse_names(self, reader: Reader, account: Account) -> None:
        same = (Network.c.account_id == account.id, Network.c.zone_id == self.zone.id, Network.c.name == self.name)
        if not DUPLICATES.get(reader, account=account.id) and reader.find(Network, *same) is not None:
            raise ParamError(f"Parameter name: account {account.name} has a network {self.name!r} already", param="name")

    def _physical(self, reader: Reader, offering: NetworkOffering) -> PhysicalNetwork:
        guests = TrafficType.c.physical_network_id == PhysicalNetwork.c.id
        carries = (TrafficType.t.select().where(guests, TrafficType.c.traffic == "Guest", TrafficType.c.gone == 0)).exists()
        known = reader.all(PhysicalNetwork, PhysicalNetwork.c.zone_id == self.zone.id, carries)
        if self.physical_network is not None:
            known = [one for one in known if one.id == self.physical_network.id]
        wanted = {tag.strip() for tag in offering.tags.split(",") if tag.strip()}
        fit = [one for one in known if one.state == "Enabled" and wanted <= set(one.tags)]
        if fit and offering.services and not self._provided(reader, fit[0]):
            text = f"Provider {ROUTER} is not enabled on physical network {fit[0].name}"
            raise ParamError(text, param="physicalnetworkid", fix=["enable it with updateNetworkServiceProvider"])
        if not fit:
            why = [f"{one.name} is {one.state}, its tags are {', '.join(one.tags) or '(none)'}" for one in known]
            raise ParamError(
                f"No physical network of zone {self.zone.name} can carry a network of offering {offering.name}",
                param="physicalnetworkid", why=why or ["none of them carries Guest traffic"],
                fix=["enable one with updatePhysicalNetwork", "add Guest traffic with addTrafficType"],
            )  # fmt: skip
        return fit[0]

    @staticmethod
    def _provided(reader: Reader, physical: PhysicalNetwork) -> bool:
        here = (Provider.c.physical_network_id == physical.id, Provider.c.name == ROUTER, Provider.c.state == "Enabled")
        return reader.find(Provider, *here) is not None

    def _number(self, physical: PhysicalNetwork, offering: NetworkOffering) -> tuple[int | None, str]:
        if bool(self.vlan) != offering.specify_vlan:
            need = "must be given" if offering.specify_vlan else "cannot be given"
            raise ParamError(f"Parameter vlan {need} with offering {offering.name}", param="vlan")
        if not self.vlan:
            return None, physical.isolation
        text = self.vlan.lower().rpartition("/")[2]
        if text == "untagged":
            return None, "FLAT"
        largest = 4094 if physical.isolation == "VLAN" else (1 << 24) - 2
        if not text.isdigit() or not 1 <= int(text) <= largest:
            raise ParamError(
                f"Parameter vlan: {self.vlan[:64]!r} is not a number from 1 to {largest}, nor untagged", param="vlan"
            )
        return int(text), physical.isolation

    def _take_vlan(self, tx: Tx, physical: PhysicalNetwork, network: Network, number: int) -> None:
        mine = (SegmentNumber.c.physical_network_id == physical.id, SegmentNumber.c.number == number)
        taken = tx.find(SegmentNumber, *mine)
        if taken is not None and not self.bypass_vlan_overlap_check:
            other = tx.get(Network, taken.network_id)
            raise InUse(
                f"{physical.isolation} {number} of physical network {physical.name} is taken", param="vlan",
                why=[f"network {other.name} has it"], fix=["take another number", "bypassvlanoverlapcheck=true shares it"],
            )  # fmt: skip
        if taken is None:
            tx.insert(SegmentNumber(physical_network_id=physical.id, number=number, network_id=network.id))

    def _subnet(self, reader: Reader, offering: NetworkOffering) -> IPv4Network | None:
        if offering.guest_type == "L2":
            return None
        if bool(self.gateway) != bool(self.netmask):
            missing = "netmask" if self.gateway else "gateway"
            raise ParamError(f"Parameter {missing} is missing: gateway and netmask belong together", param=missing)
        if not self.gateway:
            return IPv4Network(self.zone.guest_cidr or GUEST_CIDR)
        subnet = IPv4Network(f"{self.gateway}/{self.netmask}", strict=False)
        shortest = SMALLEST_PREFIX.get(reader)
        if not shortest <= subnet.prefixlen <= 29:
            text = f"Parameter netmask: /{subnet.prefixlen} is not between /{shortest} and /29"
            raise ParamError(text, param="netmask", fix=[f"the setting {SMALLEST_PREFIX.name} allows larger networks"])
        if IPv4Address(self.gateway) in (subnet.network_address, subnet.broadcast_address):
            raise ParamError(f"Parameter gateway: {self.gateway} is no address of a machine in {subnet}", param="gateway")
        if not subnet.is_private or subnet.is_loopback or subnet.is_link_local:
            text = f"Parameter gateway: {subnet} is not private (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10)"
            if not subnet.subnet_of(IPv4Network("100.64.0.0/10")):
                raise ParamError(text, param="gateway")
        return subnet

    def _gateway(self, subnet: IPv4Network) -> str:
        return self.gateway or str(subnet.network_address + 1)

    def _domain(self, reader: Reader, account: Account) -> str:
        own = reader.get(Domain, account.domain_id).network_domain
        known = self.network_domain or account.network_domain or own or self.zone.domain_suffix
        return known or f"cs{account.id:x}{SUFFIX.get(reader, zone=self.zone.id)}"

    def _take_source(self, tx: Tx, network: Network, account: Account) -> None:
        about = {"network_id": network.id, "source_nat": True, "state": "Allocated"}
        take_address(tx, network.zone_id, account, self.source_nat_ip_address, **about)
