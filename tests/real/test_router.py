"""A router's packets: real guests' traffic through nftables and dnsmasq in a namespace."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from cloudwright.appliance import router
from cloudwright.appliance.facts import Nic
from tests.real.guest_sockets import SHORT, Peer, dhcp, frame
from tests.real.routed import (
    DATABASE,
    DATABASE_MAC,
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
METADATA = "169.254.169.254"


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


def test_dhcp_hands_out_reservations_with_their_options(scene: Routed) -> None:
    scene.apply(scene.facts())
    lease = dhcp(scene.web, WEB_MAC)
    assert lease is not None
    assert socket.inet_ntoa(lease[0]) == WEB
    assert socket.inet_ntoa(lease[1]) == "255.255.255.0"
    assert socket.inet_ntoa(lease[3]) == GATEWAY
    assert socket.inet_ntoa(lease[6]) == GATEWAY
    assert lease[12] == b"web1"
    assert lease[15] == b"lan.internal"
    assert int.from_bytes(lease[26], "big") == 1500
    assert [entry["ip"] for entry in scene.host.network.see(ROUTER).leases] == [WEB]


def test_dhcp_gives_no_default_route_on_a_second_interface(scene: Routed) -> None:
    scene.apply(scene.facts())
    lease = dhcp(scene.database, DATABASE_MAC)
    assert lease is not None
    assert socket.inet_ntoa(lease[0]) == DATABASE
    assert 3 not in lease
    assert 6 not in lease


def test_dhcp_refuses_unknown_machines(scene: Routed) -> None:
    scene.apply(scene.facts())
    assert dhcp(scene.web, "02:00:00:00:0f:0f", wait=SHORT) is None


def test_an_address_passes_to_another_machine_though_its_lease_runs(scene: Routed) -> None:
    scene.apply(scene.facts())
    assert dhcp(scene.web, WEB_MAC) is not None
    facts = scene.facts()
    facts.nics = [Nic("lan", "02:00:00:00:01:77", WEB, "heir")]
    scene.apply(facts)
    lease = dhcp(scene.database, "02:00:00:00:01:77")
    assert lease is not None
    assert socket.inet_ntoa(lease[0]) == WEB
    scene.apply(scene.facts())


def test_dns_answers_guests_both_ways_and_asks_upstream(scene: Routed) -> None:
    scene.apply(scene.facts())
    assert scene.web.resolve(GATEWAY, "db1") == [DATABASE]
    assert scene.web.resolve(GATEWAY, "db1.lan.internal") == [DATABASE]
    assert scene.web.resolve(GATEWAY, "data-server") == [GATEWAY]
    assert scene.web.resolve(GATEWAY, "6.1.1.10.in-addr.arpa", 12) == ["db1.lan.internal"]
    assert scene.web.resolve(GATEWAY, "stranger") == []
    with scene.internet.receiving(53) as upstream:
        answering = threading.Thread(target=answer_upstream, args=(upstream,))
        answering.start()
        assert scene.web.resolve(GATEWAY, "www.example.org") == ["192.0.2.80"]
        answering.join()


def answer_upstream(upstream: socket.socket) -> None:
    query, client = upstream.recvfrom(4096)
    question = query[12 : query.index(b"\0", 12) + 5]
    answer = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04" + socket.inet_aton("192.0.2.80")
    upstream.sendto(query[:2] + b"\x81\x80\0\x01\0\x01\0\0\0\0" + question + answer, client)


def test_the_outside_finds_no_resolver_and_no_metadata(scene: Routed) -> None:
    scene.apply(scene.facts(firewall=[open_port(SOURCE, 1, 65535), open_port(SOURCE, 1, 65535, "udp")]))
    with pytest.raises(TimeoutError):
        scene.internet.resolve(SOURCE, "db1", wait=SHORT)
    assert not any(scene.internet.reaches(SOURCE, port) for port in (53, 80, 8080))


def test_metadata_tells_a_machine_about_itself(scene: Routed) -> None:
    scene.apply(scene.facts())
    for server in (GATEWAY, METADATA):
        status, listing = scene.web.get(server, "/latest/meta-data/")
        assert status == 200
        assert {b"instance-id", b"local-ipv4", b"public-keys", b"service-offering"} <= set(listing.split(b"\n"))
        assert scene.web.get(server, "/latest/meta-data/instance-id") == (200, b"i-2-5-VM")
    assert scene.web.get(GATEWAY, "/latest/local-hostname") == (200, b"web1")
    assert scene.web.get(GATEWAY, "/2009-04-04/meta-data/public-ipv4") == (200, SOURCE.encode())
    assert scene.web.get(GATEWAY, "/latest/user-data") == (200, b"#cloud-config\n\0\xff")
    assert scene.database.get(GATEWAY, "/latest/user-data")[0] == 404


def test_metadata_is_told_by_address_and_not_by_what_a_header_claims(scene: Routed) -> None:
    scene.apply(scene.facts())
    lie = f"X-Forwarded-For: {WEB}\r\n"
    assert scene.database.get(GATEWAY, "/latest/meta-data/instance-id", headers=lie) == (200, b"i-2-6-VM")
    assert scene.stranger.get("10.1.2.1", "/latest/meta-data/instance-id", headers=lie) == (200, b"i-3-7-VM")
    assert not scene.stranger.reaches(GATEWAY, 80)
    scene.host.run("ip", "-n", "database", "address", "add", "10.1.1.66/24", "dev", "eth0")
    with scene.database.socket() as unknown:
        unknown.settimeout(SHORT)
        unknown.bind(("10.1.1.66", 0))
        with pytest.raises(TimeoutError):
            unknown.connect((GATEWAY, 80))


def test_a_password_is_handed_out_until_it_is_saved_and_never_again(scene: Routed) -> None:
    def ask(request: str) -> bytes:
        header = f"DomU_Request: {request}\r\n" if request else ""
        return scene.web.get(GATEWAY, "/", 8080, header)[1]

    scene.apply(scene.facts())
    assert ask("") == b"bad_request"
    assert ask("send_my_password") == b"first-secret"
    assert ask("saved_password") == b"saved_password"
    assert ask("send_my_password") == b"saved_password"
    restart(scene)
    scene.apply(scene.facts())
    assert ask("send_my_password") == b"saved_password"
    facts = scene.facts()
    facts.nics[0].password, facts.nics[0].password_serial = "second-secret", "2"
    scene.apply(facts)
    assert ask("send_my_password") == b"second-secret"


def restart(scene: Routed) -> None:
    """Kill every process of the appliance, as a crash does, and start it again."""
    for pid in scene.host.run("ip", "netns", "pids", ROUTER).split():
        scene.host.run("kill", "-9", pid)
    assert not scene.host.network.see(ROUTER).running
    assert scene.host.network.start(scene.spec()).running


def test_a_restart_keeps_leases_rules_and_generation(scene: Routed) -> None:
    done = scene.apply(scene.facts(firewall=[open_port(SOURCE, 22)], forwards=[forward(SOURCE, 22, WEB, 22)]))
    assert dhcp(scene.web, WEB_MAC) is not None
    restart(scene)
    seen = scene.host.network.see(ROUTER)
    assert seen.generation == done.generation
    assert WEB in [lease["ip"] for lease in seen.leases]
    with scene.web.listening(22):
        assert scene.internet.reaches(SOURCE, 22)


def test_an_appliance_whose_namespace_vanished_is_made_again(scene: Routed) -> None:
    done = scene.apply(scene.facts())
    scene.host.run("ip", "netns", "delete", ROUTER)
    seen = scene.host.network.start(scene.spec())
    assert (seen.running, seen.generation, len(seen.ports)) == (True, done.generation, 3)
    assert scene.web.get(GATEWAY, "/latest/instance-id") == (200, b"i-2-5-VM")


def test_a_dead_dnsmasq_is_started_again(scene: Routed) -> None:
    scene.apply(scene.facts())
    pidfile = scene.host.state / ROUTER / "dnsmasq" / "eth0.pid"
    before = pidfile.read_text()
    scene.host.run("kill", "-9", before.strip())
    deadline = time.monotonic() + 10
    while pidfile.read_text() == before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert scene.web.resolve(GATEWAY, "db1") == [DATABASE]
    assert scene.host.network.see(ROUTER).problems == {}


def test_a_document_that_cannot_be_loaded_keeps_the_old_rules_and_says_why(scene: Routed) -> None:
    scene.apply(scene.facts(firewall=[open_port(SOURCE, 22)], forwards=[forward(SOURCE, 22, WEB, 22)]))
    broken = router.document(scene.facts(forwards=[forward(SOURCE, 22, "10.1.1.5 } accept", 22)]))
    done = scene.host.network.apply(ROUTER, broken)
    assert set(done.problems) == {"firewall"}
    assert "cannot stand" in done.problems["firewall"]
    with scene.web.listening(22):
        assert scene.internet.reaches(SOURCE, 22)
    scene.apply(scene.facts())


def test_an_older_generation_is_ignored(scene: Routed) -> None:
    older = scene.facts(firewall=[open_port(SOURCE, 22)], forwards=[forward(SOURCE, 22, WEB, 22)])
    newer = scene.apply(scene.facts())
    assert scene.host.network.apply(ROUTER, router.document(older)).generation == newer.generation
    with scene.web.listening(22):
        assert not scene.internet.reaches(SOURCE, 22)


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
        deadline = time.monotonic() + 5
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
