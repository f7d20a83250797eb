"""What the appliance document is built from: plain facts, read from rows by the caller.

Addresses are IPv4 in dotted notation, ports are 0 when the protocol has none, ICMP type and code are -1 for any.
"""

from __future__ import annotations

from msgspec import Struct


class GuestNetwork(Struct):
    """A network the appliance serves, and its own interface there. `gateway` may be another router's (shared networks)."""

    uuid: str
    device: str
    mac: str
    address: str  # the appliance's own
    cidr: str
    gateway: str
    dns: list[str] = []  # what guests are told; empty: the appliance
    domain: str = ""
    mtu: int = 1500
    dhcp: bool = True
    dns_service: bool = True
    source_nat: bool = True
    egress_allow: bool = False  # the offering's default egress policy
    lease_seconds: int = 86400


class PublicNetwork(Struct):
    """An interface of the appliance towards the outside, with the prefix length of its addresses."""

    device: str
    mac: str
    gateway: str
    prefix: int
    mtu: int = 1500


class Address(Struct):
    """A public address the appliance holds. The first with `source_nat` on a device is its source address."""

    address: str
    device: str
    source_nat: bool = False
    static_nat_to: str = ""


class Nic(Struct):
    """A machine's interface on one of the networks, and what the machine is told there."""

    network: str  # GuestNetwork.uuid
    mac: str
    address: str
    hostname: str
    default: bool = True
    instance_name: str = ""
    machine: str = ""  # uuid
    service_offering: str = ""
    zone: str = ""
    cloud: str = ""  # identifier of this cloud
    host: str = ""  # hypervisor host's name; empty: not told
    public_keys: str = ""
    user_data: str = ""  # base64
    variables: dict[str, str] = {}  # values that its user data refers to
    password: str = ""
    password_serial: str = ""


class FirewallRule(Struct):
    """Who may come in at a public address."""

    address: str
    protocol: str
    first_port: int = 0
    last_port: int = 0
    icmp_type: int = -1
    icmp_code: int = -1
    sources: list[str] = []


class EgressRule(Struct):
    """An exception to a network's default egress policy."""

    network: str  # GuestNetwork.uuid
    protocol: str
    first_port: int = 0
    last_port: int = 0
    icmp_type: int = -1
    icmp_code: int = -1
    sources: list[str] = []
    destinations: list[str] = []


class PortForward(Struct):
    """A port, or a range of them, of a public address that leads to a machine."""

    address: str
    protocol: str
    first_public: int
    last_public: int
    to: str
    first_private: int
    last_private: int


class RouterFacts(Struct):
    """All that one router shall do."""

    name: str  # `r-<uuid>`
    generation: int
    upstream_dns: list[str] = []
    networks: list[GuestNetwork] = []
    publics: list[PublicNetwork] = []
    addresses: list[Address] = []
    nics: list[Nic] = []
    firewall: list[FirewallRule] = []
    egress: list[EgressRule] = []
    forwards: list[PortForward] = []
