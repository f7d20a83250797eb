"""A router on one host, two guests on a VLAN behind it, a stranger on another, and the internet before it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from cloudwright.appliance import router
from cloudwright.appliance.facts import (
    Address,
    EgressRule,
    FirewallRule,
    GuestNetwork,
    Nic,
    PortForward,
    PublicNetwork,
    RouterFacts,
)
from cloudwright.drivers.network.contract import ApplianceSpec, Applied, Port
from cloudwright.drivers.segment import Segment, SegmentKind
from tests.real.guest_sockets import Peer
from tests.real.host_space import HostSpace

ROUTER = "r-00000000-0000-4000-8000-000000000001"
GATEWAY, WEB, DATABASE = "10.1.1.1", "10.1.1.5", "10.1.1.6"
SOURCE, SECOND, STATIC = "203.0.113.10", "203.0.113.11", "203.0.113.12"
INTERNET, FAR = "203.0.113.1", "198.51.100.7"
WEB_MAC, DATABASE_MAC, STRANGER_MAC = "02:00:00:00:01:05", "02:00:00:00:01:06", "02:00:00:00:02:05"
PORTS = [("eth0", "02:00:00:00:00:01"), ("eth1", "02:00:00:00:00:02"), ("eth2", "02:00:00:00:00:03")]
LAN = Segment(SegmentKind.VLAN, "cloudbr0", 100)
OTHER = Segment(SegmentKind.VLAN, "cloudbr0", 200)
PUBLIC = Segment(SegmentKind.FLAT, "cloudbr1")

ANYBODY = ["0.0.0.0/0"]


def open_port(address: str, first: int, last: int = 0, protocol: str = "tcp", sources: list[str] = ANYBODY) -> FirewallRule:
    """A firewall rule for one port or a range."""
    return FirewallRule(address, protocol, first, last or first, sources=sources)


def ping_rule(address: str) -> FirewallRule:
    """A firewall rule for echo requests."""
    return FirewallRule(address, "icmp", icmp_type=8, icmp_code=0, sources=ANYBODY)


def forward(address: str, public: int, to: str, private: int, count: int = 1, protocol: str = "tcp") -> PortForward:
    """A port forwarding rule for `count` ports."""
    return PortForward(address, protocol, public, public + count - 1, to, private, private + count - 1)


def egress(protocol: str, first: int = 0, last: int = 0, destinations: list[str] = ANYBODY) -> EgressRule:
    """An exception to the egress policy of the guests' network."""
    return EgressRule("lan", protocol, first, last or first, sources=["10.1.1.0/24"], destinations=destinations)


class Routed:
    """The scene. `apply` brings the router to the standing facts with what a test wants different."""

    def __init__(self, host: HostSpace) -> None:
        self.host = host
        self._generations = itertools.count(1)
        self.web = Peer(host.namespace("web"))
        self.database = Peer(host.namespace("database"))
        self.stranger = Peer(host.namespace("stranger"))
        self.internet = Peer(host.namespace("internet"))

    def spec(self) -> ApplianceSpec:
        """The router's interfaces: its two guest networks and the outside."""
        segments = (LAN, PUBLIC, OTHER)
        return ApplianceSpec(ROUTER, [Port(*port, segment) for port, segment in zip(PORTS, segments, strict=True)])

    def facts(self, **changes: object) -> RouterFacts:
        """The standing facts: default egress allowed, nothing open."""
        web = Nic(
            "lan",
            WEB_MAC,
            WEB,
            "web1",
            instance_name="i-2-5-VM",
            machine="11111111-1111-4111-8111-111111111111",
            service_offering="Small",
            zone="zone1",
            cloud="test",
            public_keys="ssh-ed25519 AAAA web",
            user_data="I2Nsb3VkLWNvbmZpZwoA/w==",
            password="first-secret",
            password_serial="1",
        )
        database = Nic("lan", DATABASE_MAC, DATABASE, "db1", instance_name="i-2-6-VM", default=False)
        lan = GuestNetwork("lan", *PORTS[0], GATEWAY, "10.1.1.0/24", GATEWAY, domain="lan.internal", egress_allow=True)
        other = GuestNetwork("other", *PORTS[2], "10.1.2.1", "10.1.2.0/24", "10.1.2.1", domain="other.internal")
        base = RouterFacts(
            name=ROUTER,
            generation=next(self._generations),
            upstream_dns=[INTERNET],
            networks=[lan, other],
            publics=[PublicNetwork(*PORTS[1], INTERNET, 24)],
            addresses=[Address(SOURCE, "eth1", source_nat=True), Address(SECOND, "eth1"), Address(STATIC, "eth1")],
            nics=[web, database, Nic("other", STRANGER_MAC, "10.1.2.5", "stranger", instance_name="i-3-7-VM")],
        )
        return msgspec.structs.replace(base, **changes)

    def closed(self) -> RouterFacts:
        """The standing facts with default egress denied."""
        facts = self.facts()
        facts.networks[0].egress_allow = False
        return facts

    def apply(self, facts: RouterFacts) -> Applied:
        """Apply and expect that nothing failed."""
        done = self.host.network.apply(ROUTER, router.document(facts))
        assert done.problems == {}, done.problems
        assert done.generation == facts.generation
        return done


def with_static(address: str = STATIC, to: str = WEB) -> list[Address]:
    """The public addresses with one of them translated one-to-one."""
    return [
        Address(SOURCE, "eth1", source_nat=True),
        *(Address(other, "eth1", static_nat_to=to if other == address else "") for other in (SECOND, STATIC)),
    ]


@contextmanager
def routed() -> Iterator[Routed]:
    """Build the scene, and take it away."""
    host = HostSpace()
    try:
        host.bridge("cloudbr0", openvswitch=True)
        host.bridge("cloudbr1")
        scene = Routed(host)
        host.network.start(scene.spec())
        host.guest("web", WEB_MAC, LAN)
        host.guest("database", DATABASE_MAC, LAN)
        host.guest("stranger", STRANGER_MAC, OTHER)
        host.guest("internet", "02:00:00:00:09:01", PUBLIC)
        host.configure("web", f"{WEB}/24", GATEWAY)
        host.configure("database", f"{DATABASE}/24", GATEWAY)
        host.configure("stranger", "10.1.2.5/24", "10.1.2.1")
        host.configure("internet", f"{INTERNET}/24")
        host.configure("internet", f"{FAR}/32")
        scene.apply(scene.facts())
        yield scene
    finally:
        host.close()
