"""The hypervisor contract: what any kind of host must do with virtual machines.

Every verb may be called twice with the same arguments: the second call finds the first one's work and answers
the same. Machines are named by their `name` (`i-<uuid>`), which the caller derives from ids. Sizes: `memory` in MiB,
disk sizes in bytes. Errors are those of `cloudwright.drivers.error`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from cloudwright.drivers.segment import Segment
from cloudwright.drivers.work import Work


class Power(StrEnum):
    """What a machine is seen to do."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    CRASHED = "crashed"


class Limit(Struct, frozen=True):
    """How much a second (0: unlimited), and how much for some seconds in a burst (0: no burst)."""

    rate: int = 0
    burst: int = 0
    seconds: int = 0


class Limits(Struct, frozen=True):
    """How fast a disk may be: bytes and operations, reads and writes apart."""

    read_bytes: Limit = Limit()
    write_bytes: Limit = Limit()
    read_operations: Limit = Limit()
    write_operations: Limit = Limit()


class Disk(Struct):
    """A disk or a CD-ROM of a machine. `path` is what the pool driver's `locate` answered on this host."""

    volume: str  # the volume's name, `v-<uuid>`, or the ISO's
    path: str
    slot: int  # device id, 0 is the root disk, 3 is the CD-ROM
    format: str = "qcow2"  # qcow2, raw, iso
    bus: str = "virtio"
    cdrom: bool = False
    read_only: bool = False
    limits: Limits = Limits()
    cache: str = "none"  # none, writeback, writethrough: what the host's page cache does


class Nic(Struct):
    """A network interface of a machine."""

    mac: str
    segment: Segment
    slot: int  # 0 is the default interface
    model: str = "virtio"
    link_up: bool = True
    megabits_per_second: int = 0  # 0: unlimited


class Machine(Struct):
    """A machine as it shall be. `details` `max_cpus` and `max_memory` (MiB) give it room to `scale` while it runs."""

    name: str
    uuid: str
    cpus: int
    memory: int
    disks: list[Disk] = []
    nics: list[Nic] = []
    cpu_shares: int = 1024
    cpu_limit: int = 0  # MHz that each processor has at most; 0: no limit
    boot_from_cdrom: bool = False
    console_password: str = ""  # at most 8 characters: RFB uses no more
    hostname: str = ""
    details: dict[str, str] = {}


class Seen(Struct):
    """A machine as it is."""

    name: str
    uuid: str
    power: Power
    cpus: int = 0
    memory: int = 0
    disks: list[str] = []  # volume names by slot, without the CD-ROM
    macs: list[str] = []
    cpu_seconds: float = 0.0
    guest_agent: bool = False


class Console(Struct):
    """Where this host answers for a machine, RFB (VNC) or its serial port: a unix socket path or a loopback port."""

    host: str
    port: int = 0
    path: str = ""
    password: str = ""


class HostFacts(Struct):
    """What a host is and can do. `can` holds probed abilities, and `cannot` those absent, each with the reason."""

    hypervisor: str  # KVM, Simulator
    version: str
    hostname: str
    cpus: int
    cpu_mhz: int
    memory: int  # MiB, total
    architecture: str = "x86_64"
    can: list[str] = []
    cannot: dict[str, str] = {}
    labels: list[str] = []  # bridges of physical networks present, e.g. cloudbr0


class Hypervisor(Protocol):
    """About virtual machines on one host."""

    def facts(self) -> HostFacts:
        """Probe the host. Slow the first time (it may boot a probe), then cached."""

    def machines(self) -> list[Seen]:
        """All machines of ours on this host, running or not."""

    def see(self, name: str) -> Seen:
        """One machine. Raises NotThere."""

    def start(self, machine: Machine) -> Seen:
        """Define (or redefine, when it is stopped) and start. A machine already running is answered as it is."""

    def stop(self, name: str, force: bool = False, grace: float = 30.0) -> None:
        """Ask the guest to shut down, after `grace` seconds (at once when `force`) pull the plug. Gone is done,
        and what crashed stays CRASHED."""

    def reboot(self, name: str, force: bool = False, grace: float = 30.0) -> None:
        """Ask the guest to restart, after `grace` seconds (at once when `force`) press reset; it keeps its definition. Raises
        NotThere when it does not run."""

    def remove(self, name: str) -> None:
        """Forget a stopped machine's definition; a running one is stopped by force. Its disks stay."""

    def attach_disk(self, name: str, disk: Disk) -> None:
        """Plug a disk in, live when the machine runs."""

    def detach_disk(self, name: str, volume: str) -> None:
        """Unplug a disk and wait until the guest let go of it. Not attached is done."""

    def resize_disk(self, name: str, volume: str, size: int) -> None:
        """Tell a running machine that its disk is now `size` bytes. For a stopped one nothing is done."""

    def insert_media(self, name: str, path: str) -> None:
        """Put an ISO into the CD-ROM; an empty path takes it out."""

    def attach_nic(self, name: str, nic: Nic) -> None:
        """Plug an interface in, live when the machine runs."""

    def update_nic(self, name: str, nic: Nic) -> None:
        """Move the interface with this MAC to another segment, or set its link or rate, live. Raises Refused where the
        segments are on different kinds of bridges."""

    def detach_nic(self, name: str, mac: str) -> None:
        """Unplug an interface. Not attached is done."""

    def scale(self, name: str, cpus: int, memory: int) -> None:
        """Give a running machine more processors and memory. Raises Refused where it must be stopped for that. For a
        stopped one nothing is done: its next start brings its size."""

    def console(self, name: str) -> Console:
        """Where the machine's screen is served. Raises NotThere when it does not run."""

    def serial(self, name: str) -> Console:
        """Where the machine's first serial port is served, to one connection at a time: what it says meanwhile and afterwards,
        not before. Raises NotThere when it does not run, Refused when it was started without one that can be joined."""

    def begin_migrate(self, key: str, name: str, to: str) -> None:
        """Begin a live migration to the host whose migration address is `to`. Poll with `work(key)`."""

    def migration_address(self) -> str:
        """What another host of the same kind needs as `to`."""

    def work(self, key: str) -> Work:
        """How far long work is. UNKNOWN after a restart that lost it."""

    def cancel(self, key: str) -> None:
        """Stop long work and forget it, once it is over. Unknown is done."""

    def guest(self, name: str, command: list[str], timeout: float = 10.0) -> str:
        """Run a program in the guest by its agent and answer what it printed. Raises Refused without an agent."""

    def watch(self, changed: Callable[[Seen], None]) -> Callable[[], None]:
        """Call `changed` whenever a machine's power changes (also when it vanishes: STOPPED). Answers how to end it."""
