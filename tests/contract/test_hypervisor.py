"""The hypervisor contract: what every driver does, in one suite over the simulator (memory, table) and real libvirt."""

from __future__ import annotations

import socket
import struct
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloudwright.drivers.error import Busy, DriverFault, NotThere, Refused
from cloudwright.drivers.hypervisor.contract import Console, Disk, Hypervisor, Limit, Limits, Machine, Nic, Power, Seen
from cloudwright.drivers.hypervisor.fake import FakeHypervisor
from cloudwright.drivers.segment import Segment, SegmentKind
from cloudwright.drivers.work import WorkState
from cloudwright.drivers.world import MemoryWorld, TableWorld, World
from tests.contract.one_host import BOOT_SECTOR, OneHost, wait_until

MIB = 1 << 20
RED, BLUE = Segment(SegmentKind.FLAT, "cloudbr0"), Segment(SegmentKind.FLAT, "cloudbr1")


class Bench:
    """A driver under test and what surrounds it."""

    def __init__(self, driver: Hypervisor, directory: Path) -> None:
        self.driver = driver
        self.directory = directory
        self.made: list[str] = []

    def disk(self, slot: int = 0, **changes: object) -> Disk:
        name = f"v-{uuid.uuid4()}"
        path = self.directory / name
        path.write_bytes(BOOT_SECTOR + bytes(MIB - 512))
        return Disk(**{"volume": name, "path": str(path), "slot": slot, "format": "raw"} | changes)

    def machine(self, **changes: object) -> Machine:
        id = str(uuid.uuid4())
        self.made.append(f"i-{id}")
        nic = Nic(mac=f"52:54:00:{id[0:2]}:{id[2:4]}:{id[4:6]}", segment=RED, slot=0)
        default = {"name": f"i-{id}", "uuid": id, "cpus": 1, "memory": 32, "disks": [self.disk()], "nics": [nic]}
        return Machine(**default | {"details": {"simulator.agent": "off"}} | changes)

    def running(self, **changes: object) -> Machine:
        machine = self.machine(**changes)
        assert self.driver.start(machine).power is Power.RUNNING
        self.settle(machine)
        return machine

    def settle(self, machine: Machine) -> None:
        """Wait until the guest runs its own code."""

    def crash(self, name: str) -> None:
        raise NotImplementedError

    def dial(self, console: Console) -> socket.socket:
        return socket.create_connection((console.host, console.port), timeout=10)


class FakeBench(Bench):
    def __init__(self, world: World, directory: Path) -> None:
        super().__init__(FakeHypervisor(world, "h1"), directory)
        self.world = world

    def crash(self, name: str) -> None:
        assert isinstance(self.driver, FakeHypervisor)
        self.driver.crash(name)


class KvmBench(Bench):
    def __init__(self, driver: Hypervisor, host: OneHost) -> None:
        super().__init__(driver, host.directory)
        self.host = host

    def settle(self, machine: Machine) -> None:
        log = Path(self.host.inside(f"/var/log/libvirt/qemu/{machine.name}-serial.log"))
        wait_until(lambda: log.exists() and b"up" in log.read_bytes(), 30, f"{machine.name}'s boot sector")

    def crash(self, name: str) -> None:
        self.host.kill_qemu(name)

    def dial(self, console: Console) -> socket.socket:
        dialled = socket.socket(socket.AF_UNIX)
        dialled.settimeout(10)
        dialled.connect(self.host.inside(console.path))
        return dialled


class LabelPlug:
    """A host network without work to do: segments are the bridges that the host already has."""

    def ensure(self, segment: Segment) -> str:
        return segment.label

    def binding(self, segment: Segment) -> Binding:
        return Binding(segment.label)


class Binding:
    openvswitch = False
    tag = 0

    def __init__(self, bridge: str) -> None:
        self.bridge = bridge


@pytest.fixture(scope="module")
def kvm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KvmBench]:
    from cloudwright.drivers.hypervisor.kvm.driver import KvmHypervisor

    host = OneHost()
    driver = None
    try:
        state = tmp_path_factory.mktemp("state")
        driver = KvmHypervisor(host.uri, LabelPlug(), state, groups=Path(host.inside("/sys/fs/cgroup")))
        yield KvmBench(driver, host)
    finally:
        if driver is not None:
            driver.close()
        host.close()


