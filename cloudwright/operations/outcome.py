"""What follows from a job's end: the event that tells it; and from a job that is stuck: an alert. Called by the task engine."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from cloudwright.core.event import Event
from cloudwright.core.prepared import Prepared
from cloudwright.core.task import DONE, TaskRow
from cloudwright.core.tx import Tx
from cloudwright.operations.raising import TYPES, alert, settle

_START = Prepared(sa.select(Event.t).where(Event.c.id == sa.bindparam("id")))


def ended(tx: Tx, row: TaskRow) -> None:
    """Tell the end of a job, in the words of the event that told its start. Parts of jobs and loops end without a word."""
    settle(tx, TYPES["MANAGEMENT"], _subject(row)) if row.error else None
    told = tx.one(_START, {"id": row.start_event}) if row.start_event else None
    if told is None:
        return
    start = Event.load(told)
    good = row.state == DONE
    words = f"{start.description}: done" if good else f"{start.description}: {row.state}: {failure(row)}"
    tx.insert(
        Event(
            kind_of=start.kind_of, level="INFO" if good else "ERROR", state="Completed", description=words[:1024],
            account_id=start.account_id, domain_id=start.domain_id, user_id=start.user_id, username=start.username,
            instance=start.instance, instance_uuid=start.instance_uuid, instance_name=start.instance_name, start_id=start.id,
            job=row.uuid, api_key=start.api_key,
        )
    )  # fmt: skip
    tx.signal("event")


def stuck(tx: Tx, row: TaskRow, error: str) -> None:
    """Raise an alert: a task could not undo what it did, and waits for an operator to resume it."""
    what = row.command or row.kind_name
    words = f"Task {row.uuid} ({what} on {row.subject}) is stuck, because it cannot undo what it began: {error}"
    alert(tx, TYPES["MANAGEMENT"], _subject(row), words)


def failure(row: TaskRow) -> str:
    """The sentence of a task's error, "" when there is none."""
    return str(msgspec.json.decode(row.error)["text"]) if row.error else ""


def _subject(row: TaskRow) -> str:
    return f"task {row.uuid}"
