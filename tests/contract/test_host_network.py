"""What every host network driver promises, asked of the simulated and of the real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec import Struct

from cloudwright.appliance.document import Dhcp, Document, Host, Interface, PublicAddress, Rule
from cloudwright.drivers.error import NotThere, Refused
from cloudwright.drivers.network.contract import ApplianceSpec, HostNetwork, Port
from cloudwright.drivers.network.fake import FakeHostNetwork
from cloudwright.drivers.network.segments import Underlay
from cloudwright.drivers.segment import Segment, SegmentKind
from cloudwright.drivers.world import MemoryWorld, TableWorld
from tests.real.host_space import HostSpace

NAME = "r-00000000-0000-4000-8000-0000000000aa"
FLAT = Segment(SegmentKind.FLAT, "cloudbr0")
VLAN = Segment(SegmentKind.VLAN, "cloudbr1", 100)
OTHER_VLAN = Segment(SegmentKind.VLAN, "cloudbr1", 101)
VXLAN = Segment(SegmentKind.VXLAN, "cloudbr0", 5000, mtu=1450)


class Scene(Struct):
    """A driver, how to forget the driver and open it again, and what is left on the host."""

    network: HostNetwork
    reopen: Callable[[], HostNetwork]
    left: Callable[[], str]


@pytest.fixture(params=["memory", "table", pytest.param("real", marks=pytest.mark.real)])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    if request.param != "real":
        world = MemoryWorld() if request.param == "memory" else TableWorld(str(tmp_path / "world.db"))
        fake = FakeHostNetwork(world, "host1")
        yield Scene(fake, lambda: FakeHostNetwork(world, "host1"), lambda: str(world.of("host1", "appliance") or ""))
        return
    host = HostSpace(underlay=Underlay("under0"))
    try:
        host.bridge("cloudbr0")
        host.bridge("cloudbr1", openvswitch=True)
        host.run("ip", "link", "add", "under0", "type", "veth", "peer", "name", "under1")
        yield Scene(host.network, host.reopen, lambda: left_on(host))
    finally:
        host.close()


def left_on(host: HostSpace) -> str:
    """Namespaces, devices of ours, Open vSwitch ports, files and processes that exist."""
    links = [link for link in host.run("ip", "-br", "link").split() if link.startswith("cw")]
    ports = host.run("ovs-vsctl", "list-ports", "cloudbr1").split()
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    running = [line.replace(b"\0", b" ").decode() for line in commands if str(host.state).encode() in line]
    files = [path.name for path in host.state.iterdir() if path.name != "segments"]
    return " ".join([*host.run("ip", "netns", "list").split(), *links, *ports, *files, *running])


def spec(*segments: Segment) -> ApplianceSpec:
    """An appliance with one port a segment."""
    ports = [Port(f"eth{at}", f"02:00:00:00:aa:{at:02x}", segment) for at, segment in enumerate(segments)]
    return ApplianceSpec(NAME, ports)


def document(generation: int) -> Document:
    """A router's document for `spec(VLAN, FLAT)`."""
    guest = Interface("eth0", "02:00:00:00:aa:00", "guest", ["10.1.1.1/24"])
    public = Interface("eth1", "02:00:00:00:aa:01", "public", ["203.0.113.10/24"], "203.0.113.1")
    dhcp = Dhcp("eth0", "n1", "10.1.1.0/24", "10.1.1.1", domain="a.internal")
    dhcp.hosts = [Host(f"02:00:00:00:01:{at:02x}", f"10.1.1.{at}", f"vm{at}") for at in range(2, 2 + generation)]
    address = PublicAddress("203.0.113.10", "eth1", True, "", [Rule("tcp", ports=str(generation))])
    return Document(NAME, generation, [guest, public], ["203.0.113.1"], [dhcp], [address])


def test_a_segment_is_there_between_ensure_and_release(scene: Scene) -> None:
    for segment in (VLAN, VXLAN, FLAT):
        bridge = scene.network.ensure(segment)
        assert scene.network.ensure(segment) == bridge
        assert 0 < len(bridge) < 16
    assert sorted(scene.network.segments()) == sorted([VLAN.key, VXLAN.key, FLAT.key])
    assert sorted(scene.reopen().segments()) == sorted([VLAN.key, VXLAN.key, FLAT.key])
    for segment in (VLAN, VXLAN, FLAT):
        scene.network.release(segment)
        scene.network.release(segment)
    assert scene.network.segments() == []


