"""The feed of the event stream: a thread that reads what happened and hands it on, in the order of the events' ids.

A commit in this process wakes it; the clock does for what other servers wrote. With several servers an id may become visible
a greater one. The feed waits a moment for the gap to fill; an id that comes later still is handed on late, not never.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from cloudwright.core.access import Caller, Kind
from cloudwright.core.db import Database
from cloudwright.core.event import Event
from cloudwright.core.task import TaskRow, Told
from cloudwright.core.tx import Reader
from cloudwright.core.view import date
from cloudwright.identity.model import Account, Domain
from cloudwright.identity.project.model import ProjectMember, ProjectRole
from cloudwright.identity.project.permit import ruling
from cloudwright.operations.kinds import kind_of_instance

log = logging.getLogger(__name__)
CLOCK = 0.5  # seconds until what other servers wrote is seen, at most
GRACE = 1.0  # seconds that a gap may take to fill
FORGET = 60.0  # seconds after which a gap is a row that was rolled back
PAGE = 1000


class News(Struct, frozen=True):
    """One thing to tell: `data`, and whose it is. Ids grow; what has no lasting id has that of the last event."""

    id: int
    kind: str
    data: dict[str, Any]
    account_id: int = 0
    domain_path: str = "/"
    members: frozenset[tuple[int, int]] = frozenset()  # of the project whose it is: (account, user or 0 for all of it)


def authorised(caller: Caller, news: News) -> bool:
    """Whether the caller may know: the rule of lists, answered from memory. Of what is a project's know those who were its
    members when it was told, and whose role there allows the list that tells it."""
    if caller.kind is Kind.USER:
        me = (caller.account_id, caller.user_id), (caller.account_id, 0)
        return caller.account_id == news.account_id or not news.members.isdisjoint(me)
    return caller.kind is Kind.ROOT or news.domain_path.startswith(caller.domain_path)


_WHOSE = sa.func.coalesce(Domain.c.path, "/").label("domain_path")
_NEW = (
    sa.select(Event.t, Account.c.name.label("account"), _WHOSE)
    .select_from(
        Event.t.outerjoin(Domain.t, Domain.c.id == Event.c.domain_id).outerjoin(Account.t, Account.c.id == Event.c.account_id)
    )
    .order_by(Event.c.id)
    .limit(PAGE)
)
_AFTER = _NEW.where(Event.c.id > sa.bindparam("last"))
_AMONG = _NEW.where(Event.c.id.in_(sa.bindparam("ids", expanding=True)))
_LATEST = {kind: sa.select(sa.func.coalesce(sa.func.max(kind.c.id), 0)) for kind in (Event, Told)}
_SAID = (
    sa.select(Told.c.id, Told.c.step, Told.c.said, Told.c.verb, TaskRow.c.uuid, TaskRow.c.account_id, TaskRow.c.progress, _WHOSE)
    .select_from(Told.t.join(TaskRow.t, TaskRow.c.id == Told.c.task).outerjoin(Domain.t, Domain.c.id == TaskRow.c.domain_id))
    .where(Told.c.id > sa.bindparam("last"), TaskRow.c.command.is_not(None))
    .order_by(Told.c.id)
    .limit(PAGE)
)


LISTS = {"event": "listEvents", "job": "listAsyncJobs"}
_m = ProjectMember.c
_MEMBERS = sa.select(_m.project_account_id, _m.account_id, _m.user_id, _m.admin, _m.role_id).where(
    _m.project_account_id.in_(sa.bindparam("owners", expanding=True)), _m.gone == 0
)


def members_of(reader: Reader, accounts: set[int], command: str) -> dict[int, frozenset[tuple[int, int]]]:
    """Of those accounts that are projects': who is a member there and may call the command."""
    found: dict[int, set[tuple[int, int]]] = {}
    for row in reader.rows(_MEMBERS, {"owners": sorted(accounts)}) if accounts else ():
        free = row.admin or not row.role_id
        if free or ruling(reader, reader.get(ProjectRole, row.role_id), command).allow:
            found.setdefault(row.project_account_id, set()).add((row.account_id, row.user_id))
    return {account: frozenset(who) for account, who in found.items()}


