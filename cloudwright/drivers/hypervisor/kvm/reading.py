"""What a domain's XML tells of a machine. Pure functions, the reverse of `domain`."""

from __future__ import annotations

from string import ascii_lowercase
from xml.etree.ElementTree import Element, fromstring

from cloudwright.drivers.hypervisor.contract import Disk, Nic
from cloudwright.drivers.hypervisor.kvm.domain import GUEST_AGENT, NAMESPACE, disk_alias
from cloudwright.drivers.segment import Segment, SegmentKind

_UNITS = {"b": 1, "bytes": 1, "KiB": 1 << 10, "k": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def parse(xml: str) -> Element:
    """The domain element. The text comes from libvirt, which wrote it itself."""
    return fromstring(xml)  # noqa: S314


def is_ours(domain: Element) -> bool:
    """Whether this platform made the machine."""
    return domain.find(f"metadata/{{{NAMESPACE}}}machine") is not None


def disk_elements(domain: Element) -> list[Element]:
    """Its disks in the order of their slots, without CD-ROMs."""
    disks = [disk for disk in domain.findall("devices/disk") if disk.get("device") == "disk" and _alias(disk).startswith("ua-")]
    return sorted(disks, key=_slot)


def nic_elements(domain: Element) -> list[Element]:
    """Its interfaces in the order of their slots."""
    return sorted(domain.findall("devices/interface"), key=nic_slot)


def find_disk(domain: Element, volume: str) -> Element | None:
    """The disk that holds a volume."""
    return next((disk for disk in disk_elements(domain) if _alias(disk) == disk_alias(volume)), None)


def find_nic(domain: Element, mac: str) -> Element | None:
    """The interface with a MAC."""
    return next((nic for nic in nic_elements(domain) if mac_of(nic) == mac.lower()), None)


def disks(domain: Element) -> list[Disk]:
    """Its disks, as far as the platform's checks need them."""
    return [Disk(volume=volume_of(disk), path=_path(disk), slot=_slot(disk)) for disk in disk_elements(domain)]


def nics(domain: Element) -> list[Nic]:
    """Its interfaces, as far as the platform's checks need them; the segment only names the bridge."""
    return [
        Nic(mac_of(nic), Segment(SegmentKind.FLAT, nic.find("source").get("bridge", "")), nic_slot(nic))  # type: ignore[union-attr]
        for nic in nic_elements(domain)
    ]


def volume_of(disk: Element) -> str:
    return _alias(disk).removeprefix("ua-")


def target_of(disk: Element) -> str:
    """The device name, vda …"""
    target = disk.find("target")
    return "" if target is None else target.get("dev", "")


def mac_of(nic: Element) -> str:
    mac = nic.find("mac")
    return "" if mac is None else mac.get("address", "").lower()


def nic_slot(nic: Element) -> int:
    slot = _alias(nic).removeprefix("ua-nic-")
    return int(slot) if slot.isdigit() else -1


def cpus(domain: Element) -> tuple[int, int]:
    """Processors now, and how many there may be."""
    vcpu = domain.find("vcpu")
    most = int(domain.findtext("vcpu", "1"))
    return (most if vcpu is None else int(vcpu.get("current", most))), most


def memory(domain: Element) -> tuple[int, int]:
    """MiB now, and how many there may be."""
    return _mebibytes(domain.find("currentMemory")), max(_mebibytes(domain.find(tag)) for tag in ("maxMemory", "memory"))


def agent_connected(domain: Element) -> bool:
    """Whether the guest agent has opened its end of the channel."""
    target = domain.find(f"devices/channel/target[@name='{GUEST_AGENT}']")
    return target is not None and target.get("state") == "connected"


def _mebibytes(element: Element | None) -> int:
    if element is None:
        return 0
    return int(element.text or 0) * _UNITS[element.get("unit", "KiB")] >> 20


def _alias(device: Element) -> str:
    alias = device.find("alias")
    return "" if alias is None else alias.get("name", "")


def _slot(disk: Element) -> int:
    return ascii_lowercase.index(target_of(disk)[2:3])


def _path(disk: Element) -> str:
    source = disk.find("source")
    return "" if source is None else source.get("file") or source.get("dev") or source.get("name") or ""
