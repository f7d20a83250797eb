"""Domain XML, rendered by pure functions: what libvirt is told of a machine.

A disk is known again by its device alias `ua-<volume>` and an interface by its MAC and `ua-nic-<slot>`, so that
a running machine tells of itself all that this driver must know after it was restarted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from string import ascii_lowercase
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from msgspec import Struct

from cloudwright.drivers.error import Refused
from cloudwright.drivers.hypervisor.check import ceiling
from cloudwright.drivers.hypervisor.contract import Disk, Limits, Machine, Nic
from cloudwright.drivers.hypervisor.kvm.plug import Wire
from cloudwright.drivers.segment import Segment

NAMESPACE = "urn:cloudwright:machine:1"
PRODUCT = "CloudStack KVM Hypervisor"  # by which guests' cloud-init finds the CloudStack data source
TCG_CACHE = 32  # MiB of translated code; QEMU's own default is a gigabyte's eighth
DIMM_SLOTS = 16
CPU_PERIOD = 10000  # microseconds in which a processor's time is counted; libvirt's least quota is a tenth
GUEST_AGENT = "org.qemu.guest_agent.0"
_OFFLOADS = ("csum", "tso4", "tso6", "ecn", "ufo")
_PREFIX = {"virtio": "vd", "scsi": "sd", "sata": "sd", "ide": "hd"}


class Look(Struct, frozen=True):
    """What the host says about how machines are rendered on it."""

    accelerated: bool = False
    cpu_shares: bool = False
    cpu_mhz: int = 0  # of each of the host's processors
    log_directory: str = "/var/log/libvirt/qemu"
    socket_directory: str = "/run/libvirt/qemu"


def render(machine: Machine, look: Look, wire: Callable[[Segment], Wire]) -> str:
    """The whole domain. Contains the console password: never log it."""
    domain = Element("domain", type="kvm" if look.accelerated else "qemu")
    _text(domain, "name", machine.name)
    _text(domain, "uuid", machine.uuid)
    metadata = SubElement(domain, "metadata")
    SubElement(metadata, "cloudwright:machine", {"xmlns:cloudwright": NAMESPACE, "hostname": machine.hostname})
    _size(domain, machine, look)
    _platform(domain, machine, look)
    devices = SubElement(domain, "devices")
    if any(disk.bus == "scsi" for disk in machine.disks):
        SubElement(devices, "controller", type="scsi", index="0", model="virtio-scsi")
    SubElement(devices, "controller", type="usb", model="none")
    disks = [disk for disk in machine.disks if not disk.cdrom]
    cdroms = [disk for disk in machine.disks if disk.cdrom]
    for disk in sorted(disks, key=lambda disk: disk.slot):
        devices.append(disk_element(disk))
    devices.append(cdrom_element(cdroms[0].path if cdroms else ""))
    for nic in sorted(machine.nics, key=lambda nic: nic.slot):
        devices.append(nic_element(nic, wire(nic.segment)))
    _ports(devices, machine, look)
    indent(domain)
    return tostring(domain, encoding="unicode")


def disk_element(disk: Disk) -> Element:
    """One disk, by file, block device or NFS URL."""
    element = Element("disk", device="disk")
    # Without the host's page cache a power cut of the host loses only what the guest did not flush, and machines migrate safely.
    SubElement(element, "driver", name="qemu", type=disk.format, cache=disk.cache, discard="unmap")
    _source(element, disk.path)
    SubElement(element, "target", dev=target(disk), bus=disk.bus)
    _limits(element, disk.limits)
    if disk.read_only:
        SubElement(element, "readonly")
    serial = re.sub(r"[^0-9a-zA-Z]", "", disk.volume.removeprefix("v-"))[:20]  # what a guest sees in /dev/disk/by-id
    _text(element, "serial", serial)
    SubElement(element, "alias", name=disk_alias(disk.volume))
    return element


def _limits(element: Element, limits: Limits) -> None:
    said = {
        "read_bytes_sec": limits.read_bytes, "write_bytes_sec": limits.write_bytes,
        "read_iops_sec": limits.read_operations, "write_iops_sec": limits.write_operations,
    }  # fmt: skip
    if not any(limit.rate for limit in said.values()):
        return
    tune = SubElement(element, "iotune")
    for ending in ("", "_max", "_max_length"):  # the schema wants them in this order
        for name, limit in said.items():
            value = {"": limit.rate, "_max": limit.burst, "_max_length": limit.seconds}[ending]
            if value and limit.rate:
                _text(tune, name + ending, str(value))


def cdrom_element(path: str) -> Element:
    """The CD-ROM; an empty path leaves it empty."""
    element = Element("disk", type="file", device="cdrom")
    SubElement(element, "driver", name="qemu", type="raw")
    if path:
        _source(element, path)
    SubElement(element, "target", dev="hdc", bus="ide")
    SubElement(element, "readonly")
    return element


def nic_element(nic: Nic, wire: Wire) -> Element:
    """One interface, plugged into the wire's bridge."""
    element = Element("interface", type="bridge")
    SubElement(element, "mac", address=nic.mac)
    SubElement(element, "source", bridge=wire.bridge)
    if wire.openvswitch:
        if wire.tag:
            SubElement(SubElement(element, "vlan"), "tag", id=str(wire.tag))
        SubElement(element, "virtualport", type="openvswitch")
    SubElement(element, "model", type=nic.model)
    if nic.model == "virtio" and not wire.offloads:
        off = dict.fromkeys(_OFFLOADS, "off")
        driver = SubElement(element, "driver")
        SubElement(driver, "host", off | {"gso": "off", "mrg_rxbuf": "off"})
        SubElement(driver, "guest", off)
    if nic.megabits_per_second:
        kilobytes = str(max(1, nic.megabits_per_second * 125))
        bandwidth = SubElement(element, "bandwidth")
        SubElement(bandwidth, "inbound", average=kilobytes)
        SubElement(bandwidth, "outbound", average=kilobytes)
    SubElement(element, "mtu", size=str(wire.mtu))
    SubElement(element, "link", state="up" if nic.link_up else "down")
    SubElement(element, "alias", name=f"ua-nic-{nic.slot}")
    SubElement(element, "rom", enabled="no")
    return element


