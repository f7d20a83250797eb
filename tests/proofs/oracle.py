"""The leak oracle: what the database says exists against what the simulated world holds, reservations against their rows."""

from __future__ import annotations

import json
from collections.abc import Iterator

import sqlalchemy as sa

from cloudwright.cloud import Cloud
from cloudwright.compute.model import Vm
from cloudwright.core.loop import Loop
from cloudwright.core.resource import Resource
from cloudwright.core.task import Task, TaskRow
from cloudwright.core.tx import Reader
from cloudwright.identity import recount
from cloudwright.infrastructure.model import Host, SegmentNumber
from cloudwright.network.model import Network, Nic, PublicIp, Router
from cloudwright.network.segment import segment_of
from cloudwright.storage.model import StoragePool, Template, TemplateAt, Volume

PASSING = {
    Vm: ("Starting", "Stopping", "Migrating", "Expunging"),
    Volume: ("Creating", "Resizing", "Attaching", "Expunging", "Removing"),
    Network: ("Implementing", "Shutdown", "Destroy"),
    Router: ("Starting", "Stopping"),
    PublicIp: ("Allocating", "Releasing"),
    TemplateAt: ("Downloading", "Removing"),
    Host: ("Creating", "PrepareForMaintenance", "Removing"),
    StoragePool: ("Creating", "PrepareForMaintenance", "Removing"),
}
"""States in which nothing rests once no task runs."""


def leaks(cloud: Cloud) -> list[str]:
    """Every difference, as a sentence. Empty when the world is as the database says."""
    reader = cloud.db.read()
    checks = (_tasks, _states, _owners, _reservations, recount.differences)
    found = [sentence for check in checks for sentence in check(reader)]
    outside = (_machines, _volumes, _appliances, _segments, _images, _work)
    return found + [sentence for check in outside for sentence in check(cloud, reader)]


def _differences(what: str, says: set[tuple[str, str]], holds: set[tuple[str, str]]) -> Iterator[str]:
    for place, name in sorted(holds - says):
        yield f"{what} {name} is at {place}, of which the database knows nothing"
    for place, name in sorted(says - holds):
        yield f"{what} {name} is not at {place}, where the database says it is"


def _tasks(reader: Reader) -> Iterator[str]:
    for row in reader.all(TaskRow, TaskRow.c.live == 1):
        if not issubclass(Task.by_name[row.kind_name], Loop):
            yield f"task {row.kind_name} on {row.subject} is still {row.state} at {row.at}: {row.waiting}"
    for row in reader.all(TaskRow, TaskRow.c.live == 0, sa.or_(TaskRow.c.holds.is_not(None), TaskRow.c.owner != 0)):
        yield f"task {row.kind_name} ended but still holds {row.holds} for server {row.owner}"


def _states(reader: Reader) -> Iterator[str]:
    for kind, states in PASSING.items():
        column = kind.c.state
        for row in reader.all(kind, column.in_(states)):
            yield f"{row!r} was left {row.__dict__['state']}"


def _owners(reader: Reader) -> Iterator[str]:
    living = {kind: {row.id for row in reader.all(kind)} for kind in (Vm, Network)}

    def orphan(row: Resource, name: str, kind: type[Resource]) -> Iterator[str]:
        at = row.__dict__[name]
        if at is not None and at not in living[kind]:
            yield f"{row!r} belongs to {kind.kind} #{at}, which is gone"

    for nic in reader.all(Nic):
        yield from orphan(nic, "vm_id", Vm)
        yield from orphan(nic, "network_id", Network)
    for kind in (PublicIp, Router, SegmentNumber):
        for row in reader.all(kind):
            yield from orphan(row, "network_id", Network)
    for volume in reader.all(Volume):
        yield from orphan(volume, "vm_id", Vm)
    for number in reader.all(SegmentNumber):
        network = reader.get(Network, number.network_id)
        if network.segment_number != number.number:
            yield f"number {number.number} is taken by {network!r}, which uses {network.segment_number}"


