"""Where an instance runs: asks placement, reserves what it chose, gives it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from cloudwright.compute.model import ServiceOffering, Vm
from cloudwright.compute.vm.company import company
from cloudwright.core.error import Lost
from cloudwright.core.tx import Reader, Tx
from cloudwright.infrastructure import capacity
from cloudwright.infrastructure.candidates import choose, crowd, overtaken, spreads
from cloudwright.infrastructure.company import alone
from cloudwright.infrastructure.dedication import domains_of
from cloudwright.infrastructure.model import Cluster, Host, Pod
from cloudwright.infrastructure.placement import Disk, Request
from cloudwright.network.model import Network, Nic
from cloudwright.network.segment import label_of
from cloudwright.storage.model import DiskOffering, StoragePool, Volume
from cloudwright.storage.volume.room import give_room, take_room

MIB = 1 << 20


class Pin(msgspec.Struct):
    """Where an administrator wants it."""

    host: Host | None = None
    cluster: Cluster | None = None
    pod: Pod | None = None

    def ids(self) -> dict[str, int]:
        """What a task remembers of it."""
        named = {"host": self.host, "cluster": self.cluster, "pod": self.pod}
        return {name: row.id for name, row in named.items() if row is not None}


def request_of(tx: Reader, vm: Vm, volumes: Sequence[Volume], pin: Mapping[str, int], avoid: Sequence[int]) -> Request:
    """What an instance asks of its place."""
    offering = tx.get(ServiceOffering, vm.service_offering_id)
    nics = tx.all(Nic, Nic.c.vm_id == vm.id)
    physical = {tx.get(Network, nic.network_id).physical_network_id for nic in nics}
    labels = {label_of(tx, id, "Guest", vm.hypervisor) for id in physical}
    near = company(tx, vm)
    planner = offering.deployment_planner or ""
    return Request(
        account=vm.account_id, domains=domains_of(tx, vm.domain_id), planner=planner, alone=alone(offering),
        crowd=crowd(tx, vm.account_id) if spreads(tx, planner) else {},
        name=vm.name, zone=vm.zone_id, hypervisor=vm.hypervisor, cpus=vm.cpus, mhz=vm.cpu_mhz, memory=vm.memory * MIB,
        tags=_words(offering.host_tags), labels=tuple(sorted(labels)), disks=tuple(_disk(tx, v, offering) for v in volumes),
        pod=pin.get("pod"), cluster=pin.get("cluster"), host=pin.get("host"), avoid=frozenset(avoid), disabled_too=bool(pin),
        apart=near.apart, beside=near.beside, leaning=near.leaning, groups=near.groups,
    )  # fmt: skip


def find_place(tx: Tx, vm: Vm, pin: Mapping[str, int], avoid: Sequence[int]) -> Host:
    """Choose a host and pools and reserve them. Raises NoCapacity that names, for each host, what refused it."""
    give_back(tx, vm, forget_pools=True)
    volumes = tx.all(Volume, Volume.c.vm_id == vm.id)
    request = request_of(tx, vm, volumes, pin, avoid)
    plan = choose(tx, request)
    mhz, memory = vm.cpus * vm.cpu_mhz, vm.memory * MIB
    _take(tx, request, plan.host, mhz, memory)
    for volume, pool_id in zip(volumes, plan.pools, strict=True):
        if volume.pool_id is None and not take_room(tx, volume, tx.get(StoragePool, pool_id)):
            raise Lost(f"pool {pool_id} was filled meanwhile")
    tx.update(vm, host_id=plan.host, cpu_taken=mhz, memory_taken=memory)
    return tx.get(Host, plan.host)


def _take(tx: Tx, request: Request, host_id: int, mhz: int, memory: int) -> None:
    """Take the place on a host that was chosen. Raises Lost where others were faster: who chose chooses again."""
    if not capacity.reserve_host(tx, host_id, mhz, memory):
        raise Lost(f"host {host_id} was filled meanwhile")
    if said := overtaken(tx, request, host_id):
        raise Lost(f"host {host_id} was taken meanwhile: {said}")


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _disk(tx: Reader, volume: Volume, offering: ServiceOffering) -> Disk:
    """What a volume asks of its pool; one that has a pool is asked about there."""
    disk = tx.get(DiskOffering, volume.disk_offering_id) if volume.disk_offering_id else None
    tags, kind = (disk.tags, disk.storage_type) if disk else (offering.tags, offering.storage_type)
    return Disk(name=volume.name, size=volume.size, tags=_words(tags), local=kind == "local", pool=volume.pool_id)


def give_back(tx: Tx, vm: Vm, forget_pools: bool = False) -> None:
    """Return what the instance has reserved on its host; with `forget_pools` also the pools of volumes that were never made."""
    if vm.host_id is not None:
        capacity.release_host(tx, vm.host_id, vm.cpu_taken, vm.memory_taken)
        tx.update(vm, host_id=None, cpu_taken=0, memory_taken=0)
    if not forget_pools:
        return
    for volume in tx.all(Volume, Volume.c.vm_id == vm.id, Volume.c.state == "Allocated", Volume.c.pool_id.is_not(None)):
        give_room(tx, volume)


def take_target(tx: Tx, vm: Vm, wanted: int | None) -> Host:
    """Choose where a running instance moves, the host named or the best of its cluster, and reserve it. Raises NoCapacity."""
    here = tx.get(Host, vm.host_id or 0)
    pin = {"host": wanted} if wanted is not None else {"cluster": here.cluster_id}
    volumes = tx.all(Volume, Volume.c.vm_id == vm.id)
    request = request_of(tx, vm, volumes, pin, [here.id])
    target = tx.get(Host, choose(tx, request).host)
    _take(tx, request, target.id, vm.cpu_taken, vm.memory_taken)
    return target
