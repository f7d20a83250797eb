"""Plugging devices into machines and out of them, running or not."""

from __future__ import annotations

import time
from collections.abc import Callable
from xml.etree.ElementTree import Element, tostring

import libvirt

from cloudwright.drivers.error import Busy, NotThere, Refused
from cloudwright.drivers.hypervisor.check import check_disk, check_nic, check_scale
from cloudwright.drivers.hypervisor.contract import Disk, Nic
from cloudwright.drivers.hypervisor.kvm import reading
from cloudwright.drivers.hypervisor.kvm.domain import cdrom_element, dimm_element, disk_element, nic_element, target
from cloudwright.drivers.hypervisor.kvm.fault import spoken
from cloudwright.drivers.hypervisor.kvm.plug import Wire

UNPLUG_PATIENCE = 20.0  # seconds that a guest gets to let go of a device
_ASK_AGAIN = 4.0  # seconds; a guest that is still booting misses the first request
_POLL = 0.05

Find = Callable[[Element], Element | None]


def attach_disk(domain: libvirt.virDomain, disk: Disk) -> None:
    now = _xml(domain)
    present = reading.find_disk(now, disk.volume)
    if present is not None and reading.target_of(present) == target(disk):
        return
    check_disk(domain.name(), disk, reading.disks(now))
    with spoken(f"volume {disk.volume} cannot be plugged into {domain.name()}"):
        domain.attachDeviceFlags(tostring(disk_element(disk), encoding="unicode"), _everywhere(domain))


def detach_disk(domain: libvirt.virDomain, volume: str) -> None:
    _unplug(domain, lambda xml: reading.find_disk(xml, volume), f"volume {volume}")


def resize_disk(domain: libvirt.virDomain, volume: str, size: int) -> None:
    if not domain.isActive():
        return
    disk = reading.find_disk(_xml(domain), volume)
    if disk is None:
        raise NotThere(f"{domain.name()} has no volume {volume}")
    with spoken(f"volume {volume} of {domain.name()} cannot become {size} bytes"):
        now = domain.blockInfo(reading.target_of(disk))[0]
        if size < now:
            raise Refused(f"volume {volume} of {domain.name()} has {now} bytes and cannot shrink to {size} while it is in use")
        domain.blockResize(reading.target_of(disk), size, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)


def insert_media(domain: libvirt.virDomain, path: str) -> None:
    # Forced: a guest that locked the tray does not keep the platform from taking its ISO back.
    flags = _everywhere(domain) | libvirt.VIR_DOMAIN_DEVICE_MODIFY_FORCE
    with spoken(f"the CD-ROM of {domain.name()} cannot hold {path or 'nothing'}"):
        domain.updateDeviceFlags(tostring(cdrom_element(path), encoding="unicode"), flags)


def attach_nic(domain: libvirt.virDomain, nic: Nic, wire: Wire) -> None:
    now = _xml(domain)
    present = reading.find_nic(now, nic.mac)
    if present is not None and reading.nic_slot(present) == nic.slot:
        return
    check_nic(domain.name(), nic, reading.nics(now))
    with spoken(f"interface {nic.mac} cannot be plugged into {domain.name()}"):
        domain.attachDeviceFlags(tostring(nic_element(nic, wire), encoding="unicode"), _everywhere(domain))


def update_nic(domain: libvirt.virDomain, nic: Nic, wire: Wire) -> None:
    """Keeps what a running interface cannot change (model, address, MTU) and replaces what it can."""
    present = reading.find_nic(_xml(domain), nic.mac)
    if present is None:
        raise NotThere(f"{domain.name()} has no interface {nic.mac}")
    wanted = nic_element(nic, wire)
    change = ["source", "vlan", "link", "bandwidth"]
    if (present.find("virtualport") is None) is wire.openvswitch:  # else it keeps its port's identity in Open vSwitch
        change.append("virtualport")
    for tag in (*change, "target"):
        for old in present.findall(tag):
            present.remove(old)
    for tag in change:
        present.extend(wanted.findall(tag))
    with spoken(f"interface {nic.mac} of {domain.name()} cannot change to {wire.bridge}"):
        domain.updateDeviceFlags(tostring(present, encoding="unicode"), _everywhere(domain))


def detach_nic(domain: libvirt.virDomain, mac: str) -> None:
    _unplug(domain, lambda xml: reading.find_nic(xml, mac), f"interface {mac}")


def scale(domain: libvirt.virDomain, cpus: int, memory: int) -> None:
    if not domain.isActive():
        return
    now = _xml(domain)
    (have, most), (mebibytes, room) = reading.cpus(now), reading.memory(now)
    check_scale(domain.name(), (have, mebibytes), (cpus, memory), (most, room))
    with spoken(f"{domain.name()} cannot grow to {cpus} processors and {memory} MiB"):
        if cpus > have:
            domain.setVcpusFlags(cpus, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        if memory > mebibytes:
            domain.attachDeviceFlags(
                tostring(dimm_element(memory - mebibytes), encoding="unicode"), libvirt.VIR_DOMAIN_AFFECT_LIVE
            )


def _unplug(domain: libvirt.virDomain, find: Find, what: str) -> None:
    """Ask until the device is gone from the running machine, and drop it from the definition."""
    definition = find(reading.parse(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)))
    if definition is not None:
        with spoken(f"{what} cannot be taken out of {domain.name()}'s definition"):
            domain.detachDeviceFlags(tostring(definition, encoding="unicode"), libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    end, asked = time.monotonic() + UNPLUG_PATIENCE, float("-inf")
    while domain.isActive() and (present := find(_xml(domain))) is not None:
        now = time.monotonic()
        if now > end:
            raise Busy(f"the guest in {domain.name()} did not let go of {what} within {UNPLUG_PATIENCE:g} s")
        if now > asked + _ASK_AGAIN:
            asked = now
            _ask_for(domain, present, what)
        time.sleep(_POLL)


def _ask_for(domain: libvirt.virDomain, device: Element, what: str) -> None:
    alias = device.find("alias")
    try:
        domain.detachDeviceAlias("" if alias is None else alias.get("name", ""), libvirt.VIR_DOMAIN_AFFECT_LIVE)
    except libvirt.libvirtError as error:
        # Gone in between, or still being asked for: the next look tells.
        if error.get_error_code() not in (libvirt.VIR_ERR_DEVICE_MISSING, libvirt.VIR_ERR_OPERATION_FAILED):
            raise Busy(f"{what} cannot be taken out of {domain.name()}: {error.get_error_message()}") from error


def _everywhere(domain: libvirt.virDomain) -> int:
    """The definition, and the running machine when there is one."""
    live: int = libvirt.VIR_DOMAIN_AFFECT_LIVE if domain.isActive() else 0
    return live | int(libvirt.VIR_DOMAIN_AFFECT_CONFIG)


def _xml(domain: libvirt.virDomain) -> Element:
    return reading.parse(domain.XMLDesc(0))
