"""What is kept for how long: jobs and their stories, events, alerts, answers to client tokens, sessions."""

from __future__ import annotations

import time
from collections.abc import Sequence

import sqlalchemy as sa

from cloudwright.core.event import Event
from cloudwright.core.loop import Loop, LoopRow
from cloudwright.core.plan import ClientToken
from cloudwright.core.resource import Resource
from cloudwright.core.setting import setting
from cloudwright.core.task import TaskRow, Told
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.model import LoginSession
from cloudwright.operations.model import Alert

JOB_MINUTES = setting("job.expire.minutes", 1440, "how many minutes jobs are kept after their end", minimum=1)
EVENT_DAYS = setting("event.purge.delay", 15, "how many days events are kept; 0 keeps them for ever", minimum=0)
EVENT_EVERY = setting("event.purge.interval", 86400, "how many seconds pass between two looks for old events", minimum=1)
ALERT_DAYS = setting("alert.purge.delay", 0, "how many days alerts are kept; 0 keeps them for ever", minimum=0)
ALERT_EVERY = setting("alert.purge.interval", 86400, "how many seconds pass between two looks for old alerts", minimum=1)

DAY = 86400.0
TOKEN_SECONDS = DAY  # a client that retries later than that has long given up
SESSION_SECONDS = DAY  # no session is honoured that long after its last use
MOST = 500  # rows of one table in one turn, so that nobody waits for a long transaction

_EXPIRED = (
    sa.select(TaskRow.c.id)
    .where(TaskRow.c.parent == 0, TaskRow.c.gone == 0, TaskRow.c.ended < sa.bindparam("before"), TaskRow.c.live == 0)
    .order_by(TaskRow.c.ended)
    .limit(MOST)
)
_PARTS = sa.select(TaskRow.c.id).where(TaskRow.c.parent.in_(sa.bindparam("parents", expanding=True)))
_LOOPS = sa.select(TaskRow.c.id).where(
    TaskRow.c.subject.in_(sa.bindparam("subjects", expanding=True)), TaskRow.c.live == 1
)  # fmt: skip


class Retention(Loop, every=60.0):
    """Deletes what has been kept long enough."""

    events_at: float = 0.0
    alerts_at: float = 0.0

    def turn(self) -> float | None:
        now, read = time.time(), self.read
        full = self._jobs(read, now - JOB_MINUTES.get(read) * 60)
        full |= self._oldest(ClientToken, now - TOKEN_SECONDS)
        full |= self._events(read, now)
        full |= self._alerts(read, now)
        stale = LoginSession.t.delete().where(LoginSession.c.seen < now - SESSION_SECONDS)
        self.write(lambda tx: tx.execute(stale))
        return 0.0 if full else None

    def _jobs(self, read: Reader, before: float) -> bool:
        """Jobs that ended before then, whole: with their parts and stories. Also what loops said until then."""
        roots = [row.id for row in read.rows(_EXPIRED, {"before": before})]
        doomed, level = list(roots), roots
        while level:
            level = [row.id for row in read.rows(_PARTS, {"parents": level})]
            doomed += level
        loops = read.rows(_LOOPS, {"subjects": [f"{row.kind}:{row.id}" for row in read.all(LoopRow)]})
        said = Told.t.delete().where(Told.c.task.in_([row.id for row in loops]), Told.c.created < before)
        self.write(lambda tx: _forget_tasks(tx, doomed))
        self.write(lambda tx: tx.execute(said))
        return len(roots) == MOST

    def _events(self, read: Reader, now: float) -> bool:
        if EVENT_DAYS.get(read) == 0 or now - self.events_at < EVENT_EVERY.get(read):
            return False
        full = self._oldest(Event, now - EVENT_DAYS.get(read) * DAY)
        self.events_at = self.events_at if full else now
        return full

    def _alerts(self, read: Reader, now: float) -> bool:
        if ALERT_DAYS.get(read) == 0 or now - self.alerts_at < ALERT_EVERY.get(read):
            return False
        full = self._oldest(Alert, now - ALERT_DAYS.get(read) * DAY)
        self.alerts_at = self.alerts_at if full else now
        return full

    def _oldest(self, kind: type[Resource], before: float) -> bool:
        """Delete rows made before then. Ids grow with time, so the first rows tell whether there are any."""
        first = self.read.rows(sa.select(kind.c.id, kind.c.created).order_by(kind.c.id).limit(MOST))
        old = [row.id for row in first if row.created < before]
        if old:
            self.write(lambda tx: tx.execute(kind.t.delete().where(kind.c.id.in_(old))))
        return len(old) == MOST


def _forget_tasks(tx: Tx, ids: Sequence[int]) -> None:
    for start in range(0, len(ids), MOST):
        some = ids[start : start + MOST]
        tx.execute(Told.t.delete().where(Told.c.task.in_(some)))
        tx.execute(TaskRow.t.delete().where(TaskRow.c.id.in_(some)))
