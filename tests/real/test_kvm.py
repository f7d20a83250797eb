"""What only real hosts show: a real guest, live migration between two libvirtds, and daemons that die."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest

from cloudwright.drivers.error import DriverFault, NotThere, Refused
from cloudwright.drivers.hypervisor.contract import Disk, Machine, Nic, Power, Seen
from cloudwright.drivers.hypervisor.kvm.driver import KvmHypervisor
from cloudwright.drivers.hypervisor.kvm.probe import PATIENCE, acceleration, boot_probe
from cloudwright.drivers.segment import Segment, SegmentKind
from cloudwright.drivers.work import WorkState
from tests.contract.one_host import BOOT_SECTOR, OneHost, join, wait_until
from tests.contract.test_hypervisor import Binding, LabelPlug

pytestmark = pytest.mark.real

RED = Segment(SegmentKind.FLAT, "cloudbr0")
ROOT = Path(__file__).parents[2]


class Side:
    """One of two hosts and its driver. Disks rest in a directory that both reach."""

    def __init__(self, host: OneHost, state: Path) -> None:
        self.host = host
        self.state = state
        self.driver = self.another_driver()

    def another_driver(self) -> KvmHypervisor:
        groups = Path(self.host.inside("/sys/fs/cgroup"))
        return KvmHypervisor(self.host.uri, LabelPlug(), self.state, f"qemu+tcp://{self.host.address}/system", groups)


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Side]]:
    made: list[Side] = []
    try:
        for number in (1, 2):
            host = OneHost(f"hv{number}", f"10.231.0.{number}")
            made.append(Side(host, tmp_path_factory.mktemp(f"state{number}")))
        join(made[0].host, made[1].host)
        for side in made:
            side.driver.facts()  # libvirt probes QEMU when first asked
        yield made
    finally:
        for side in made:
            side.driver.close()
            side.host.close()


@pytest.fixture(scope="module")
def image() -> Path:
    done = subprocess.run([ROOT / "images/guest.sh"], check=True, capture_output=True, text=True, timeout=280)
    return Path(done.stdout.split()[-1])


def machine(sides: list[Side], image: Path | None = None, **changes: object) -> Machine:
    """A machine with the real guest, or with the boot sector."""
    id = str(uuid.uuid4())
    disk = Disk(volume=f"v-{id}", path=str(sides[0].host.directory / f"v-{id}"), slot=0)
    if image is None:
        disk.format = "raw"
        Path(disk.path).write_bytes(BOOT_SECTOR + bytes(1 << 20))
    else:
        backing = ["-b", str(image), "-F", "qcow2"]
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *backing, disk.path], check=True, timeout=30)
    nic = Nic(f"52:54:00:{id[0:2]}:{id[2:4]}:{id[4:6]}", RED, 0)
    default = {"name": f"i-{id}", "uuid": id, "cpus": 1, "memory": 128 if image else 32, "disks": [disk], "nics": [nic]}
    return Machine(**default | changes)


@pytest.fixture(scope="module")
def guest(sides: list[Side], image: Path) -> Iterator[Machine]:
    """A real guest, running on the first host until a test moves it."""
    made = machine(sides, image, hostname="web1", console_password="s3cr3t")
    sides[0].driver.start(made)
    wait_until(lambda: sides[0].driver.see(made.name).guest_agent, 120, "the guest agent")
    yield made
    for side in sides:
        side.driver.remove(made.name)


def test_a_real_guest_runs_programs_by_its_agent(sides: list[Side], guest: Machine) -> None:
    driver = sides[0].driver
    assert driver.guest(guest.name, ["/bin/echo", "hello there"]) == "hello there\n"
    vendor = driver.guest(guest.name, ["/bin/cat", "/sys/class/dmi/id/product_name"])
    assert vendor == "CloudStack KVM Hypervisor\n"
    with pytest.raises(Refused, match=r"/bin/sh in .* ended with status 3: oh no") as refused:
        driver.guest(guest.name, ["/bin/sh", "-c", "echo oh no >&2; exit 3"])
    assert "exit 3" not in str(refused.value)
    with pytest.raises(DriverFault, match="did not end within 1 s"):
        driver.guest(guest.name, ["/bin/sleep", "20"], timeout=1)


def test_a_real_guest_lets_devices_come_and_go(sides: list[Side], guest: Machine) -> None:
    driver, disk = sides[0].driver, Disk("v-extra", str(sides[0].host.directory / "v-extra"), 1, "raw")
    Path(disk.path).write_bytes(bytes(1 << 20))
    driver.attach_disk(guest.name, disk)
    size = ["/bin/cat", "/sys/block/vdb/size"]
    wait_until(lambda: _says(driver, guest, size) == "2048\n", 30, "the disk in the guest")
    driver.resize_disk(guest.name, disk.volume, 3 << 20)
    wait_until(lambda: _says(driver, guest, size) == "6144\n", 30, "its new size in the guest")
    with pytest.raises(Refused, match="cannot shrink"):
        driver.resize_disk(guest.name, disk.volume, 1 << 20)
    driver.detach_disk(guest.name, disk.volume)
    wait_until(lambda: _says(driver, guest, size) == "", 30, "the disk's end in the guest")
    nic = Nic("52:54:00:66:00:01", RED, 1)
    driver.attach_nic(guest.name, nic)
    address = ["/bin/cat", "/sys/class/net/eth1/address"]
    wait_until(lambda: _says(driver, guest, address) == nic.mac + "\n", 30, "the interface in the guest")
    driver.detach_nic(guest.name, nic.mac)
    assert driver.see(guest.name).macs == [guest.nics[0].mac]


def _says(driver: KvmHypervisor, guest: Machine, command: list[str]) -> str:
    try:
        return driver.guest(guest.name, command)
    except Refused:
        return ""


def test_the_console_password_is_asked_for_and_in_no_process_list(sides: list[Side], guest: Machine) -> None:
    console = sides[0].driver.console(guest.name)
    assert console.password == "s3cr3t"
    assert sides[0].host.inside(console.path)
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert any(guest.name.encode() in line for line in lines)
    assert not any(b"s3cr3t" in line for line in lines)


def test_a_migration_is_cancelled_found_again_and_finished(sides: list[Side], guest: Machine) -> None:
    one, two = sides
    domain = one.driver._domain(guest.name)
    domain.migrateSetMaxSpeed(1)  # MiB/s: slow enough to look at
    one.driver.begin_migrate("k-cancel", guest.name, two.driver.migration_address())
    wait_until(lambda: one.driver.work("k-cancel").progress > 0, 30, "progress")
    one.driver.cancel("k-cancel")
    assert one.driver.work("k-cancel").state is WorkState.UNKNOWN
    assert one.driver.see(guest.name).power is Power.RUNNING
    with pytest.raises(NotThere):
        two.driver.see(guest.name)

    # Begun by a process that dies
    script = (
        "import sys, time; from pathlib import Path; from tests.contract.test_hypervisor import LabelPlug\n"
        "from cloudwright.drivers.hypervisor.kvm.driver import KvmHypervisor\n"
        "driver = KvmHypervisor(sys.argv[1], LabelPlug(), Path(sys.argv[2]))\n"
        "driver.begin_migrate('k-again', sys.argv[3], sys.argv[4])\n"
        "while not driver.work('k-again').progress: time.sleep(0.1)\n"
        "print('begun', flush=True); time.sleep(60)\n"
    )
    arguments = [one.host.uri, str(one.state), guest.name, two.driver.migration_address()]
    begun = subprocess.Popen([sys.executable, "-c", script, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with begun:
        assert begun.stdout is not None
        assert begun.stdout.readline() == "begun\n"
        begun.send_signal(signal.SIGKILL)
    assert one.driver.work("k-again").state is WorkState.RUNNING
    heard: list[Seen] = []
    end = two.driver.watch(heard.append)
    domain.migrateSetMaxSpeed(1000)
    wait_until(lambda: one.driver.work("k-again").state is not WorkState.RUNNING, 60, "the migration's end")
    assert one.driver.work("k-again").state is WorkState.DONE
    assert one.driver.machines() == []
    assert two.driver.see(guest.name).power is Power.RUNNING
    assert two.driver.console(guest.name).password == "s3cr3t"
    wait_until(lambda: [seen.power for seen in heard] == [Power.RUNNING], 10, "news of the arrival")
    end()
    one.driver.begin_migrate("k-again", guest.name, two.driver.migration_address())  # the same work, done
    wait_until(lambda: two.driver.see(guest.name).guest_agent, 30, "the agent after the journey")
    two.driver.stop(guest.name, grace=60)  # by the guest's own shutdown
    assert two.driver.see(guest.name).power is Power.STOPPED


def test_machines_outlive_libvirtd_and_its_return_is_told(sides: list[Side]) -> None:
    side, lives, dies = sides[0], machine(sides), machine(sides)
    try:
        for each in (lives, dies):
            side.driver.start(each)
        heard: list[Seen] = []
        end = side.driver.watch(heard.append)
        side.host.kill_libvirtd()
        with pytest.raises(DriverFault):  # it does not answer, or the connection breaks under the question
            side.driver.see(lives.name)
        side.host.kill_qemu(dies.name)
        side.host.start_libvirtd()
        wait_until(lambda: len(heard) >= 2, 20, "news after the return")
        assert {seen.name: seen.power for seen in heard} == {lives.name: Power.RUNNING, dies.name: Power.CRASHED}
        end()
    finally:
        for each in (lives, dies):
            side.driver.remove(each.name)


def test_a_host_that_comes_back_starts_no_machine_by_itself(sides: list[Side]) -> None:
    side, made = sides[0], machine(sides)
    try:
        side.driver.start(made)
        side.host.kill_libvirtd()
        side.host.kill_qemu(made.name)
        shutil.rmtree(side.host.directory / "run/qemu")  # /run does not survive a power cut
        side.host.start_libvirtd()
        assert _seen(side, made.name).power is Power.STOPPED
        assert _seen(side, made.name).disks == [made.disks[0].volume]
    finally:
        side.driver.remove(made.name)


def _seen(side: Side, name: str) -> Seen:
    """Look, once the driver has noticed that libvirtd is another."""

    def answers() -> bool:
        try:
            side.driver.see(name)
        except DriverFault:
            return False
        return True

    wait_until(answers, 10, "the driver's connection")
    return side.driver.see(name)


class SwitchPlug(LabelPlug):
    """Open vSwitch with VLAN tags."""

    def binding(self, segment: Segment) -> Binding:
        bound = super().binding(segment)
        bound.openvswitch, bound.tag = segment.label == "ovs0", segment.tag
        return bound


def test_interfaces_on_open_vswitch_are_tagged_and_retagged(
    sides: list[Side], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, made = sides[1].host, machine(sides)
    host.start_openvswitch("ovs0")
    # the driver asks the switch of its own host; here it stands outside of it
    monkeypatch.setattr("cloudwright.drivers.hypervisor.kvm.driver.is_userspace", lambda bridge: bridge == "ovs0")
    driver = KvmHypervisor(host.uri, SwitchPlug(), tmp_path, groups=Path(host.inside("/sys/fs/cgroup")))
    nic = made.nics[0]
    nic.segment = Segment(SegmentKind.VLAN, "ovs0", 100)
    try:
        driver.start(made)
        assert _tags(host) == ["100"]
        nic.segment, nic.megabits_per_second = Segment(SegmentKind.VLAN, "ovs0", 200), 50
        driver.update_nic(made.name, nic)
        assert _tags(host) == ["200"]
        line = host.run("bash", "-c", f"tr '\\0' ' ' < /proc/$(cat /run/libvirt/qemu/{made.name}.pid)/cmdline")
        assert '"csum":false' in line
        assert '"guest_csum":false' in line
        nic.segment = RED
        with pytest.raises(Refused, match="cannot change to cloudbr0"):
            driver.update_nic(made.name, nic)
    finally:
        driver.remove(made.name)
        driver.close()


def _tags(host: OneHost) -> list[str]:
    ports = host.run("ovs-vsctl", "--bare", "--columns=tag", "find", "port", "tag>0")
    return ports.split()


@pytest.mark.parametrize("name", ["small", "full-tcg"])
def test_rendered_domains_keep_to_libvirts_schema(sides: list[Side], name: str) -> None:
    xml = (ROOT / "tests/golden/kvm" / f"{name}.xml").read_text()
    connection = libvirt.open(sides[1].host.uri)
    try:
        connection.defineXMLFlags(xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE).undefine()
    finally:
        connection.close()


def test_the_probe_boots_a_guest_and_remembers(tmp_path: Path) -> None:
    assert boot_probe("tcg") == ""
    cache = tmp_path / "acceleration.json"
    verdict = acceleration(cache)
    assert verdict.works is not bool(verdict.why)
    cache.write_text(cache.read_text().replace(verdict.why, "remembered") if verdict.why else cache.read_text())
    assert acceleration(cache).why == ("remembered" if verdict.why else "")
    cache.write_text("{")
    assert acceleration(cache, tmp_path / "absent").why == f"{tmp_path}/absent does not exist"
    assert PATIENCE <= 2
