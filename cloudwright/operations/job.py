"""Jobs: tasks as those see them who asked for them. What a job answers is rendered when asked, from the row it was about."""

from __future__ import annotations

import datetime
from collections import defaultdict
from typing import Any

import msgspec
import sqlalchemy as sa

from cloudwright.core.access import Caller, Use, lookup
from cloudwright.core.command import Command, Flat, Query, Success, Told, Verb
from cloudwright.core.error import ParamError, WrongState
from cloudwright.core.event import Event
from cloudwright.core.listing import Condition, where
from cloudwright.core.param import Ref, param
from cloudwright.core.resource import Seconds
from cloudwright.core.server import Server
from cloudwright.core.setting import setting
from cloudwright.core.task import CANCELLED, DONE, FAILED, STUCK, Task, TaskRow, cancel, resume
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, computed, field
from cloudwright.identity.model import Account, User
from cloudwright.identity.owner import OwnedList, OwnedView
from cloudwright.operations.kinds import instance_named, kind_of_instance

PENDING, SUCCEEDED, FAILURE, CANCELLATION = 0, 1, 2, 3
STATUS = {DONE: SUCCEEDED, FAILED: FAILURE, STUCK: FAILURE, CANCELLED: CANCELLATION}
"""By the task's state. A stuck job has failed for whoever waits: it never succeeds any more."""
_INTERNAL = {
    530: "The job failed inside the cloud; an administrator finds the cause in the job",
    533: "There is not enough capacity for the job; an administrator finds the cause in the job",
    534: "Something the job needs is not reachable; an administrator finds the cause in the job",
}
EVERYBODY = ("Admin", "ResourceAdmin", "DomainAdmin", "User")


def _status(row: dict[str, Any], caller: Caller) -> int:
    return STATUS.get(row["_state"], PENDING)


def _command(name: str) -> str:
    verb = Verb.by_name.get(name)
    return f"{verb.__module__}.{verb.__name__}" if verb else name


def _step(row: dict[str, Any], caller: Caller) -> str | None:
    kind = Task.by_name.get(row["_kind"])
    return kind.steps[row["_at"]].name if kind and _status(row, caller) == PENDING else None


def _steps(row: dict[str, Any], caller: Caller) -> int | None:
    kind = Task.by_name.get(row["_kind"])
    return len(kind.steps) if kind else None


def _waits_for(row: dict[str, Any], caller: Caller) -> str | None:
    """What went wrong outside is for administrators of root; the job's story tells it to others, where they may know."""
    if row["_tries"] and not caller.root:
        return "A step failed and is tried again"
    return str(row["_waiting"]) or None


class JobView(
    OwnedView,
    of=TaskRow,
    key="asyncjobs",
    joins=[
        (User, User.c.id == TaskRow.c.user_id),
        (Server, Server.c.id == TaskRow.c.owner),
        (Event, Event.c.id == TaskRow.c.start_event),
    ],
):
    """A job without its result, which is another row's view."""

    accountid = field(Account.c.uuid, "the account that owns the job")
    userid = field(User.c.uuid, "the user who asked for it")
    username = field(User.c.username, "the name of that user")
    apikey = field(
        Event.c.api_key, "the beginning of the API key by which it was asked for", convert=lambda key: key or None, admin=True
    )
    cmd = field(TaskRow.c.command, "the class of the command", convert=_command)
    jobid = field(TaskRow.c.uuid, "the job's id")
    jobstatus = computed(_status, "0 in progress, 1 succeeded, 2 failed, 3 cancelled", "integer")
    jobprocstatus = computed(lambda row, caller: 0, "always 0", "integer")
    jobinstancetype = field(TaskRow.c.instance, "the kind of resource it is about", "string", convert=kind_of_instance)
    jobinstanceid = field(TaskRow.c.instance_uuid, "the id of that resource")
    jobinstancename = field(Event.c.instance_name, "the name of that resource, as it was then", convert=lambda name: name or None)
    created = field(TaskRow.c.created, "when it was asked for")
    completed = field(TaskRow.c.ended, "when it ended", "date")
    managementserverid = field(Server.c.uuid, "the server that runs it now", admin=True)
    managementservername = field(Server.c.node, "the name of that server", admin=True)
    progress = field(TaskRow.c.progress, "how far its present step is, 0 to 1", "double")
    waitsfor = computed(_waits_for, "what it waits for now")
    _waiting = field(TaskRow.c.waiting, "as the task said it")
    _tries = field(TaskRow.c.tries, "how often its step has failed on end")
    step = computed(_step, "the step it is at")
    steps = computed(_steps, "how many steps it has", "integer")
    state = field(
        TaskRow.c.state, "forward, undo (it puts back what it did), done, failed, cancelled, or stuck: it waits for help"
    )
    _state = field(TaskRow.c.state, "of which the status is told")
    _kind = field(TaskRow.c.kind_name, "of which the steps are told")
    _at = field(TaskRow.c.at, "of which the step is told")


