"""A scenario for each task on instances: how it is started on a fresh cloud. The universal proofs run over them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cloudwright.cloud import Cloud
from cloudwright.compute.model import Vm
from cloudwright.core.task import TaskRow, start
from cloudwright.drivers.hypervisor.contract import Hypervisor
from cloudwright.drivers.hypervisor.fake import FakeHypervisor
from cloudwright.identity.caller import root_caller
from cloudwright.infrastructure.model import Host
from tests.conftest import call, done, finished
from tests.infrastructure.zone import simulated_zone

Start = Callable[[Cloud], TaskRow]


def _job(cloud: Cloud, command: str, **params: Any) -> TaskRow:
    """Start a job and answer its task."""
    answer = call(cloud, root_caller(cloud.db.read()), command, **params)
    row = cloud.db.read().find(TaskRow, TaskRow.c.uuid == answer["jobid"])
    assert row is not None
    return row


def _what(cloud: Cloud) -> dict[str, str]:
    """What an instance is made from in the only zone."""
    root = root_caller(cloud.db.read())
    zone = call(cloud, root, "listZones")["zone"][0]["id"]
    template = call(cloud, root, "listTemplates", templatefilter="featured", zoneid=zone)["template"][0]["id"]
    offering = call(cloud, root, "listServiceOfferings", name="Small Instance")["serviceoffering"][0]["id"]
    return {"zoneid": zone, "templateid": template, "serviceofferingid": offering, "name": "web"}


def _vm(cloud: Cloud, **more: str) -> Vm:
    """A running (or, with startvm=false, stopped) instance in a new zone."""
    simulated_zone(cloud, hosts=2)
    done(cloud, root_caller(cloud.db.read()), "deployVirtualMachine", **_what(cloud), **more)
    vm = cloud.db.read().find(Vm, Vm.c.name == "web")
    assert vm is not None
    return vm


def scenario_DeployVm(cloud: Cloud) -> Start:
    simulated_zone(cloud, hosts=2)
    return lambda c: _job(c, "deployVirtualMachine", **_what(c))


def scenario_MakeVm(cloud: Cloud) -> Start:
    simulated_zone(cloud, hosts=2)
    return lambda c: _job(c, "deployVirtualMachine", **_what(c), startvm="false")


def scenario_StartVm(cloud: Cloud) -> Start:
    vm = _vm(cloud, startvm="false")
    return lambda c: _job(c, "startVirtualMachine", id=vm.uuid)


def scenario_StopVm(cloud: Cloud) -> Start:
    vm = _vm(cloud)
    return lambda c: _job(c, "stopVirtualMachine", id=vm.uuid)


def scenario_RebootVm(cloud: Cloud) -> Start:
    vm = _vm(cloud)
    return lambda c: _job(c, "rebootVirtualMachine", id=vm.uuid)


def scenario_DestroyVm(cloud: Cloud) -> Start:
    vm = _vm(cloud)
    return lambda c: _job(c, "destroyVirtualMachine", id=vm.uuid, expunge="true")


def scenario_RefreshGuest(cloud: Cloud) -> Start:
    vm = _vm(cloud)
    root = root_caller(cloud.db.read())
    done(cloud, root, "stopVirtualMachine", id=vm.uuid)
    call(cloud, root, "createSSHKeyPair", name="k")
    return lambda c: _job(c, "resetSSHKeyForVirtualMachine", id=vm.uuid, keypair="k")


def scenario_ScaleVm(cloud: Cloud) -> Start:
    vm = _vm(cloud, dynamicscalingenabled="true")
    medium = call(cloud, root_caller(cloud.db.read()), "listServiceOfferings", name="Medium Instance")["serviceoffering"][0]["id"]
    return lambda c: _job(c, "scaleVirtualMachine", id=vm.uuid, serviceofferingid=medium)


def scenario_MigrateVm(cloud: Cloud) -> Start:
    vm = _vm(cloud)
    other = next(host for host in cloud.db.read().all(Host) if host.id != vm.host_id)
    return lambda c: _job(c, "migrateVirtualMachine", virtualmachineid=vm.uuid, hostid=other.uuid)


def scenario_SettleVm(cloud: Cloud) -> Start:
    """Its guest was shut down from inside, which its host reports."""
    from cloudwright.compute.vm.observe import SettleVm

    vm = _vm(cloud)
    fake = cloud.reach(Hypervisor, cloud.db.read().get(Host, vm.host_id or 0))
    assert isinstance(fake, FakeHypervisor)
    fake.crash(vm.instance_name)
    return lambda c: c.db.write(lambda tx: start(tx, SettleVm(vm=vm.id), tx.get(Vm, vm.id)))


def scenario_ChangeIso(cloud: Cloud) -> Start:
    vm = _vm(cloud)
    root = root_caller(cloud.db.read())
    system = call(cloud, root, "listOsTypes")["ostype"][0]["id"]
    url, zone = "http://images.example.com/a.iso", call(cloud, root, "listZones")["zone"][0]["id"]
    iso = call(cloud, root, "registerIso", name="a", url=url, zoneid=zone, ostypeid=system)["iso"][0]["id"]
    for fetch in cloud.db.read().all(TaskRow, TaskRow.c.live == 1, TaskRow.c.subject.like("template%")):
        assert finished(cloud, fetch.uuid).state == "done"
    return lambda c: _job(c, "attachIso", id=iso, virtualmachineid=vm.uuid)


def scenario_RestoreVm(cloud: Cloud) -> Start:
    vm = _vm(cloud)
    return lambda c: _job(c, "restoreVirtualMachine", virtualmachineid=vm.uuid, expunge="true")


def scenario_PurgeExpunged(cloud: Cloud) -> Start:
    vm = _vm(cloud)
    done(cloud, root_caller(cloud.db.read()), "destroyVirtualMachine", id=vm.uuid, expunge="true")
    return lambda c: _job(c, "purgeExpungedResources", batchsize="1")


def scenario_CleanReservations(cloud: Cloud) -> Start:
    """A host has reserved more than its instance takes."""
    vm = _vm(cloud)
    cloud.db.write(lambda tx: tx.execute(Host.t.update().where(Host.c.id == vm.host_id).values(cpu_reserved=9000)))
    return lambda c: _job(c, "cleanVMReservations")
