"""One hypervisor host: namespaces with its own libvirt and Open vSwitch, that can be cut off, frozen and booted again."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import IO

from cloudwright.cli.lab import software
from cloudwright.cli.lab.cgroup import Hierarchy, HostCgroup
from cloudwright.cli.lab.program import LabError, ip

INIT = Path(__file__).with_name("init.py")
MTU = 1600  # leaves room for a VLAN tag or a VXLAN header around 1500 bytes
NETWORKS = {"mgmt": 1, "trunk": 2, "public": 3}  # the host's links, and what tells their MAC addresses apart
BINDS = ["etc/libvirt", "var/lib/libvirt", "var/log/libvirt", "etc/openvswitch", "var/lib/openvswitch", "var/log/openvswitch"]
# The shell enters the cgroups first: from within the namespaces they could not be named any more.
ENTER = 'while [ "$1" != -- ]; do echo 0 >"$1"; shift; done; shift; exec "$@"'


@dataclass(frozen=True)
class Place:
    """What all hosts of a datacenter share."""

    prefix: str
    state: Path
    management: IPv4Network
    trees: list[Hierarchy]
    capabilities: Path  # libvirt's findings about QEMU, good for as long as both stay the same
    kvm: bool

    def address(self, number: int) -> str:
        """The management address of a host; the first of the network is the machine outside."""
        return str(self.management[10 + number])


class Host:
    """Host `number`, counted from 1. Its disk is the directory `disk` and survives a power cut."""

    def __init__(self, place: Place, number: int) -> None:
        self.number = number
        self.name = f"{place.prefix}-h{number}"
        self.address = place.address(number)
        self.disk = place.state / f"h{number}"
        self._place = place
        self._cgroup = HostCgroup(self.name, place.trees)
        self._launcher: subprocess.Popen[str] | None = None
        self.pid = 0  # of its init, as seen from outside; 0: switched off

    @property
    def libvirt_uri(self) -> str:
        """Where the machine outside reaches this host's libvirt. Another host uses `migration_uri`."""
        return f"qemu+unix:///system?socket={self._root()}/run/libvirt/libvirt-sock"

    @property
    def migration_uri(self) -> str:
        """Where other hosts reach this one's libvirt; closed to the machine outside, whose users need not be trusted."""
        return f"qemu+tcp://{self.address}/system"

    def boot(self) -> None:
        """Switch the host on and wait until libvirt and Open vSwitch answer. One that is on is left as it is."""
        if self.pid:
            return
        self._prepare_disk()
        self._cgroup.create()
        try:
            self._launch()
            self._plug_in()
            self.run(["sh", "-ec", software.START], timeout=30)
            self._wait_for_libvirt()
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """Cut the power: everything in the host dies at once. One that is off is left as it is."""
        # the launcher is spared: it buries the host's init, and ends by itself
        self._cgroup.kill(spare=self._launcher.pid if self._launcher else 0)
        self.pid = 0
        if self._launcher:
            self._launcher.wait(timeout=10)
            self._launcher = None
        self._cgroup.remove()

    def freeze(self) -> None:
        """Stop the host's world, as a hang does. Its network still answers pings: the kernel is not frozen."""
        self._cgroup.freeze()

    def thaw(self) -> None:
        """Let a frozen host go on."""
        self._cgroup.thaw()

    def popen(
        self,
        argv: Sequence[str],
        stdin: int | IO[str] | None = subprocess.DEVNULL,
        stdout: int | IO[str] | None = subprocess.DEVNULL,
        stderr: int | IO[str] | None = subprocess.DEVNULL,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        """Start a program in the host, in text mode. Ending the answered process kills (-9) the program with it."""
        where = ["nsenter", f"--target={self._need_pid()}", "--mount", "--net", "--uts", "--ipc", "--pid", "--cgroup"]
        inside = [*where, "setpriv", "--pdeathsig", "KILL", "--", *argv]
        return subprocess.Popen(
            ["sh", "-ec", ENTER, "enter", *self._cgroup.entrances(), "--", *inside],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=env,
            text=True,
        )

    def run(self, argv: Sequence[str], input: str = "", timeout: float = 60.0, check: bool = True) -> str:
        """Run a program in the host and answer its output. Raises LabError when it fails (and `check`) or takes too long."""
        what = " ".join(argv)[:200]
        with self.popen(argv, subprocess.PIPE, subprocess.PIPE, subprocess.PIPE) as process:
            try:
                output, errors = process.communicate(input, timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                raise LabError(f"{what} on {self.name} did not end within {timeout:g} s") from None
        if check and process.returncode != 0:
            raise LabError(f"{what} on {self.name} failed with exit code {process.returncode}: {errors.strip()[-500:]}")
        return output

    def _need_pid(self) -> int:
        if not self.pid:
            raise LabError(f"the host {self.name} is switched off")
        return self.pid

    def _root(self) -> str:
        return f"/proc/{self._need_pid()}/root"

    def _prepare_disk(self) -> None:
        for name in [*BINDS, "var/log/libvirt/qemu", "dev"]:  # the package makes the last log directory, libvirt does not
            (self.disk / name).mkdir(parents=True, exist_ok=True)
        identity = self.disk / "uuid"
        if not identity.exists():
            identity.write_text(str(uuid.uuid4()))
        libvirt = self.disk / "etc/libvirt"
        (libvirt / "libvirtd.conf").write_text(software.libvirtd_conf(identity.read_text(), self.address))
        (libvirt / "qemu.conf").write_text(software.qemu_conf(self.address))
        (self.disk / "lab.nft").write_text(software.firewall(str(self._place.management[1])))
        shutil.copyfile(self._place.state / "hosts", self.disk / "hosts")

    def _launch(self) -> None:
        binds = {f"/{name}": str(self.disk / name) for name in BINDS}
        binds["/var/cache/libvirt/qemu/capabilities"] = str(self._place.capabilities)
        binds["/etc/hosts"] = str(self.disk / "hosts")
        unified = self._place.trees[0].kind == "cgroup2"
        trees = [("/sys/fs/cgroup" if unified else str(tree.path), tree.kind, tree.options) for tree in self._place.trees]
        if not unified:
            trees.insert(0, ("/sys/fs/cgroup", "tmpfs", "mode=755"))
        wish = {
            "hostname": self.name,
            "disk": str(self.disk),
            "binds": binds,
            "cgroups": trees,
            "leaf": str(self._cgroup.leaf or ""),
            "kvm": self._place.kvm,
        }
        tops = [str(top / "cgroup.procs") for top in self._cgroup.directories]
        init = [sys.executable, "-I", "-S", str(INIT), json.dumps(wish)]
        with (self.disk / "init.log").open("w") as log:
            self._launcher = subprocess.Popen(
                ["sh", "-ec", ENTER, "enter", *tops, "--", *init],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert self._launcher.stdout is not None
        with self._launcher.stdout as lines:
            pid, ready = lines.readline().strip(), lines.readline().strip()
        if ready != "ready":
            raise LabError(f"the host {self.name} did not start: {(self.disk / 'init.log').read_text().strip()[-500:]}")
        self.pid = int(pid)

    def _plug_in(self) -> None:
        outside = f"{self._place.prefix}dc"
        lines, inside = [], ["link set lo up"]
        for network, kind in NETWORKS.items():
            port = f"{network}-h{self.number}"
            # fixed MAC addresses: neighbours would talk to a rebooted host's old one for more than a minute
            mac = f"02:ac:5c:{kind:02x}:00:{self.number:02x}"
            lines += [
                f"link add {port} mtu {MTU} type veth peer name {network} netns {self.pid} address {mac} mtu {MTU}",
                f"link set {port} master {network} up",
            ]
            inside.append(f"link set {network} up")
        inside += [
            f"address add {self.address}/{self._place.management.prefixlen} dev mgmt",
            f"route add default via {self._place.management[1]}",
        ]
        ip(*lines, namespace=outside)
        self.run(["ip", "-batch", "-"], input="\n".join(inside) + "\n")
        for network in ("trunk", "public"):  # the userspace datapath does not finish checksums for its neighbours
            self.run(["ethtool", "-K", network, "tx", "off", "tso", "off", "gso", "off"])
            software.no_offload(f"{network}-h{self.number}", outside)
        self.run(["nft", "-f", str(self.disk / "lab.nft")])

    def _wait_for_libvirt(self) -> None:
        path = f"{self._root()}/run/libvirt/libvirt-sock"
        deadline = time.monotonic() + 30
        while True:
            try:
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(path)
                    break
            except OSError:
                if time.monotonic() > deadline:
                    log = self.disk / "var/log/libvirt/libvirtd.log"
                    said = log.read_text()[-500:] if log.exists() else "nothing"
                    raise LabError(f"libvirt on {self.name} did not answer within 30 s; it logged: {said}") from None
                time.sleep(0.02)
        self.run(["virsh", "-q", "-c", "qemu:///system", "hostname"], timeout=30)

    def memory(self) -> int:
        """What the host and its instances use, in bytes; 0 where the machine does not count it."""
        for top in self._cgroup.directories:
            for file in ("memory.usage_in_bytes", "memory.current"):
                if (top / file).exists():
                    return int((top / file).read_text())
        return 0

    def is_on(self) -> bool:
        """Whether the host runs (or hangs)."""
        return bool(self.pid) and os.path.exists(f"/proc/{self.pid}")
