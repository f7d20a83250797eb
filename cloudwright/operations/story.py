"""The story of a job: what each step of it and of its parts did, as plain sentences in the order in which it happened."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller
from cloudwright.core.command import Query, Told
from cloudwright.core.task import TaskRow
from cloudwright.core.task import Told as Sentence
from cloudwright.core.tx import Reader
from cloudwright.core.view import date
from cloudwright.operations.job import EVERYBODY, JOB_ID, job_named, reads_all, told_error
from cloudwright.operations.kinds import kind_of_instance

DEEPEST = 8
_PARTS = sa.select(TaskRow.c.id, TaskRow.c.uuid, TaskRow.c.kind_name, TaskRow.c.subject).where(
    TaskRow.c.parent.in_(sa.bindparam("parents", expanding=True))
)
_TOLD = (
    sa.select(Sentence.t)
    .where(Sentence.c.task.in_(sa.bindparam("tasks", expanding=True)), Sentence.c.gone == 0)
    .order_by(Sentence.c.id)
    .limit(2000)
)


class ListJobStory(Query, authorized=EVERYBODY, response={
    "task": ("string", "the task that did it: the job's own, or that of a part of it"),
    "taskid": ("string", "the id of that task"),
    "on": ("string", "the kind of resource that task works on"),
    "step": ("string", "the step"),
    "verb": ("string", "did, undid, failed or waits"),
    "said": ("string", "what happened"),
    "evidence": ("map", "numbers and names; for administrators of root"),
    "seconds": ("double", "how long the step took"),
    "created": ("date", "when"),
}):  # fmt: skip
    """Tells what a job did, step by step, the parts it started among them."""

    job_id: str = JOB_ID

    def run(self, reader: Reader, caller: Caller) -> Told:
        job = job_named(reader, caller, self.job_id)
        tasks = parts(reader, job)
        known = None if reads_all(reader, caller) else told_error(reader, caller, job)["text"]
        rows = [_told(row, tasks[row.task], caller, known) for row in reader.rows(_TOLD, {"tasks": list(tasks)})]
        return Told("jobstory", rows)


def parts(reader: Reader, job: TaskRow) -> dict[int, Any]:
    """A task and all its parts, by id."""
    found: dict[int, Any] = {job.id: job}
    level = [job.id]
    for _ in range(DEEPEST):
        rows = reader.rows(_PARTS, {"parents": level}) if level else []
        found |= {row.id: row for row in rows}
        level = [row.id for row in rows]
    return found


def _told(row: Any, task: Any, caller: Caller, known: str | None) -> dict[str, Any]:
    """A line of the story. Of failures only the `known` one is told, all without it."""
    said = row.said if row.verb != "failed" or known in (None, row.said) else "failed"
    told = {
        "task": task.kind_name, "taskid": task.uuid, "on": kind_of_instance(task.subject), "step": row.step, "verb": row.verb,
        "said": said, "seconds": round(row.seconds, 3), "created": date(row.created),
    }  # fmt: skip
    return told | ({"evidence": row.evidence} if caller.root and row.evidence else {})