@pytest.fixture(params=["memory", "table", pytest.param("kvm", marks=pytest.mark.real)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "kvm":
        bench: Bench = request.getfixturevalue("kvm")
    else:
        bench = FakeBench(MemoryWorld() if request.param == "memory" else TableWorld(str(tmp_path / "world")), tmp_path)
    yield bench
    for name in bench.made:
        bench.driver.remove(name)
    bench.made.clear()
    assert bench.driver.machines() == []


@pytest.fixture
def news(bench: Bench) -> Iterator[list[Seen]]:
    heard: list[Seen] = []
    end = bench.driver.watch(heard.append)
    yield heard
    end()


def comes(news: list[Seen], name: str, power: Power) -> None:
    wait_until(lambda: any(seen.name == name and seen.power is power for seen in news), 10, f"news of {name} being {power}")


# Facts


def test_facts_name_the_host_and_give_reasons_for_what_it_cannot_do(bench: Bench) -> None:
    facts = bench.driver.facts()
    assert facts.cpus >= 1
    assert facts.memory > 256
    assert facts.hostname
    assert facts.version
    assert "hotplug" in facts.can
    assert all(facts.cannot.values())
    assert not set(facts.can) & set(facts.cannot)
    assert bench.driver.facts() == facts


# Life


def test_a_machine_starts_once_and_is_seen_as_it_was_asked_for(bench: Bench) -> None:
    machine = bench.machine(disks=[bench.disk(), bench.disk(slot=1)], memory=48)
    first = bench.driver.start(machine)
    second = bench.driver.start(machine)
    assert first.power is second.power is Power.RUNNING
    for seen in (second, bench.driver.see(machine.name), bench.driver.machines()[0]):
        assert (seen.name, seen.uuid, seen.cpus, seen.memory) == (machine.name, machine.uuid, 1, 48)
        assert seen.disks == [disk.volume for disk in machine.disks]
        assert seen.macs == [machine.nics[0].mac]


def test_a_running_machine_is_answered_as_it_is(bench: Bench) -> None:
    machine = bench.running()
    machine.memory = 64
    assert bench.driver.start(machine).memory == 32


def test_a_stopped_machine_is_redefined_by_the_next_start(bench: Bench) -> None:
    machine = bench.running()
    bench.driver.stop(machine.name, force=True)
    assert bench.driver.see(machine.name).power is Power.STOPPED
    machine.memory = 40
    machine.disks.append(bench.disk(slot=2))
    seen = bench.driver.start(machine)
    assert (seen.power, seen.memory, len(seen.disks)) == (Power.RUNNING, 40, 2)


def test_stop_asks_the_guest_which_obeys(bench: Bench) -> None:
    machine = bench.running()
    began = time.monotonic()
    bench.driver.stop(machine.name, grace=60)
    assert time.monotonic() - began < 30
    assert bench.driver.see(machine.name).power is Power.STOPPED
    bench.driver.stop(machine.name)


def test_reboot_keeps_the_definition(bench: Bench) -> None:
    machine = bench.running()
    for force in (False, True):
        bench.driver.reboot(machine.name, force=force)
        assert bench.driver.see(machine.name).power is Power.RUNNING
    assert bench.driver.see(machine.name).disks == [machine.disks[0].volume]


def test_a_guest_that_still_starts_is_restarted_soon(bench: Bench) -> None:
    machine = bench.running()
    bench.driver.reboot(machine.name, force=True)
    began = time.monotonic()
    bench.driver.reboot(machine.name, grace=2.0)  # it cannot listen yet
    assert time.monotonic() - began < 20
    assert bench.driver.see(machine.name).power is Power.RUNNING


def test_remove_stops_and_forgets_and_leaves_disks(bench: Bench) -> None:
    machine = bench.running()
    bench.driver.remove(machine.name)
    bench.driver.remove(machine.name)
    with pytest.raises(NotThere):
        bench.driver.see(machine.name)
    assert Path(machine.disks[0].path).exists()


def test_a_crash_is_seen_and_the_machine_starts_again(bench: Bench, news: list[Seen]) -> None:
    machine = bench.running()
    bench.crash(machine.name)
    comes(news, machine.name, Power.CRASHED)
    assert bench.driver.see(machine.name).power is Power.CRASHED
    bench.driver.stop(machine.name)
    assert bench.driver.start(machine).power is Power.RUNNING


def test_unknown_names(bench: Bench) -> None:
    driver, disk, name = bench.driver, bench.disk(slot=1), "i-nobody"
    nic = Nic("52:54:00:00:00:09", RED, 1)
    absent: list[Callable[[], object]] = [
        lambda: driver.see(name),
        lambda: driver.reboot(name),
        lambda: driver.attach_disk(name, disk),
        lambda: driver.detach_disk(name, disk.volume),
        lambda: driver.resize_disk(name, disk.volume, MIB),
        lambda: driver.insert_media(name, ""),
        lambda: driver.attach_nic(name, nic),
        lambda: driver.update_nic(name, nic),
        lambda: driver.detach_nic(name, nic.mac),
        lambda: driver.scale(name, 1, 32),
        lambda: driver.console(name),
        lambda: driver.serial(name),
        lambda: driver.begin_migrate("k-nobody", name, "elsewhere"),
        lambda: driver.guest(name, ["true"]),
    ]
    for verb in absent:
        with pytest.raises(NotThere, match=name):
            verb()
    driver.stop(name)
    driver.remove(name)
    driver.cancel("k-nobody")
    assert driver.work("k-nobody").state is WorkState.UNKNOWN


def test_what_needs_a_running_machine_says_so_of_a_stopped_one(bench: Bench) -> None:
    machine = bench.running()
    bench.driver.stop(machine.name, force=True)
    driver = bench.driver
    for verb in (driver.reboot, driver.console, driver.serial, lambda name: driver.begin_migrate("k", name, "elsewhere")):
        with pytest.raises(NotThere, match="does not run"):
            verb(machine.name)


# Refusals


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda machine, bench: setattr(machine, "memory", bench.driver.facts().memory + 1), "MiB of memory, this host has"),
        (lambda machine, bench: setattr(machine, "cpus", 0), "0 processors"),
        (lambda machine, bench: setattr(machine, "console_password", "nine-long"), "more than 8 characters"),
        (lambda machine, bench: machine.disks.append(bench.disk(slot=0)), "disk slot 0 2 times"),
        (lambda machine, bench: machine.disks.append(bench.disk(slot=3)), "cannot be in slot 3"),
        (lambda machine, bench: machine.disks.append(bench.disk(slot=1, path=machine.disks[0].path)), "disk path .* 2 times"),
        (lambda machine, bench: machine.nics.append(Nic(machine.nics[0].mac, RED, 1)), "MAC .* 2 times"),
        (lambda machine, bench: machine.nics.append(Nic("52:54:00:00:00:01", RED, 0)), "interface slot 0 2 times"),
        (lambda machine, bench: machine.details.update(UEFI="SECURE"), "BIOS only"),
        (lambda machine, bench: machine.details.update(max_cpus="many"), "whole numbers"),
    ],
)
def test_an_impossible_machine_is_refused_in_words(bench: Bench, change: Callable[[Machine, Bench], None], words: str) -> None:
    machine = bench.machine()
    change(machine, bench)
    with pytest.raises(Refused, match=words):
        bench.driver.start(machine)
    assert bench.driver.machines() == []


