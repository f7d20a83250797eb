from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, cast

import msgspec
import pytest

from cloudwright.agent.frame import MAX_MESSAGE
from cloudwright.agent.session import Pace
from cloudwright.drivers.error import Busy, DriverFault, NotThere, Refused, Unreachable
from cloudwright.drivers.host.contract import Stats
from cloudwright.drivers.hypervisor.contract import Machine, Power, Seen
from cloudwright.drivers.network.contract import ApplianceSeen

if TYPE_CHECKING:
    from tests.agent.conftest import Site

MACHINE = Machine(name="i-1", uuid="7f3a2c7e-0d5f-4b1c-9a1a-0a0b0c0d0e0f", cpus=1, memory=256)


def test_a_host_is_driven_as_if_it_were_here(site: Site) -> None:
    host, state = site.enrolled()
    with site.agent(host, state):
        hypervisor = site.hub.drivers(host).hypervisor
        seen = hypervisor.start(MACHINE)
        assert seen.power is Power.RUNNING
        assert [each.name for each in hypervisor.machines()] == [seen.name]
        assert hypervisor.facts().hostname == host
        assert hypervisor.stop("i-1", force=True) is None  # type: ignore[func-returns-value]
        assert hypervisor.see("i-1").power is Power.STOPPED


def test_driver_errors_keep_their_type_and_sentence(site: Site) -> None:
    host, state = site.enrolled()
    with site.agent(host, state):
        hypervisor = site.hub.drivers(host).hypervisor
        with pytest.raises(NotThere, match="i-9"):
            hypervisor.see("i-9")
        for error in (Busy("three others copy"), Refused("this never works"), DriverFault("who knows")):
            site.world.faults.fail(f"{host}/see", error)
            with pytest.raises(type(error)) as raised:
                hypervisor.see("i-1")
            assert type(raised.value) is type(error)
            assert str(raised.value) == str(error)


def test_an_unforeseen_exception_is_a_fault(site: Site) -> None:
    host, state = site.enrolled()
    with site.agent(host, state), pytest.raises(DriverFault, match="AttributeError"):
        site.hub.drivers(host).images.images()


def test_an_unknown_verb_kind_or_argument_is_refused_with_the_reason(site: Site) -> None:
    host, state = site.enrolled()
    with site.agent(host, state):
        with pytest.raises(Refused, match=r"does not serve hypervisor\.levitate; it may be older"):
            site.hub.call(host, "hypervisor", "levitate", b"\x80", 5.0)
        with pytest.raises(Refused, match=r"does not serve quantum\.see"):
            site.hub.call(host, "quantum", "see", b"\x80", 5.0)
        with pytest.raises(Refused, match="unknown field `colour`"):
            site.hub.call(host, "hypervisor", "see", msgspec.msgpack.encode({"name": "i-1", "colour": "red"}), 5.0)
        with pytest.raises(Refused, match="the agent pushes"):
            site.hub.drivers(host).hypervisor.watch(print)


def test_nobody_there_is_unreachable_at_once(site: Site) -> None:
    with pytest.raises(Unreachable, match="h-1 is not connected"):
        site.hub.drivers("h-1").hypervisor.machines()


def test_a_slow_host_times_out_and_serves_on(site: Site) -> None:
    host, state = site.enrolled()
    with site.agent(host, state):
        site.world.faults.delay(f"{host}/machines", 0.5)
        with pytest.raises(Unreachable, match=r"did not answer hypervisor\.machines within 0\.1 seconds"):
            site.hub.call(host, "hypervisor", "machines", b"\x80", 0.1)
        site.world.faults.clear()
        assert site.hub.drivers(host).hypervisor.machines() == []


def test_a_connection_lost_in_mid_call_fails_the_call_at_once(site: Site) -> None:
    host, state = site.enrolled()
    with site.agent(host, state), ThreadPoolExecutor(1) as pool:
        site.world.faults.delay(f"{host}/machines", 2.0)
        call = pool.submit(site.hub.drivers(host).hypervisor.machines)
        time.sleep(0.2)
        site.hub.cut(host)
        began = time.monotonic()
        with pytest.raises(Unreachable, match="nothing is known of the outcome"):
            call.result()
        assert time.monotonic() - began < 1.0


