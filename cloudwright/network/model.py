"""The rows of networks: offerings, networks, interfaces, addresses, rules, and the appliances that serve them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.compute.model import Vm
from cloudwright.core.access import Kind, Use, above_caller, owned_by_caller
from cloudwright.core.resource import Owned, Resource, column
from cloudwright.core.tally import Counted, Counts
from cloudwright.infrastructure.offered import Offering, offered_to_caller


class NetworkOffering(Offering, table="network_offering", unique=[("name",)]):
    """Which services a network has, and who provides each: `services` is service -> provider."""

    name: str
    display_text: str
    traffic: str = "Guest"
    guest_type: str | None = "Isolated"  # Isolated, Shared, L2
    state: str = "Disabled"
    availability: str = "Optional"
    services: dict[str, str] = column(default={})
    capabilities: dict[str, dict[str, str]] = column(default={})
    is_default: bool = False
    system_only: bool = False
    specify_vlan: bool = False
    specify_ip_ranges: bool = False
    conserve_mode: bool = True
    persistent: bool = False
    egress_allow: bool = True
    for_vpc: bool = False
    internet_protocol: str = "IPv4"
    rate: int | None = None
    tags: str = ""
    service_offering_id: int | None = None
    max_connections: int | None = None
    sort_key: int = 0
    details: dict[str, str] = column(default={})

    @classmethod
    def access(cls, kind: Kind, use: Use) -> Any:
        """Callers use enabled guest offerings that are public or of their domain or one above."""
        if use is Use.CHANGE:
            return sa.false()
        return sa.and_(cls.c.state == "Enabled", cls.c.system_only.is_(False), offered_to_caller(cls))


class Network(
    Owned,
    table="network",
    indexes=[("zone_id", "id"), ("physical_network_id",), ("state", "id")],
    searched=["name", "display_text"],
):
    """A guest network. `generation` grows with every change that its appliance must know; `applied` is what that runs."""

    name: str
    display_text: str
    zone_id: int
    offering_id: int
    physical_network_id: int
    guest_type: str = "Isolated"
    traffic: str = "Guest"
    state: str = "Allocated"  # Allocated, Setup, Implementing, Implemented, Shutdown, Destroy
    cidr: str | None = None
    gateway: str | None = None
    netmask: str | None = None
    network_domain: str | None = None
    dns1: str | None = None
    dns2: str | None = None
    segment_kind: str = "VLAN"  # VLAN, VXLAN, FLAT
    segment_number: int | None = None  # VLAN id or VNI, once taken
    acl_type: str = "Account"  # Account, Domain
    subdomain_access: bool = False
    restart_required: bool = False
    display: bool = True
    vpc_id: int | None = None
    public_mtu: int | None = None
    private_mtu: int | None = None
    generation: int = 0
    applied: int = 0
    problems: dict[str, str] = column(default={})
    router_id: int | None = None
    vlan_given: bool = False  # the segment number was asked for, so the network keeps it
    idle_since: float | None = None  # implemented, and no machine runs on it

    def tally(self) -> Counts:
        """Isolated networks of one account; shared ones and those on layer 2 alone do not count."""
        counts = self.guest_type == "Isolated" and self.acl_type == "Account" and self.traffic == "Guest" and self.display
        return {Counted.NETWORK: 1} if counts else {}

    @classmethod
    def access(cls, kind: Kind, use: Use) -> Any:
        """An account's own; and those shared with its domain (or, with subdomain access, one above)."""
        own = owned_by_caller(cls, kind)
        if use is Use.CHANGE:
            return own
        here = cls.c.domain_id == sa.bindparam("caller_domain")
        shared = sa.and_(
            cls.c.acl_type == "Domain", sa.or_(here, sa.and_(cls.c.subdomain_access.is_(True), above_caller(cls.c.domain_id)))
        )
        return sa.or_(own, shared)