def test_a_segment_of_an_unknown_bridge_is_refused_by_name(scene: Scene) -> None:
    with pytest.raises(Refused, match="nosuchbr"):
        scene.network.ensure(Segment(SegmentKind.VLAN, "nosuchbr", 5))
    assert scene.network.segments() == []


@pytest.mark.parametrize("segment", [VLAN, VXLAN, FLAT])
def test_a_segment_in_use_is_not_released(scene: Scene, segment: Segment) -> None:
    scene.network.ensure(segment)
    scene.network.start(spec(segment))
    scene.network.release(segment)
    assert scene.network.segments() == [segment.key]
    scene.network.remove(NAME)
    scene.network.release(segment)
    assert scene.network.segments() == []


def test_an_unused_vlan_goes_while_its_neighbour_stays(scene: Scene) -> None:
    scene.network.ensure(OTHER_VLAN)
    scene.network.start(spec(VLAN))
    scene.network.release(OTHER_VLAN)
    assert scene.network.segments() == [VLAN.key]


def test_an_appliance_starts_twice_as_once(scene: Scene) -> None:
    first = scene.network.start(spec(VLAN, FLAT))
    assert first.running
    assert first.generation == 0
    assert first.ports == ["02:00:00:00:aa:00", "02:00:00:00:aa:01"]
    assert scene.network.start(spec(VLAN, FLAT)) == first
    assert scene.network.appliances() == [first]
    assert scene.reopen().see(NAME) == first


def test_ports_follow_the_specification(scene: Scene) -> None:
    scene.network.start(spec(VLAN))
    scene.network.apply(NAME, document(1))
    assert scene.network.start(spec(VLAN, FLAT, VXLAN)).ports == [f"02:00:00:00:aa:0{at}" for at in range(3)]
    seen = scene.network.start(spec(OTHER_VLAN))
    assert seen.ports == ["02:00:00:00:aa:00"]
    assert seen.running
    scene.network.release(VLAN)
    assert VLAN.key not in scene.network.segments()


def test_a_document_is_applied_by_generation(scene: Scene) -> None:
    scene.network.start(spec(VLAN, FLAT))
    assert scene.network.apply(NAME, document(2)).generation == 2
    assert scene.network.apply(NAME, document(2)).problems == {}
    assert scene.network.apply(NAME, document(1)).generation == 2
    assert scene.reopen().apply(NAME, document(3)).generation == 3
    seen = scene.network.start(spec(VLAN, FLAT))
    assert seen.generation == 3
    assert seen.problems == {}


def test_what_is_not_there_is_said_and_removed_in_peace(scene: Scene) -> None:
    with pytest.raises(NotThere, match=NAME):
        scene.network.see(NAME)
    with pytest.raises(NotThere, match=NAME):
        scene.network.apply(NAME, document(1))
    scene.network.remove(NAME)
    assert scene.network.appliances() == []


def test_removing_leaves_nothing(scene: Scene) -> None:
    scene.network.start(spec(VLAN, FLAT, VXLAN))
    scene.network.apply(NAME, document(1))
    assert NAME in scene.left()
    scene.network.remove(NAME)
    for segment in (VLAN, FLAT, VXLAN):
        scene.network.release(segment)
    assert scene.left() == ""
    assert scene.network.appliances() == []
    assert scene.network.start(spec(VLAN)).generation == 0


def test_appliances_and_segments_are_made_side_by_side(scene: Scene) -> None:
    names = [f"r-00000000-0000-4000-8000-00000000000{at}" for at in range(4)]

    def make(at: int) -> None:
        scene.network.start(ApplianceSpec(names[at], [Port("eth0", f"02:00:00:00:bb:{at:02x}", VXLAN)]))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, range(4)))
    assert [seen.name for seen in scene.network.appliances()] == names
    assert all(seen.running for seen in scene.network.appliances())
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(scene.network.remove, names))
    assert scene.network.appliances() == []
