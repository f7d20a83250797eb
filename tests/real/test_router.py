"""A router's services, as its guests use them: DHCP, DNS, metadata, passwords; and the router's own life."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from cloudwright.appliance import router
from cloudwright.appliance.facts import Nic
from tests.real.guest_sockets import SHORT, dhcp
from tests.real.routed import (
    DATABASE,
    DATABASE_MAC,
    GATEWAY,
    ROUTER,
    SOURCE,
    WEB,
    WEB_MAC,
    Routed,
    forward,
    open_port,
    routed,
)

pytestmark = pytest.mark.real
METADATA = "169.254.169.254"


@pytest.fixture(scope="module")
def scene() -> Iterator[Routed]:
    with routed() as built:
        yield built


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
    deadline = time.monotonic() + 60
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
