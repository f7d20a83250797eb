"""What the simulated hypervisor does beyond the contract: faults, and the world outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudwright.drivers.error import DriverFault, Unreachable
from cloudwright.drivers.hypervisor.contract import Power, Seen
from cloudwright.drivers.hypervisor.fake import FakeHypervisor
from cloudwright.drivers.work import WorkState
from cloudwright.drivers.world import MemoryWorld, TableWorld
from tests.contract.test_hypervisor import FakeBench


def test_every_verb_of_the_simulator_meets_faults() -> None:
    world = MemoryWorld()
    driver = FakeHypervisor(world, "h1")
    world.faults.fail("h1/facts")
    with pytest.raises(DriverFault):
        driver.facts()
    driver.vanish()
    for verb in (driver.facts, driver.machines, driver.migration_address, lambda: driver.see("i"), lambda: driver.work("k")):
        with pytest.raises(Unreachable, match="h1 does not answer"):
            verb()
    driver.come_back()
    assert driver.machines() == []


def test_simulated_migration_takes_its_time_and_tells_both_hosts(tmp_path: Path) -> None:
    world, now = MemoryWorld(), [0.0]
    one, two = (FakeHypervisor(world, host, clock=lambda: now[0]) for host in ("h1", "h2"))
    heard: list[tuple[str, Seen]] = []
    for host, driver in (("h1", one), ("h2", two)):
        driver.watch(lambda seen, host=host: heard.append((host, seen)))
    machine = FakeBench(world, tmp_path).machine()
    one.start(machine)
    world.faults.delay("h1/migrate", 10)
    one.begin_migrate("k", machine.name, two.migration_address())
    now[0] = 5.0
    assert (one.work("k").state, one.work("k").progress) == (WorkState.RUNNING, 0.5)
    now[0] = 10.0
    assert one.work("k").state is WorkState.DONE
    one.begin_migrate("k", machine.name, "h2")
    assert one.machines() == []
    assert two.see(machine.name).power is Power.RUNNING
    assert [(host, seen.power) for host, seen in heard[1:]] == [("h1", Power.STOPPED), ("h2", Power.RUNNING)]


def test_a_power_cut_stops_machines_silently(tmp_path: Path) -> None:
    bench = FakeBench(MemoryWorld(), tmp_path)
    driver = bench.driver
    assert isinstance(driver, FakeHypervisor)
    machine = bench.running()
    heard: list[Seen] = []
    driver.watch(heard.append)
    driver.power_cut()
    driver.come_back()
    assert heard == []
    assert driver.see(machine.name).power is Power.STOPPED


def test_a_simulated_guest_answers(tmp_path: Path) -> None:
    bench = FakeBench(MemoryWorld(), tmp_path)
    machine = bench.running(details={}, hostname="web1")
    assert bench.driver.guest(machine.name, ["hostname"]) == "web1\n"


def test_a_simulated_host_outlives_its_process_in_a_table(tmp_path: Path) -> None:
    path = str(tmp_path / "world")
    bench = FakeBench(TableWorld(path), tmp_path)
    machine = bench.running()
    assert FakeHypervisor(TableWorld(path), "h1").see(machine.name).power is Power.RUNNING
