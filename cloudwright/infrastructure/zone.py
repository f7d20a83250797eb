"""Zones: made disabled, filled by the other commands, and enabled once nothing is missing."""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa

from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller, Kind, Use
from cloudwright.core.command import Command, Success
from cloudwright.core.error import InUse, ParamError, counted
from cloudwright.core.listing import Condition, where
from cloudwright.core.param import Ref, param
from cloudwright.core.resource import Resource
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, computed, field
from cloudwright.identity.model import Domain
from cloudwright.infrastructure import address
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.dedication import forget
from cloudwright.infrastructure.model import Cluster, Host, PhysicalNetwork, Pod, Zone
from cloudwright.infrastructure.usable import missing
from cloudwright.infrastructure.usage import ListWithCapacity
from cloudwright.network.model import Network
from cloudwright.network.network.mtu import BY_USERS, LARGEST
from cloudwright.storage.model import ImageStore, StoragePool, Volume

STATES = ("Enabled", "Disabled")


_architectures = (
    sa.select(sa.func.count(sa.distinct(Cluster.c.architecture)))
    .where(Cluster.c.zone_id == Zone.c.id, Cluster.c.gone == 0)
    .scalar_subquery()
)


class ZoneView(View, of=Zone, key="zone", joins=[(Domain, Domain.c.id == Zone.c.domain_id)]):
    """A zone. How it is built inside is told to root administrators."""

    id = field(Zone.c.uuid, "the zone's id")
    name = field(Zone.c.name, "its name")
    networktype = field(Zone.c.network_type, "Advanced")
    allocationstate = field(Zone.c.allocation_state, "whether machines are placed there: Enabled or Disabled")
    type = field(Zone.c.zone_type, "Core or Edge")
    securitygroupsenabled = field(Zone.c.security_groups, "whether guests are kept apart by security groups")
    localstorageenabled = field(Zone.c.local_storage, "whether volumes may rest on hosts' own disks")
    domain = field(Zone.c.domain_suffix, "the network domain of its guests")
    domainid = field(Domain.c.uuid, "the domain that it is dedicated to")
    domainname = field(Domain.c.name, "the name of that domain")
    zonetoken = field(Zone.c.token, "the zone's token", convert=lambda token: token or None)
    resourcedetails = field(Zone.c.details, "its details", convert=lambda details: details or None)
    dhcpprovider = computed(lambda row, caller: "VirtualRouter", "who gives guests their addresses")
    ismultiarch = field(_architectures > 1, "whether its clusters are of several architectures", "boolean", convert=bool)
    isnsxenabled = computed(lambda row, caller: False, "whether NSX serves it", "boolean")
    routedmodeenabled = computed(lambda row, caller: False, "whether its networks may be routed", "boolean")
    allowuserspecifyvrmtu = field(
        BY_USERS.told(zone=Zone.c.id), "whether users may choose the MTUs of their networks", "boolean", convert=BY_USERS.parse
    )
    routerprivateinterfacemaxmtu = field(
        LARGEST["private"].told(zone=Zone.c.id), "the largest MTU of routers inside", "integer", convert=int
    )
    routerpublicinterfacemaxmtu = field(
        LARGEST["public"].told(zone=Zone.c.id), "the largest MTU of routers towards the outside", "integer", convert=int
    )
    dns1 = field(Zone.c.dns1, "the DNS server of guests", admin=True)
    dns2 = field(Zone.c.dns2, "the second DNS server of guests", admin=True)
    ip6dns1 = field(Zone.c.ip6_dns1, "the IPv6 DNS server of guests", admin=True)
    ip6dns2 = field(Zone.c.ip6_dns2, "the second IPv6 DNS server of guests", admin=True)
    internaldns1 = field(Zone.c.internal_dns1, "the DNS server of hosts and appliances", admin=True)
    internaldns2 = field(Zone.c.internal_dns2, "their second DNS server", admin=True)
    guestcidraddress = field(Zone.c.guest_cidr, "the network that guest networks have by default", admin=True)


class ListZones(ListWithCapacity, answers=ZoneView, keywords=[Zone.c.name], level="zone"):
    """Lists zones."""

    id: str | None = where(Zone.c.uuid, "only this one", kind="uuid")
    ids: list[Ref[Zone]] | None = where(Zone.c.id, "only these")
    available: bool | None = param("false: only zones in which the caller has machines", default=None)
    domain: Ref[Domain] | None = where(Zone.c.domain_id, "only those dedicated to this domain")
    name: str | None = where(Zone.c.name, "only the one of this name")
    network_type: str | None = where(Zone.c.network_type, "only those of this network type")

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        if self.available is not False or caller.kind is Kind.ROOT:
            return []
        mine = sa.exists().where(Vm.c.zone_id == Zone.c.id, Vm.c.account_id == sa.bindparam("caller_account"), Vm.c.gone == 0)
        return [("with my machines", mine, {})]


