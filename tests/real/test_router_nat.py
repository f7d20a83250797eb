"""A router's packets: who reaches whom, under which address, and what becomes of connections when the rules change."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest

from tests.real.guest_sockets import SHORT, Peer, frame
from tests.real.routed import (
    DATABASE,
    FAR,
    GATEWAY,
    INTERNET,
    ROUTER,
    SECOND,
    SOURCE,
    STATIC,
    WEB,
    WEB_MAC,
    Routed,
    egress,
    forward,
    open_port,
    ping_rule,
    routed,
    with_static,
)

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def scene() -> Iterator[Routed]:
    with routed() as built:
        yield built


def talk(server: socket.socket, client: socket.socket) -> str:
    """Accept the client's connection, pass a word each way, and answer who the server sees."""
    accepted, (seen, _) = server.accept()
    with accepted:
        client.sendall(b"hello")
        assert accepted.recv(5) == b"hello"
        accepted.sendall(b"world")
        assert client.recv(5) == b"world"
    return str(seen)


def test_guests_go_out_under_the_source_address(scene: Routed) -> None:
    scene.apply(scene.facts())
    with scene.internet.listening(80) as server, scene.web.connected(FAR, 80) as client:
        assert talk(server, client) == SOURCE


def test_egress_is_denied_but_for_its_rules(scene: Routed) -> None:
    facts = scene.closed()
    facts.egress = [egress("tcp", 80), egress("tcp", 443, destinations=[f"{INTERNET}/32"]), egress("icmp")]
    scene.apply(facts)
    with scene.internet.listening(80), scene.internet.listening(443), scene.internet.listening(81):
        assert scene.web.reaches(FAR, 80)
        assert scene.web.reaches(INTERNET, 443)
        assert not scene.web.reaches(FAR, 443)
        assert not scene.web.reaches(FAR, 81)
    assert scene.web.pings(FAR)


def test_egress_is_allowed_but_for_its_rules(scene: Routed) -> None:
    scene.apply(scene.facts(egress=[egress("tcp", 25)]))
    with scene.internet.listening(25), scene.internet.listening(26):
        assert not scene.web.reaches(FAR, 25)
        assert scene.web.reaches(FAR, 26)


def test_a_forward_needs_the_firewall_to_be_open(scene: Routed) -> None:
    forwards = [forward(SOURCE, 2222, WEB, 22), forward(SECOND, 8000, WEB, 9000, 3), forward(SECOND, 7000, WEB, 7000, 3)]
    scene.apply(scene.facts(forwards=forwards))
    with scene.web.listening(22) as ssh, scene.web.listening(9002) as shifted, scene.web.listening(7001) as same:
        assert not scene.internet.reaches(SOURCE, 2222)
        near = open_port(SOURCE, 2222, sources=[f"{INTERNET}/32"])
        scene.apply(scene.facts(forwards=forwards, firewall=[near, open_port(SECOND, 7000, 8010)]))
        for server, address, port in ((ssh, SOURCE, 2222), (shifted, SECOND, 8002), (same, SECOND, 7001)):
            with scene.internet.connected(address, port) as client:
                assert talk(server, client) == INTERNET
        scene.apply(scene.facts(forwards=forwards, firewall=[open_port(SOURCE, 2222, sources=["192.0.2.0/24"])]))
        assert not scene.internet.reaches(SOURCE, 2222)


def test_static_nat_works_both_ways(scene: Routed) -> None:
    scene.apply(scene.facts(addresses=with_static(), firewall=[open_port(STATIC, 22), ping_rule(STATIC)]))
    assert scene.web.get(GATEWAY, "/latest/meta-data/public-ipv4") == (200, STATIC.encode())
    with scene.web.listening(22) as server, scene.web.listening(23), scene.internet.listening(80) as outside:
        with scene.internet.connected(STATIC, 22) as client:
            assert talk(server, client) == INTERNET
        assert not scene.internet.reaches(STATIC, 23)
        with scene.web.connected(FAR, 80) as client:
            assert talk(outside, client) == STATIC
        with scene.database.connected(FAR, 80) as client:
            assert talk(outside, client) == SOURCE
    assert scene.internet.pings(STATIC)


def test_public_addresses_answer_pings_by_rule(scene: Routed) -> None:
    scene.apply(scene.facts())
    assert not scene.internet.pings(SOURCE)
    scene.apply(scene.facts(firewall=[ping_rule(SOURCE)]))
    assert scene.internet.pings(SOURCE)
    assert not scene.internet.pings(SECOND)


def test_a_guest_reaches_its_own_public_address(scene: Routed) -> None:
    rules = [open_port(STATIC, 22), open_port(SOURCE, 2222)]
    scene.apply(scene.facts(addresses=with_static(), firewall=rules, forwards=[forward(SOURCE, 2222, WEB, 22)]))
    with scene.web.listening(22) as server:
        for guest, address, port in ((scene.web, STATIC, 22), (scene.database, STATIC, 22), (scene.database, SOURCE, 2222)):
            with guest.connected(address, port) as client:
                assert talk(server, client) == GATEWAY


