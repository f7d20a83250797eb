"""What a KVM host is and can do, probed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import libvirt

from cloudwright.drivers.hypervisor.contract import HostFacts
from cloudwright.drivers.hypervisor.kvm.probe import Verdict

_CPUINFO, _MEMINFO = Path("/proc/cpuinfo"), Path("/proc/meminfo")


def host_facts(connection: libvirt.virConnect, verdict: Verdict, groups: Path) -> HostFacts:
    """Facts of the host behind the connection. Memory in MiB."""
    model, _, cpus, mhz = connection.getInfo()[:4]
    can = ["live-migration", "hotplug", "console", "guest-agent", "cpu-shares", "kvm", "tcg"]
    cannot = {"uefi": "machines boot by BIOS only"}
    if not verdict.works:
        cannot["kvm"] = verdict.why
    if not can_share_cpus(groups):
        cannot["cpu-shares"] = f"no cpu control group is mounted at {groups}"
    return HostFacts(
        hypervisor="KVM",
        version=_dotted(connection.getVersion()),
        hostname=connection.getHostname(),
        cpus=cpus,
        cpu_mhz=mhz or _mhz(_CPUINFO.read_text()),
        memory=_mebibytes(_MEMINFO.read_text()),  # libvirt sums NUMA nodes, which are short of it on some virtual hosts
        architecture=model,
        can=[ability for ability in can if ability not in cannot],
        cannot=cannot,
        labels=bridges(),
    )


def can_share_cpus(groups: Path) -> bool:
    """Whether libvirt can weigh machines' processors against each other."""
    if (groups / "cpu" / "cpu.shares").exists():
        return True
    controllers = groups / "cgroup.controllers"
    return controllers.exists() and "cpu" in controllers.read_text().split()


def bridges(devices: Path = Path("/sys/class/net")) -> list[str]:
    """The bridges on this host: the kernel's and Open vSwitch's."""
    found = {path.parent.name for path in devices.glob("*/bridge")}
    return sorted(found | set(_switch("list-br")))


def is_userspace(bridge: str) -> bool:
    """Whether an Open vSwitch bridge forwards in userspace, where nobody fills in a checksum left to the hardware."""
    return _switch("get", "bridge", bridge, "datapath_type") == ["netdev"]


def _switch(*question: str) -> list[str]:
    """Ask Open vSwitch's database; a host without it has no such bridges."""
    try:
        done = subprocess.run(["ovs-vsctl", "--timeout=2", *question], check=False, capture_output=True, text=True, timeout=5)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return []
    return done.stdout.replace('"', "").split()


def _mhz(cpuinfo: str) -> int:
    lines = [line.partition(":")[2] for line in cpuinfo.splitlines() if line.startswith("cpu MHz")]
    return round(float(lines[0])) if lines else 0


def _mebibytes(meminfo: str) -> int:
    return int(meminfo.partition("MemTotal:")[2].split()[0]) >> 10


def _dotted(version: int) -> str:
    return f"{version // 1_000_000}.{version // 1000 % 1000}.{version % 1000}"