class CreateZone(Command, answers=ZoneView, event="ZONE.CREATE"):
    """Makes a zone."""

    name: str = param("its name")
    network_type: str = param("Advanced: guests on networks of their own", choices=["Advanced", "Basic"])
    dns1: str = param("the DNS server of guests", check=address.ip)
    dns2: str | None = param("the second one", check=address.ip)
    internal_dns1: str = param("the DNS server of hosts and appliances", check=address.ip)
    internal_dns2: str | None = param("the second one", check=address.ip)
    ip6dns1: str | None = param("the IPv6 DNS server of guests")
    ip6dns2: str | None = param("the second one")
    guest_cidr: str = param(
        "the network that guest networks have by default", wire_name="guestcidraddress", default="10.1.1.0/24", check=address.cidr
    )
    suffix: str | None = param("the network domain of its guests", wire_name="domain")
    domain: Ref[Domain] | None = param("dedicates it to this domain and those below")
    allocation_state: str = param("Enabled once nothing is missing; Disabled to begin with", default="Disabled", choices=STATES)
    security_groups: bool = param(
        "guests kept apart by security groups",
        wire_name="securitygroupenabled",
        default=False,
        check=not_built("security groups"),
    )
    local_storage_enabled: bool = param("volumes may rest on hosts' own disks", default=False)
    is_edge: bool = param("a small zone at the edge", default=False)
    storage_access_groups: list[str] | None = param("storage access groups", check=not_built("storage access groups"))

    def run(self, tx: Tx, caller: Caller) -> Zone:
        if self.network_type.lower() == "basic":
            text = "Parameter networktype: Basic zones are not there yet"
            raise ParamError(text, param="networktype", fix=["make it Advanced; a shared network in it is as flat"])
        if self.allocation_state.lower() == "enabled":
            text = "Parameter allocationstate: a new zone cannot be enabled at once, because it has nothing yet"
            raise ParamError(text, param="allocationstate", fix=["fill it, then call updateZone with allocationstate=Enabled"])
        return tx.insert(Zone(
            name=self.name, network_type="Advanced", dns1=self.dns1, dns2=self.dns2, internal_dns1=self.internal_dns1,
            internal_dns2=self.internal_dns2, ip6_dns1=self.ip6dns1, ip6_dns2=self.ip6dns2, guest_cidr=self.guest_cidr,
            domain_suffix=self.suffix, domain_id=self.domain.id if self.domain else None,
            local_storage=self.local_storage_enabled, zone_type="Edge" if self.is_edge else "Core", token=secrets.token_hex(16),
        ))  # fmt: skip


class UpdateZone(Command, answers=ZoneView, event="ZONE.EDIT"):
    """Changes a zone. It is enabled only when machines can be placed there; what is missing is told."""

    id: Ref[Zone] = param("the zone", use=Use.CHANGE)
    name: str | None = param("its new name")
    dns1: str | None = param("the DNS server of guests", check=address.ip)
    dns2: str | None = param("the second one", check=address.ip)
    internal_dns1: str | None = param("the DNS server of hosts and appliances", check=address.ip)
    internal_dns2: str | None = param("the second one", check=address.ip)
    ip6_dns1: str | None = param("the IPv6 DNS server of guests")
    ip6_dns2: str | None = param("the second one")
    guest_cidr: str | None = param("the default guest network", wire_name="guestcidraddress", check=address.cidr)
    domain_suffix: str | None = param("the network domain of its guests", wire_name="domain")
    local_storage: bool | None = param("volumes may rest on hosts' own disks", wire_name="localstorageenabled", default=None)
    sort_key: int | None = param("where it comes in lists that are sorted by it")
    details: dict[str, str] | None = param("details to set; an empty value takes one away")
    is_public: bool = param("true: it is no longer dedicated to a domain", default=False)
    allocation_state: str | None = param("Enabled or Disabled", choices=STATES)
    dhcp_provider: str | None = param("another DHCP server", check=not_built("DHCP servers of others"))
    dns_search_order: list[str] | None = param("the DNS search order", check=not_built("DNS search orders"))

    def run(self, tx: Tx, caller: Caller) -> Zone:
        zone = self.id
        names = ("name", "dns1", "dns2", "internal_dns1", "internal_dns2", "ip6_dns1", "ip6_dns2", "guest_cidr", "domain_suffix")
        given = {name: self.__dict__[name] for name in (*names, "local_storage", "sort_key")}
        values = {name: value for name, value in given.items() if value is not None}
        if self.details is not None:
            values["details"] = {k: v for k, v in (zone.details | self.details).items() if v}
        if self.is_public:
            values["domain_id"] = None
        if self.allocation_state is not None:
            values["allocation_state"] = self.allocation_state.capitalize()
        if values.get("allocation_state") == "Enabled" and zone.allocation_state != "Enabled":
            _check_usable(tx, zone)
        tx.update(zone, **values)
        return zone


class DeleteZone(Command, event="ZONE.DELETE"):
    """Deletes an empty zone."""

    id: Ref[Zone] = param("the zone", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        kinds: list[type[Resource]] = [Host, Pod, StoragePool, ImageStore, Vm, Volume, Network, PhysicalNetwork]
        there = {
            "instance" if kind is Vm else kind.kind.replace("_", " "): tx.count(kind, kind.c.zone_id == self.id.id)
            for kind in kinds
        }
        if left := counted(there):
            raise InUse(f"Zone {self.id.name} is not empty: it has {left}", param="id", fix=["delete those first"])
        forget(tx, "zone", self.id.id)
        tx.remove(self.id)
        return Success()


def _check_usable(tx: Tx, zone: Zone) -> None:
    lacks = missing(tx, zone)
    if lacks:
        what = f"Zone {zone.name} cannot be enabled: {len(lacks)} {'things are' if len(lacks) > 1 else 'thing is'} missing"
        raise ParamError(
            f"{what}: {'; '.join(lack.what for lack in lacks)}", param="allocationstate",
            why=[lack.what for lack in lacks], fix=[lack.fix for lack in lacks],
        )  # fmt: skip
