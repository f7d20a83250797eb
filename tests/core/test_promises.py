"""What is promised of every command, on each engine: a retry does nothing twice, a dry run nothing at all, a setting is in force
everywhere within a heartbeat, lists tell the same; tasks that are stuck can be resumed, and none waits past its deadline."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from cloudwright.cloud import Cloud
from cloudwright.core.command import Verb
from cloudwright.core.error import CloudError, Unsupported
from cloudwright.core.listing import List
from cloudwright.core.resource import Resource
from cloudwright.core.setting import Setting
from cloudwright.core.task import DONE, FAILED, STUCK, Again, Task, TaskRow, resume, start, step
from cloudwright.core.tx import Tx
from cloudwright.drivers.world import MemoryWorld
from cloudwright.identity.caller import root_caller
from cloudwright.infrastructure.model import Zone
from cloudwright.network.model import Network
from tests import databases
from tests.compute.scenarios import _what as what
from tests.conftest import call, done, finished
from tests.core.toys import Thing
from tests.infrastructure.zone import simulated_zone
from tests.installed import KEY, installed

MOMENTARY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:]+[+-]\d{4}")
CHANCE = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}|\b10\.\d+\.\d+\.\d+\b|\b[0-9a-f]{32}\b|(?<=-local-)[0-9a-f]{8}")

MEASURED = ("listManagementServersMetrics",)
"""Lists that tell what was measured at the moment: their fields are the same."""


def new_cloud(url: str, node: str = "one") -> Cloud:
    """A server, not started."""
    return Cloud(url, node=node, key=KEY, world=MemoryWorld(), workers=4)


@pytest.fixture(params=databases.ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cloud]:
    """An installation that runs, on each engine in turn."""
    made = new_cloud(installed(tmp_path, request.param))
    made.start()
    yield made
    made.stop()
    databases.drop(made.db.url)


def count(cloud: Cloud) -> dict[str, int]:
    """How many rows there are, by table, the removed ones among them."""
    tables = {kind.kind: kind.t for kind in Resource.by_name.values() if not kind.kind.startswith("toy")}
    return {name: int(cloud.db.read().value(table.select().with_only_columns(sa.func.count()))) for name, table in tables.items()}


def test_a_retry_has_one_effect(place: Cloud) -> None:
    """Sixteen at once, on two servers: one network, one answer."""
    simulated_zone(place, hosts=1)
    root = root_caller(place.db.read())
    other = new_cloud(place.db.url, "two")
    zone = call(place, root, "listZones")["zone"][0]["id"]
    offering = call(place, root, "listNetworkOfferings", name="DefaultIsolatedNetworkOfferingWithSourceNatService")
    asked = {"name": "n", "zoneid": zone, "networkofferingid": offering["networkoffering"][0]["id"], "clienttoken": "t1"}
    with ThreadPoolExecutor(16) as pool:
        servers = [place, other] * 8
        answers = list(pool.map(lambda cloud: call(cloud, root, "createNetwork", **asked), servers))
    assert {answer["network"]["id"] for answer in answers} == {place.db.read().all(Network)[0].uuid}
    assert place.db.read().count(Network) == 1
    other.stop()


def test_a_job_asked_for_again_is_the_same(place: Cloud) -> None:
    simulated_zone(place, hosts=1)
    root = root_caller(place.db.read())
    asked = {**what(place), "clienttoken": "t2"}
    with ThreadPoolExecutor(8) as pool:
        jobs = {answer["jobid"] for answer in pool.map(lambda _: call(place, root, "deployVirtualMachine", **asked), range(8))}
    assert len(jobs) == 1
    assert finished(place, jobs.pop()).state == DONE
    assert len(call(place, root, "listVirtualMachines")["virtualmachine"]) == 1


def test_a_dry_run_leaves_nothing(place: Cloud) -> None:
    simulated_zone(place, hosts=1)
    root = root_caller(place.db.read())
    asked = what(place)
    before = count(place)
    told = call(place, root, "deployVirtualMachine", **asked, dryrun="true", clienttoken="t3")
    assert [change["what"] for change in told["dryrun"]["changes"] if change["action"] == "create"].count("vm") == 1
    with pytest.raises(CloudError):
        call(place, root, "deployVirtualMachine", **{**asked, "name": "not a name!"}, dryrun="true")
    assert count(place) == before
    host = call(place, root, "listHosts", type="Routing")["host"][0]
    assert host["memoryallocated"] == 0


def test_a_setting_is_in_force_everywhere_within_a_heartbeat(place: Cloud) -> None:
    other = new_cloud(place.db.url, "two")
    setting = Setting.by_name["expunge.delay"]
    assert setting.get(place.db.read()) == setting.get(other.db.read()) == setting.default
    call(place, root_caller(place.db.read()), "updateConfiguration", name="expunge.delay", value="77")
    assert setting.get(place.db.read()) == 77
    until = time.monotonic() + 60
    while setting.get(other.db.read()) != 77:
        assert time.monotonic() < until, "the other server never learnt of it"
        time.sleep(0.05)
    other.stop()


def _told(cloud: Cloud) -> dict[str, Any]:
    """What all lists that need no parameter tell the root administrator, without what is momentary or of chance."""
    root = root_caller(cloud.db.read())
    told = {}
    for name, verb in sorted(Verb.by_name.items()):
        if issubclass(verb, List) and not any(param.required for param in verb.api.params.values()):
            try:
                answer = call(cloud, root, name)
            except Unsupported as refused:  # what is switched off
                told[name] = [refused.text]
                continue
            rows = next((value for value in answer.values() if isinstance(value, list)), [])
            if name in MEASURED:
                rows = [sorted(row) for row in rows]
            texts = [CHANCE.sub("?", MOMENTARY.sub("?", repr(row))) for row in rows]
            told[name] = sorted(texts) if name == "listStoragePools" else texts  # a host's own is found when it comes to that
            assert answer.get("count", 0) >= len(rows), name
    return told


def test_lists_tell_the_same_on_each_engine(tmp_path: Path) -> None:
    told = {}
    for engine in databases.ENGINES:
        cloud = new_cloud(installed(tmp_path, engine))
        cloud.engine.start()
        simulated_zone(cloud, hosts=1, vlans="100-100")
        root = root_caller(cloud.db.read())
        job = done(cloud, root, "deployVirtualMachine", **what(cloud))
        tags = {"tags[0].key": "a", "tags[0].value": "b"}
        if "createTags" in Verb.by_name:
            done(cloud, root, "createTags", resourceids=job.instance_uuid, resourcetype="UserVm", **tags)
        told[engine] = _told(cloud)
        cloud.stop()
        databases.drop(cloud.db.url)
    assert len(told["sqlite"]) > 30
    for engine in databases.ENGINES[1:]:
        different = {name: (text, told[engine][name]) for name, text in told["sqlite"].items() if told[engine][name] != text}
        assert different == {}, engine


class Trap(Task, rank=5):
    """Cannot go on, and cannot go back until the thing is Free."""

    thing: int

    @step
    def enter(self) -> None: ...

    @enter.undo
    def leave(self) -> None:
        if self.read.get(Thing, self.thing).state != "Free":
            raise ValueError("the trap is shut")

    @step
    def fall(self) -> None:
        raise ValueError("it fell")


class Wait(Task, rank=5):
    """Waits for what never comes, for a second."""

    @step(deadline=1.0)
    def wait(self) -> None:
        raise Again(0.05, "waits for Godot")


def begun(cloud: Cloud, make: Callable[[Thing], Task]) -> tuple[TaskRow, Thing]:
    def begin(tx: Tx) -> tuple[TaskRow, Thing]:
        thing = tx.insert(Thing(name="t"))
        return start(tx, make(thing), thing), thing

    return cloud.db.write(begin)


def state(cloud: Cloud, row: TaskRow, *states: str) -> TaskRow:
    """The task, once it is in one of these states."""
    until = time.monotonic() + 60
    while (now := cloud.db.read().get(TaskRow, row.id)).state not in states:
        assert time.monotonic() < until, (now.state, now.waiting)
        time.sleep(0.02)
    return now


def test_what_is_stuck_is_told_and_can_be_resumed(place: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudwright.core.engine.UNDO_TRIES", 2)
    row, thing = begun(place, lambda thing: Trap(thing=thing.id))
    stuck = state(place, row, STUCK, FAILED, DONE)
    assert (stuck.state, stuck.live, stuck.holds) == (STUCK, 1, f"toy_thing:{thing.id}")
    alerts = call(place, root_caller(place.db.read()), "listAlerts")["alert"]
    assert any(row.uuid in alert["description"] for alert in alerts), alerts
    place.db.write(lambda tx: tx.update(tx.get(Thing, thing.id), state="Free"))
    assert place.db.write(lambda tx: resume(tx, stuck))
    ended = state(place, row, FAILED)
    assert (ended.live, ended.holds, ended.owner) == (0, None, 0)


def test_none_waits_past_its_deadline(place: Cloud) -> None:
    row, _ = begun(place, lambda thing: Wait())
    failed = state(place, row, FAILED, DONE)
    assert failed.state == FAILED
    assert "waits for Godot" in (failed.error or "")
    assert 1.0 <= (failed.ended or 0) - failed.created < 10.0


def test_zones_of_one_name_meet(place: Cloud) -> None:
    """Two servers make one at the same moment: one is told that it is there."""
    root = root_caller(place.db.read())
    other = new_cloud(place.db.url, "two")

    def make(cloud: Cloud) -> str:
        try:
            call(cloud, root, "createZone", name="z", networktype="Advanced", dns1="192.0.2.53", internaldns1="192.0.2.54")
        except CloudError as refused:
            return refused.text
        return ""

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(make, [place, other] * 4))
    assert told.count("") == 1
    assert place.db.read().count(Zone) == 1
    other.stop()