class Feed:
    """Reads events and steps of jobs as they appear, and publishes them. `wanted` tells whether anybody listens: steps of jobs
    are passed over otherwise."""

    def __init__(self, db: Database, publish: Callable[[News], None], wanted: Callable[[], bool] = lambda: True) -> None:
        self._db, self._publish, self._wanted = db, publish, wanted
        self._alone = db.sqlite  # one writer at a time: ids become visible in their order
        self._gaps: dict[int, float] = {}  # ids that were passed over, and when
        self._held = 0.0  # since when the feed waits for a gap to fill
        self._wake, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._last = self._told = 0

    def start(self) -> None:
        """Begin with what happens from now on."""
        self._last, self._told = (int(self._db.read().value(_LATEST[kind])) for kind in (Event, Told))
        self._db.listeners.setdefault("event", []).append(self._wake.set)
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._ended.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._ended.is_set():
            self._wake.wait(timeout=CLOCK)
            self._wake.clear()
            try:
                while self.read() == PAGE:
                    pass
                while self._steps() == PAGE:
                    pass
            except Exception:
                log.exception("reading events failed; it is tried again")
                self._ended.wait(CLOCK)

    def read(self) -> int:
        """Publish what is new. Answers how many events that were."""
        published, reader = 0, self._db.read()
        rows = reader.rows(_AFTER, {"last": self._last})
        members = members_of(reader, {row.account_id for row in rows}, LISTS["event"])
        for row in rows:
            if row.id > self._last + 1 and not self._may_pass(row.id):
                break
            self._last, self._held = row.id, 0.0
            self._publish(_news(row, members))
            published += 1
        self._late()
        return published

    def _may_pass(self, id: int) -> bool:
        """Whether to pass over the ids between the last one and this, which are not to be seen (yet)."""
        if self._alone:
            return True
        now = time.monotonic()
        self._held = self._held or now
        if now - self._held < GRACE:
            return False
        self._gaps |= dict.fromkeys(range(max(self._last + 1, id - PAGE), id), now)
        return True

    def _late(self) -> None:
        """Publish what filled a gap that was passed over."""
        if not self._gaps:
            return
        reader = self._db.read()
        rows = reader.rows(_AMONG, {"ids": sorted(self._gaps)[:PAGE]})
        members = members_of(reader, {row.account_id for row in rows}, LISTS["event"])
        for row in rows:
            del self._gaps[row.id]
            self._publish(_news(row, members))
        old = time.monotonic() - FORGET
        self._gaps = {id: since for id, since in self._gaps.items() if since > old}

    def _steps(self) -> int:
        """Publish what jobs said; answers how much that was. It has the id of the last event: a stream that resumes reads how its
        jobs stand anyway."""
        reader = self._db.read()
        if not self._wanted():
            self._told = int(reader.value(_LATEST[Told]))
            return 0
        rows = reader.rows(_SAID, {"last": self._told})
        members = members_of(reader, {row.account_id for row in rows}, LISTS["job"])
        for row in rows:
            self._told = row.id
            data = {"jobid": row.uuid, "step": row.step, "verb": row.verb, "progress": row.progress}
            self._publish(
                News(self._last, "job", data, row.account_id, row.domain_path, members.get(row.account_id, frozenset()))
            )
        return len(rows)


def _news(row: Any, members: dict[int, frozenset[tuple[int, int]]]) -> News:
    data = {
        "id": row.uuid, "type": row.kind_of, "level": row.level, "state": row.state, "description": row.description,
        "username": row.username, "account": row.account, "resourcetype": kind_of_instance(row.instance),
        "resourceid": row.instance_uuid, "resourcename": row.instance_name, "jobid": row.job, "created": date(row.created),
    }  # fmt: skip
    told = {name: value for name, value in data.items() if value}
    return News(row.id, "event", told, row.account_id, row.domain_path, members.get(row.account_id, frozenset()))
