"""The event stream's feed: everything once, in order, to whom it concerns."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller, Kind
from cloudwright.core.db import Database
from cloudwright.core.event import Event, emit
from cloudwright.core.tx import Tx
from cloudwright.identity.model import Account, Domain, User
from cloudwright.identity.project.command import make
from cloudwright.identity.project.membership import Wanted, join
from cloudwright.identity.project.model import ProjectRole, ProjectRule
from cloudwright.operations import stream
from cloudwright.operations.stream import Feed, News, authorised
from tests.conftest import call, finished
from tests.operations.conftest import pair_of, until


def write(db: Database, id: int) -> None:
    def insert(tx: Tx) -> None:
        event = Event(kind_of=f"E.{id}", description="d", account_id=1, domain_id=1, user_id=1, username="u")
        tx.execute(Event.t.insert(), {**event.values(), "id": id})
        tx.signal("event")

    db.write(insert)


@pytest.fixture
def db(tmp_path: Path):  # type: ignore[no-untyped-def]
    database = Database(f"sqlite:///{tmp_path / 'c.db'}")
    database.create_all()
    yield database
    database.close()


@pytest.mark.usefixtures("probes")
def test_what_happens_is_told_to_whom_it_concerns(
    cloud: Cloud, root: Caller, ann: Caller, bob: Caller, chief: Caller, outsider: Caller
) -> None:
    news: list[News] = []
    cloud.db.write(lambda tx: emit(tx, "VM.STOP", "before the feed", caller=ann))
    feed = Feed(cloud.db, news.append)
    feed.start()
    job = call(cloud, ann, "probeKey", id=pair_of(cloud, ann).uuid)["jobid"]
    finished(cloud, job)
    until(lambda: [one for one in news if one.data.get("state") == "Completed"])
    until(lambda: len([one for one in news if one.kind == "job"]) == 3)
    feed.stop()
    events = [one for one in news if one.kind == "event"]
    assert [(one.data["type"], one.data["state"]) for one in events] == [("VM.CREATE", "Scheduled"), ("VM.CREATE", "Completed")]
    assert events[0].data["jobid"] == job
    assert [one.id for one in news] == sorted(one.id for one in news)
    assert {one.data["jobid"] for one in news if one.kind == "job"} == {job}
    for caller, may in ((root, True), (ann, True), (chief, True), (bob, False), (outsider, False)):
        assert all(authorised(caller, one) is may for one in news), caller.username
    beside = msgspec.structs.replace(root, domain_path="/ops/")  # root's administrators see all, wherever they are
    assert all(authorised(beside, one) for one in news)


def test_nothing_is_read_of_jobs_when_nobody_listens(cloud: Cloud, ann: Caller, probes: None) -> None:
    news: list[News] = []
    feed = Feed(cloud.db, news.append, wanted=lambda: False)
    feed.start()
    finished(cloud, call(cloud, ann, "probeKey", id=pair_of(cloud, ann).uuid)["jobid"])
    until(lambda: len(news) == 2)
    feed.stop()
    assert {one.kind for one in news} == {"event"}


def test_who_comes_later_is_not_told_of_steps_long_past(cloud: Cloud, ann: Caller, probes: None) -> None:
    news: list[News] = []
    listens: list[bool] = []
    feed = Feed(cloud.db, news.append, wanted=lambda: bool(listens))
    pair = pair_of(cloud, ann).uuid
    finished(cloud, call(cloud, ann, "probeKey", id=pair)["jobid"])
    feed._steps()
    listens.append(True)
    feed._steps()
    assert news == []
    job = call(cloud, ann, "probeKey", id=pair)["jobid"]
    finished(cloud, job)
    assert feed._steps() == len(news) > 0
    assert {one.data["jobid"] for one in news} == {job}


def test_a_gap_is_waited_for_and_filled_in_order(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "GRACE", 3600.0)
    told: list[int] = []
    feed = Feed(db, lambda news: told.append(news.id))
    feed._alone = False  # as on an engine with several servers
    for id in (1, 2, 4):
        write(db, id)
    assert feed.read() == 2
    assert told == [1, 2]
    write(db, 3)
    feed.read()
    assert told == [1, 2, 3, 4]


def test_a_gap_that_stays_is_passed_over_and_a_late_row_is_still_told(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "GRACE", 0.0)
    told: list[int] = []
    feed = Feed(db, lambda news: told.append(news.id))
    feed._alone = False
    for id in (1, 4):
        write(db, id)
    feed.read()
    assert told == [1, 4]
    write(db, 3)
    write(db, 5)
    feed.read()
    feed.read()
    assert told == [1, 4, 5, 3]
    monkeypatch.setattr(stream, "FORGET", 0.0)
    feed.read()
    assert feed._gaps == {}


def test_members_are_told_of_their_projects(cloud: Cloud, root: Caller, ann: Caller, bob: Caller, outsider: Caller) -> None:
    """As lists tell them: who is in it, as the whole account or alone, unless its role there says no; nobody else."""

    def prepare(tx: Tx) -> int:
        project = make(tx, "apollo", "", tx.get(Domain, ann.domain_id))
        whose = {"project_id": project.id, "account_id": project.account_id, "domain_id": project.domain_id}
        role = tx.insert(ProjectRole(name="blind", **whose))
        del whose["project_id"]
        tx.insert(ProjectRule(role_id=role.id, rule="listEvents", allow=False, sort=0, **whose))
        join(tx, project, Wanted(tx.get(Account, ann.account_id), admin=True))
        join(tx, project, Wanted(tx.get(Account, bob.account_id), role=role))
        join(tx, project, Wanted(tx.get(Account, outsider.account_id), tx.get(User, outsider.user_id)))
        emit(tx, "VM.STOP", "of the project", about=project)
        return project.account_id

    news: list[News] = []
    feed = Feed(cloud.db, news.append)
    owner = cloud.db.write(prepare)
    feed.read()
    [told] = [one for one in news if one.data["type"] == "VM.STOP"]
    alone = msgspec.structs.replace(outsider, kind=Kind.USER)
    mate = msgspec.structs.replace(alone, user_id=4711)
    expected = ((root, True), (ann, True), (bob, False), (alone, True), (mate, False), (outsider, False))
    for caller, may in expected:
        assert authorised(caller, told) is may, caller.username
    with_jobs = stream.members_of(cloud.db.read(), {owner, ann.account_id}, "listAsyncJobs")
    assert with_jobs == {owner: {(ann.account_id, 0), (bob.account_id, 0), (outsider.account_id, outsider.user_id)}}
