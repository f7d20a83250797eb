"""What a network offering looks like in answers, and the list of them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.compute.model import ServiceOffering
from cloudwright.core.access import Caller
from cloudwright.core.error import ParamError
from cloudwright.core.listing import Condition, List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader
from cloudwright.core.view import computed, field
from cloudwright.identity.model import Domain
from cloudwright.infrastructure.model import Zone
from cloudwright.infrastructure.offered import OfferedView, in_domain, in_zone, told
from cloudwright.network import services
from cloudwright.network.model import Network, NetworkOffering

_its = ServiceOffering.t.alias("of_routers")
_ROUTERS = (
    sa.select(_its.c.uuid)
    .where(_its.c.system_vm == "domainrouter", _its.c.gone == 0)
    .order_by(_its.c.id)
    .limit(1)
    .scalar_subquery()
)


class NetworkOfferingView(
    OfferedView,
    of=NetworkOffering,
    key="networkoffering",
    joins=[
        (ServiceOffering, ServiceOffering.c.id == NetworkOffering.c.service_offering_id),
    ],
):
    """A network offering."""

    _services = field(NetworkOffering.c.services, "")
    _capabilities = field(NetworkOffering.c.capabilities, "")

    id = field(NetworkOffering.c.uuid, "the offering's id")
    name = field(NetworkOffering.c.name, "its name")
    displaytext = field(NetworkOffering.c.display_text, "its description")
    created = field(NetworkOffering.c.created, "when it was made")
    state = field(NetworkOffering.c.state, "Enabled or Disabled")
    traffictype = field(NetworkOffering.c.traffic, "what its networks carry")
    guestiptype = field(NetworkOffering.c.guest_type, "Isolated, Shared or L2")
    isdefault = field(NetworkOffering.c.is_default, "whether the installation came with it")
    availability = field(NetworkOffering.c.availability, "Required or Optional")
    specifyvlan = field(NetworkOffering.c.specify_vlan, "whether the VLAN is asked for")
    specifyipranges = field(NetworkOffering.c.specify_ip_ranges, "whether the addresses are asked for")
    conservemode = field(NetworkOffering.c.conserve_mode, "whether one public address may serve several purposes")
    ispersistent = field(NetworkOffering.c.persistent, "whether networks are implemented without machines")
    egressdefaultpolicy = field(NetworkOffering.c.egress_allow, "whether guests may send out where no rule says otherwise")
    forvpc = field(NetworkOffering.c.for_vpc, "whether it is for tiers of VPCs")
    networkrate = field(NetworkOffering.c.rate, "Mb/s of its networks", "integer")
    tags = field(NetworkOffering.c.tags, "tags of physical networks it wants", convert=lambda tags: tags or None)
    maxconnections = field(NetworkOffering.c.max_connections, "connections of its load balancer", "integer")
    serviceofferingid = field(sa.func.coalesce(ServiceOffering.c.uuid, _ROUTERS), "the service offering of its routers", "string")
    domain = computed(lambda row, caller: told(row, caller, "path"), "the paths of the domains it is for")
    networkmode = computed(lambda row, caller: "NATTED", "NATTED: guests' addresses are translated")
    fornsx = computed(lambda row, caller: False, "whether NSX provides it", "boolean")
    fortungsten = computed(lambda row, caller: False, "whether Tungsten Fabric provides it", "boolean")
    specifyasnumber = computed(lambda row, caller: False, "whether an AS number is asked for", "boolean")
    supportsinternallb = computed(lambda row, caller: False, "whether it balances load inside", "boolean")
    internetprotocol = field(NetworkOffering.c.internet_protocol, "IPv4")
    details = field(NetworkOffering.c.details, "further settings", convert=lambda known: known or None)
    supportsstrechedl2subnet = field(sa.literal_column("0", sa.Boolean), "whether networks span zones", convert=bool)
    supportspublicaccess = field(sa.literal_column("0", sa.Boolean), "whether guests are public", convert=bool)
    service = computed(
        lambda row, caller: services.told(row.get("_services", {}), row.get("_capabilities", {})), "its services", "list"
    )


def _for_domain(bind: Any) -> Condition:
    return sa.or_(NetworkOffering.c.public.is_(True), in_domain(NetworkOffering)(bind))


def _has_service(name: str) -> Condition:
    return sa.func.lower(sa.cast(NetworkOffering.c.services, sa.Text)).like(sa.bindparam(name))


class ListNetworkOfferings(List, answers=NetworkOfferingView, keywords=[NetworkOffering.c.name, NetworkOffering.c.display_text]):
    """Lists network offerings."""

    id: Ref[NetworkOffering] | None = where(NetworkOffering.c.id, "only this one")
    name: str | None = where(NetworkOffering.c.name, "only the one of this name")
    display_text: str | None = where(NetworkOffering.c.display_text, "only those with this description")
    traffic_type: str | None = where(NetworkOffering.c.traffic, "only those whose networks carry this")
    is_default: bool | None = where(NetworkOffering.c.is_default, "only those the installation came with, or only the others")
    specify_vlan: bool | None = where(NetworkOffering.c.specify_vlan, "only those whose VLAN is (not) asked for")
    availability: str | None = where(NetworkOffering.c.availability, "Required or Optional")
    domain: Ref[Domain] | None = where(_for_domain, "only those that this domain may use", since="4.13")
    zone: Ref[Zone] | None = where(in_zone(NetworkOffering), "only those that may be used in this zone")
    state: str | None = where(NetworkOffering.c.state, "Enabled or Disabled")
    network: Ref[Network] | None = param("only those that this network may change to", default=None)
    guest_ip_type: str | None = where(NetworkOffering.c.guest_type, "Isolated, Shared or L2")
    supported_services: list[str] | None = param("only those with all these services")
    source_nat_supported: bool | None = param("only those with (or without) source NAT")
    specify_ip_ranges: bool | None = where(NetworkOffering.c.specify_ip_ranges, "only those whose addresses are (not) asked for")
    tags: str | None = where(NetworkOffering.c.tags, "only those with exactly these tags", length=4096)
    is_tagged: bool | None = where(lambda bind: (NetworkOffering.c.tags != "") == bind, "only those with (or without) tags")
    for_vpc: bool | None = where(NetworkOffering.c.for_vpc, "only those for VPCs, or only the others")
    routing_mode: str | None = param("only those with this routing", since="4.20.0")

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        if self.routing_mode is not None:
            raise ParamError("Parameter routingmode: routed networks are not built yet", param="routingmode")
        conditions: list[tuple[str, Condition, dict[str, Any]]] = [("guests", NetworkOffering.c.system_only.is_(False), {})]
        for position, service in enumerate(self.supported_services or ()):
            name = f"service{position}"
            conditions.append((name, _has_service(name), {name: f'%"{service.lower()}":%'}))
        if self.source_nat_supported is not None:
            has = _has_service("nat")
            wanted = has if self.source_nat_supported else ~has
            conditions.append((f"nat {self.source_nat_supported}", wanted, {"nat": '%"sourcenat":%'}))
        if self.network is not None:
            same = sa.and_(NetworkOffering.c.guest_type == sa.bindparam("kind"), NetworkOffering.c.state == "Enabled")
            other = NetworkOffering.c.id != sa.bindparam("current")
            values = {"kind": self.network.guest_type, "current": self.network.offering_id}
            conditions.append(("for network", sa.and_(same, other), values))
        return conditions
