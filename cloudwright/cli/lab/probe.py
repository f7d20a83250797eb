"""What this machine offers: why real hosts cannot run here, whether KVM works, which subnets are free."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from ipaddress import IPv4Network
from pathlib import Path

from cloudwright.cli.lab import cgroup
from cloudwright.cli.lab.program import LabError, run

PROGRAMS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "libvirtd": "libvirt-daemon-system",
    "virsh": "libvirt-clients",
    "ovs-vswitchd": "openvswitch-switch",
    "ovsdb-server": "openvswitch-switch",
    "nft": "nftables",
    "ip": "iproute2",
    "ethtool": "ethtool",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
}
SUBNETS = [IPv4Network(name) for name in ("10.200.0.0/16", "172.30.0.0/16", "198.18.0.0/16")]
# A boot sector: page tables at 0x1000, long mode, ten million turns of a loop, CPUID, then 0x10 to QEMU's exit port.
BOOT_SECTOR = bytes.fromhex(
    "fa31c08ed88ec0bf0010b90018fcf3abc70600100320c70600200330c7060030830066b8001000000f22d80f20e00c20"
    "0f22e066b9800000c00f320d00010f300f0116747c0f20c0660d010000800f22c0ea567c0800b980969800e2fe0fa2b0"
    "10e6f4f4000000000000000000000000009a20000f00647c0000"
).ljust(510, b"\0") + bytes([0x55, 0xAA])
BOOT_SECTOR_EXIT = 0x10 * 2 + 1  # what QEMU makes of 0x10 written to its exit port
LINKS = "ip link add probe0 type bridge && ip link add probe1 type veth peer name probe2"


def cache_directory() -> Path:
    """Where root keeps, between runs, what can be made again."""
    return Path(os.environ.get("CLOUDWRIGHT_CACHE", "/var/cache/cloudwright"))


def why_not() -> list[str]:
    """The reasons why real hosts cannot run on this machine, in plain sentences; empty when they can."""
    if sys.platform != "linux":
        return [f"Real hosts need Linux, this is {sys.platform}."]
    if os.geteuid() != 0:
        return [f"Real hosts are made of namespaces and need root; this process runs as user {os.geteuid()}."]
    reasons = [
        f"The program {program} is missing; the package {package} has it."
        for program, package in PROGRAMS.items()
        if not shutil.which(program)
    ]
    if not Path("/dev/net/tun").exists():
        reasons.append("There is no /dev/net/tun, which instances' network interfaces need.")
    if not cgroup.usable():
        reasons.append("No writable cgroup tree is mounted (v2, or v1 with the freezer).")
    if not reasons:
        tried = subprocess.run(
            ["unshare", "-nmuipC", "--fork", "sh", "-c", LINKS], capture_output=True, text=True, check=False, timeout=20
        )
        if tried.returncode != 0:
            reasons.append(f"Namespaces with bridges and veth links cannot be made here: {tried.stderr.strip()[:200]}.")
    return reasons


def kvm_works() -> bool:
    """Whether KVM really runs a guest at speed: some clouds show the device and emulate it, slower than QEMU does itself.

    The answer is kept until the machine reboots.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    known = cache_directory() / "kvm"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    if not known.exists() or known.read_text().split()[0] != boot:
        known.parent.mkdir(parents=True, exist_ok=True)
        known.write_text(f"{boot} {'works' if _boots_under_kvm() else 'fails'}\n")
    return known.read_text().split()[1] == "works"


def _boots_under_kvm() -> bool:
    machine = ["qemu-system-x86_64", "-accel", "kvm", "-nodefaults", "-display", "none", "-no-reboot"]
    exit_port = ["-device", "isa-debug-exit,iobase=0xf4,iosize=1"]
    with tempfile.NamedTemporaryFile() as disk:
        disk.write(BOOT_SECTOR)
        disk.flush()
        drive = ["-drive", f"file={disk.name},format=raw,if=ide"]
        try:
            ended = subprocess.run([*machine, *exit_port, *drive], capture_output=True, check=False, timeout=3)
        except (subprocess.TimeoutExpired, FileNotFoundError):
            return False
    return ended.returncode == BOOT_SECTOR_EXIT


def taken_subnets() -> list[IPv4Network]:
    """Every IPv4 subnet that this machine has an address in or a route to, but for default routes."""
    routes = json.loads(run(["ip", "-j", "-4", "route", "show", "table", "all"]) or "[]")
    named = [str(route.get("dst", "default")) for route in routes]
    addresses = json.loads(run(["ip", "-j", "-4", "address", "show"]) or "[]")
    named += [f"{entry['local']}/{entry['prefixlen']}" for link in addresses for entry in link.get("addr_info", [])]
    found = [IPv4Network(name, strict=False) for name in named if name[0].isdigit()]
    return [subnet for subnet in found if subnet.prefixlen > 0]


def free_subnets(count: int, taken: Iterable[IPv4Network]) -> list[IPv4Network]:
    """The first `count` subnets of 254 hosts that overlap none of `taken`. Raises LabError when there are not as many."""
    held = list(taken)
    free = []
    for block in SUBNETS:
        for subnet in block.subnets(new_prefix=24):
            if not any(subnet.overlaps(other) for other in held):
                free.append(subnet)
                if len(free) == count:
                    return free
    raise LabError(f"only {len(free)} of {count} subnets are free in {', '.join(map(str, SUBNETS))}: routes take the rest")
