"""What a public address looks like in answers, and the list of them; administrators may list free ones, too."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import sqlalchemy as sa

from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller
from cloudwright.core.command import Told
from cloudwright.core.error import Denied, ParamError
from cloudwright.core.listing import Condition, where
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader
from cloudwright.core.view import computed, field
from cloudwright.identity.owner import OwnedList, OwnedView
from cloudwright.infrastructure.model import IpRange, PhysicalNetwork, Zone
from cloudwright.network.free import addresses
from cloudwright.network.model import FirewallRule, Network, PublicIp

_rules = (
    sa.exists()
    .where(FirewallRule.c.public_ip_id == PublicIp.c.id, FirewallRule.c.gone == 0, FirewallRule.c.state != "Revoke")
    .correlate(PublicIp.t)
)


def _purpose(row: dict[str, Any], caller: Caller) -> str | None:
    return "StaticNat" if row.get("isstaticnat") else None


class PublicIpView(
    OwnedView,
    of=PublicIp,
    key="ipaddress",
    joins=[
        (Zone, Zone.c.id == PublicIp.c.zone_id),
        (IpRange, IpRange.c.id == PublicIp.c.range_id),
        (PhysicalNetwork, PhysicalNetwork.c.id == IpRange.c.physical_network_id),
        (Network, Network.c.id == PublicIp.c.network_id),
        (Vm, Vm.c.id == PublicIp.c.vm_id),
    ],
):
    """A public address."""

    id = field(PublicIp.c.uuid, "the address's id")
    ipaddress = field(PublicIp.c.address, "the address")
    allocated = field(PublicIp.c.allocated, "when it was taken", "date")
    zoneid = field(Zone.c.uuid, "its zone")
    zonename = field(Zone.c.name, "the name of its zone")
    issourcenat = field(PublicIp.c.source_nat, "whether guests leave by it")
    isstaticnat = field(PublicIp.c.static_nat, "whether it is one machine's")
    issystem = field(PublicIp.c.system, "whether the system took it")
    isportable = field(sa.literal_column("0", sa.Boolean), "whether it may move between zones", convert=bool)
    forvirtualnetwork = field(IpRange.c.for_virtual_network, "whether it is for isolated networks")
    vlanid = field(IpRange.c.uuid, "its range", admin=True)
    vlanname = field(IpRange.c.vlan, "the VLAN of its range", admin=True)
    physicalnetworkid = field(PhysicalNetwork.c.uuid, "the physical network of its range")
    networkid = field(PhysicalNetwork.c.uuid, "the physical network's public network", admin=True)
    associatednetworkid = field(Network.c.uuid, "the guest network it serves")
    associatednetworkname = field(Network.c.name, "the name of that network")
    networkname = field(Network.c.name, "the name of that network")
    virtualmachineid = field(Vm.c.uuid, "the machine of its static NAT")
    virtualmachinename = field(Vm.c.name, "the machine's name")
    virtualmachinedisplayname = field(sa.func.coalesce(Vm.c.display_name, Vm.c.name), "the name that people are shown")
    virtualmachinetype = field(sa.case((Vm.c.id.is_not(None), "User")), "User for instances", "string")
    vmipaddress = field(PublicIp.c.static_to, "the machine's address that static NAT leads to")
    state = field(PublicIp.c.state, "its state")
    purpose = computed(_purpose, "what it is used for")
    hasrules = field(_rules, "whether rules are on it", "boolean", convert=bool)
    forprovider = computed(lambda row, caller: False, "whether its range is another provider's", "boolean")
    forsystemvms = computed(lambda row, caller: False, "whether its range is for the system's machines alone", "boolean")
    fordisplay = field(PublicIp.c.display, "whether its owner is shown it", admin=True)


def _on_physical(bind: Any) -> Condition:
    return PublicIp.c.range_id.in_(sa.select(IpRange.c.id).where(IpRange.c.physical_network_id == bind))


def _for_guests(bind: Any) -> Condition:
    return PublicIp.c.range_id.in_(sa.select(IpRange.c.id).where(IpRange.c.for_virtual_network == bind))


class ListedPublicIpView(PublicIpView, key="publicipaddress"):
    """The same in lists."""


class ListPublicIpAddresses(OwnedList, answers=ListedPublicIpView, keywords=[PublicIp.c.address]):
    """Lists public addresses: those that are taken or, for administrators, free ones."""

    id: Ref[PublicIp] | None = where(PublicIp.c.id, "only this one")
    ip_address: str | None = where(PublicIp.c.address, "only this address")
    state: str | None = param("Allocated, Allocating, Releasing, Reserved; administrators may ask for Free")
    allocated_only: bool = param("false: free ones, too, for administrators", default=True)
    for_virtual_network: bool | None = where(_for_guests, "only those for isolated networks, or only the others")
    vlanid: Ref[IpRange] | None = where(PublicIp.c.range_id, "only those of this range", wire_name="vlanid")
    zone: Ref[Zone] | None = where(PublicIp.c.zone_id, "only those of this zone")
    for_load_balancing: bool | None = param("only those with load balancing")
    physical_network: Ref[PhysicalNetwork] | None = where(_on_physical, "only those of this physical network")
    associated_network: Ref[Network] | None = where(PublicIp.c.network_id, "only those that serve this network")
    network: Ref[Network] | None = where(PublicIp.c.network_id, "only those that serve this network", since="4.13.0")
    is_source_nat: bool | None = where(PublicIp.c.source_nat, "only those of source NAT, or only the others")
    is_static_nat: bool | None = where(PublicIp.c.static_nat, "only those of static NAT, or only the others")
    vpcid: str | None = param("only those of this VPC", kind="uuid")
    for_display: bool | None = where(PublicIp.c.display, "only those shown (or not) to their owners", roles=("Admin",))
    for_system_vms: bool | None = where(
        sa.not_, "true: only those of ranges for the system's machines alone; there are none", since="4.20.0"
    )
    for_provider: bool | None = param("only those of another provider", since="4.21.0")
    retrieve_only_resource_count: bool = param("true: only how many there are", default=False)

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        conditions = [] if self.id is not None else super().narrow(reader, caller)
        if self.state is not None:
            conditions.append(("state", PublicIp.c.state == sa.bindparam("state"), {"state": self.state.capitalize()}))
        if self.vpcid is not None or self.for_load_balancing or self.for_provider:
            conditions.append(("none", sa.false(), {}))
        return conditions

    def run(self, reader: Reader, caller: Caller) -> Told:
        only_free = (self.state or "").lower() == "free"
        if only_free and not caller.root:
            raise Denied("Only administrators may list free public addresses")
        wants_free = only_free or not self.allocated_only
        if wants_free and caller.root and self.id is None:
            return self._with_free(reader, caller, only_free)
        told = super().run(reader, caller)
        return Told(told.key, [], told.count) if self.retrieve_only_resource_count else told

    def _with_free(self, reader: Reader, caller: Caller, only_free: bool) -> Told:
        """Taken and free ones side by side, in the order of their ranges. Free ones have no rows: ranges tell them."""
        limit, offset = self._cut(reader)
        ranges = [one for one in self._ranges(reader) if self.vlanid is None or one.id == self.vlanid.id]
        rows: list[dict[str, Any]] = []
        position = 0
        zones = {zone.id: zone for zone in reader.all(Zone, Zone.c.id.in_({one.zone_id for one in ranges}))}
        for one in ranges:
            taken = {row.address: row.id for row in reader.rows(_TAKEN, {"range": one.id})}
            span = addresses(one.start_ip, one.end_ip)
            shown: list[str] = []
            for number in range(span.first, span.last + 1):
                text = str(IPv4Address(number))
                if (only_free and text in taken) or (self.ip_address is not None and self.ip_address != text):
                    continue
                if offset <= position < offset + limit:
                    shown.append(text)
                position += 1
            told = {row["ipaddress"]: row for row in PublicIpView.tell(reader, [taken[t] for t in shown if t in taken], caller)}
            rows += [told.get(text) or _free(one, zones[one.zone_id], text) for text in shown]
        return Told("publicipaddress", [] if self.retrieve_only_resource_count else rows, position)

    def _ranges(self, reader: Reader) -> list[IpRange]:
        wanted: list[Any] = [
            IpRange.c.network_id.is_(None),
            IpRange.c.for_virtual_network.is_(self.for_virtual_network is not False),
        ]
        if self.zone is not None:
            wanted.append(IpRange.c.zone_id == self.zone.id)
        if self.physical_network is not None:
            wanted.append(IpRange.c.physical_network_id == self.physical_network.id)
        for name in ("associated_network", "network", "is_source_nat", "is_static_nat"):
            if self.__dict__[name] is not None:
                wire_name = self.api.params[name].wire_name
                raise ParamError(f"Parameter {wire_name}: free addresses belong to nothing", param=wire_name)
        return reader.all(IpRange, *wanted)


_TAKEN = sa.select(PublicIp.c.id, PublicIp.c.address).where(PublicIp.c.range_id == sa.bindparam("range"), PublicIp.c.gone == 0)


def _free(one: IpRange, zone: Zone, text: str) -> dict[str, Any]:
    """A free address: an id of its own it gets when it is taken."""
    return {
        "ipaddress": text, "state": "Free", "zoneid": zone.uuid, "zonename": zone.name, "vlanid": one.uuid, "vlanname": one.vlan,
        "forvirtualnetwork": one.for_virtual_network, "issourcenat": False, "isstaticnat": False, "issystem": False,
        "isportable": False, "forprovider": False, "forsystemvms": False,
    }  # fmt: skip
