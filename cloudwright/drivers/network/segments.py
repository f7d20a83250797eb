"""Segments on a host: the bridge an interface plugs into, and how one segment is kept apart from another."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from cloudwright.drivers.error import Refused
from cloudwright.drivers.network.command import Commands
from cloudwright.drivers.segment import Segment, SegmentKind

_VXLAN_HEADERS = 50  # bytes that VXLAN over IPv4 adds to a frame
_FLOOD = "00:00:00:00:00:00"
_MACHINES = ("cwp", "vnet", "tap")  # names of appliances' and machines' interfaces


class Binding(Struct, frozen=True):
    """Where an interface of a segment plugs in. `tag` is 0 where the bridge itself is the segment.

    Behind an Open vSwitch that forwards in userspace, checksum offload must be off on both ends, or packets are lost.
    """

    bridge: str
    openvswitch: bool
    tag: int = 0
    userspace: bool = False


class Underlay(Struct, frozen=True):
    """What carries VXLAN between hosts. Without `peers` the flood goes to a multicast group made from the VNI."""

    device: str
    local: str = ""  # own address
    peers: tuple[str, ...] = ()  # the other hosts' addresses
    port: int = 4789


def device_name(prefix: str, key: str) -> str:
    """A device name within the kernel's 15 characters, always the same for the same key."""
    return prefix + hashlib.blake2s(key.encode(), digest_size=5).hexdigest()


def multicast_group(vni: int) -> str:
    """239.x.y.z, the VNI in the last three bytes."""
    return f"239.{vni >> 16 & 255}.{vni >> 8 & 255}.{vni & 255}"