@contextlib.contextmanager
def running(server: Peer, client: Peer, address: str, ports: tuple[int, int]) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection that is established: (client's end, server's end)."""
    with server.listening(ports[1]) as listener, client.connected(address, ports[0]) as here:
        there, _ = listener.accept()
        with there:
            here.settimeout(SHORT)
            there.settimeout(SHORT)
            yield here, there


def passes(sender: socket.socket, receiver: socket.socket) -> bool:
    """Whether a byte gets through. A cut connection is silent, or is reset once the router has forgotten it."""
    try:
        sender.sendall(b"x")
        return receiver.recv(1) == b"x"
    except (TimeoutError, ConnectionError):
        return False


def test_connections_survive_a_change_that_still_allows_them(scene: Routed) -> None:
    forwards = [forward(SOURCE, 2222, WEB, 22)]
    scene.apply(scene.facts(forwards=forwards, firewall=[open_port(SOURCE, 2222)]))
    with (
        running(scene.web, scene.internet, SOURCE, (2222, 22)) as (client, server),
        running(scene.internet, scene.web, FAR, (80, 80)) as (inner, outer),
    ):
        scene.apply(scene.facts(forwards=forwards, firewall=[open_port(SOURCE, 2222), open_port(SOURCE, 99)]))
        assert passes(server, client)
        assert passes(client, server)
        assert passes(outer, inner)
        assert passes(inner, outer)


@pytest.mark.parametrize("removed", ["firewall", "forward"])
def test_connections_of_a_removed_rule_are_cut_both_ways(scene: Routed, removed: str) -> None:
    forwards, rules = [forward(SOURCE, 2222, WEB, 22)], [open_port(SOURCE, 2222)]
    scene.apply(scene.facts(forwards=forwards, firewall=rules))
    with running(scene.web, scene.internet, SOURCE, (2222, 22)) as (client, server):
        scene.apply(scene.facts(forwards=[], firewall=rules) if removed == "forward" else scene.facts(forwards=forwards))
        assert not passes(server, client)
        assert not passes(client, server)


def test_connections_are_cut_when_egress_is_denied(scene: Routed) -> None:
    scene.apply(scene.facts())
    with running(scene.internet, scene.web, FAR, (80, 80)) as (inner, outer):
        scene.apply(scene.closed())
        assert not passes(inner, outer)
        assert not passes(outer, inner)


def test_a_guest_that_lost_its_static_nat_does_not_go_on_under_that_address(scene: Routed) -> None:
    scene.apply(scene.facts(addresses=with_static()))
    with running(scene.internet, scene.web, FAR, (80, 80)) as (inner, outer):
        scene.apply(scene.facts(addresses=with_static(to=DATABASE)))
        assert not passes(inner, outer)
        assert not passes(outer, inner)


def test_a_flow_that_never_pauses_follows_its_forward_to_another_guest(scene: Routed) -> None:
    rules = [open_port(SOURCE, 5000, protocol="udp")]
    scene.apply(scene.facts(forwards=[forward(SOURCE, 5000, WEB, 5000, protocol="udp")], firewall=rules))
    sending = scene.internet.socket(socket.SOCK_DGRAM)
    with sending as sender, scene.web.receiving(5000) as first, scene.database.receiving(5000) as second:
        sender.sendto(b"1", (SOURCE, 5000))
        assert first.recv(1) == b"1"
        scene.apply(scene.facts(forwards=[forward(SOURCE, 5000, DATABASE, 5000, protocol="udp")], firewall=rules))
        second.settimeout(0.05)
        deadline = time.monotonic() + 60
        got = b""
        while not got and time.monotonic() < deadline:
            sender.sendto(b"2", (SOURCE, 5000))
            with contextlib.suppress(TimeoutError):
                got = second.recv(1)
        assert got == b"2"


def test_forged_source_addresses_go_nowhere(scene: Routed) -> None:
    scene.apply(scene.facts())
    gateway_mac = "02:00:00:00:00:01"
    with scene.internet.receiving(4000) as receiver:
        receiver.settimeout(SHORT)
        with scene.web.socket(socket.SOCK_RAW, socket.AF_PACKET) as raw:
            raw.bind(("eth0", 0x0800))
            raw.send(frame(WEB_MAC, WEB, INTERNET, (4000, 4000), b"true", gateway_mac))
            assert receiver.recv(9) == b"true"
            raw.send(frame(WEB_MAC, "10.1.2.5", INTERNET, (4001, 4000), b"forged", gateway_mac))
            raw.send(frame(WEB_MAC, "192.0.2.9", INTERNET, (4001, 4000), b"forged", gateway_mac))
            with pytest.raises(TimeoutError):
                receiver.recv(9)


def test_networks_of_one_router_do_not_reach_each_other(scene: Routed) -> None:
    scene.apply(scene.facts())
    with scene.web.listening(22), scene.stranger.listening(22):
        assert not scene.web.reaches("10.1.2.5", 22)
        assert not scene.stranger.reaches(WEB, 22)


def test_the_router_itself_offers_guests_nothing_else(scene: Routed) -> None:
    scene.apply(scene.facts())
    with Peer(scene.host.namespace(ROUTER)).listening(9999):
        assert not scene.web.reaches(GATEWAY, 9999)
        assert not scene.internet.reaches(SOURCE, 9999)
    assert scene.web.pings(GATEWAY)
