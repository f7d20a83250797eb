"""What a network looks like in answers, and the list of them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Told
from cloudwright.core.error import ParamError
from cloudwright.core.listing import Condition, where
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader
from cloudwright.core.view import computed, field
from cloudwright.identity.owner import OwnedList, OwnedView
from cloudwright.infrastructure.model import PhysicalNetwork, Zone
from cloudwright.network import services
from cloudwright.network.model import Network, NetworkOffering

_SCHEMES = {"VLAN": "Vlan", "VXLAN": "Vxlan", "FLAT": "Native"}


def _uri(row: dict[str, Any], _caller: Caller) -> str | None:
    """vlan://120, vxlan://5001; nothing while there is no number."""
    number = row.get("_number")
    return None if number is None else f"{row['_kind'].lower()}://{number}"


class NetworkView(
    OwnedView,
    of=Network,
    key="network",
    joins=[
        (Zone, Zone.c.id == Network.c.zone_id),
        (NetworkOffering, NetworkOffering.c.id == Network.c.offering_id),
        (PhysicalNetwork, PhysicalNetwork.c.id == Network.c.physical_network_id),
    ],
):
    """A network."""

    _number = field(Network.c.segment_number, "")
    _kind = field(Network.c.segment_kind, "")
    _services = field(NetworkOffering.c.services, "")
    _capabilities = field(NetworkOffering.c.capabilities, "")

    id = field(Network.c.uuid, "the network's id")
    name = field(Network.c.name, "its name")
    displaytext = field(Network.c.display_text, "its description")
    state = field(Network.c.state, "its state")
    created = field(Network.c.created, "when it was made")
    type = field(Network.c.guest_type, "Isolated, Shared or L2")
    traffictype = field(Network.c.traffic, "what it carries")
    gateway = field(Network.c.gateway, "its gateway")
    netmask = field(Network.c.netmask, "its mask")
    cidr = field(Network.c.cidr, "its addresses in CIDR notation")
    zoneid = field(Zone.c.uuid, "its zone")
    zonename = field(Zone.c.name, "the name of its zone")
    networkofferingid = field(NetworkOffering.c.uuid, "its offering")
    networkofferingname = field(NetworkOffering.c.name, "the offering's name")
    networkofferingdisplaytext = field(NetworkOffering.c.display_text, "the offering's description")
    networkofferingconservemode = field(NetworkOffering.c.conserve_mode, "whether one address may serve several purposes")
    networkofferingavailability = field(NetworkOffering.c.availability, "whether the offering is always there")
    ispersistent = field(NetworkOffering.c.persistent, "whether it is implemented without machines")
    egressdefaultpolicy = field(NetworkOffering.c.egress_allow, "whether guests may send out where no rule says otherwise")
    internetprotocol = field(NetworkOffering.c.internet_protocol, "IPv4")
    specifyvlan = field(NetworkOffering.c.specify_vlan, "whether its VLAN was asked for", admin=True)
    specifyipranges = field(NetworkOffering.c.specify_ip_ranges, "whether its addresses were asked for")
    issystem = field(NetworkOffering.c.system_only, "whether it is the system's")
    related = field(Network.c.uuid, "the network it belongs to: itself")
    broadcastdomaintype = field(Network.c.segment_kind, "how it is kept apart", convert=_SCHEMES.get)
    broadcasturi = computed(_uri, "its segment", admin=True)
    vlan = field(Network.c.segment_number, "its segment's number", "string", admin=True, convert=str)
    dns1 = field(sa.func.coalesce(Network.c.dns1, Zone.c.dns1), "the first DNS server")
    dns2 = field(sa.func.coalesce(Network.c.dns2, Zone.c.dns2), "the second")
    networkdomain = field(Network.c.network_domain, "its DNS domain")
    acltype = field(Network.c.acl_type, "who may use it: Account or Domain")
    subdomainaccess = field(Network.c.subdomain_access, "whether domains below may use it")
    physicalnetworkid = field(PhysicalNetwork.c.uuid, "the physical network that carries it", admin=True)
    restartrequired = field(Network.c.restart_required, "whether it must be restarted for a change to take effect")
    displaynetwork = field(Network.c.display, "whether its owner is shown it", admin=True)
    publicmtu = field(Network.c.public_mtu, "the largest packet towards the outside", "integer")
    privatemtu = field(Network.c.private_mtu, "the largest packet inside", "integer")
    canusefordeploy = field(sa.literal_column("1", sa.Boolean), "whether machines may be put on it", convert=bool)
    isdefault = field(sa.literal_column("0", sa.Boolean), "whether it is its zone's default", convert=bool)
    redundantrouter = field(sa.literal_column("0", sa.Boolean), "whether its router has a twin", convert=bool)
    strechedl2subnet = field(sa.literal_column("0", sa.Boolean), "whether it spans zones", convert=bool)
    supportsvmautoscaling = field(sa.literal_column("0", sa.Boolean), "whether groups of machines may grow on it", convert=bool)
    service = computed(
        lambda row, caller: services.told(row.get("_services", {}), row.get("_capabilities", {})), "its services", "list"
    )
    generation = field(Network.c.generation, "how often it was changed")
    appliedgeneration = field(Network.c.applied, "the generation that its router runs")


