"""A scenario for each task of storage: how it is started on a prepared cloud. The universal proofs run over them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cloudwright.cloud import Cloud
from cloudwright.compute.model import Vm
from cloudwright.core.resource import Resource
from cloudwright.core.setting import Setting
from cloudwright.core.task import Task, TaskRow, start
from cloudwright.core.tx import Tx
from cloudwright.identity.model import ADMIN_ACCOUNT, ROOT_DOMAIN
from cloudwright.storage.model import StoragePool, Template, TemplateAt, Volume
from cloudwright.storage.pool.open import ClosePool, OpenPools
from cloudwright.storage.template.delete import UninstallTemplate
from cloudwright.storage.template.install import InstallTemplate, at_pool
from cloudwright.storage.template.register import RegisterTemplate, bring
from cloudwright.storage.volume.create import CreateVolume
from cloudwright.storage.volume.room import take_room
from tests.conftest import call, done
from tests.infrastructure.zone import Built, simulated_zone
from tests.storage.conftest import new_machine, new_volume, offering, until

Start = Callable[[Cloud], TaskRow]


def _zone(cloud: Cloud) -> Built:
    zone = simulated_zone(cloud, hosts=2)
    until(lambda: _one(cloud, TemplateAt).state == "Ready" and _pool(cloud).state == "Up")
    return zone


def _one(cloud: Cloud, kind: type[Any], *where: Any) -> Any:
    row = cloud.db.read().find(kind, *where)
    assert row is not None, kind
    return row


def _pool(cloud: Cloud) -> StoragePool:
    pool: StoragePool = _one(cloud, StoragePool, StoragePool.c.name == "primary")
    return pool


def _job(cloud: Cloud, zone: Built, command: str, **params: Any) -> TaskRow:
    """Start a job and answer its task."""
    row: TaskRow = _one(cloud, TaskRow, TaskRow.c.uuid == call(cloud, zone.caller, command, **params)["jobid"])
    return row


def _begin(cloud: Cloud, task: Task, on: Resource) -> TaskRow:
    return cloud.db.write(lambda tx: start(tx, task, on))


def _root_disk(cloud: Cloud) -> Volume:
    """A volume of the built-in template that has room, and is yet to be made."""

    def insert(tx: Tx) -> Volume:
        pool, template = _row(tx, StoragePool, StoragePool.c.name == "primary"), _row(tx, Template)
        volume = tx.insert(
            Volume(
                account_id=ADMIN_ACCOUNT, domain_id=ROOT_DOMAIN, name="root", zone_id=pool.zone_id, vol_type="ROOT",
                size=2 << 30, template_id=template.id,
            )
        )  # fmt: skip
        assert take_room(tx, volume, pool)
        return volume

    return cloud.db.write(insert)


def _row(tx: Tx, kind: type[Any], *where: Any) -> Any:
    row = tx.find(kind, *where)
    assert row is not None, kind
    return row


def _place(cloud: Cloud) -> TemplateAt:
    """The row of the built-in template in the pool, where it is not installed yet."""
    pool = _pool(cloud)
    return cloud.db.write(lambda tx: at_pool(tx, _row(tx, Template).id, pool))


def scenario_CreateVolume(cloud: Cloud) -> Start:
    """A whole copy, which is begun and waited for, of a template that is installed: it would stay for the next. A clone is in the
    deployment of machines."""
    _zone(cloud)
    place = _place(cloud)
    _begin(cloud, InstallTemplate(place=place.id), place)
    until(lambda: _one(cloud, TemplateAt, TemplateAt.c.id == place.id).state == "Ready")
    cloud.db.write(lambda tx: Setting.by_name["create.full.clone"].set(tx, "true"))
    volume = _root_disk(cloud)
    return lambda c: _begin(c, CreateVolume(volume=volume.id), volume)


def scenario_RemoveVolume(cloud: Cloud) -> Start:
    zone = _zone(cloud)
    volume = new_volume(cloud, zone, storageid=zone.pool.uuid)
    return lambda c: _job(c, zone, "destroyVolume", id=volume.uuid, expunge="true")


def scenario_ResizeVolume(cloud: Cloud) -> Start:
    zone = _zone(cloud)
    volume = new_volume(cloud, zone, storageid=zone.pool.uuid, diskofferingid=offering(cloud, "Custom"), size=2)
    return lambda c: _job(c, zone, "resizeVolume", id=volume.uuid, size=4)


def _machine_and_disk(cloud: Cloud) -> tuple[Built, Vm, Volume]:
    zone = _zone(cloud)
    vm = new_machine(cloud, zone)
    return zone, vm, new_volume(cloud, zone)


def scenario_AttachVolume(cloud: Cloud) -> Start:
    zone, vm, volume = _machine_and_disk(cloud)
    return lambda c: _job(c, zone, "attachVolume", id=volume.uuid, virtualmachineid=vm.uuid)


def scenario_DetachVolume(cloud: Cloud) -> Start:
    zone, vm, volume = _machine_and_disk(cloud)
    done(cloud, zone.caller, "attachVolume", id=volume.uuid, virtualmachineid=vm.uuid)
    return lambda c: _job(c, zone, "detachVolume", id=volume.uuid)


def scenario_InstallTemplate(cloud: Cloud) -> Start:
    _zone(cloud)
    place = _place(cloud)
    return lambda c: _begin(c, InstallTemplate(place=place.id), place)


def scenario_UninstallTemplate(cloud: Cloud) -> Start:
    zone = _zone(cloud)
    vm = new_machine(cloud, zone)
    done(cloud, zone.caller, "destroyVirtualMachine", id=vm.uuid, expunge="true")
    place = _one(cloud, TemplateAt, TemplateAt.c.pool_id != 0)
    return lambda c: _begin(c, UninstallTemplate(place=place.id), place)


def scenario_RegisterTemplate(cloud: Cloud) -> Start:
    zone = _zone(cloud)
    template = cloud.db.write(
        lambda tx: tx.insert(
            Template(
                account_id=ADMIN_ACCOUNT, domain_id=ROOT_DOMAIN, name="t", display_text="t", format="QCOW2",
                hypervisor="Simulator", url="http://images.example.com/a.qcow2", zone_id=zone.zone.id,
            )
        )
    )  # fmt: skip

    def begin(c: Cloud) -> TaskRow:
        place = c.db.write(lambda tx: bring(tx, template, zone.store))
        row: TaskRow = _one(c, TaskRow, TaskRow.c.subject == f"{place.kind}:{place.id}")
        assert row.kind_name == RegisterTemplate.__name__
        return row

    return begin


def scenario_DeleteImage(cloud: Cloud) -> Start:
    zone = _zone(cloud)
    vm = new_machine(cloud, zone)
    done(cloud, zone.caller, "destroyVirtualMachine", id=vm.uuid, expunge="true")
    template = _one(cloud, Template)
    return lambda c: _job(c, zone, "deleteTemplate", id=template.uuid)


def scenario_OpenPool(cloud: Cloud) -> Start:
    zone = _zone(cloud)
    done(cloud, zone.caller, "enableStorageMaintenance", id=zone.pool.uuid)
    return lambda c: _job(c, zone, "cancelStorageMaintenance", id=zone.pool.uuid)


def scenario_OpenPools(cloud: Cloud) -> Start:
    zone = _zone(cloud)
    return lambda c: _begin(c, OpenPools(host=zone.hosts[0].id), zone.hosts[0])


def scenario_ClosePool(cloud: Cloud) -> Start:
    zone = _zone(cloud)
    vm = new_machine(cloud, zone)
    done(cloud, zone.caller, "destroyVirtualMachine", id=vm.uuid, expunge="true")
    until(lambda: cloud.db.read().count(Volume) == 0)

    def begin(c: Cloud) -> TaskRow:
        call(c, zone.caller, "deleteStoragePool", id=zone.pool.uuid)
        row: TaskRow = _one(c, TaskRow, TaskRow.c.kind_name == ClosePool.__name__)
        return row

    return begin