RESULT = {
    "jobresultcode": ("integer", "0, or the number of the error"),
    "jobresulttype": ("string", "object, once there is a result"),
    "jobresult": ("object", "what the command answers, or the error"),
    "explain": ("object", "what failed, why, and what helps"),
}


def with_results(reader: Reader, jobs: list[dict[str, Any]], caller: Caller) -> list[dict[str, Any]]:
    """These jobs, told by JobView, with their results: a statement for all, and one for each kind of resource they are about."""
    raw = {row.uuid: row for row in reader.rows(_RAW, {"uuids": [job["jobid"] for job in jobs]})} if jobs else {}
    answers = _answers(reader, [row for row in raw.values() if row.state == DONE], caller)
    for job in jobs:
        row = raw[job["jobid"]]
        status = STATUS.get(row.state, PENDING)
        if status == SUCCEEDED:
            job |= {"jobresultcode": 0, "jobresulttype": "object", "jobresult": answers[row.uuid]}
        elif status == PENDING:
            job["jobresultcode"] = 0
        else:
            job.update(_failure(reader, row, caller))
    return [{name: value for name, value in job.items() if value is not None} for job in jobs]


_RAW = sa.select(
    TaskRow.c.uuid, TaskRow.c.state, TaskRow.c.error, TaskRow.c.command, TaskRow.c.instance, TaskRow.c.user_id
).where(TaskRow.c.uuid.in_(sa.bindparam("uuids", expanding=True)))  # fmt: skip