def test_another_uuid_under_the_same_name_is_refused(bench: Bench) -> None:
    machine = bench.running()
    bench.driver.stop(machine.name, force=True)
    machine.uuid = str(uuid.uuid4())
    with pytest.raises(Refused, match="another uuid"):
        bench.driver.start(machine)


def test_a_disk_in_use_by_another_machine_is_busy(bench: Bench) -> None:
    one, two = bench.running(), bench.machine()
    two.disks[0].path = one.disks[0].path
    with pytest.raises(Busy):
        bench.driver.start(two)
    bench.driver.stop(one.name, force=True)
    assert bench.driver.start(two).power is Power.RUNNING


# Devices


LIMITS = Limits(
    Limit(10 * MIB, 20 * MIB, 3), Limit(5 * MIB), Limit(100, 200), Limit(50),
)  # fmt: skip


def test_a_burst_that_is_none_is_refused(bench: Bench) -> None:
    machine = bench.running()
    with pytest.raises(Refused, match="a burst is more than its rate"):
        bench.driver.attach_disk(machine.name, bench.disk(slot=1, limits=Limits(read_bytes=Limit(10, 5))))
    with pytest.raises(Refused, match="cache paper"):
        bench.driver.attach_disk(machine.name, bench.disk(slot=1, cache="paper"))