def test_calls_about_one_machine_stay_in_order_and_others_pass_them(site: Site) -> None:
    host, state = site.enrolled()
    with site.agent(host, state), ThreadPoolExecutor(8) as pool:
        hypervisor = site.hub.drivers(host).hypervisor
        hypervisor.start(MACHINE)
        site.world.faults.delay(f"{host}/reboot", 0.4)
        slow = pool.submit(hypervisor.reboot, "i-1")
        time.sleep(0.1)
        stop = pool.submit(hypervisor.stop, "i-1", True)
        time.sleep(0.1)
        assert hypervisor.see("i-1").power is Power.RUNNING  # a look passes; the stop waits behind the reboot
        assert not stop.done()
        hypervisor.start(msgspec.structs.replace(MACHINE, name="i-2", uuid="0f3a2c7e-0d5f-4b1c-9a1a-0a0b0c0d0e0f"))
        assert not stop.done()
        slow.result()
        stop.result()
        assert hypervisor.see("i-1").power is Power.STOPPED


def test_what_is_too_large_is_refused_before_it_is_sent(site: Site) -> None:
    host, state = site.enrolled()
    with site.agent(host, state):
        with pytest.raises(Refused, match=f"{MAX_MESSAGE} is the most"):
            site.hub.call(host, "hypervisor", "see", b"x" * MAX_MESSAGE, 5.0)
        large = "x" * (MAX_MESSAGE - 4096)
        with pytest.raises(NotThere):
            site.hub.drivers(host).hypervisor.see(large)
        assert site.hub.drivers(host).hypervisor.machines() == []


def test_an_answer_too_large_is_a_fault_and_keeps_the_connection(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    host, state = site.enrolled()
    drivers = site.drivers(host)
    big = Seen("i-1", "u", Power.RUNNING, macs=["x" * 1000] * 9000)
    monkeypatch.setattr(type(drivers.hypervisor), "see", lambda self, name: big)
    with site.agent(host, state, drivers):
        with pytest.raises(DriverFault, match=r"the answer of hypervisor\.see takes"):
            site.hub.drivers(host).hypervisor.see("i-1")
        assert site.hub.drivers(host).hypervisor.machines() == []
        assert site.gone == []


def test_no_more_calls_are_opened_than_a_host_may_have(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudwright.agent.link.MAX_CALLS", 3)
    host, state = site.enrolled()
    with site.agent(host, state), ThreadPoolExecutor(3) as pool:
        site.world.faults.delay(f"{host}/machines", 0.5)
        hypervisor = site.hub.drivers(host).hypervisor
        calls = [pool.submit(hypervisor.machines) for _ in range(3)]
        time.sleep(0.2)
        with pytest.raises(Busy, match="3 calls open"):
            hypervisor.machines()
        assert [call.result() for call in calls] == [[], [], []]


def test_a_host_tells_all_it_sees_then_changes(site: Site) -> None:
    host, state = site.enrolled()
    drivers = site.drivers(host)
    drivers.hypervisor.start(MACHINE)
    with site.agent(host, state, drivers):
        site.until(lambda: {"machines", "appliances", "stats"} <= {kind for _, kind, _ in site.pushed})
        told = {kind: payload for _, kind, payload in site.pushed}
        assert site.facts[host][0].hostname == host
        assert [seen.name for seen in cast(list[Seen], told["machines"])] == ["i-1"]
        assert told["appliances"] == [ApplianceSeen("r-1", 7, True)]
        stats = told["stats"]
        assert isinstance(stats, Stats)
        assert stats.memory > stats.memory_free > 0
        assert len(stats.load) == 3
        drivers.hypervisor.stop("i-1", force=True)
        site.until(lambda: any(kind == "seen" for _, kind, _ in site.pushed))
        seen = next(payload for _, kind, payload in site.pushed if kind == "seen")
        assert isinstance(seen, Seen)
        assert seen.power is Power.STOPPED


def test_a_newer_connection_replaces_the_older(site: Site) -> None:
    host, state = site.enrolled()
    with site.agent(host, state, pace=Pace(first_retry=60.0)):
        with site.started(host, state):
            site.until(lambda: len(site.facts[host]) == 2)
            assert site.hub.hosts() == [host]
            assert site.hub.drivers(host).hypervisor.machines() == []
            assert site.gone == []
        site.until(lambda: site.hub.hosts() == [])
    site.until(lambda: site.gone == [host])