def dimm_element(mebibytes: int) -> Element:
    """Memory to plug into a running machine."""
    element = Element("memory", model="dimm")
    target_ = SubElement(element, "target")
    SubElement(target_, "size", unit="MiB").text = str(mebibytes)
    _text(target_, "node", "0")
    return element


def target(disk: Disk) -> str:
    """The device name of a disk's slot: slot 0 of virtio is vda."""
    if disk.bus not in _PREFIX:
        raise Refused(f"volume {disk.volume} asks for disk bus {disk.bus}; there are {', '.join(_PREFIX)}")
    return _PREFIX[disk.bus] + ascii_lowercase[disk.slot]


def disk_alias(volume: str) -> str:
    """The alias by which a volume's device is found again."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", volume):
        raise Refused(f"volume name {volume!r} has other characters than letters, digits, - and _, or more than 60")
    return f"ua-{volume}"


def _size(domain: Element, machine: Machine, look: Look) -> None:
    cpus, memory = ceiling(machine)
    if memory > machine.memory:
        SubElement(domain, "maxMemory", unit="MiB", slots=str(DIMM_SLOTS)).text = str(memory)
    SubElement(domain, "memory", unit="MiB").text = str(machine.memory)
    SubElement(domain, "vcpu", current=str(machine.cpus)).text = str(cpus)
    if machine.cpu_limit and not look.cpu_shares:
        raise Refused(f"{machine.name} shall have {machine.cpu_limit} MHz a processor, and this host cannot hold it to that")
    if look.cpu_shares:
        tune = SubElement(domain, "cputune")
        _text(tune, "shares", str(min(max(machine.cpu_shares, 2), 10000)))
        if machine.cpu_limit and look.cpu_mhz:
            _text(tune, "period", str(CPU_PERIOD))
            _text(tune, "quota", str(max(1000, CPU_PERIOD * min(machine.cpu_limit, look.cpu_mhz) // look.cpu_mhz)))
    cpu = Element("cpu", mode="host-model") if look.accelerated else Element("cpu")
    if memory > machine.memory:
        numa = SubElement(cpu, "numa")
        SubElement(numa, "cell", id="0", cpus=f"0-{cpus - 1}", memory=str(machine.memory), unit="MiB")
    if look.accelerated or len(cpu):
        domain.append(cpu)


def _platform(domain: Element, machine: Machine, look: Look) -> None:
    info = SubElement(SubElement(domain, "sysinfo", type="smbios"), "system")
    for name, value in (("manufacturer", "Cloudwright"), ("product", PRODUCT), ("uuid", machine.uuid)):
        SubElement(info, "entry", name=name).text = value
    system = SubElement(domain, "os")
    SubElement(system, "type", arch="x86_64", machine="pc").text = "hvm"
    for device in ("cdrom", "hd") if machine.boot_from_cdrom else ("hd", "cdrom"):
        SubElement(system, "boot", dev=device)
    SubElement(system, "smbios", mode="sysinfo")
    features = SubElement(domain, "features")
    SubElement(features, "acpi")
    SubElement(features, "apic")
    if not look.accelerated:
        SubElement(SubElement(features, "tcg"), "tb-cache", unit="MiB").text = str(TCG_CACHE)
    SubElement(domain, "clock", offset="utc")
    for what, does in (("on_poweroff", "destroy"), ("on_reboot", "restart"), ("on_crash", "destroy")):
        _text(domain, what, does)


def _ports(devices: Element, machine: Machine, look: Look) -> None:
    serial = SubElement(devices, "serial", type="unix")
    SubElement(serial, "source", mode="bind", path=f"{look.socket_directory}/{machine.name}-serial.sock")
    SubElement(serial, "log", file=serial_log(look, machine.name), append="off")
    channel = SubElement(devices, "channel", type="unix")
    SubElement(channel, "target", type="virtio", name=GUEST_AGENT)
    SubElement(devices, "input", type="tablet", bus="virtio")
    graphics = SubElement(devices, "graphics", type="vnc")
    if machine.console_password:
        graphics.set("passwd", machine.console_password)
    SubElement(graphics, "listen", type="socket")  # libvirt chooses a path that only it and QEMU reach
    SubElement(SubElement(devices, "video"), "model", type="vga", vram="8192")
    SubElement(devices, "memballoon", model="virtio")
    SubElement(SubElement(devices, "rng", model="virtio"), "backend", model="random").text = "/dev/urandom"


def serial_log(look: Look, name: str) -> str:
    """The file that keeps what a machine's first serial port says."""
    return f"{look.log_directory}/{name}-serial.log"


def _source(element: Element, path: str) -> None:
    if path.startswith("/dev/"):
        element.set("type", "block")
        SubElement(element, "source", dev=path)
    elif path.startswith("/"):
        element.set("type", "file")
        SubElement(element, "source", file=path)
    else:
        url = urlsplit(path)
        if url.scheme != "nfs" or not url.hostname:
            raise Refused(f"a KVM host opens files, devices and nfs:// URLs as disks, not {url.scheme or path}")
        element.set("type", "network")
        source = SubElement(element, "source", protocol="nfs", name=url.path)
        SubElement(source, "host", name=url.hostname)
        SubElement(source, "identity", user="+0", group="+0")  # the schema asks for one; images belong to root


def _text(parent: Element, tag: str, text: str) -> None:
    SubElement(parent, tag).text = text
