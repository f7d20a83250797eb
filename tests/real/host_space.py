"""A host made of namespaces (network and mount, with a `/run` of its own), and guests that are namespaces on it."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cloudwright.drivers.network.host import HostNetwork
from cloudwright.drivers.network.segments import Underlay
from cloudwright.drivers.segment import Segment

T = TypeVar("T")

_INIT = """
mount -t tmpfs run /run && mkdir -p /run/netns /run/openvswitch /run/lock
ip link set lo up
echo ready
exec sleep 1800
"""
_OPENVSWITCH = """
set -e
cd /run/openvswitch
ovsdb-tool create conf.db /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server conf.db --remote=punix:/run/openvswitch/db.sock --detach --pidfile=/run/openvswitch/db.pid --no-chdir
ovs-vsctl --no-wait init
ovs-vswitchd --detach --pidfile=/run/openvswitch/switch.pid --no-chdir unix:/run/openvswitch/db.sock
"""


def within(namespace: str, act: Callable[[], T]) -> T:
    """Run `act` in a thread that entered the network namespace; sockets made there stay there."""
    results: list[T] = []
    failures: list[BaseException] = []

    def body() -> None:
        try:
            file = os.open(namespace, os.O_RDONLY)
            try:
                if ctypes.CDLL(None, use_errno=True).setns(file, 0x40000000):
                    raise OSError(ctypes.get_errno(), f"{namespace} cannot be entered")
            finally:
                os.close(file)
            results.append(act())
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


class HostSpace:
    """A host. `network` is its driver. Everything made on it goes with `close`."""

    def __init__(self, underlay: Underlay | None = None, openvswitch: bool = True) -> None:
        command = ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-ec", _INIT]
        self._init = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._init.stdout is not None
        assert self._init.stdout.readline() == "ready\n"
        self.pid = self._init.pid
        self.enter = ("nsenter", "--target", str(self.pid), "--net", "--mount")
        self.state = Path(tempfile.mkdtemp(prefix="cwn"))
        self.state.chmod(0o711)
        self._underlay = underlay
        self.network = self.reopen()
        if openvswitch:
            self.run("sh", "-c", _OPENVSWITCH)

    def reopen(self) -> HostNetwork:
        """The driver as an agent that was restarted makes it."""
        return HostNetwork(self.state, underlay=self._underlay, enter=self.enter)

    def run(self, *argv: str) -> str:
        """A program on this host."""
        done = subprocess.run(
            [*self.enter, *argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout

    def bridge(self, name: str, openvswitch: bool = False) -> None:
        """A bridge of a physical network."""
        if openvswitch:
            self.run("ovs-vsctl", "add-br", name, "--", "set", "bridge", name, "datapath_type=netdev")
        else:
            self.run("ip", "link", "add", name, "type", "bridge", "stp_state", "0", "forward_delay", "0")
        self.run("ip", "link", "set", name, "up")

    def cable(self, device: str, other: HostSpace, mtu: int = 1600) -> None:
        """A wire of that name on both hosts, with offloads off as on a real card between machines."""
        self.run("ip", "link", "add", device, "type", "veth", "peer", "name", device, "netns", str(other.pid))
        for host in (self, other):
            host.run("ip", "link", "set", device, "mtu", str(mtu), "up")
            host.run("ethtool", "-K", device, "tx", "off")

    def namespace(self, name: str) -> str:
        """The path of a namespace on this host, for `within`."""
        return f"/proc/{self.pid}/root/run/netns/{name}"

    def guest(self, name: str, mac: str, segment: Segment) -> None:
        """A namespace plugged into a segment as a machine would be, with its interface eth0 up."""
        self.network.ensure(segment)
        binding = self.network.binding(segment)
        port = f"vnet-{name}"
        self.run("ip", "netns", "add", name)
        peer = ("peer", "name", "eth0", "netns", name, "address", mac)
        self.run("ip", "link", "add", port, "mtu", str(segment.mtu), "type", "veth", *peer, "mtu", str(segment.mtu))
        self.run("ethtool", "-K", port, "tx", "off")
        self.run("ip", "netns", "exec", name, "ethtool", "-K", "eth0", "tx", "off")
        if binding.openvswitch:
            tag = [f"tag={binding.tag}"] if binding.tag else []
            self.run("ovs-vsctl", "add-port", binding.bridge, port, *tag)
        else:
            self.run("ip", "link", "set", port, "master", binding.bridge)
        self.run("ip", "link", "set", port, "up")
        self.run("ip", "-n", name, "link", "set", "lo", "up")
        self.run("ip", "-n", name, "link", "set", "eth0", "up")

    def configure(self, name: str, address: str, gateway: str = "") -> None:
        """Give a guest its address by hand."""
        self.run("ip", "-n", name, "address", "add", address, "dev", "eth0")
        if gateway:
            self.run("ip", "-n", name, "route", "add", "default", "via", gateway)

    def close(self) -> None:
        """End all that this host runs and remove what it wrote."""
        try:
            for appliance in self.network.appliances():
                self.network.remove(appliance.name)
            for pidfile in Path(f"/proc/{self.pid}/root/run/openvswitch").glob("*.pid"):
                os.kill(int(pidfile.read_text()), signal.SIGKILL)
        finally:
            self._init.kill()
            self._init.wait()
            assert self._init.stdout is not None
            self._init.stdout.close()
            shutil.rmtree(self.state)
