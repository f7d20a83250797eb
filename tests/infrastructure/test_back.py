"""Tasks that wait for a host go on as soon as it is back, whatever they backed off to."""

from __future__ import annotations

import time

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.task import Task, TaskRow, start, step
from cloudwright.core.tx import Tx
from cloudwright.drivers.error import Unreachable
from cloudwright.drivers.hypervisor.contract import HostFacts, Hypervisor
from cloudwright.drivers.hypervisor.fake import FakeHypervisor
from cloudwright.infrastructure.model import Host
from cloudwright.infrastructure.observe import Observer
from cloudwright.storage.model import StoragePool
from cloudwright.storage.pool.use import host_for
from tests.conftest import finished
from tests.infrastructure.zone import Built, simulated_zone

FACTS = HostFacts("Simulator", "1", "sim", cpus=64, cpu_mhz=2000, memory=262144)


class CallHost(Task, rank=1):
    """Asks a host what it is; on a pool, so that only what it awaits can wake it."""

    host: int

    @step
    def ask(self) -> None:
        self.reach(Hypervisor, self.read.get(Host, self.host)).facts()


class UsePool(Task, rank=1):
    """Looks for a host that reaches a pool."""

    pool: int

    @step
    def look(self) -> None:
        host_for(self.read, self.read.get(StoragePool, self.pool))


@pytest.fixture
def built(cloud: Cloud) -> Built:
    return simulated_zone(cloud)


def begun(cloud: Cloud, task: Task, on: StoragePool) -> TaskRow:
    return cloud.db.write(lambda tx: start(tx, task, on))


def tired(cloud: Cloud, row: TaskRow, awaits: str) -> None:
    """Wait until the task says what it awaits, and have it back off for as long as tasks ever do."""

    def rest(tx: Tx) -> int:
        same = (TaskRow.c.id == row.id, TaskRow.c.owner == 0, TaskRow.c.awaits == awaits)
        return tx.execute(TaskRow.t.update().where(*same).values(tries=12, due=tx.now + 30.0))

    until = time.monotonic() + 60
    while not cloud.db.write(rest):
        assert time.monotonic() < until, cloud.db.read().get(TaskRow, row.id).awaits


def test_a_host_that_comes_back_wakes_who_waits_for_it(cloud: Cloud, built: Built) -> None:
    host = built.hosts[0]
    fake = cloud.reach(Hypervisor, host)
    assert isinstance(fake, FakeHypervisor)
    fake.vanish()
    row = begun(cloud, CallHost(host=host.id), built.pool)
    tired(cloud, row, f"host:{host.id}")
    Observer(cloud.db).connected(built.hosts[1].uuid, FACTS)
    assert cloud.db.read().get(TaskRow, row.id).due > time.time() + 20  # another host is none of its concern
    fake.come_back()
    began = time.monotonic()
    Observer(cloud.db).connected(host.uuid, FACTS)
    ended = finished(cloud, row.uuid, seconds=10)
    assert (ended.state, ended.awaits) == ("done", None)
    print(f"{time.monotonic() - began:.3f} s after its host came back a task with 30 s to wait was done")


def test_it_wakes_who_waits_for_a_pool_that_it_reaches(cloud: Cloud, built: Built) -> None:
    away = {"state": "Disconnected"}
    cloud.db.write(lambda tx: tx.execute(Host.t.update().values(**away)))
    row = begun(cloud, UsePool(pool=built.pool.id), built.pool)
    tired(cloud, row, f"storage_pool:{built.pool.id}")
    Observer(cloud.db).pushed(built.hosts[1].uuid, "machines", [])  # it was only thought silent
    assert finished(cloud, row.uuid, seconds=10).state == "done"


def test_other_troubles_await_nobody(cloud: Cloud, built: Built) -> None:
    from cloudwright.drivers.error import Busy

    host = built.hosts[0]
    cloud.world.faults.fail(f"{host.uuid}/facts", Unreachable("no answer"))
    cloud.world.faults.fail(f"{host.uuid}/facts", Busy("too many calls"), times=50)
    row = begun(cloud, CallHost(host=host.id), built.pool)
    until = time.monotonic() + 60
    while (now := cloud.db.read().get(TaskRow, row.id)).tries < 3:
        assert time.monotonic() < until
        time.sleep(0.005)
    assert (now.awaits, now.waiting) == (None, "too many calls")
    cloud.world.faults.clear()
    assert finished(cloud, row.uuid).state == "done"