def _offers(name: str, column: Any) -> Any:
    def condition(bind: Any) -> Condition:
        wanted = sa.select(NetworkOffering.c.id).where(column == bind)
        return Network.c.offering_id.in_(wanted)

    condition.__name__ = name
    return condition


def _in_vpc(bind: Any) -> Condition:
    known: Condition = Network.c.vpc_id.is_not(None) == bind
    return known


_TYPES = {"isolated": "Isolated", "shared": "Shared", "l2": "L2"}
_FILTERS = ("Account", "Domain", "AccountDomain", "Shared", "All")


class ListNetworks(OwnedList, answers=NetworkView, keywords=[Network.c.name, Network.c.display_text]):
    """Lists networks."""

    id: Ref[Network] | None = where(Network.c.id, "only this one", use=Use.SEE)
    name: str | None = where(Network.c.name, "only those of this name", since="4.22.0")
    zone: Ref[Zone] | None = where(Network.c.zone_id, "only those in this zone")
    type: str | None = param("only those of this kind: Isolated, Shared, L2", choices=tuple(_TYPES.values()))
    is_system: bool | None = where(_offers("is_system", NetworkOffering.c.system_only), "only the system's, or only the others")
    acl_type: str | None = param("only those for an Account, or for a Domain", choices=("Account", "Domain"))
    traffic_type: str | None = where(Network.c.traffic, "only those that carry this")
    physical_network: Ref[PhysicalNetwork] | None = where(Network.c.physical_network_id, "only those on this one")
    supported_services: list[str] | None = param("only those with all these services")
    restart_required: bool | None = where(Network.c.restart_required, "only those that must (or need not) be restarted")
    specify_ip_ranges: bool | None = where(
        _offers("specify_ip_ranges", NetworkOffering.c.specify_ip_ranges), "only those whose addresses were (not) asked for"
    )
    network_offering: Ref[NetworkOffering] | None = where(Network.c.offering_id, "only those of this offering")
    for_vpc: bool | None = where(_in_vpc, "only those of VPCs, or only the others")
    can_use_for_deploy: bool | None = where(
        lambda bind: (Network.c.state != "Destroy") == bind, "only those that machines may (or may not) be put on"
    )
    display_network: bool | None = where(Network.c.display, "only those shown (or not) to their owners", roles=("Admin",))
    network_filter: str | None = param(
        "AccountDomain by default: the account's and its domain's; Account, Domain, Shared, All", choices=_FILTERS, since="4.17.0"
    )
    vlan: str | None = param("only those with this segment number", roles=("Admin",), since="4.17.0")
    retrieve_only_resource_count: bool = param("true: only how many there are", default=False)
    vpcid: str | None = param("only those of this VPC", kind="uuid")
    associated_networkid: str | None = param("only those that belong to this network", kind="uuid", since="4.17.0")

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        conditions = [] if self.id is not None else super().narrow(reader, caller)
        if self.type is not None:
            conditions.append(("type", Network.c.guest_type == sa.bindparam("type"), {"type": _TYPES[self.type.lower()]}))
        if self.acl_type is not None:
            kind = self.acl_type.capitalize()
            conditions.append(("acl", Network.c.acl_type == sa.bindparam("acl"), {"acl": kind}))
        for position, service in enumerate(self.supported_services or ()):
            name = f"service{position}"
            has = sa.func.lower(sa.cast(NetworkOffering.c.services, sa.Text)).like(sa.bindparam(name))
            wanted = Network.c.offering_id.in_(sa.select(NetworkOffering.c.id).where(has))
            conditions.append((name, wanted, {name: f'%"{service.lower()}":%'}))
        if self.vlan is not None:
            number = self.vlan.rpartition("/")[2]
            if not number.isdigit():
                raise ParamError(f"Parameter vlan: {self.vlan[:64]!r} is not a number", param="vlan")
            conditions.append(("vlan", Network.c.segment_number == sa.bindparam("vlan"), {"vlan": int(number)}))
        if self.vpcid is not None or self.associated_networkid is not None:
            conditions.append(("vpc", sa.false(), {}))
        return conditions + self._filtered()

    def _filtered(self) -> list[tuple[str, Condition, dict[str, Any]]]:
        chosen = (self.network_filter or "").lower()
        if chosen in ("account", "domain"):
            return [(f"only {chosen}", Network.c.acl_type == chosen.capitalize(), {})]
        return [("only shared", Network.c.guest_type == "Shared", {})] if chosen == "shared" else []

    def run(self, reader: Reader, caller: Caller) -> Told:
        told = super().run(reader, caller)
        return Told(told.key, [], told.count) if self.retrieve_only_resource_count else told