class Router(Owned, table="router", unique=[("network_id",)], indexes=[("host_id", "id"), ("zone_id", "id")]):
    """The appliance of an isolated network: a namespace on a host (or a system VM). Drivers call it `r-<uuid>`."""

    name: str
    zone_id: int
    network_id: int
    host_id: int | None = None
    state: str = "Starting"  # Starting, Running, Unknown: it shall run; Stopped: an administrator stopped it
    form: str = "namespace"
    guest_mac: str
    public_mac: str
    redundant_state: str = "UNKNOWN"
    ports: str = column(text=True, default="")  # the interfaces it was last started with, as JSON
    observed_generation: int = 0
    observed_at: float | None = None
    problems: dict[str, str] = column(default={})

    @property
    def appliance_name(self) -> str:
        """What drivers call it."""
        return f"r-{self.uuid}"


class Nic(Resource, table="nic", unique=[("network_id", "ip"), ("mac",)], indexes=[("vm_id", "slot"), ("network_id", "id")]):
    """A machine's interface. `ip` is unique among the living of its network, so an address is taken by inserting."""

    @classmethod
    def access(cls, kind: Kind, use: Use) -> Any:
        """Whoever may change the machine. Lists and commands name the machine first, which says the same again."""
        return cls.c.vm_id.in_(sa.select(Vm.c.id).where(owned_by_caller(Vm, kind)))

    vm_id: int
    network_id: int
    ip: str | None = None
    mac: str
    slot: int
    is_default: bool = False
    gateway: str | None = None
    netmask: str | None = None
    link_up: bool = True


class NicSecondary(Owned, table="nic_secondary", unique=[("network_id", "ip")], indexes=[("nic_id", "id")]):
    """A further address of a machine's interface. Whoever takes an address of a network first bumps the network, so that no
    address is both a primary and a secondary one."""

    nic_id: int
    network_id: int
    vm_id: int
    ip: str
    description: str | None = column(length=2048, default=None)


class PublicIp(
    Owned,
    table="public_ip",
    unique=[("range_id", "address")],
    indexes=[("zone_id", "state"), ("network_id", "id"), ("vm_id",)],
    searched=["address"],
):
    """A public address that somebody holds. `state`: Allocating, Allocated, Releasing, Reserved. Free ones have no living row.
    `generation` is the network's that first has it, or first lacks it."""

    address: str
    zone_id: int
    range_id: int
    network_id: int | None = None
    source_nat: bool = False
    static_nat: bool = False
    system: bool = False
    vm_id: int | None = None  # of static NAT
    nic_id: int | None = None
    static_to: str | None = None  # the guest address of static NAT
    state: str = "Allocated"
    allocated: float | None = None
    display: bool = True
    dedicated: bool = False  # of a range that is the account's own
    generation: int = 0

    def tally(self) -> Counts:
        """Each, also those for source NAT; but an account's own range is given to it whole."""
        return {} if self.dedicated or not self.display else {Counted.IP: 1}


class FirewallRule(
    Owned, table="firewall_rule", indexes=[("public_ip_id", "id"), ("network_id", "purpose"), ("vm_id", "id"), ("related_id",)]
):
    """A rule of a network: `purpose` Firewall (who may reach a public address), Egress (what guests may send), PortForwarding,
    StaticNat (ports of a static NAT). `state`: Add, Active, Revoke. `generation` is the network's that first has or lacks it."""

    purpose: str
    network_id: int
    public_ip_id: int | None = None
    protocol: str
    start_port: int | None = None
    end_port: int | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None
    sources: list[str] = column(default=[])
    destinations: list[str] = column(default=[])
    state: str = "Add"
    display: bool = True
    vm_id: int | None = None  # of port forwarding
    nic_id: int | None = None
    private_ip: str | None = None
    private_start: int | None = None
    private_end: int | None = None
    related_id: int | None = None  # the forwarding rule for which it was opened
    generation: int = 0