def _reservations(reader: Reader) -> Iterator[str]:
    for host in reader.all(Host):
        here = reader.all(Vm, Vm.c.host_id == host.id)
        taken = sum(vm.cpu_taken for vm in here), sum(vm.memory_taken for vm in here)
        if taken != (host.cpu_reserved, host.memory_reserved):
            yield f"{host!r} has {host.cpu_reserved} MHz, {host.memory_reserved} bytes reserved, its machines take {taken}"
    for pool in reader.all(StoragePool):
        sizes = sum(volume.size for volume in reader.all(Volume, Volume.c.pool_id == pool.id))
        if sizes != pool.reserved:
            yield f"{pool!r} has {pool.reserved} bytes reserved, its volumes may take {sizes}"
    for vm in reader.all(Vm, Vm.c.host_id.is_(None)):
        if vm.cpu_taken or vm.memory_taken:
            yield f"{vm!r} takes {vm.cpu_taken} MHz of no host"


def _hosts(reader: Reader) -> dict[int, Host]:
    return {host.id: host for host in reader.all(Host, Host.c.hypervisor == "Simulator")}


def _machines(cloud: Cloud, reader: Reader) -> Iterator[str]:
    hosts = _hosts(reader)
    running = reader.all(Vm, Vm.c.state == "Running")
    says = {(hosts[vm.host_id].uuid, vm.instance_name) for vm in running if vm.host_id in hosts}
    yield from _differences("machine", says, {(host, name) for host, name, _ in cloud.world.all("machine")})
    for host, name, value in cloud.world.all("machine"):
        if (host, name) in says and value["power"] != "running":
            yield f"machine {name} is {value['power']} on {host}, the database says it runs"
    for vm in running:
        if vm.host_id is None:
            yield f"{vm!r} runs nowhere"


def _volumes(cloud: Cloud, reader: Reader) -> Iterator[str]:
    pools = {pool.id: pool for pool in reader.all(StoragePool)}
    made = reader.all(Volume, Volume.c.state.not_in(["Allocated"]), Volume.c.pool_id.in_(pools))
    says = {(pools[volume.pool_id].pool_name, volume.disk_name) for volume in made if volume.pool_id is not None}
    for place in reader.all(TemplateAt, TemplateAt.c.pool_id.in_(pools), TemplateAt.c.state == "Ready"):
        says.add((pools[place.pool_id].pool_name, reader.get(Template, place.template_id).image_name))
    yield from _differences("volume", says, {(pool, name) for pool, name, _ in cloud.world.all("volume")})


def _appliances(cloud: Cloud, reader: Reader) -> Iterator[str]:
    hosts = _hosts(reader)
    running = reader.all(Router, Router.c.state == "Running")
    says = {(hosts[router.host_id].uuid, router.appliance_name) for router in running if router.host_id in hosts}
    yield from _differences("appliance", says, {(host, name) for host, name, _ in cloud.world.all("appliance")})


def _segments(cloud: Cloud, reader: Reader) -> Iterator[str]:
    """A host may keep a segment as long as its network lives; of a network that is on no host nothing may be left."""
    known = {
        segment_of(reader, n, "Simulator").key
        for n in reader.all(Network)
        if n.segment_number is not None or n.segment_kind == "FLAT"
    }
    known |= {key for host, name, value in cloud.world.all("appliance") for key in _keys(value)}
    for host, key, _ in cloud.world.all("segment"):
        if key not in known:
            yield f"segment {key} is on {host}, no network uses it"


def _keys(value: dict[str, object]) -> Iterator[str]:
    """The segments an appliance is plugged into, also the public one, which is no network's of a guest."""
    spec = value.get("spec")
    spec = json.loads(spec) if isinstance(spec, str) else spec
    for port in spec.get("ports", []) if isinstance(spec, dict) else []:
        segment = port["segment"]
        yield segment["label"] if segment["kind"] == "flat" else f"{segment['kind']}-{segment['label']}-{segment['tag']}"


def _images(cloud: Cloud, reader: Reader) -> Iterator[str]:
    ready = reader.all(TemplateAt, TemplateAt.c.store_id != 0, TemplateAt.c.state == "Ready")
    says = {reader.get(Template, place.template_id).image_name for place in ready}
    holds = {name for _, name, _ in cloud.world.all("image")}
    yield from _differences("image", {("store", name) for name in says}, {("store", name) for name in holds})


def _work(cloud: Cloud, reader: Reader) -> Iterator[str]:
    for host, key, value in cloud.world.all("work"):
        yield f"work {key} is not forgotten at {host}: {value.get('state', '')}{value.get('over', '')} {value.get('error', '')}"
