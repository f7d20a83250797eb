"""Retention: old rows go, whole and no others."""

from __future__ import annotations

import time
from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core import loop
from cloudwright.core.access import Caller
from cloudwright.core.event import Event, emit
from cloudwright.core.loop import LoopRow
from cloudwright.core.plan import ClientToken
from cloudwright.core.secret import Secret
from cloudwright.core.task import TaskRow, Told, start
from cloudwright.identity.model import LoginSession
from cloudwright.operations import retention
from cloudwright.operations.model import Alert
from cloudwright.operations.raising import TYPES, alert
from cloudwright.operations.retention import Retention
from tests.conftest import call, finished
from tests.operations.conftest import PartOfProbe, pair_of, until

DAY = 86400.0


def turned(cloud: Cloud) -> None:
    """Have the loop turn, and wait until it did."""

    def stamp() -> Any:
        row = cloud.db.read().find(TaskRow, TaskRow.c.kind_name == "Retention", TaskRow.c.live == 1)
        return row and row.version

    before = stamp()
    cloud.db.write(lambda tx: loop.wake(tx, Retention))
    until(lambda: stamp() > before)


@pytest.mark.usefixtures("probes")
def test_jobs_go_whole_after_their_time(cloud: Cloud, root: Caller, ann: Caller) -> None:
    jobs = [call(cloud, ann, "probeKey", id=pair_of(cloud, ann, f"k{n}").uuid)["jobid"] for n in range(2)]
    rows = [finished(cloud, job) for job in jobs]
    until(lambda: cloud.db.read().count(Told) == 8)
    old = time.time() - 2 * DAY
    cloud.db.write(lambda tx: tx.execute(TaskRow.t.update().where(TaskRow.c.live == 0).values(ended=old)))
    cloud.db.write(lambda tx: tx.execute(TaskRow.t.update().where(TaskRow.c.id == rows[1].id).values(ended=time.time())))
    turned(cloud)
    left = cloud.db.read().all(TaskRow, TaskRow.c.kind_name.like("%Probe%"))
    assert {(row.kind_name, row.parent) for row in left} == {("ProbeTask", 0), ("PartOfProbe", rows[1].id)}
    assert cloud.db.read().count(Told) == 4
    call(cloud, root, "updateConfiguration", name="job.expire.minutes", value="1")
    cloud.db.write(lambda tx: tx.execute(TaskRow.t.update().where(TaskRow.c.live == 0).values(ended=time.time() - 90)))
    turned(cloud)
    assert cloud.db.read().count(TaskRow, TaskRow.c.live == 0) == cloud.db.read().count(Told) == 0


@pytest.mark.usefixtures("probes")
def test_the_parts_of_a_job_that_lives_stay(cloud: Cloud, ann: Caller) -> None:
    def part(tx: Any) -> TaskRow:
        parent = start(tx, Retention(), tx.insert(LoopRow(name="a living parent")))
        row = start(tx, PartOfProbe(pair=1), tx.insert(LoopRow(name="its part")), parent=parent)
        tx.execute(TaskRow.t.update().where(TaskRow.c.id.in_([row.id, parent.id])).values(due=1e12))
        tx.execute(TaskRow.t.update().where(TaskRow.c.id == row.id).values(live=0, ended=1.0, state="done"))
        return row

    row = cloud.db.write(part)
    turned(cloud)
    assert cloud.db.read().find(TaskRow, TaskRow.c.id == row.id) is not None


def test_events_alerts_tokens_and_sessions(cloud: Cloud, root: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MOST", 3)  # so that several turns are needed
    for name in ("event.purge.interval", "alert.purge.interval", "alert.purge.delay"):
        call(cloud, root, "updateConfiguration", name=name, value="1")

    def make(tx: Any) -> None:
        for n in range(10):
            age = 20 * DAY if n < 8 else 0.0
            tx.update(emit(tx, "VM.STOP", "old" if age else "new"), created=tx.now - age)
            tx.update(alert(tx, TYPES["CPU"], f"s{n}", "d"), created=tx.now - age)
            token = ClientToken(account_id=1, token=str(n), command="c", digest="d", answer=Secret("a"))
            tx.update(tx.insert(token), created=tx.now - age)
            tx.insert(LoginSession(digest=str(n), user_uuid="u", key_digest="k", began=0.0, seen=tx.now - age))

    cloud.db.write(lambda tx: tx.execute(Event.t.delete()))
    cloud.db.write(make)
    for kind in (Event, Alert, ClientToken, LoginSession):
        until(lambda: turned(cloud) or cloud.db.read().count(kind) == 2)  # noqa: B023
    assert {row.description for row in cloud.db.read().all(Event)} == {"new"}
