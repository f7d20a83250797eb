"""What hosts report of instances, and what comes of it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from cloudwright.cloud import Cloud
from cloudwright.compute.model import Vm
from cloudwright.compute.vm.observe import SettleVm, machines_seen
from cloudwright.core.task import NEVER, Again, Task, TaskRow, poke, start, step
from cloudwright.drivers.hypervisor.contract import Hypervisor, Power, Seen
from cloudwright.drivers.hypervisor.fake import FakeHypervisor
from cloudwright.infrastructure.model import Host
from tests.compute.test_vm import deploy
from tests.conftest import done, finished
from tests.infrastructure.zone import Built, simulated_zone


class Hold(Task, rank=50):
    """Works on an instance until the instance is called "free"."""

    vm: int

    @step
    def hold(self) -> None:
        if self.read.get(Vm, self.vm).display_name != "free":
            raise Again(NEVER, "waits")


@pytest.fixture
def zone(cloud: Cloud) -> Built:
    return simulated_zone(cloud, hosts=2)


def held(cloud: Cloud, vm: Vm) -> TaskRow:
    return cloud.db.write(lambda tx: start(tx, Hold(vm=vm.id), vm))


def free(cloud: Cloud, vm: Vm, hold: TaskRow) -> None:
    def let(tx):
        tx.update(tx.get(Vm, vm.id), display_name="free")
        poke(tx, hold.subject)

    cloud.db.write(let)
    assert finished(cloud, hold.uuid).state == "done"


def looks(cloud: Cloud, vm: Vm) -> list[TaskRow]:
    return cloud.db.read().all(TaskRow, TaskRow.c.kind_name == SettleVm.__name__, TaskRow.c.subject == f"vm:{vm.id}")


def report(cloud: Cloud, host: Host, *machines: Seen, whole: bool = False) -> None:
    cloud.db.write(lambda tx: machines_seen(tx, host, machines, whole))


def host_of(cloud: Cloud, vm: Vm) -> tuple[Host, FakeHypervisor]:
    host = cloud.db.read().get(Host, vm.host_id or 0)
    fake = cloud.reach(Hypervisor, host)
    assert isinstance(fake, FakeHypervisor)
    return host, fake


def test_a_crash_told_while_a_task_works_is_settled_when_it_ends(cloud: Cloud, zone: Built) -> None:
    vm = deploy(cloud, zone, name="web")
    host, fake = host_of(cloud, vm)
    hold = held(cloud, vm)
    fake.crash(vm.instance_name)
    for whole in (False, True, False):  # however often it is told
        report(cloud, host, Seen(vm.instance_name, vm.uuid, Power.CRASHED), whole=whole)
    assert cloud.db.read().get(Vm, vm.id).state == "Running"
    free(cloud, vm, hold)
    (look,) = looks(cloud, vm)
    assert finished(cloud, look.uuid).state == "done"
    now = cloud.db.read().get(Vm, vm.id)
    assert (now.state, now.observed, now.host_id) == ("Stopped", "crashed", None)


def test_a_machine_missing_from_a_whole_report_is_looked_for_afterwards(cloud: Cloud, zone: Built) -> None:
    vm = deploy(cloud, zone, name="web")
    host, _ = host_of(cloud, vm)
    hold = held(cloud, vm)
    report(cloud, host, whole=True)
    free(cloud, vm, hold)
    (look,) = looks(cloud, vm)
    assert finished(cloud, look.uuid).state == "done"
    assert cloud.db.read().get(Vm, vm.id).state == "Running"  # it was there after all


def test_a_stopped_one_that_runs_is_found_running_afterwards(cloud: Cloud, zone: Built) -> None:
    vm = deploy(cloud, zone, name="web")
    host, fake = host_of(cloud, vm)
    machine = fake.machines()[0]
    value = cloud.world.get(host.uuid, "machine", vm.instance_name)
    done(cloud, zone.caller, "stopVirtualMachine", id=vm.uuid)
    hold = held(cloud, vm)
    assert value is not None
    cloud.world.put(host.uuid, "machine", vm.instance_name, value)
    report(cloud, host, machine)
    free(cloud, vm, hold)
    (look,) = looks(cloud, vm)
    assert finished(cloud, look.uuid).state == "done"
    now = cloud.db.read().get(Vm, vm.id)
    assert (now.state, now.host_id, now.cpu_taken) == ("Running", host.id, vm.cpus * vm.cpu_mhz)


def test_a_report_costs_as_many_statements_for_many_as_for_one(cloud: Cloud, zone: Built) -> None:
    vm = deploy(cloud, zone, name="web")
    host, _ = host_of(cloud, vm)
    values = {k: v for k, v in vm.values().items() if k not in ("uuid", "version", "removed", "gone", "created")}

    def more(tx):
        return [tx.insert(Vm(**values | {"name": f"m{i}", "instance_name": f"i-m{i}"})) for i in range(200)]

    many = cloud.db.write(more)
    told = [Seen(one.instance_name, one.uuid, Power.RUNNING) for one in (vm, *many)]
    report(cloud, host, *told, whole=True)
    assert cloud.db.read().count(Vm, Vm.c.host_id == host.id, Vm.c.observed == "running") == 201
    statements: list[str] = []
    sa.event.listen(cloud.db.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))

    def counted(tx):
        statements.clear()
        machines_seen(tx, host, told, True)
        return [each for each in statements if each.startswith(("SELECT", "UPDATE", "INSERT"))]

    quiet = cloud.db.write(counted)
    assert len([each for each in quiet if " vm" in each]) <= 1, quiet
    assert not [each for each in quiet if each.startswith("UPDATE vm")]
