"""Segments across two hosts: equal segments hear each other, others do not, and the wire shows why."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterator

import pytest

from cloudwright.drivers.error import Refused
from cloudwright.drivers.network.segments import Binding, Underlay, device_name, multicast_group
from cloudwright.drivers.segment import Segment, SegmentKind
from tests.real.guest_sockets import SHORT, Peer, frame
from tests.real.host_space import HostSpace

pytestmark = pytest.mark.real
WIRE = "wire0"  # the trunk of the VLANs
UNDER = "under0"  # the underlay of the VXLANs


def vlan(tag: int) -> Segment:
    return Segment(SegmentKind.VLAN, "cloudbr0", tag)


def vxlan(vni: int) -> Segment:
    return Segment(SegmentKind.VXLAN, "cloudbr0", vni, mtu=1500)


@contextlib.contextmanager
def two_hosts(peers: bool) -> Iterator[tuple[HostSpace, HostSpace]]:
    with contextlib.ExitStack() as stack:
        hosts = []
        for own, other in ((1, 2), (2, 1)):
            static = (f"10.99.0.{other}",) if peers else ()
            hosts.append(HostSpace(underlay=Underlay(UNDER, local=f"10.99.0.{own}", peers=static)))
            stack.callback(hosts[-1].close)
        first, second = hosts
        first.cable(WIRE, second)
        first.cable(UNDER, second)
        for number, host in enumerate(hosts, 1):
            host.bridge("cloudbr0", openvswitch=True)
            host.run("ovs-vsctl", "add-port", "cloudbr0", WIRE)
            host.run("ip", "address", "add", f"10.99.0.{number}/24", "dev", UNDER)
        yield first, second


@pytest.fixture(scope="module", params=[True, False], ids=["peers", "multicast"])
def hosts(request: pytest.FixtureRequest) -> Iterator[tuple[HostSpace, HostSpace]]:
    with two_hosts(request.param) as pair:
        yield pair


@contextlib.contextmanager
def capture(host: HostSpace, device: str) -> Iterator[list[str]]:
    """Lines of tcpdump on a device of the host while the block ran."""
    lines: list[str] = []
    command = [*host.enter, "tcpdump", "--immediate-mode", "-U", "-e", "-nn", "-x", "-l", "-i", device]
    dump = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert dump.stdout is not None
    assert dump.stderr is not None
    while "listening on" not in dump.stderr.readline():
        assert dump.poll() is None
    try:
        yield lines
    finally:
        dump.terminate()
        lines.extend(dump.communicate()[0].splitlines())


def talks(sender: Peer, receiver: Peer, address: str) -> bool:
    """Whether a TCP connection carries a megabyte (offloads and MTU are right)."""
    with receiver.listening(7000) as server, sender.socket() as client:
        client.settimeout(SHORT)
        try:
            client.connect((address, 7000))
        except (TimeoutError, OSError):
            return False
        accepted, _ = server.accept()
        client.settimeout(10)
        with accepted:
            accepted.settimeout(10)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
            client.sendall(bytes(1 << 20))
            left = 1 << 20
            while left:
                left -= len(accepted.recv(1 << 16))
    return True


def guests(hosts: tuple[HostSpace, HostSpace], one: Segment, two: Segment, name: str) -> tuple[Peer, Peer]:
    """A guest on each host, with addresses of one subnet."""
    peers = []
    for number, (host, segment) in enumerate(zip(hosts, (one, two), strict=True), 1):
        host.guest(f"{name}{number}", f"02:00:00:{one.tag & 255:02x}:{two.tag & 255:02x}:{number:02x}", segment)
        host.configure(f"{name}{number}", f"10.7.0.{number}/24")
        peers.append(Peer(host.namespace(f"{name}{number}")))
    return peers[0], peers[1]


@pytest.mark.parametrize("kind", [vlan, vxlan])
def test_equal_segments_hear_each_other_and_others_do_not(hosts: tuple[HostSpace, HostSpace], kind: type[Segment]) -> None:
    together = guests(hosts, kind(110), kind(110), f"{kind.__name__}a")
    apart = guests(hosts, kind(111), kind(112), f"{kind.__name__}b")
    assert talks(*together, "10.7.0.2")
    assert not talks(*apart, "10.7.0.2")


@pytest.mark.parametrize(("kind", "device", "mark"), [(vlan, WIRE, "vlan 120"), (vxlan, UNDER, "vni 120")])
def test_the_wire_carries_a_tenants_frames_under_its_tag_only(
    hosts: tuple[HostSpace, HostSpace], kind: type[Segment], device: str, mark: str
) -> None:
    sender, _ = guests(hosts, kind(120), kind(120), f"{kind.__name__}c")
    other, _ = guests(hosts, kind(121), kind(121), f"{kind.__name__}d")
    secret, mac = b"tenant-secret-frame", "02:00:00:78:78:01"
    host = hosts[1]
    with capture(host, device) as wire, capture(host, f"vnet-{kind.__name__}d2") as neighbour, talkative(sender) as raw:
        for _ in range(3):
            raw.send(frame(mac, "10.7.0.1", "10.7.0.255", (9, 9), secret))
        with other.socket(socket.SOCK_RAW, socket.AF_PACKET) as marker:  # the neighbour's capture does see frames
            marker.bind(("eth0", 0x0800))
            for _ in range(3):
                marker.send(frame("02:00:00:79:79:01", "10.7.0.1", "10.7.0.255", (9, 9), b"neighbours-own"))
            with pytest.raises(TimeoutError):
                never(other)
    ours = [line for line in wire if mac in line]
    assert ours
    text = "\n".join(wire)
    assert mark in text
    if kind is vlan:
        assert all(mark in line for line in ours)
    assert mac not in "\n".join(neighbour)
    assert "02:00:00:79:79:01" in "\n".join(neighbour)


def never(peer: Peer) -> None:
    """Wait for what will not come, so that the captures have time."""
    with peer.receiving(9) as quiet:
        quiet.settimeout(0.6)
        while True:
            if quiet.recv(64) != b"neighbours-own":
                raise AssertionError("a frame of another tenant arrived")


@contextlib.contextmanager
def talkative(peer: Peer) -> Iterator[socket.socket]:
    with peer.socket(socket.SOCK_RAW, socket.AF_PACKET) as raw:
        raw.bind(("eth0", 0x0800))
        yield raw


def test_bindings_tell_the_hypervisor_where_to_plug(hosts: tuple[HostSpace, HostSpace]) -> None:
    network = hosts[0].network
    assert network.binding(vlan(77)) == Binding("cloudbr0", openvswitch=True, tag=77, userspace=True)
    assert network.binding(vxlan(77)) == Binding(device_name("cwb", "vxlan-cloudbr0-77"), openvswitch=False)
    assert multicast_group(0x010203) == "239.1.2.3"


def test_a_segment_larger_than_its_carrier_is_refused_with_numbers(hosts: tuple[HostSpace, HostSpace]) -> None:
    with pytest.raises(Refused, match=r"MTU of 9000.*at most 1550"):
        hosts[0].network.ensure(Segment(SegmentKind.VXLAN, "cloudbr0", 78, mtu=9000))


def test_abilities_are_probed_and_absences_explained(hosts: tuple[HostSpace, HostSpace]) -> None:
    can, cannot = hosts[0].network.abilities()
    assert {"veth", "vxlan", "nftables", "router", "openvswitch", "openvswitch-userspace"} <= set(can)
    assert not set(can) & set(cannot)
    assert set(can) | set(cannot) >= {"8021q", "openvswitch-kernel"}
    assert all(cannot.values())


def test_ports_that_outlived_their_devices_in_a_power_cut_hold_no_segment(hosts: tuple[HostSpace, HostSpace]) -> None:
    host, segment = hosts[0], vlan(140)
    network = host.network

    def ports() -> list[str]:
        return host.run("ovs-vsctl", "list-ports", "cloudbr0").split()

    network.ensure(segment)
    host.run("ovs-vsctl", "--no-wait", "add-port", "cloudbr0", "vnet77", "tag=140")  # there is no such device
    host.run("ip", "link", "add", "vnet78", "type", "veth", "peer", "name", "peer78")
    host.run("ovs-vsctl", "add-port", "cloudbr0", "vnet78", "tag=140")
    assert {"vnet77", "vnet78"} < set(ports())
    network.release(segment)
    assert ("vnet77" in ports(), "vnet78" in ports()) == (False, True)
    assert segment.key in network.segments()  # a machine that is there holds it
    host.run("ovs-vsctl", "del-port", "vnet78")
    host.run("ip", "link", "delete", "vnet78")
    network.release(segment)
    assert segment.key not in network.segments()
