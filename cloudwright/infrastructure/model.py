"""The rows of infrastructure: zones, pods, clusters, hosts, physical networks and what they carry."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Kind, Use, above_caller, below_caller
from cloudwright.core.resource import Resource, column
from cloudwright.core.secret import Secret
from cloudwright.core.tally import Counted, Counts


class Region(Resource, table="region", unique=[("number",)]):
    """A region: this installation, or another one that it knows."""

    number: int
    name: str
    end_point: str = ""

    @classmethod
    def access(cls, kind: Kind, use: Use) -> Any:
        """Everybody may look."""
        return sa.false() if use is Use.CHANGE else None


class Zone(Resource, table="zone", unique=[("name",)]):
    """A zone: a data centre. `domain_id` dedicates it to a domain and those below."""

    name: str
    network_type: str  # Advanced, Basic
    dns1: str
    dns2: str | None = None
    internal_dns1: str
    internal_dns2: str | None = None
    ip6_dns1: str | None = None
    ip6_dns2: str | None = None
    guest_cidr: str | None = None
    domain_suffix: str | None = None  # the default network domain
    domain_id: int | None = None
    allocation_state: str = "Disabled"  # Enabled, Disabled
    security_groups: bool = False
    local_storage: bool = False
    zone_type: str = "Core"
    token: str = ""
    details: dict[str, str] = column(default={})
    sort_key: int = 0

    @classmethod
    def access(cls, kind: Kind, use: Use) -> Any:
        """Callers see enabled zones that are public or dedicated to their domain or one above."""
        mine = sa.or_(cls.c.domain_id.is_(None), above_caller(cls.c.domain_id))
        open_ = cls.c.id.not_in(_zones_of_others(kind))
        return sa.false() if use is Use.CHANGE else sa.and_(cls.c.allocation_state == "Enabled", mine, open_)


def _zones_of_others(kind: Kind) -> sa.Select[tuple[int]]:
    """The ids of zones dedicated to somebody else than the caller and, for an administrator, those below."""
    d = sa.table("dedication", *(sa.column(name) for name in ("of_kind", "of_id", "domain_id", "account_id", "gone")))
    of_domain = sa.and_(d.c.account_id.is_(None), above_caller(d.c.domain_id))
    mine = sa.or_(sa.func.coalesce(d.c.account_id, 0) == sa.bindparam("caller_account"), of_domain)
    mine = sa.or_(mine, below_caller(d.c.domain_id)) if kind is Kind.DOMAIN else mine
    return sa.select(d.c.of_id).where(d.c.of_kind == "zone", d.c.gone == 0, sa.not_(mine))


class Pod(Resource, table="pod", unique=[("zone_id", "name")]):
    """A pod: a rack with its management addresses."""

    name: str
    zone_id: int = column(refers="zone")
    gateway: str
    netmask: str
    start_ip: str
    end_ip: str | None = None
    allocation_state: str = "Enabled"


class Cluster(Resource, table="cluster", unique=[("zone_id", "name")]):
    """A cluster: hosts of one hypervisor between which machines can move."""

    name: str
    zone_id: int = column(refers="zone")
    pod_id: int = column(refers="pod")
    hypervisor: str  # KVM, Simulator
    cluster_type: str = "CloudManaged"
    allocation_state: str = "Enabled"
    managed_state: str = "Managed"
    architecture: str = "x86_64"


class Host(Resource, table="host", indexes=[("cluster_id", "id"), ("zone_id", "id")], unique=[("zone_id", "name")]):
    """A hypervisor host. `state` is what is known of it (Up, Disconnected, Alert, Down, Creating), `resource_state` what the
    operator wants (Enabled, Disabled, Maintenance …). Sizes: MHz and bytes. `cpu_reserved` and `memory_reserved` are what placed
    machines take: changed only by conditional updates."""

    name: str
    address: str
    url: str
    zone_id: int
    pod_id: int = column(refers="pod")
    cluster_id: int
    hypervisor: str
    state: str = "Creating"
    resource_state: str = "Enabled"
    software: str = ""
    cpus: int = 0
    cpu_mhz: int = 0
    memory: int = 0  # bytes
    architecture: str = "x86_64"
    cpu_reserved: int = 0  # MHz
    memory_reserved: int = 0  # bytes
    busy: float | None = None  # as measured last: the share of its processors in use, 0.0-1.0
    load_average: float | None = None  # over a minute
    memory_used: int | None = None  # bytes
    can: list[str] = column(default=[])
    cannot: dict[str, str] = column(default={})
    labels: list[str] = column(default=[])
    last_seen: float | None = None
    connected: float | None = None  # since when its agent hangs on a server
    disconnected: float | None = None
    server_id: int | None = column(default=None, index=True)  # on which server its agent hangs
    certificate_serial: str = ""
    details: dict[str, str] = column(default={})


class HypervisorCapability(Resource, table="hypervisor_capability", unique=[("hypervisor", "hypervisor_version")]):
    """What a hypervisor can do, and how much of it the operator allows. None: no limit of its own."""

    hypervisor: str
    hypervisor_version: str = "default"
    max_guests: int | None = None  # on a host
    max_data_volumes: int
    max_hosts: int | None = None  # in a cluster
    security_groups: bool = False
    storage_motion: bool = False
    vm_snapshots: bool = False


class Dedication(Resource, table="dedication", unique=[("of_kind", "of_id")], indexes=[("zone_id", "id")]):
    """A zone, pod, cluster or host (`of_kind`) that only one domain with those below it, or one account, may use."""

    of_kind: str
    of_id: int
    zone_id: int
    domain_id: int
    account_id: int | None = None
    group_id: int | None = column(refers="affinity_group", default=None)  # whose machines go there alone


class HostTag(Resource, table="host_tag", unique=[("host_id", "name")], indexes=[("name", "host_id")]):
    """A tag of a host: offerings that ask for it are placed there."""

    host_id: int
    name: str


class EnrolToken(Resource, table="enrol_token", unique=[("digest",)]):
    """A one-time token by which a host gets its certificate. It rests as a SHA-256 digest."""

    host_id: int
    digest: str
    expires: float
    used: float | None = None


class Authority(Resource, table="authority", unique=[("name",)]):
    """A certificate of the built-in CA, with its private key."""

    name: str
    certificate: str = column(text=True)
    private_key: Secret
    active: bool = True


class IssuedCertificate(Resource, table="issued_certificate"):
    """A certificate that an operator asked for, with its private key where the request brought none."""

    name: str
    certificate: str = column(text=True)
    private_key: Secret | None = None
    trust: str = column(text=True, default="")  # the authorities to trust, PEM


class Revocation(Resource, table="revocation", unique=[("serial",)]):
    """A host certificate that is no longer accepted."""

    serial: str
    host_id: int
    why: str = ""


class PhysicalNetwork(Resource, table="physical_network", unique=[("zone_id", "name")]):
    """A physical network of a zone. `isolation` is VLAN or VXLAN; `tags` choose it for offerings."""

    name: str
    zone_id: int = column(refers="zone")
    state: str = "Disabled"
    isolation: str = "VLAN"
    speed: str = "1G"
    broadcast_range: str = "ZONE"
    ranges: list[str] = column(default=[])  # "100-199": VLAN ids or VNIs for guest networks
    tags: list[str] = column(default=[])


class TrafficType(Resource, table="traffic_type", unique=[("physical_network_id", "traffic")]):
    """What a physical network carries (Guest, Public, Management, Storage), and the label of its bridge on each kind of host."""

    physical_network_id: int
    traffic: str
    kvm_label: str | None = None
    simulator_label: str | None = None


class Provider(Resource, table="network_provider", unique=[("physical_network_id", "name")]):
    """A provider of network services on a physical network: VirtualRouter, SecurityGroupProvider …"""

    physical_network_id: int
    name: str
    state: str = "Disabled"
    services: list[str] = column(default=[])
    element_enabled: bool = False  # of a virtual router: whether its appliances may be made


class IpRange(Resource, table="ip_range", indexes=[("zone_id", "id"), ("network_id", "id"), ("pod_id", "id")]):
    """A range of addresses on a VLAN (what the API calls a VLAN IP range): public, or of a shared network. `vlan` is "vlan://untagged"
    or "vlan://120"."""

    zone_id: int
    physical_network_id: int
    network_id: int | None = None
    pod_id: int | None = None
    vlan: str = "vlan://untagged"
    gateway: str
    netmask: str
    start_ip: str
    end_ip: str
    for_virtual_network: bool = True
    account_id: int | None = None
    domain_id: int | None = None

    def tally(self) -> Counts:
        """Given to an account, each address of it counts as the account's."""
        if not self.for_virtual_network:
            return {}
        return {Counted.IP: int(IPv4Address(self.end_ip)) - int(IPv4Address(self.start_ip)) + 1}


class StorageIpRange(Resource, table="storage_ip_range", indexes=[("pod_id", "id"), ("zone_id", "id")]):
    """Addresses of a pod's storage network, for appliances that reach storage by a network of its own."""

    zone_id: int
    pod_id: int
    vlan: int | None = None
    gateway: str
    netmask: str
    start_ip: str
    end_ip: str


class SegmentNumber(Resource, table="segment_number", unique=[("physical_network_id", "number")]):
    """A VLAN id or VNI that a network took from its physical network's ranges. Free numbers have no living row."""

    physical_network_id: int
    number: int
    network_id: int
