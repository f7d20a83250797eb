"""Ranges of a pod's storage network."""

from __future__ import annotations

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Success
from cloudwright.core.error import ParamError
from cloudwright.core.listing import List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.record import Record, changed, created
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, field
from cloudwright.infrastructure import address
from cloudwright.infrastructure.model import Pod, StorageIpRange, Zone


class StorageIpRangeView(
    View, of=StorageIpRange, key="storagenetworkiprange",
    joins=[(Zone, Zone.c.id == StorageIpRange.c.zone_id), (Pod, Pod.c.id == StorageIpRange.c.pod_id)],
):  # fmt: skip
    """A range of a storage network."""

    id = field(StorageIpRange.c.uuid, "the range's id")
    zoneid = field(Zone.c.uuid, "its zone")
    podid = field(Pod.c.uuid, "its pod")
    vlan = field(StorageIpRange.c.vlan, "its VLAN", "integer")
    gateway = field(StorageIpRange.c.gateway, "the gateway")
    netmask = field(StorageIpRange.c.netmask, "the netmask")
    startip = field(StorageIpRange.c.start_ip, "the first address")
    endip = field(StorageIpRange.c.end_ip, "the last address")


class ListStorageNetworkIpRange(List, answers=StorageIpRangeView, keywords=[StorageIpRange.c.start_ip]):
    """Lists ranges of storage networks."""

    id: str | None = where(StorageIpRange.c.uuid, "only this one", kind="uuid")
    pod: Ref[Pod] | None = where(StorageIpRange.c.pod_id, "only those of this pod")
    zone: Ref[Zone] | None = where(StorageIpRange.c.zone_id, "only those of this zone")


class CreateStorageNetworkIpRange(Command, answers=StorageIpRangeView, event="STORAGE.IP.RANGE.CREATE", starts=Record):
    """Adds a range to a pod's storage network."""

    pod: Ref[Pod] = param("the pod", use=Use.CHANGE)
    start_ip: str = param("the first address", check=address.ip)
    end_ip: str | None = param("the last one; without, the last of the network", check=address.ip)
    gateway: str = param("the gateway", check=address.ip)
    netmask: str = param("the netmask", check=address.mask)
    vlan: int | None = param("its VLAN", minimum=1, maximum=4094)

    def run(self, tx: Tx, caller: Caller) -> StorageIpRange:
        range_ = address.checked(self.gateway, self.netmask, self.start_ip, self.end_ip)
        _check_alone(tx, range_, self.pod.id, 0)
        row = tx.insert(StorageIpRange(
            zone_id=self.pod.zone_id, pod_id=self.pod.id, vlan=self.vlan, gateway=self.gateway, netmask=self.netmask,
            start_ip=self.start_ip, end_ip=str(range_.end),
        ))  # fmt: skip
        self.start(tx, created(row, f"pod {self.pod.name} has storage addresses {range_.start} to {range_.end}"), row, caller)
        return row


class UpdateStorageNetworkIpRange(Command, answers=StorageIpRangeView, event="STORAGE.IP.RANGE.UPDATE", starts=Record):
    """Changes a range of a storage network."""

    id: Ref[StorageIpRange] = param("the range", use=Use.CHANGE)
    start_ip: str | None = param("the first address", check=address.ip)
    end_ip: str | None = param("the last one", check=address.ip)
    netmask: str | None = param("the netmask", check=address.mask)
    vlan: int | None = param("its VLAN", minimum=1, maximum=4094)

    def run(self, tx: Tx, caller: Caller) -> StorageIpRange:
        row = self.id
        now = {name: self.__dict__[name] or getattr(row, name) for name in ("netmask", "start_ip", "end_ip", "vlan")}
        range_ = address.checked(row.gateway, now["netmask"], now["start_ip"], now["end_ip"])
        _check_alone(tx, range_, row.pod_id, row.id)
        tx.update(row, **now)
        self.start(tx, changed(f"the range is {range_.start} to {range_.end}"), row, caller)
        return row


class DeleteStorageNetworkIpRange(Command, event="STORAGE.IP.RANGE.DELETE", starts=Record):
    """Deletes a range of a storage network."""

    id: Ref[StorageIpRange] = param("the range", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        tx.remove(self.id)
        self.start(tx, changed(f"the range {self.id.start_ip} to {self.id.end_ip} is gone"), self.id, caller)
        return Success()


def _check_alone(reader: Reader, mine: address.Range, pod_id: int, but: int) -> None:
    for other in reader.all(StorageIpRange, StorageIpRange.c.pod_id == pod_id, StorageIpRange.c.id != but):
        theirs = address.checked(other.gateway, other.netmask, other.start_ip, other.end_ip)
        if mine.meets(theirs):
            text = f"Parameter startip: {mine.start} to {mine.end} overlaps {theirs.start} to {theirs.end} of the same pod"
            raise ParamError(text, param="startip")