def test_disks_come_and_go(bench: Bench) -> None:
    machine, disk = bench.running(), bench.disk(slot=1, limits=LIMITS, cache="writethrough")
    root = machine.disks[0].volume
    for _ in range(2):
        bench.driver.attach_disk(machine.name, disk)
        assert bench.driver.see(machine.name).disks == [root, disk.volume]
    for _ in range(2):
        bench.driver.detach_disk(machine.name, disk.volume)
        assert bench.driver.see(machine.name).disks == [root]


def test_devices_of_a_stopped_machine_change_its_definition(bench: Bench) -> None:
    machine, disk, nic = bench.running(), bench.disk(slot=4), Nic("52:54:00:77:00:01", BLUE, 1)
    bench.driver.stop(machine.name, force=True)
    bench.driver.attach_disk(machine.name, disk)
    bench.driver.attach_nic(machine.name, nic)
    bench.driver.resize_disk(machine.name, disk.volume, 2 * MIB)
    bench.driver.insert_media(machine.name, disk.path)
    seen = bench.driver.see(machine.name)
    assert (len(seen.disks), len(seen.macs), seen.power) == (2, 2, Power.STOPPED)
    bench.driver.detach_disk(machine.name, disk.volume)
    bench.driver.detach_nic(machine.name, nic.mac)
    seen = bench.driver.see(machine.name)
    assert (len(seen.disks), len(seen.macs)) == (1, 1)


def test_a_taken_slot_or_path_is_refused(bench: Bench) -> None:
    machine = bench.running()
    with pytest.raises(Refused, match="slot 0"):
        bench.driver.attach_disk(machine.name, bench.disk(slot=0))
    with pytest.raises(Refused, match="already has"):
        bench.driver.attach_disk(machine.name, bench.disk(slot=1, path=machine.disks[0].path))
    with pytest.raises(Refused, match="interface slot 0"):
        bench.driver.attach_nic(machine.name, Nic("52:54:00:00:00:01", RED, 0))


def test_a_running_machine_learns_its_disks_new_size(bench: Bench) -> None:
    machine = bench.running()
    bench.driver.resize_disk(machine.name, machine.disks[0].volume, 2 * MIB)
    bench.driver.resize_disk(machine.name, machine.disks[0].volume, 2 * MIB)
    with pytest.raises(NotThere, match="no volume v-none"):
        bench.driver.resize_disk(machine.name, "v-none", MIB)


def test_media_goes_in_and_out(bench: Bench) -> None:
    machine, iso = bench.running(), bench.disk()
    for path in (iso.path, iso.path, "", ""):
        bench.driver.insert_media(machine.name, path)
    assert bench.driver.see(machine.name).disks == [machine.disks[0].volume]


def test_a_machine_boots_with_a_cdrom(bench: Bench) -> None:
    iso = bench.disk(slot=3, format="iso", cdrom=True, read_only=True, bus="ide")
    machine = bench.machine()
    machine.disks.append(iso)
    assert bench.driver.start(machine).disks == [machine.disks[0].volume]


def test_interfaces_come_change_and_go(bench: Bench) -> None:
    machine = bench.running()
    first, nic = machine.nics[0].mac, Nic("52:54:00:77:00:02", RED, 1)
    for _ in range(2):
        bench.driver.attach_nic(machine.name, nic)
    nic.segment, nic.link_up = BLUE, False
    for _ in range(2):
        bench.driver.update_nic(machine.name, nic)
    assert bench.driver.see(machine.name).macs == [first, nic.mac]
    for _ in range(2):
        bench.driver.detach_nic(machine.name, nic.mac)
    assert bench.driver.see(machine.name).macs == [first]
    with pytest.raises(NotThere, match=nic.mac):
        bench.driver.update_nic(machine.name, nic)


