"""Machines on this host by libvirt and QEMU, used in-process by the agent.

Domains are persistent and never marked to start with the host: a definition outlives a stop, a crash and a power cut,
and only this driver's `start` makes a machine run. (Hosts must not enable libvirt-guests, which would.)
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import libvirt
from msgspec.structs import replace

from cloudwright.drivers.error import DriverError, DriverFault, NotThere, Refused
from cloudwright.drivers.hypervisor.check import check_machine
from cloudwright.drivers.hypervisor.contract import Console, Disk, HostFacts, Machine, Nic, Power, Seen
from cloudwright.drivers.hypervisor.kvm import devices, reading
from cloudwright.drivers.hypervisor.kvm.domain import Look, render, serial_log
from cloudwright.drivers.hypervisor.kvm.facts import host_facts, is_userspace
from cloudwright.drivers.hypervisor.kvm.fault import spoken
from cloudwright.drivers.hypervisor.kvm.guest import run_in_guest
from cloudwright.drivers.hypervisor.kvm.link import Link
from cloudwright.drivers.hypervisor.kvm.migration import Migrations
from cloudwright.drivers.hypervisor.kvm.plug import Plug, Wire
from cloudwright.drivers.hypervisor.kvm.probe import acceleration
from cloudwright.drivers.segment import Segment
from cloudwright.drivers.work import Work, WorkState

Watcher = Callable[[Seen], None]

_log = logging.getLogger(__name__)

_RUNNING = {libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_BLOCKED, libvirt.VIR_DOMAIN_SHUTDOWN}
_PAUSED = {libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PMSUSPENDED}
# DAEMON: libvirtd came back and found the machine's process gone.
_CRASHES = {libvirt.VIR_DOMAIN_SHUTOFF_CRASHED, libvirt.VIR_DOMAIN_SHUTOFF_DAEMON}
# On its way: a machine that is being started, or is arriving from another host, was not paused by anybody.
_ON_ITS_WAY = {libvirt.VIR_DOMAIN_PAUSED_STARTING_UP, libvirt.VIR_DOMAIN_PAUSED_MIGRATION}
_FORGET = libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
_FORGET |= libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
_PRESS_AGAIN = 5.0  # seconds; a guest that is still booting misses the power button
_POLL = 0.05


class KvmHypervisor:
    """One host's libvirtd at `uri`. `state` is a directory for what must outlive this process; `migration_uri` is how other
    hosts' libvirtd reach this one (qemu+tls://host/system), empty when they cannot; `groups` is where control groups are."""

    def __init__(
        self, uri: str, network: Plug, state: Path, migration_uri: str = "", groups: Path = Path("/sys/fs/cgroup")
    ) -> None:
        self._network = network
        self._state = state
        self._migration_uri = migration_uri
        self._groups = groups
        self._facts: HostFacts | None = None
        self._facts_lock = threading.Lock()
        self._watchers: list[Watcher] = []
        self._told: dict[str, Seen] = {}
        self._userspace: dict[str, bool] = {}
        self._link = Link(uri, self._heard)
        self._migrations = Migrations(self._link.connection, state / "migrations")

    def close(self) -> None:
        """Hang up; machines and migrations go on."""
        self._link.close()

    def facts(self) -> HostFacts:
        with self._facts_lock:
            if self._facts is None:
                verdict = acceleration(self._state / "acceleration.json")
                with spoken("the host's facts"):
                    self._facts = host_facts(self._link.connection(), verdict, self._groups)
            return self._facts

    def machines(self) -> list[Seen]:
        connection = self._link.connection()
        with spoken("the list of machines"):
            found = [self._look(domain) for domain in connection.listAllDomains()]
        return sorted((seen for seen in found if seen is not None), key=lambda seen: seen.name)

    def see(self, name: str) -> Seen:
        seen = self._look(self._domain(name))
        if seen is None:
            raise NotThere(f"{name} is on this host, but not this platform's machine")
        return seen

    def start(self, machine: Machine) -> Seen:
        domain = self._lookup(machine.name)
        if domain is not None and domain.isActive():
            return self.see(machine.name)
        facts = self.facts()
        check_machine(machine, facts.memory)
        if domain is not None and domain.UUIDString() != machine.uuid.lower():
            raise Refused(f"{machine.name} exists on {facts.hostname} with another uuid, {domain.UUIDString()}")
        look = Look(accelerated="kvm" in facts.can, cpu_shares="cpu-shares" in facts.can, cpu_mhz=facts.cpu_mhz)
        xml = render(machine, look, self._wire)
        with spoken(f"{machine.name} cannot start"):
            domain = self._link.connection().defineXMLFlags(xml, 0)
            try:
                domain.create()
            except libvirt.libvirtError:
                if not domain.isActive():  # else another call was faster
                    raise
        return self.see(machine.name)

    def stop(self, name: str, force: bool = False, grace: float = 30.0) -> None:
        domain = self._lookup(name)
        if domain is None:
            return

        def press() -> None:
            domain.shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN)

        with spoken(f"{name} cannot be stopped"):
            if (force or not _obeys(press, lambda: not domain.isActive(), grace)) and domain.isActive():
                self._pull_plug(domain)

    def reboot(self, name: str, force: bool = False, grace: float = 30.0) -> None:
        domain, before = self._running(name), self._link.reboots.get(name, 0)

        def press() -> None:
            domain.reboot(libvirt.VIR_DOMAIN_REBOOT_ACPI_POWER_BTN)

        with spoken(f"{name} cannot be restarted"):
            if force or not _obeys(press, lambda: self._link.reboots.get(name, 0) != before, grace):
                domain.reset()

    def remove(self, name: str) -> None:
        domain = self._lookup(name)
        if domain is None:
            return
        self._migrations.forget(name)
        with spoken(f"{name} cannot be removed"):
            if domain.isActive():
                self._pull_plug(domain)
            try:
                domain.undefineFlags(_FORGET)
            except libvirt.libvirtError as error:
                if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                    raise
        Path(serial_log(Look(), name)).unlink(missing_ok=True)

    def attach_disk(self, name: str, disk: Disk) -> None:
        devices.attach_disk(self._domain(name), disk)

    def detach_disk(self, name: str, volume: str) -> None:
        devices.detach_disk(self._domain(name), volume)

    def resize_disk(self, name: str, volume: str, size: int) -> None:
        devices.resize_disk(self._domain(name), volume, size)

    def insert_media(self, name: str, path: str) -> None:
        devices.insert_media(self._domain(name), path)

    def attach_nic(self, name: str, nic: Nic) -> None:
        devices.attach_nic(self._domain(name), nic, self._wire(nic.segment))

    def update_nic(self, name: str, nic: Nic) -> None:
        devices.update_nic(self._domain(name), nic, self._wire(nic.segment))

    def detach_nic(self, name: str, mac: str) -> None:
        devices.detach_nic(self._domain(name), mac)

    def scale(self, name: str, cpus: int, memory: int) -> None:
        devices.scale(self._domain(name), cpus, memory)

    def console(self, name: str) -> Console:
        domain = self._running(name)
        with spoken(f"the screen of {name}"):
            xml = reading.parse(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE))
        graphics = xml.find("devices/graphics")
        listen = xml.find("devices/graphics/listen")
        if graphics is None or listen is None:
            raise DriverFault(f"{name} runs without a screen")
        return Console(self.facts().hostname, path=listen.get("socket", ""), password=graphics.get("passwd", ""))

    def serial(self, name: str) -> Console:
        domain = self._running(name)
        with spoken(f"the serial port of {name}"):
            source = reading.parse(domain.XMLDesc(0)).find("devices/serial[@type='unix']/source")
        if source is None:
            raise Refused(f"{name} was started without a serial port that can be joined; stop it and start it again")
        return Console(self.facts().hostname, path=source.get("path", ""))

    def begin_migrate(self, key: str, name: str, to: str) -> None:
        if self._migrations.work(key).state is WorkState.UNKNOWN:
            self._running(name)
        self._migrations.begin(key, name, to)

    def migration_address(self) -> str:
        if not self._migration_uri:
            raise Refused("this host has no address for live migrations")
        return self._migration_uri

    def work(self, key: str) -> Work:
        return self._migrations.work(key)

    def cancel(self, key: str) -> None:
        self._migrations.cancel(key)

    def guest(self, name: str, command: list[str], timeout: float = 10.0) -> str:
        domain = self._running(name)
        if not self.see(name).guest_agent:
            raise Refused(f"{name} has no guest agent")
        return run_in_guest(domain, command, timeout)

    def watch(self, changed: Watcher) -> Callable[[], None]:
        for seen in self.machines():  # what is known now is no news later
            self._told.setdefault(seen.name, seen)
        self._watchers.append(changed)

        def end() -> None:
            if changed in self._watchers:
                self._watchers.remove(changed)

        return end

    # Looking

    def _lookup(self, name: str) -> libvirt.virDomain | None:
        try:
            with spoken(name):
                return self._link.connection().lookupByName(name)
        except NotThere:
            return None

    def _domain(self, name: str) -> libvirt.virDomain:
        domain = self._lookup(name)
        if domain is None:
            raise NotThere(f"{name} is not on this host")
        return domain

    def _running(self, name: str) -> libvirt.virDomain:
        domain = self._domain(name)
        with spoken(name):
            if not domain.isActive():
                raise NotThere(f"{name} does not run on this host")
        return domain

    def _look(self, domain: libvirt.virDomain) -> Seen | None:
        """A machine as it is; None when it is none of ours, or gone meanwhile."""
        try:
            with spoken("a look at a machine"):
                state, reason = domain.state()
                xml = reading.parse(domain.XMLDesc(0))
                seconds = domain.info()[4] / 1e9
        except NotThere:
            return None
        if not reading.is_ours(xml):
            return None
        return Seen(
            name=domain.name(),
            uuid=domain.UUIDString(),
            power=_power(state, reason),
            cpus=reading.cpus(xml)[0],
            memory=reading.memory(xml)[0],
            disks=[reading.volume_of(disk) for disk in reading.disk_elements(xml)],
            macs=[reading.mac_of(nic) for nic in reading.nic_elements(xml)],
            cpu_seconds=seconds,
            guest_agent=reading.agent_connected(xml),
        )

    def _wire(self, segment: Segment) -> Wire:
        """The segment on this host. Makes it usable first: a machine may come before its network's appliance."""
        self._network.ensure(segment)
        binding = self._network.binding(segment)
        if binding.openvswitch and binding.bridge not in self._userspace:
            self._userspace[binding.bridge] = is_userspace(binding.bridge)
        offloads = not (binding.openvswitch and self._userspace[binding.bridge])
        return Wire(binding.bridge, binding.openvswitch, binding.tag, segment.mtu, offloads)

    # Stopping

    def _pull_plug(self, domain: libvirt.virDomain) -> None:
        try:
            domain.destroy()
        except libvirt.libvirtError:
            if domain.isActive():
                raise

    # News

    def _heard(self, name: str) -> None:
        """Something changed with one machine, or (name is "") with any."""
        try:
            here = {name} if name else {seen.name for seen in self.machines()} | set(self._told)
            for known in sorted(here):
                self._tell(known, always=not name)
        except DriverError as error:  # libvirtd went away again: the next connection brings all news
            _log.warning("news of %s were lost: %s", name or "all machines", error)

    def _tell(self, name: str, always: bool) -> None:
        domain, before = self._lookup(name), self._told.get(name)
        seen = self._look(domain) if domain is not None else None
        if domain is not None and seen is not None and seen.power is Power.PAUSED and not _stays_paused(domain):
            return  # what comes of it is told
        if seen is not None:
            self._told[name] = seen
            always = always or seen.power is not (before.power if before else Power.STOPPED)  # it is defined, then started
        else:
            self._told.pop(name, None)
            always = before is not None and before.power is not Power.STOPPED
            seen = replace(before, power=Power.STOPPED) if before else None
        if seen is None or not always:
            return
        for changed in list(self._watchers):
            try:
                changed(seen)
            except Exception:
                _log.exception("a watcher failed on %s being %s", seen.name, seen.power)


def _obeys(press: Callable[[], object], done: Callable[[], bool], grace: float) -> bool:
    """Press the guest's button until it did what that asks for; False when it did not within `grace` seconds."""
    end, pressed = time.monotonic() + grace, float("-inf")
    while not done():
        now = time.monotonic()
        if now >= end:
            return False
        if now > pressed + _PRESS_AGAIN:
            pressed = now
            with contextlib.suppress(libvirt.libvirtError):  # it may be off by now, or paused
                press()
        time.sleep(_POLL)
    return True


def _power(state: int, reason: int) -> Power:
    if state in _RUNNING:
        return Power.RUNNING
    if state in _PAUSED:
        return Power.PAUSED
    crashed = state == libvirt.VIR_DOMAIN_CRASHED or (state == libvirt.VIR_DOMAIN_SHUTOFF and reason in _CRASHES)
    return Power.CRASHED if crashed else Power.STOPPED


def _stays_paused(domain: libvirt.virDomain) -> bool:
    """Whether somebody paused it: one that starts or arrives is paused only in between."""
    with contextlib.suppress(libvirt.libvirtError):
        state, reason = domain.state()
        return state in _PAUSED and reason not in _ON_ITS_WAY
    return False
