"""The appliance document: everything one appliance shall do, whole and numbered.

Rendered on the server by pure functions (`cloudwright.appliance.router`), applied by the guest programme. The guest
programme reads it as plain JSON, so every field is a string, number, boolean, list or mapping.
"""

from __future__ import annotations

from msgspec import Struct


class Interface(Struct):
    """One interface: `role` is guest, public or control; `addresses` in CIDR notation, the first is primary."""

    device: str
    mac: str
    role: str
    addresses: list[str] = []
    gateway: str = ""
    mtu: int = 1500
    network: str = ""  # uuid of the guest network


class Host(Struct):
    """A machine on a guest network: its reservation, name and what the metadata service tells it."""

    mac: str
    address: str
    hostname: str
    default: bool = True  # whether this interface carries the machine's default route
    metadata: dict[str, str] = {}  # CloudStack's meta-data keys: instance-id, service-offering, public-keys …
    user_data: str = ""  # base64
    password: str = ""  # handed out once over the password service
    password_serial: str = ""  # changes with each new password, so that a restart does not hand out an old one


class Dhcp(Struct):
    """DHCP and DNS on one guest interface."""

    device: str
    network: str
    cidr: str
    gateway: str
    dns: list[str] = []  # what guests are told; empty: the gateway itself
    domain: str = ""
    dns_service: bool = True
    hosts: list[Host] = []
    lease_seconds: int = 86400


class Rule(Struct):
    """A firewall rule. `ports` is "" (all), "22" or "8000-8080"; ICMP -1 means any type or code."""

    protocol: str  # tcp, udp, icmp, all or a number
    sources: list[str] = []
    destinations: list[str] = []
    ports: str = ""
    icmp_type: int = -1
    icmp_code: int = -1


class PublicAddress(Struct):
    """A public address on the appliance. `static_nat_to` is the guest address of one-to-one NAT."""

    address: str
    device: str
    source_nat: bool = False
    static_nat_to: str = ""
    ingress: list[Rule] = []  # who may come in; empty: nobody


class Forward(Struct):
    """A port forwarding rule; ranges have equal length."""

    public: str
    protocol: str
    public_ports: str
    private: str
    private_ports: str


class Egress(Struct):
    """What guests of one network may send out: `allow` is the default, `rules` are the exceptions to it."""

    device: str
    cidr: str
    allow: bool
    rules: list[Rule] = []


class Document(Struct):
    """All of it. `upstream_dns` is where the appliance asks."""

    name: str
    generation: int
    interfaces: list[Interface] = []
    upstream_dns: list[str] = []
    dhcp: list[Dhcp] = []
    addresses: list[PublicAddress] = []
    forwards: list[Forward] = []
    egress: list[Egress] = []
