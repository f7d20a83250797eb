"""What no hypervisor accepts, said in plain words before anything is touched. Pure functions, used by every driver."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from cloudwright.drivers.error import Refused
from cloudwright.drivers.hypervisor.contract import Disk, Machine, Nic

CDROM_SLOT = 3
DISK_SLOTS = 25  # vda-vdz, without the CD-ROM's slot
PASSWORD_LENGTH = 8  # RFB's authentication uses no more
CPUS = 255
CACHES = ("none", "writeback", "writethrough")


def check_machine(machine: Machine, host_memory: int) -> None:
    """Raises Refused where the machine contradicts itself or cannot exist on a host with this much memory (MiB)."""
    name = machine.name
    if machine.memory > host_memory:
        raise Refused(f"{name} wants {machine.memory} MiB of memory, this host has {host_memory} MiB")
    if machine.memory < 1 or not 1 <= machine.cpus <= CPUS:
        raise Refused(f"{name} wants {machine.memory} MiB and {machine.cpus} processors; it must be 1 MiB or more and 1-{CPUS}")
    if len(machine.console_password) > PASSWORD_LENGTH:
        raise Refused(f"{name}'s console password has more than {PASSWORD_LENGTH} characters")
    if machine.details.get("UEFI"):
        raise Refused(f"{name} wants UEFI, and this hypervisor boots by BIOS only")
    for disk in machine.disks:
        _check_slot(name, disk)
        check_limits(name, disk)
    disks = [disk for disk in machine.disks if disk.path]
    _once(name, "disk slot", (disk.slot for disk in machine.disks))
    _once(name, "volume", (disk.volume for disk in machine.disks))
    _once(name, "disk path", (disk.path for disk in disks))
    _once(name, "interface slot", (nic.slot for nic in machine.nics))
    _once(name, "MAC", (nic.mac.lower() for nic in machine.nics))


def check_disk(name: str, disk: Disk, present: Iterable[Disk]) -> None:
    """Raises Refused where `disk` cannot join the disks already `present` in machine `name`."""
    _check_slot(name, disk)
    check_limits(name, disk)
    for other in present:
        if other.slot == disk.slot:
            raise Refused(f"{name} already has volume {other.volume} in disk slot {disk.slot}")
        if other.path and other.path == disk.path:
            raise Refused(f"{name} already has {disk.path} as volume {other.volume}")


def check_limits(name: str, disk: Disk) -> None:
    """Raises Refused where a burst is no burst, or the cache is none that is known."""
    if disk.cache not in CACHES:
        raise Refused(f"{name}: volume {disk.volume} asks for cache {disk.cache}; there are {', '.join(CACHES)}")
    limits = disk.limits
    for limit in (limits.read_bytes, limits.write_bytes, limits.read_operations, limits.write_operations):
        if (limit.burst and limit.burst <= limit.rate) or (limit.burst and not limit.rate) or (limit.seconds and not limit.burst):
            raise Refused(
                f"{name}: volume {disk.volume} has a rate of {limit.rate}, bursts of {limit.burst} for {limit.seconds} seconds; "
                "a burst is more than its rate, and its seconds belong to a burst"
            )


def check_nic(name: str, nic: Nic, present: Iterable[Nic]) -> None:
    """Raises Refused where the interface's slot is taken in machine `name`."""
    for other in present:
        if other.slot == nic.slot:
            raise Refused(f"{name} already has {other.mac} in interface slot {nic.slot}")


def check_scale(name: str, now: tuple[int, int], wanted: tuple[int, int], ceiling: tuple[int, int]) -> None:
    """Raises Refused where a running machine cannot go from `now` to `wanted`; each is (processors, MiB)."""
    for what, have, want, most in zip(("processors", "MiB of memory"), now, wanted, ceiling, strict=True):
        if want < have:
            raise Refused(f"{name} runs with {have} {what} and cannot go down to {want} while it runs")
        if want > most:
            raise Refused(f"{name} was started with room for {most} {what}, {want} needs a restart")


def ceiling(machine: Machine) -> tuple[int, int]:
    """The most (processors, MiB) that the machine can have without a restart: details `max_cpus` and `max_memory`."""
    cpus, memory = (machine.details.get(key, "0") for key in ("max_cpus", "max_memory"))
    if not cpus.isdigit() or not memory.isdigit():
        raise Refused(f"{machine.name}: max_cpus and max_memory must be whole numbers, not {cpus!r} and {memory!r}")
    return max(machine.cpus, int(cpus)), max(machine.memory, int(memory))


def _check_slot(name: str, disk: Disk) -> None:
    if not 0 <= disk.slot <= DISK_SLOTS or (disk.slot == CDROM_SLOT) != disk.cdrom:
        raise Refused(
            f"{name}: volume {disk.volume} cannot be in slot {disk.slot}; disks take 0-{DISK_SLOTS} without {CDROM_SLOT}, "
            f"the CD-ROM takes {CDROM_SLOT}"
        )


def _once(name: str, what: str, values: Iterable[object]) -> None:
    for value, times in Counter(values).items():
        if times > 1:
            raise Refused(f"{name} has {what} {value} {times} times")
