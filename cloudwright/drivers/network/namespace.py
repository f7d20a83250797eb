"""Appliances in network namespaces: their ports, and their guest programme."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
from pathlib import Path

import msgspec

import cloudwright
from cloudwright.drivers.error import DriverFault
from cloudwright.drivers.network.command import Commands
from cloudwright.drivers.network.contract import ApplianceSpec, Port
from cloudwright.drivers.network.segments import Binding, Segments, device_name

_PATIENCE = 30.0  # seconds an appliance may take to answer
_PACKAGES = str(Path(cloudwright.__file__).parent.parent)


class Namespace:
    """One appliance's namespace, named as the appliance; `directory` is where its guest programme keeps its files."""

    def __init__(self, name: str, directory: Path, commands: Commands, segments: Segments) -> None:
        self.name = name
        self._directory = directory
        self._commands = commands
        self._segments = segments

    def exists(self) -> bool:
        """Whether the namespace is there."""
        return self.name in self._commands.run("ip", "netns", "list").split()

    def complete(self, spec: ApplianceSpec, bindings: list[Binding]) -> bool:
        """Create what is missing, remove ports that are too many; tells whether a port changed."""
        if not self.exists():
            self._commands.run("ip", "netns", "add", self.name)
        wanted = {self._port_name(port): (port, binding) for port, binding in zip(spec.ports, bindings, strict=True)}
        there = set(self._ports())
        for name in sorted(there - wanted.keys()):
            self._unplug(name)
        missing = [name for name in wanted if name not in there]
        for name in missing:
            self._plug(name, *wanted[name])
        return bool(missing or there - wanted.keys())

    def macs(self) -> list[str]:
        """The hardware addresses of its ports; none when there is no namespace."""
        if not self.exists():
            return []
        links = self._commands.json("ip", "-n", self.name, "-j", "link")
        return [link["address"] for link in links if link["ifname"] != "lo"]

    def launch(self) -> None:
        """Start the guest programme; it is ready when this returns."""
        program = [sys.executable, "-S", "-m", "cloudwright.guest", str(self._directory), "--detach"]
        environment = {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "PYTHONPATH": _PACKAGES}
        log = self._directory / "guest.log"
        code = self._commands.launch(["ip", "netns", "exec", self.name, *program], str(log), environment)
        if code:
            words = " ".join(log.read_text()[-300:].split())
            raise DriverFault(f"the guest programme of {self.name} did not start, exit code {code}: {words}")

    def ask(self, request: bytes) -> bytes | None:
        """The guest programme's answer, None when none runs. Raises DriverFault when it does not answer in time."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
                control.settimeout(_PATIENCE)
                control.connect(str(self._directory / "control.sock"))
                control.sendall(request)
                control.shutdown(socket.SHUT_WR)
                return b"".join(iter(lambda: control.recv(1 << 20), b"")) or None
        except (FileNotFoundError, ConnectionError):
            return None
        except TimeoutError:
            raise DriverFault(f"the guest programme of {self.name} did not answer within {_PATIENCE:.0f} s") from None

    def end(self) -> None:
        """Kill every process in the namespace."""
        if not self.exists():
            return
        for pid in self._commands.run("ip", "netns", "pids", self.name).split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                continue

    def remove(self) -> None:
        """Remove processes, ports, namespace and files. Gone is done."""
        self.end()
        for name in self._ports():
            self._unplug(name)
        if self.exists():
            self._commands.run("ip", "netns", "delete", self.name)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _port_name(self, port: Port) -> str:
        return device_name("cwp", f"{self.name} {port.device} {port.mac} {msgspec.json.encode(port.segment).decode()}")

    def _ports(self) -> list[str]:
        """Host ends of this appliance's ports, also those that Open vSwitch remembers of a time before a reboot."""
        links = self._commands.json("ip", "-j", "link")
        found = {link["ifname"] for link in links if link.get("ifalias") == self.name}
        query = ("--columns=name", "find", "Interface", f"external_ids:appliance={self.name}")
        _, out, _ = self._commands.attempt("ovs-vsctl", "--timeout=5", "--bare", *query)
        return sorted(found & {link["ifname"] for link in links}) + sorted(set(out.split()) - found)

    def _plug(self, name: str, port: Port, binding: Binding) -> None:
        mtu = port.segment.mtu
        lines = [f"link add {name} mtu {mtu} type veth peer name {port.device} netns {self.name} address {port.mac} mtu {mtu}"]
        lines += [f"link set {name} alias {self.name}"]
        lines += [] if binding.openvswitch else [f"link set {name} master {binding.bridge}"]
        self._commands.run("ip", "-batch", "-", text="\n".join([*lines, f"link set {name} up"]) + "\n")
        if not binding.openvswitch:
            return
        if self._segments.userspace(binding.bridge):
            self._commands.run("ethtool", "-K", name, "tx", "off")
            self._commands.run("ip", "netns", "exec", self.name, "ethtool", "-K", port.device, "tx", "off")
        tag = [f"tag={binding.tag}"] if binding.tag else []
        owner = ["--", "set", "Interface", name, f"external_ids:appliance={self.name}"]
        self._commands.run("ovs-vsctl", "--may-exist", "add-port", binding.bridge, name, *tag, *owner)

    def _unplug(self, name: str) -> None:
        self._commands.attempt("ovs-vsctl", "--timeout=5", "--if-exists", "del-port", name)
        code, _, words = self._commands.attempt("ip", "link", "delete", name)
        if code and "Cannot find" not in words:
            raise DriverFault(f"port {name} of {self.name} could not be removed: {words}")