def test_scale_within_the_room_that_the_machine_was_started_with(bench: Bench) -> None:
    machine = bench.running(details={"max_cpus": "2", "max_memory": "256"})
    for _ in range(2):
        bench.driver.scale(machine.name, 2, 160)
        seen = bench.driver.see(machine.name)
        assert (seen.cpus, seen.memory) == (2, 160)
    for size, words in (((3, 160), "room for 2"), ((2, 512), "room for 256"), ((1, 160), "cannot go down")):
        with pytest.raises(Refused, match=words):
            bench.driver.scale(machine.name, *size)


def test_scale_without_room_is_refused(bench: Bench) -> None:
    machine = bench.running()
    bench.driver.scale(machine.name, 1, 32)
    with pytest.raises(Refused, match="needs a restart"):
        bench.driver.scale(machine.name, 2, 32)


# Screen, serial port and agent


def test_the_console_speaks_rfb(bench: Bench) -> None:
    machine = bench.running()
    console = bench.driver.console(machine.name)
    with bench.dial(console) as viewer, viewer.makefile("rb") as read:
        assert read.read(12) == b"RFB 003.008\n"
        viewer.sendall(b"RFB 003.008\n")
        assert 1 in read.read(read.read(1)[0])  # no authentication
        viewer.sendall(b"\x01")
        assert read.read(4) == bytes(4)
        viewer.sendall(b"\x01")
        width, height = struct.unpack(">HH", read.read(4))
        assert width >= 320
        assert height >= 200


def test_who_joins_the_serial_port_hears_the_machine(bench: Bench) -> None:
    machine = bench.running()
    for _ in range(2):  # joined again after it was left
        with bench.dial(bench.driver.serial(machine.name)) as joined, joined.makefile("rb") as said:
            bench.driver.reboot(machine.name, force=True)
            assert said.read(2) in (b"up", b"lo")  # the boot sector's word, the simulator's prompt


def test_without_an_agent_no_program_runs_in_the_guest(bench: Bench) -> None:
    machine = bench.running()
    with pytest.raises(Refused, match="no guest agent"):
        bench.driver.guest(machine.name, ["echo", "hello"])


# News


def test_power_changes_are_told_once_each(bench: Bench, news: list[Seen]) -> None:
    machine = bench.running()
    comes(news, machine.name, Power.RUNNING)
    bench.driver.stop(machine.name, force=True)
    comes(news, machine.name, Power.STOPPED)
    bench.driver.start(machine)

    def powers() -> list[Power]:  # machines of other tests may still be told to be gone
        return [seen.power for seen in news if seen.uuid == machine.uuid]

    wait_until(lambda: len(powers()) >= 3, 30, "the third news")
    bench.driver.remove(machine.name)
    wait_until(lambda: len(powers()) >= 4, 30, "the fourth news")
    assert powers() == [Power.RUNNING, Power.STOPPED] * 2


def test_who_stops_watching_hears_no_more(bench: Bench) -> None:
    heard: list[Seen] = []
    end = bench.driver.watch(heard.append)
    end()
    end()
    bench.running()
    time.sleep(0.1)
    assert heard == []


def test_migration_to_nowhere_fails_and_leaves_the_machine_running(bench: Bench) -> None:
    machine = bench.running()
    if isinstance(bench, FakeBench):
        bench.world.faults.fail("h1/migrate", DriverFault("the wire broke"))
    bench.driver.begin_migrate("k-1", machine.name, "qemu+unix:///system?socket=/nowhere")
    wait_until(lambda: bench.driver.work("k-1").state is not WorkState.RUNNING, 20, "the migration's end")
    work = bench.driver.work("k-1")
    assert (work.state, bool(work.error)) == (WorkState.FAILED, True)
    assert bench.driver.see(machine.name).power is Power.RUNNING
    for _ in range(2):
        bench.driver.cancel("k-1")
        assert bench.driver.work("k-1").state is WorkState.UNKNOWN
