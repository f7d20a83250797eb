"""A datacenter on this machine: hosts, and the management, trunk and public networks between them."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import json
import os
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Network
from pathlib import Path
from types import TracebackType

from cloudwright.cli.lab import cgroup, keeper, probe, software
from cloudwright.cli.lab.host import MTU, NETWORKS, Host, Place
from cloudwright.cli.lab.program import LabError, ip
from cloudwright.cli.lab.remains import leftovers, sweep

SUBNET_LOCK = Path("/run/lock")  # the directory itself is locked, so that no file is left there


class Datacenter:
    """Hosts 1 to `hosts`. Everything it makes carries `prefix`, so several can run side by side.

    The machine outside has the first address of both subnets: `server_address` in the management network, where hosts
    reach a server, and `public_gateway` on the link `outside`, from where public addresses are reached.
    """

    def __init__(self, prefix: str = "cwlab", state: Path | None = None, hosts: int = 2, unified: bool = False) -> None:
        """`state` is the hosts' disks, made and removed; `unified` prefers cgroup v2 where the machine has both."""
        if not re.fullmatch(r"[a-z][a-z0-9]{0,7}", prefix):
            raise LabError(f"the prefix {prefix!r} is not 1 to 8 lower-case letters and digits, beginning with a letter")
        if not 1 <= hosts <= 99:
            raise LabError(f"a datacenter has 1 to 99 hosts, not {hosts}")
        self.prefix = prefix
        self.state = state or Path(f"/var/tmp/cloudwright-{prefix}")  # noqa: S108  made 0700 and refused when it exists
        self.outside = f"{prefix}-pub"
        self._count = hosts
        self._unified = unified
        self._hosts: list[Host] = []
        self._keeper: subprocess.Popen[bytes] | None = None
        self.management = self.public = IPv4Network("0.0.0.0/32")

    def __enter__(self) -> Datacenter:
        self.up()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.down()

    @property
    def server_address(self) -> str:
        """The machine outside, as the hosts see it over the management network."""
        return str(self.management[1])

    @property
    def public_gateway(self) -> str:
        """The machine outside, as the public network sees it."""
        return str(self.public[1])

    def host(self, number: int) -> Host:
        """A host, counted from 1."""
        if not 1 <= number <= len(self._hosts):
            raise LabError(f"there is no host {number}; {len(self._hosts)} hosts are up")
        return self._hosts[number - 1]

    def hosts(self) -> list[Host]:
        """All hosts, also those switched off."""
        return list(self._hosts)

    def up(self) -> None:
        """Build it and boot all hosts, a few at a time. Raises LabError with every reason why that cannot be."""
        reasons = probe.why_not()
        if reasons:
            raise LabError("Real hosts cannot run on this machine. " + " ".join(reasons))
        self._take_prefix()
        self._keeper = keeper.start(self.prefix, self.state)
        atexit.register(self.down)
        try:
            self._join_networks()
            place = self._place()
            self._hosts = [Host(place, number) for number in range(1, self._count + 1)]
            with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
                list(pool.map(Host.boot, self._hosts))
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """Cut all power and remove everything. Already down is done."""
        if self._keeper is None:
            return
        for host in self._hosts:
            host.kill()
        self._hosts = []
        sweep(self.prefix, self.state)
        self._keeper.communicate(keeper.FAREWELL, timeout=20)
        self._keeper = None
        atexit.unregister(self.down)

    def leftovers(self) -> list[str]:
        """What of this datacenter exists on the machine; empty after `down`."""
        return leftovers(self.prefix, self.state)

    def _take_prefix(self) -> None:
        owner = self.state / "owner.json"
        if owner.exists():
            held = json.loads(owner.read_text())
            if _started(held["pid"]) == held["started"]:
                raise LabError(f"the prefix {self.prefix} is in use by process {held['pid']}")
        elif self.state.exists() and any(self.state.iterdir()):
            raise LabError(f"{self.state} exists and is not a datacenter's")
        sweep(self.prefix, self.state)
        self.state.mkdir(mode=0o700, parents=True)
        owner.write_text(json.dumps({"pid": os.getpid(), "started": _started(os.getpid())}))

    def _join_networks(self) -> None:
        inner, lines = f"{self.prefix}dc", ["link set lo up"]
        for network in NETWORKS:
            lines += [f"link add {network} type bridge stp_state 0 forward_delay 0", f"link set {network} mtu {MTU} up"]
        with _subnets() as (self.management, self.public):
            ip(f"netns add {inner}")
            ip(*lines, namespace=inner)
            for name, network, subnet in (
                (f"{self.prefix}-mgmt", "mgmt", self.management),
                (self.outside, "public", self.public),
            ):
                ip(
                    f"link add {name} mtu {MTU} type veth peer name {network}-out netns {inner} mtu {MTU}",
                    f"address add {subnet[1]}/{subnet.prefixlen} dev {name}",
                    f"link set {name} up",
                )
                ip(f"link set {network}-out master {network} up", namespace=inner)
        software.no_offload(self.outside)
        software.no_offload("public-out", inner)

    def _place(self) -> Place:
        trees = cgroup.usable()
        if self._unified:
            trees = [tree for tree in cgroup.hierarchies() if tree.kind == "cgroup2"][:1]
        capabilities = probe.cache_directory() / "libvirt-capabilities"
        capabilities.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = Place(self.prefix, self.state, self.management, trees, capabilities, probe.kvm_works())
        names = [f"{place.address(number)} {self.prefix}-h{number}" for number in range(1, self._count + 1)]
        (self.state / "hosts").write_text("\n".join(["127.0.0.1 localhost", *names, ""]))
        return place


@contextlib.contextmanager
def _subnets() -> Iterator[tuple[IPv4Network, IPv4Network]]:
    """Two free subnets, held against other datacenters being built until the block has given them to links."""
    SUBNET_LOCK.mkdir(exist_ok=True)
    lock = os.open(SUBNET_LOCK, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        management, public = probe.free_subnets(2, probe.taken_subnets())
        yield management, public
    finally:
        os.close(lock)


def _started(pid: int) -> str:
    """When a process began, in clock ticks since boot; empty when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
