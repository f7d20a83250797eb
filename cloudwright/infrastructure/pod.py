"""Pods: racks with their management addresses."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Success
from cloudwright.core.error import InUse, ParamError, counted
from cloudwright.core.listing import where
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, computed, field
from cloudwright.infrastructure import address
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.dedication import forget
from cloudwright.infrastructure.model import Cluster, Host, Pod, StorageIpRange, Zone
from cloudwright.infrastructure.usage import ListWithCapacity
from cloudwright.infrastructure.zone import STATES


def _ranges(row: dict[str, Any], caller: Caller) -> list[dict[str, Any]]:
    subnet = IPv4Network(f"{row['gateway']}/{row['netmask']}", strict=False)
    one = {"gateway": row["gateway"], "cidr": str(subnet), "startip": row["_start"], "endip": row["_end"]}
    return [{**one, "forsystemvms": "0", "vlanid": "vlan://untagged"}]


class PodView(View, of=Pod, key="pod", joins=[(Zone, Zone.c.id == Pod.c.zone_id)]):
    """A pod."""

    id = field(Pod.c.uuid, "the pod's id")
    name = field(Pod.c.name, "its name")
    zoneid = field(Zone.c.uuid, "its zone")
    zonename = field(Zone.c.name, "the name of its zone")
    gateway = field(Pod.c.gateway, "the gateway of its management network")
    netmask = field(Pod.c.netmask, "the netmask of its management network")
    allocationstate = field(Pod.c.allocation_state, "whether machines are placed there")
    _start = field(Pod.c.start_ip, "the first address")
    _end = field(Pod.c.end_ip, "the last address")
    startip = computed(lambda row, caller: [row["_start"]], "the first address of each range", "list")
    endip = computed(lambda row, caller: [row["_end"]], "the last address of each range", "list")
    forsystemvms = computed(lambda row, caller: ["0"], "for each range, whether only appliances use it", "list")
    vlanid = computed(lambda row, caller: ["vlan://untagged"], "the VLAN of each range", "list")
    ipranges = computed(_ranges, "the ranges", "list")


class ListPods(ListWithCapacity, answers=PodView, keywords=[Pod.c.name], level="pod"):
    """Lists pods."""

    id: str | None = where(Pod.c.uuid, "only this one", kind="uuid")
    name: str | None = where(Pod.c.name, "only the one of this name")
    zone: Ref[Zone] | None = where(Pod.c.zone_id, "only those of this zone")
    allocation_state: str | None = where(Pod.c.allocation_state, "only those in this state: Enabled or Disabled")


class CreatePod(Command, answers=PodView, event="POD.CREATE"):
    """Makes a pod with the addresses that appliances take on the management network."""

    name: str = param("its name, unique in the zone")
    zone: Ref[Zone] = param("the zone")
    gateway: str = param("the gateway of its management network", check=address.ip, optional_in_api=True)
    netmask: str = param("its netmask", check=address.mask, optional_in_api=True)
    start_ip: str = param("the first address for appliances", check=address.ip, optional_in_api=True)
    end_ip: str | None = param("the last one; without, the last of the network", check=address.ip)
    allocation_state: str = param("Enabled or Disabled", default="Enabled", choices=STATES)
    storage_access_groups: list[str] | None = param("storage access groups", check=not_built("storage access groups"))

    def run(self, tx: Tx, caller: Caller) -> Pod:
        range_ = address.checked(self.gateway, self.netmask, self.start_ip, self.end_ip)
        _check_alone(tx, range_, self.zone.id, 0)
        return tx.insert(Pod(
            name=self.name, zone_id=self.zone.id, gateway=self.gateway, netmask=self.netmask, start_ip=self.start_ip,
            end_ip=str(range_.end), allocation_state=self.allocation_state.capitalize(),
        ))  # fmt: skip


class UpdatePod(Command, answers=PodView, event="POD.EDIT"):
    """Changes a pod."""

    id: Ref[Pod] = param("the pod", use=Use.CHANGE)
    name: str | None = param("its new name")
    gateway: str | None = param("the gateway of its management network", check=address.ip)
    netmask: str | None = param("its netmask", check=address.mask)
    start_ip: str | None = param("the first address for appliances", check=address.ip)
    end_ip: str | None = param("the last one", check=address.ip)
    allocation_state: str | None = param("Enabled or Disabled", choices=STATES)

    def run(self, tx: Tx, caller: Caller) -> Pod:
        pod = self.id
        names = ("gateway", "netmask", "start_ip", "end_ip")
        now: dict[str, Any] = {name: self.__dict__[name] or getattr(pod, name) for name in names}
        range_ = address.checked(now["gateway"], now["netmask"], now["start_ip"], now["end_ip"])
        _check_alone(tx, range_, pod.zone_id, pod.id)
        state = (self.allocation_state or pod.allocation_state).capitalize()
        tx.update(pod, name=self.name or pod.name, allocation_state=state, **now)
        return pod


class DeletePod(Command, event="POD.DELETE"):
    """Deletes an empty pod."""

    id: Ref[Pod] = param("the pod", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        pod = self.id
        clusters, hosts = tx.count(Cluster, Cluster.c.pod_id == pod.id), tx.count(Host, Host.c.pod_id == pod.id)
        if clusters or hosts:
            text = f"Pod {pod.name} is not empty: it has {counted({'cluster': clusters, 'host': hosts})}"
            raise InUse(text, param="id", fix=["delete its hosts and clusters first (deleteHost, deleteCluster)"])
        for range_ in tx.all(StorageIpRange, StorageIpRange.c.pod_id == pod.id):
            tx.remove(range_)
        forget(tx, "pod", pod.id)
        tx.remove(pod)
        return Success()


def _check_alone(reader: Reader, mine: address.Range, zone_id: int, but: int) -> None:
    """Raises ParamError where another pod of the zone has a part of the same network."""
    for other in reader.all(Pod, Pod.c.zone_id == zone_id, Pod.c.id != but):
        subnet = IPv4Network(f"{other.gateway}/{other.netmask}", strict=False)
        if subnet.overlaps(mine.subnet):
            text = f"Parameter gateway: the network {mine.subnet} overlaps {subnet} of pod {other.name}"
            raise ParamError(text, param="gateway", fix=["give each pod of a zone a management network of its own"])
