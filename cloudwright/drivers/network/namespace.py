"""Appliances in network namespaces: their ports, and their guest programme."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

import msgspec

import cloudwright
from cloudwright.drivers.error import DriverFault
from cloudwright.drivers.network.command import Commands
from cloudwright.drivers.network.contract import ApplianceSpec, Port
from cloudwright.drivers.network.segments import Binding, device_name

_PATIENCE = 30.0  # seconds an appliance may take to answer
_PACKAGES = str(Path(cloudwright.__file__).parent.parent)


class Namespace:
    """One appliance's namespace, named as the appliance; `directory` is where its guest programme keeps its files."""

    def __init__(self, name: str, directory: Path, commands: Commands) -> None:
        self.name = name
        self._directory = directory
        self._commands = commands

    def exists(self) -> bool:
        """Whether the namespace is there."""
        return self.name in self._commands.run("ip", "netns", "list").split()

    def complete(self, spec: ApplianceSpec, bindings: list[Binding]) -> bool:
        """Create what is missing, remove ports that are too many; tells whether a port changed."""
        if not self.exists():
            self._clear()  # what is left of it after a reboot, or of one that somebody deleted
            self._commands.run("ip", "netns", "add", self.name)
        wanted = {self._port_name(port): (port, binding) for port, binding in zip(spec.ports, bindings, strict=True)}
        there = set(self._ports())
        for name in sorted(there - wanted.keys()):
            self._unplug(name)
        missing = {name: place for name, place in wanted.items() if name not in there}
        if missing:
            self._plug(missing)
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
        """Kill every process of the appliance and wait until its sockets are free."""
        pids = self._processes()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        deadline = time.monotonic() + _PATIENCE
        while any(_lives(pid) for pid in pids):
            if time.monotonic() > deadline:
                raise DriverFault(f"processes of {self.name} did not end within {_PATIENCE:.0f} s of being killed")
            time.sleep(0.002)

    def remove(self) -> None:
        """Remove processes, ports, namespace and files. Gone is done."""
        self._clear()
        if self.exists():
            self._commands.run("ip", "netns", "delete", self.name)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _clear(self) -> None:
        self.end()
        for name in self._ports():
            self._unplug(name)

    def _processes(self) -> set[int]:
        """Those in the namespace, and those of our directory: somebody may have deleted the namespace under them."""
        inside = self._commands.run("ip", "netns", "pids", self.name).split() if self.exists() else []
        mark = str(self._directory).encode() + b"/"
        commands = {entry.name: _command(entry) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
        return {int(pid) for pid in inside} | {int(pid) for pid, words in commands.items() if mark in words}

    def _port_name(self, port: Port) -> str:
        return device_name("cwp", f"{self.name} {port.device} {port.mac} {msgspec.json.encode(port.segment).decode()}")

    def _ports(self) -> list[str]:
        """Host ends of this appliance's ports, also those that Open vSwitch remembers of a time before a reboot."""
        links = self._commands.json("ip", "-j", "link")
        found = {link["ifname"] for link in links if link.get("ifalias") == self.name}
        query = ("--columns=name", "find", "Interface", f"external_ids:appliance={self.name}")
        _, out, _ = self._commands.attempt("ovs-vsctl", "--timeout=5", "--bare", *query)
        return sorted(found & {link["ifname"] for link in links}) + sorted(set(out.split()) - found)

    def _plug(self, places: dict[str, tuple[Port, Binding]]) -> None:
        """Make the ports and plug them in; `places` is by the name of the host's end."""
        lines, ports = [], []
        for name, (port, binding) in places.items():
            size = f"mtu {port.segment.mtu}"
            peer = f"peer name {port.device} netns {self.name} address {port.mac} {size}"
            lines += [f"link add {name} {size} type veth {peer}", f"link set {name} alias {self.name}", f"link set {name} up"]
            if binding.openvswitch:
                tag = [f"tag={binding.tag}"] if binding.tag else []
                ports += ["--", "--may-exist", "add-port", binding.bridge, name, *tag]
                ports += ["--", "set", "Interface", name, f"external_ids:appliance={self.name}"]
            else:
                lines.append(f"link set {name} master {binding.bridge}")
        self._commands.run("ip", "-batch", "-", text="\n".join(lines) + "\n")
        for name, (port, binding) in places.items():
            if binding.userspace:
                self._commands.run("ethtool", "-K", name, "tx", "off")
                self._commands.run("ip", "netns", "exec", self.name, "ethtool", "-K", port.device, "tx", "off")
        if ports:
            self._commands.run("ovs-vsctl", *ports[1:])

    def _unplug(self, name: str) -> None:
        self._commands.attempt("ovs-vsctl", "--timeout=5", "--if-exists", "del-port", name)
        code, _, words = self._commands.attempt("ip", "link", "delete", name)
        if code and "Cannot find" not in words and "No such device" not in words:
            raise DriverFault(f"port {name} of {self.name} could not be removed: {words}")


def _command(process: Path) -> bytes:
    """The command line below /proc, each word ended by a slash; empty when the process is gone."""
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b"/")
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _lives(pid: int) -> bool:
    """Whether a process still holds its sockets; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