def _answers(reader: Reader, rows: list[Any], caller: Caller) -> dict[str, dict[str, Any] | None]:
    """What the commands of jobs that are done answer, by the job's id."""
    answers: dict[str, dict[str, Any] | None] = {}
    wanted: dict[Any, dict[int, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        verb = Verb.by_name.get(row.command)
        kind, _, about = row.instance.partition(":")
        view = verb.api.answers if verb else None
        if verb is None or verb.api.form == "none":
            answers[row.uuid] = None
        elif view is None or view.of.kind != kind:
            answers[row.uuid] = {"success": True}
        else:
            wanted[view][int(about)].append(row)
    for view, of in wanted.items():
        ids = sorted(of)
        told = view.tell(reader, ids, caller)
        found = dict(zip(ids, told, strict=True)) if len(told) == len(ids) else {i: view.tell_one(reader, i, caller) for i in ids}
        for about, jobs in of.items():
            answers |= {row.uuid: {_key(row): _open(view, found[about], row, caller)} for row in jobs}
    return answers


def _open(view: type[View], told: dict[str, Any], row: Any, caller: Caller) -> dict[str, Any]:
    """What a job's result tells this caller: secrets are for who asked for the job alone."""
    if caller.user_id == row.user_id:
        return told
    return {name: value for name, value in told.items() if not view.fields[name].secret}


def _key(row: Any) -> str:
    api = Verb.by_name[row.command].api
    return api.job_key or (api.answers.key if api.answers else "")


def told_error(reader: Reader, caller: Caller, row: Any) -> dict[str, Any]:
    """The error of a job, as much of it as the caller may know: code, text, explain."""
    error: dict[str, Any] = {"code": 530, "text": "The job was cancelled", "explain": {}}
    error |= msgspec.json.decode(row.error) if row.error else {}
    if error["code"] in _INTERNAL and row.error and not reads_all(reader, caller):
        error |= {"text": _INTERNAL[error["code"]], "explain": {}}
    return error


def _failure(reader: Reader, row: Any, caller: Caller) -> dict[str, Any]:
    error = told_error(reader, caller, row)
    explain = error["explain"] or {}
    told: dict[str, Any] = {"jobresultcode": error["code"], "jobresulttype": "object"}
    told["jobresult"] = {"errorcode": error["code"], "errortext": error["text"]}
    return told | ({"explain": explain} if explain.get("why") or explain.get("fix") else {})


def reads_all(reader: Reader, caller: Caller) -> bool:
    """Whether a caller may read what errors tell of the cloud's inside."""
    return caller.root or EXPOSED.get(reader)


EXPOSED = setting("expose.errors.to.user", True, "whether others than root's administrators read internal details in errors")
JOB_ID = param("the job's id", kind="uuid")


def job_named(reader: Reader, caller: Caller, job: str | int) -> TaskRow:
    """A task by its uuid or id, if the caller may see it. Raises ParamError, the same for another's as where there is none."""
    by = "id" if isinstance(job, int) else "uuid"
    row = reader.one(lookup(TaskRow, caller.kind, Use.SEE, by), {"value": job, **caller.binds()})
    if row is None:
        raise ParamError("Parameter jobid: there is no such job that you may see", param="jobid")
    return TaskRow.load(row)


_TOLD = {name: (f.kind, f.doc) for name, f in JobView.fields.items() if not name.startswith("_")}


class QueryAsyncJobResult(Query, form="flat", response=_TOLD | RESULT):
    """Tells how a job stands and, once it ended, what it answers. Name the job, or the resource whose latest job is meant."""

    job_id: str | None = param("the job's id", kind="uuid")
    resource_id: str | None = param("the id of a resource, given with resourcetype", since="4.22.1")
    resource_type: str | None = param("the kind of that resource, such as VirtualMachine", since="4.22.1")

    def run(self, reader: Reader, caller: Caller) -> Flat:
        try:
            row = job_named(reader, caller, self._which(reader, caller))
        except ParamError:
            own = reader.find(TaskRow, TaskRow.c.uuid == self.job_id, TaskRow.c.user_id == caller.user_id)
            if own is None:
                raise
            return Flat(_without_thing(with_results(reader, JobView.tell(reader, [own.id], caller), caller)[0]))
        return Flat(with_results(reader, JobView.tell(reader, [row.id], caller), caller)[0])

    def _which(self, reader: Reader, caller: Caller) -> str | int:
        if self.job_id is not None:
            return self.job_id
        instance = instance_named(reader, caller, self.resource_id, self.resource_type)
        if instance is None:
            raise ParamError(
                "Parameter jobid is missing: name a job, or a resource by resourceid and resourcetype", param="jobid"
            )
        found = reader.value(_LATEST, {"instance": instance})
        if found is None:
            raise ParamError(f"Parameter resourceid: there was no job about this {self.resource_type}", param="resourceid")
        return int(found)


def _without_thing(job: dict[str, Any]) -> dict[str, Any]:
    """A job told to who asked for it, but does not see any more what it is about: it left a project, or gave something away."""
    return job | {"jobresult": {"success": True}} if job["jobstatus"] == SUCCEEDED else job


_LATEST = (
    sa.select(TaskRow.c.id)
    .where(TaskRow.c.instance == sa.bindparam("instance"), TaskRow.c.gone == 0, TaskRow.c.command.is_not(None))
    .order_by(TaskRow.c.id.desc())
    .limit(1)
)
"""Tasks on one resource run in the order of their ids: if the last one ended, so did all."""


class ListAsyncJobs(OwnedList, answers=JobView, keywords=[TaskRow.c.command], response=RESULT):
    """Lists jobs with their results."""

    start_date: datetime.datetime | None = param("only those asked for since then")
    management_server: Ref[Server] | None = where(TaskRow.c.owner, "only those that this server runs now", since="4.19")
    resource_id: str | None = param("only those about this resource, given with resourcetype", since="4.22.1")
    resource_type: str | None = param("the kind of that resource", since="4.22.1")

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        narrowed = [*super().narrow(reader, caller), ("job", TaskRow.c.command.is_not(None), {})]
        instance = instance_named(reader, caller, self.resource_id, self.resource_type)
        if instance is not None:
            narrowed.append(("instance", TaskRow.c.instance == sa.bindparam("instance"), {"instance": instance}))
        if self.start_date is not None:
            since = TaskRow.c.created >= sa.bindparam("since", type_=Seconds)
            narrowed.append(("since", since, {"since": self.start_date.timestamp()}))
        return narrowed

    def run(self, reader: Reader, caller: Caller) -> Told:
        page = super().run(reader, caller)
        return Told(page.key, with_results(reader, page.rows, caller), page.count)


class CancelJob(Command, states=("forward",), authorized=EVERYBODY):
    """Cancels a job: it puts back what it did so far, and ends."""

    job_id: str = JOB_ID

    def run(self, tx: Tx, caller: Caller) -> Success:
        row = job_named(tx, caller, self.job_id)
        self.judge(tx, caller, row)
        if not cancel(tx, row):
            raise WrongState(f"Job {row.uuid} cannot be cancelled: its state is {row.state}", param="jobid")
        return Success()


class ResumeJob(Command, states=("stuck",), authorized=("Admin",)):
    """Lets a stuck job try again, after an operator mended what stood in its way. A part of a job can be named, too."""

    job_id: str = param("the id of the job, or of its part", kind="uuid")

    def run(self, tx: Tx, caller: Caller) -> Success:
        row = job_named(tx, caller, self.job_id)
        if not resume(tx, row):
            raise WrongState(f"Job {row.uuid} is not stuck: its state is {row.state}", param="jobid")
        return Success()
