"""A hypervisor that keeps its machines in a World: the Simulator, and the twin that tests measure others by.

Nothing here costs a thread or a file: 50,000 hosts live in one process. It validates like a real hypervisor and has
verbs for the world outside (`crash`, `vanish`, `power_cut`, `come_back`), which no caller of the contract has.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from weakref import WeakKeyDictionary

import msgspec
from msgspec.structs import replace

from cloudwright.drivers.error import Busy, DriverError, NotThere, Refused, Unreachable
from cloudwright.drivers.hypervisor.check import ceiling, check_disk, check_machine, check_nic, check_scale
from cloudwright.drivers.hypervisor.contract import Console, Disk, HostFacts, Machine, Nic, Power, Seen
from cloudwright.drivers.hypervisor.screen import screen_port, serial_port
from cloudwright.drivers.work import Work, WorkState
from cloudwright.drivers.world import Value, World

Watcher = Callable[[Seen], None]

# Who watches which host of a world: a migration on one host is news on another.
_watchers: WeakKeyDictionary[World, dict[str, list[Watcher]]] = WeakKeyDictionary()
_watchers_lock = threading.Lock()

_FACTS = HostFacts("Simulator", "1", "", cpus=64, cpu_mhz=2000, memory=262144, can=["live-migration", "hotplug", "console"])


class FakeHypervisor:
    """One simulated host. `clock` answers seconds; a live migration takes as many as the world's delay of "migrate" says."""

    __slots__ = ("_clock", "_facts", "_host", "_world")

    def __init__(
        self, world: World, host: str, facts: HostFacts | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._world = world
        self._host = host
        self._facts = facts
        self._clock = clock

    def facts(self) -> HostFacts:
        self._meet("facts")
        return replace(self._facts or _FACTS, hostname=self._host)

    def machines(self) -> list[Seen]:
        self._meet("machines")
        return [self._seen(value) for _, value in sorted(self._world.of(self._host, "machine").items())]

    def see(self, name: str) -> Seen:
        self._meet("see")
        return self._seen(self._value(name))

    def start(self, machine: Machine) -> Seen:
        self._meet("start")
        value = self._world.get(self._host, "machine", machine.name)
        if value and value["power"] in (Power.RUNNING, Power.PAUSED):
            return self._seen(value)
        check_machine(machine, (self._facts or _FACTS).memory)
        ceiling(machine)
        if value and _machine(value).uuid != machine.uuid:
            raise Refused(f"{machine.name} exists on {self._host} with another uuid, {_machine(value).uuid}")
        for disk in machine.disks:
            self._check_unused(machine.name, disk)
        return self._set_power(machine, Power.RUNNING, self._clock())

    def stop(self, name: str, force: bool = False, grace: float = 30.0) -> None:
        self._meet("stop")
        value = self._world.get(self._host, "machine", name)
        if value and value["power"] in (Power.RUNNING, Power.PAUSED):
            self._set_power(_machine(value), Power.STOPPED)

    def reboot(self, name: str, force: bool = False, grace: float = 30.0) -> None:
        self._meet("reboot")
        self._set_power(self._running(name), Power.RUNNING, self._clock())

    def remove(self, name: str) -> None:
        self._meet("remove")
        value = self._world.get(self._host, "machine", name)
        if value:
            self._world.drop(self._host, "machine", name)
            if value["power"] != Power.STOPPED:
                self._tell(self._host, replace(self._seen(value), power=Power.STOPPED))

    def attach_disk(self, name: str, disk: Disk) -> None:
        self._meet("attach_disk")
        machine = _machine(self._value(name))
        if any(other.volume == disk.volume and other.slot == disk.slot for other in machine.disks):
            return
        check_disk(name, disk, machine.disks)
        self._check_unused(name, disk)
        self._change(replace(machine, disks=[*machine.disks, disk]))

    def detach_disk(self, name: str, volume: str) -> None:
        self._meet("detach_disk")
        machine = _machine(self._value(name))
        self._change(replace(machine, disks=[disk for disk in machine.disks if disk.volume != volume or disk.cdrom]))

    def resize_disk(self, name: str, volume: str, size: int) -> None:
        self._meet("resize_disk")
        value = self._value(name)
        if value["power"] == Power.RUNNING and volume not in self._seen(value).disks:
            raise NotThere(f"{name} has no volume {volume}")

    def insert_media(self, name: str, path: str) -> None:
        self._meet("insert_media")
        machine = _machine(self._value(name))
        disks = [disk for disk in machine.disks if not disk.cdrom]
        if path:
            disks.append(Disk(volume=path.rpartition("/")[2], path=path, slot=3, format="iso", cdrom=True, read_only=True))
        self._change(replace(machine, disks=disks))

    def attach_nic(self, name: str, nic: Nic) -> None:
        self._meet("attach_nic")
        machine = _machine(self._value(name))
        if any(other.mac == nic.mac and other.slot == nic.slot for other in machine.nics):
            return
        check_nic(name, nic, machine.nics)
        self._change(replace(machine, nics=[*machine.nics, nic]))

    def update_nic(self, name: str, nic: Nic) -> None:
        self._meet("update_nic")
        machine = _machine(self._value(name))
        if all(other.mac != nic.mac for other in machine.nics):
            raise NotThere(f"{name} has no interface {nic.mac}")
        self._change(replace(machine, nics=[nic if other.mac == nic.mac else other for other in machine.nics]))

    def detach_nic(self, name: str, mac: str) -> None:
        self._meet("detach_nic")
        machine = _machine(self._value(name))
        self._change(replace(machine, nics=[nic for nic in machine.nics if nic.mac != mac]))

    def scale(self, name: str, cpus: int, memory: int) -> None:
        self._meet("scale")
        value = self._value(name)
        machine = _machine(value)
        if value["power"] != Power.RUNNING:
            return
        check_scale(name, (machine.cpus, machine.memory), (cpus, memory), ceiling(machine))
        room = dict(zip(("max_cpus", "max_memory"), map(str, ceiling(machine)), strict=True))
        self._change(replace(machine, cpus=cpus, memory=memory, details=machine.details | room))

    def console(self, name: str) -> Console:
        self._meet("console")
        self._running(name)
        return Console(host="127.0.0.1", port=screen_port())

    def serial(self, name: str) -> Console:
        self._meet("serial")
        self._running(name)
        return Console(host="127.0.0.1", port=serial_port())

    def begin_migrate(self, key: str, name: str, to: str) -> None:
        self._meet("begin_migrate")
        if self._world.get(self._host, "work", key):
            return
        self._running(name)
        if to == self._host:
            raise Refused(f"{name} is already on {self._host}")
        if self._world.get(to, "host", "gone") is not None:
            raise Unreachable(f"{self._host} cannot reach {to} to migrate {name}")
        self._world.put(self._host, "work", key, {"name": name, "to": to, "begun": self._clock(), "error": "", "over": False})
        self._migrated(key)

    def migration_address(self) -> str:
        self._meet("migration_address")
        return self._host

    def work(self, key: str) -> Work:
        self._meet("work")
        return self._migrated(key)

    def cancel(self, key: str) -> None:
        self._meet("cancel")
        self._world.drop(self._host, "work", key)

    def guest(self, name: str, command: list[str], timeout: float = 10.0) -> str:
        self._meet("guest")
        machine = self._running(name)
        if not self.see(name).guest_agent:
            raise Refused(f"{name} has no guest agent")
        if command[:1] == ["echo"]:
            return " ".join(command[1:]) + "\n"
        if command == ["hostname"]:
            return machine.hostname + "\n"
        raise Refused(f"{name}: a simulated guest knows the programs echo and hostname, not {command[0]}")

    def watch(self, changed: Watcher) -> Callable[[], None]:
        with _watchers_lock:
            _watchers.setdefault(self._world, {}).setdefault(self._host, []).append(changed)

        def end() -> None:
            with _watchers_lock:
                here = _watchers.get(self._world, {}).get(self._host, [])
                if changed in here:
                    here.remove(changed)

        return end

    # The world outside

    def crash(self, name: str) -> None:
        """The machine's process dies."""
        self._set_power(self._running(name), Power.CRASHED)

    def vanish(self) -> None:
        """The host answers nobody; its machines go on."""
        self._world.put(self._host, "host", "gone", {})

    def power_cut(self) -> None:
        """The host and all its machines stop at once, and nobody is told."""
        self.vanish()
        for name, value in self._world.of(self._host, "machine").items():
            self._world.put(self._host, "machine", name, value | {"power": Power.STOPPED})

    def come_back(self) -> None:
        """The host answers again."""
        self._world.drop(self._host, "host", "gone")

    # Inside

    def _meet(self, verb: str) -> None:
        self._world.faults.meet(self._host, verb)
        if self._world.get(self._host, "host", "gone") is not None:
            raise Unreachable(f"{self._host} does not answer ({verb})")

    def _value(self, name: str) -> Value:
        value = self._world.get(self._host, "machine", name)
        if value is None:
            raise NotThere(f"{name} is not on {self._host}")
        return value

    def _running(self, name: str) -> Machine:
        value = self._value(name)
        if value["power"] not in (Power.RUNNING, Power.PAUSED):
            raise NotThere(f"{name} does not run on {self._host}")
        return _machine(value)

    def _seen(self, value: Value) -> Seen:
        machine, power = _machine(value), Power(str(value["power"]))
        running = power is Power.RUNNING
        return Seen(
            name=machine.name,
            uuid=machine.uuid,
            power=power,
            cpus=machine.cpus,
            memory=machine.memory,
            disks=[disk.volume for disk in sorted(machine.disks, key=lambda disk: disk.slot) if not disk.cdrom],
            macs=[nic.mac for nic in sorted(machine.nics, key=lambda nic: nic.slot)],
            cpu_seconds=max(0.0, self._clock() - float(str(value.get("since", 0)))) if running else 0.0,
            guest_agent=running and machine.details.get("simulator.agent") != "off",
        )

    def _set_power(self, machine: Machine, power: Power, since: float = 0.0) -> Seen:
        value: Value = {"machine": msgspec.json.encode(machine).decode(), "power": power, "since": since}
        before = self._world.get(self._host, "machine", machine.name)
        self._world.put(self._host, "machine", machine.name, value)
        seen = self._seen(value)
        if before is None or before["power"] != power:
            self._tell(self._host, seen)
        return seen

    def _change(self, machine: Machine) -> None:
        value = self._value(machine.name)
        self._world.put(self._host, "machine", machine.name, value | {"machine": msgspec.json.encode(machine).decode()})

    def _tell(self, host: str, seen: Seen) -> None:
        with _watchers_lock:
            here = list(_watchers.get(self._world, {}).get(host, ()))
        for changed in here:
            changed(seen)

    def _check_unused(self, name: str, disk: Disk) -> None:
        """A disk that a running machine has open for writing is locked, as QEMU locks its images."""
        if disk.cdrom or disk.read_only:
            return
        for other, value in self._world.of(self._host, "machine").items():
            running = other != name and value["power"] in (Power.RUNNING, Power.PAUSED)
            if running and any(disk.path == one.path for one in _machine(value).disks):
                raise Busy(f"{disk.path} of {name} is in use by {other}")

    def _migrated(self, key: str) -> Work:
        """Finish the migration once its time has passed, and report."""
        value = self._world.get(self._host, "work", key)
        if value is None:
            return Work(key, WorkState.UNKNOWN)
        if value["error"]:
            return Work(key, WorkState.FAILED, error=str(value["error"]))
        if not value["over"]:
            passed, seconds = self._clock() - float(str(value["begun"])), self._world.faults.seconds(self._host, "migrate")
            if passed < seconds:
                return Work(key, WorkState.RUNNING, progress=passed / seconds)
            self._world.put(self._host, "work", key, value | self._move(str(value["name"]), str(value["to"])))
            return self._migrated(key)
        return Work(key, WorkState.DONE, progress=1.0)

    def _move(self, name: str, to: str) -> Value:
        try:
            self._world.faults.strike(self._host, "migrate")
        except DriverError as error:
            return {"error": str(error)}
        value = self._world.get(self._host, "machine", name)
        if value is None or value["power"] not in (Power.RUNNING, Power.PAUSED):
            return {"error": f"{name} stopped running on {self._host} during its migration"}
        if self._world.get(to, "host", "gone") is not None:
            return {"error": f"{self._host} lost {to} during the migration of {name}"}
        self._world.put(to, "machine", name, value)
        self._world.drop(self._host, "machine", name)
        seen = self._seen(value)
        self._tell(self._host, replace(seen, power=Power.STOPPED))
        self._tell(to, seen)
        return {"over": True}


def _machine(value: Value) -> Machine:
    return msgspec.json.decode(str(value["machine"]), type=Machine)