class Segments:
    """Makes and removes segments. `uplinks` names, by label, the device that carries VLAN tags of a Linux bridge."""

    def __init__(self, commands: Commands, underlay: Underlay | None, uplinks: Mapping[str, str]) -> None:
        self._commands = commands
        self._underlay = underlay
        self._uplinks = uplinks

    def binding(self, segment: Segment) -> Binding:
        """Where the segment's interfaces plug in. Raises Refused where the label's bridge is missing."""
        if segment.kind is SegmentKind.VXLAN:
            return Binding(device_name("cwb", segment.key), openvswitch=False)
        code, out, _ = self._commands.attempt("ovs-vsctl", "--timeout=5", "get", "Bridge", segment.label, "datapath_type")
        if code == 0:
            return Binding(segment.label, openvswitch=True, tag=segment.tag, userspace=out.strip() == "netdev")
        kind = self._link(segment.label).get("linkinfo", {}).get("info_kind", "")
        if kind != "bridge":
            raise Refused(f"this host has no bridge {segment.label}, which segment {segment.key} needs")
        if segment.kind is SegmentKind.FLAT:
            return Binding(segment.label, openvswitch=False)
        return Binding(device_name("cwb", segment.key), openvswitch=False)

    def make(self, segment: Segment) -> Binding:
        """Complete the segment's devices; those already there are kept."""
        binding = self.binding(segment)
        if binding.bridge == segment.label:
            return binding
        if segment.kind is SegmentKind.VXLAN:
            carrier = self._vxlan(segment)
        else:
            carrier = self._vlan(segment)
        if not self._link(binding.bridge):
            self._commands.run("ip", "link", "add", binding.bridge, "type", "bridge", "stp_state", "0", "forward_delay", "0")
        lines = [f"link set {binding.bridge} alias {segment.key}", f"link set {carrier} mtu {segment.mtu}"]
        lines += [f"link set {carrier} master {binding.bridge} up", f"link set {binding.bridge} mtu {segment.mtu} up"]
        self._commands.run("ip", "-batch", "-", text="\n".join(lines) + "\n")
        return binding

    def exists(self, segment: Segment) -> bool:
        """Whether the segment's bridge is there."""
        try:
            return bool(self._link(self.binding(segment).bridge))
        except Refused:
            return False

    def used(self, segment: Segment) -> bool:
        """Whether an interface of a machine or an appliance is plugged in."""
        binding = self.binding(segment)
        if not binding.openvswitch:
            ports = self._commands.json("ip", "-j", "link", "show", "master", binding.bridge)
            mine = {device_name("cwx", segment.key), device_name("cwl", segment.key)}
            names = {port["ifname"] for port in ports} - mine
            return any(name.startswith(_MACHINES) for name in names) if binding.bridge == segment.label else bool(names)
        ports_here = set(self._commands.run("ovs-vsctl", "list-ports", binding.bridge).split())
        tag = str(binding.tag) if binding.tag else "[]"
        found = self._commands.run("ovs-vsctl", "--bare", "--columns=name", "find", "Port", f"tag={tag}").split()
        return any(binding.tag or name.startswith(_MACHINES) for name in ports_here.intersection(found))

    def sweep(self) -> None:
        """Remove Open vSwitch's ports of machines and appliances whose devices are gone. Its database keeps them when a host
        loses power; they would hold their segments for ever, and take in the next device of their name, whosever it is."""
        code, out, _ = self._commands.attempt("ovs-vsctl", "--timeout=5", "--bare", "--columns=name", "list", "Port")
        if code:
            return
        there = {link["ifname"] for link in self._commands.json("ip", "-j", "link", "show")}
        for name in out.split():
            if name.startswith(_MACHINES) and name not in there:
                self._commands.run("ovs-vsctl", "--if-exists", "del-port", name)

    def unmake(self, segment: Segment) -> None:
        """Remove the devices that `make` made. Gone is done."""
        if segment.kind is SegmentKind.FLAT:
            return
        for prefix in ("cwb", "cwx", "cwl"):
            name = device_name(prefix, segment.key)
            if self._link(name):
                self._commands.run("ip", "link", "delete", name)

    def _link(self, name: str) -> dict[str, Any]:
        """The device as `ip` tells it, empty when there is none."""
        code, _, _ = self._commands.attempt("ip", "link", "show", "dev", name)
        return {} if code else self._commands.json("ip", "-j", "-d", "link", "show", "dev", name)[0]

    def _vlan(self, segment: Segment) -> str:
        uplink = self._uplinks.get(segment.label, "")
        if not uplink:
            raise Refused(
                f"segment {segment.key} needs a VLAN on the Linux bridge {segment.label}, and no uplink is set for that bridge"
            )
        name = device_name("cwl", segment.key)
        if not self._link(name):
            self._commands.run("ip", "link", "add", "link", uplink, "name", name, "type", "vlan", "id", str(segment.tag))
        return name

    def _vxlan(self, segment: Segment) -> str:
        underlay = self._underlay
        if underlay is None:
            raise Refused(f"segment {segment.key} needs VXLAN, and this host has no device set to carry it")
        most = int(self._link(underlay.device).get("mtu", 0)) - _VXLAN_HEADERS
        if segment.mtu > most:
            raise Refused(f"segment {segment.key} wants an MTU of {segment.mtu}, and {underlay.device} carries at most {most}")
        name = device_name("cwx", segment.key)
        if not self._link(name):
            self._add_vxlan(name, segment.tag, underlay)
        seen = self._commands.json("bridge", "-j", "fdb", "show", "dev", name)
        there = {entry.get("dst") for entry in seen if entry["mac"] == _FLOOD}
        for peer in (peer for peer in underlay.peers if peer not in there):
            self._commands.run("bridge", "fdb", "append", _FLOOD, "dev", name, "dst", peer)
        return name

    def _add_vxlan(self, name: str, vni: int, underlay: Underlay) -> None:
        flood = [] if underlay.peers else ["group", multicast_group(vni), "ttl", "10"]
        local = ["local", underlay.local] if underlay.local else []
        way = ["dev", underlay.device, "dstport", str(underlay.port), *local, *flood]
        self._commands.run("ip", "link", "add", name, "type", "vxlan", "id", str(vni), *way)
