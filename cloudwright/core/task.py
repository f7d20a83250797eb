"""A task: durable work, declared as an ordered list of steps, each beside its undo.

    class DeployVm(Task, rank=50):
        vm: int
        host: int | None = None                    # the memo: typed, stored with the cursor

        @step
        def place(self, tx: Tx) -> None:           # asks for tx: decides in the database, reaches no driver
            ...
        @place.undo
        def unplace(self, tx: Tx) -> None: ...

        @step(deadline=120)
        def boot(self) -> None:                    # does not: acts outside; `self.write(fn)` is committed with the cursor
            ...

A step may run twice; an undo may find nothing done. A step raises `Again` to poll or retry, `Back` to undo down to a step and
go forward from it, anything else to fail: then every step begun is undone in reverse, children first. State lives in rows alone,
so any process may die anywhere.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any, ClassVar, Self, dataclass_transform

import msgspec
import sqlalchemy as sa

from cloudwright.core.access import Kind, Use, owned_by_caller
from cloudwright.core.resource import Resource, column
from cloudwright.core.tx import Reader, Tx

FORWARD, UNDO, DONE, FAILED, CANCELLED, STUCK = "forward", "undo", "done", "failed", "cancelled", "stuck"
NEVER = 1e12
DEADLINE = 600.0
ANEW = 5.0  # how long after its failure a part is begun again, where there is no way back for the whole


class Again(Exception):
    """Leave the step and come back after `after` seconds; `why` tells users what is waited for."""

    def __init__(self, after: float, why: str = "") -> None:
        super().__init__(why)
        self.after, self.why = after, why


class Back(Exception):
    """Undo down to and including the step named `to`, then go forward from it. `why` becomes part of the story."""

    def __init__(self, to: str, why: str) -> None:
        super().__init__(why)
        self.to, self.why = to, why


class Late(Exception):
    """A step polled past its deadline."""


class TaskRow(
    Resource,
    table="task",
    indexes=[
        ("live", "owner", "due"),
        ("subject", "live"),
        ("parent", "parent_at"),
        ("account_id", "id"),
        ("domain_id", "id"),
        ("instance", "id"),
        ("parent", "ended"),
        ("awaits",),
    ],
    unique=[("holds",)],
):
    """A task as stored. `live` is 1 until it ended; `owner` is the server that runs it now, 0 for none."""

    kind_name: str
    subject: str  # "vm:17": one live task at a time, oldest first
    rank: int
    memo: str = column(text=True, default="{}")
    state: str = column(default=FORWARD, length=16)
    live: int = 1
    at: int = 0
    round: int = 0
    back_to: str | None = None
    owner: int = 0
    holds: str | None = None  # the subject, from the first claim to the end: unique, so no two servers run two tasks on one
    due: float = 0.0
    since: float = 0.0
    tries: int = 0
    wake: int = 0
    cancel: int = 0
    waiting: str = column(text=True, default="")
    awaits: str | None = column(default=None, length=64)  # "host:17": what its step could not reach
    progress: float = 0.0
    error: str | None = column(text=True, default=None)
    parent: int = 0
    parent_at: int = 0
    parent_round: int = 0
    ended: float | None = None
    # what makes a task a job: who asked for it, by which command, about which row
    command: str | None = None
    user_id: int = 0
    account_id: int = 0
    domain_id: int = 0
    instance: str = ""  # "vm:17"
    instance_uuid: str = ""
    start_event: int = 0

    @classmethod
    def access(cls, kind: Kind, use: Use) -> sa.ColumnElement[bool]:
        """A job is its account's, and the administrators' above it."""
        return owned_by_caller(cls, kind)


GOES_FORWARD = sa.or_(TaskRow.c.state == FORWARD, sa.and_(TaskRow.c.state == UNDO, TaskRow.c.back_to.is_not(None)))


class Told(Resource, table="task_story", indexes=[("task", "id")]):
    """One sentence of a task's story: what a step did, with evidence and duration."""

    task: int
    step: str
    verb: str = column(length=16)  # did, undid, failed, waits
    said: str = column(text=True)
    evidence: dict[str, typing.Any] = column(default={})
    seconds: float = 0.0


class Step:
    """A step and its undo."""

    def __init__(self, do: Callable[..., None], deadline: float, final: bool) -> None:
        self.name, self.do, self.deadline, self.final = do.__name__, do, deadline, final
        self.inside = "tx" in inspect.signature(do).parameters
        self.undo_fn: Callable[..., None] | None = None
        self.undo_inside = False

    def undo(self, fn: Callable[..., None]) -> Callable[..., None]:
        """Declare the undo. It must bear that the step did nothing, half or all of it."""
        self.undo_fn, self.undo_inside = fn, "tx" in inspect.signature(fn).parameters
        return fn

    def way(self, undoing: bool) -> tuple[Callable[..., None], bool]:
        """What to run in this direction, and whether within the transaction."""
        if not undoing:
            return self.do, self.inside
        return (_nothing, True) if self.undo_fn is None else (self.undo_fn, self.undo_inside)


def _nothing(task: Task, tx: Tx) -> None:
    """The undo of a step that has none."""


@typing.overload
def step(do: Callable[..., None], /) -> Step: ...
@typing.overload
def step(*, deadline: float = ..., final: bool = ...) -> Callable[[Callable[..., None]], Step]: ...
def step(do: Callable[..., None] | None = None, /, *, deadline: float = DEADLINE, final: bool = False) -> Any:
    """Declare a step. `deadline` in seconds bounds how long it may poll or be retried. From a `final` step on there is no way
    back (something was deleted, a guest was stopped): it and what follows is retried until it is done; cancelling is too late."""
    return Step(do, deadline, final) if do is not None else lambda fn: Step(fn, deadline, final)


@dataclass_transform(kw_only_default=True)
class Task:
    """The ancestor of every task. Annotated attributes are the memo."""

    by_name: ClassVar[dict[str, type[Task]]] = {}
    rank: ClassVar[int] = 0
    steps: ClassVar[list[Step]] = []
    _memo: ClassVar[type[msgspec.Struct]]

    def __init_subclass__(cls, *, rank: int = 0) -> None:
        cls.rank = rank
        cls.steps = [value for c in reversed(cls.__mro__) for value in vars(c).values() if isinstance(value, Step)]
        hints = {n: h for n, h in typing.get_type_hints(cls).items() if typing.get_origin(h) is not ClassVar}
        fields = [(n, h, getattr(cls, n)) if hasattr(cls, n) else (n, h) for n, h in hints.items()]
        cls._memo = msgspec.defstruct(f"{cls.__name__}Memo", fields, kw_only=True)
        if cls.steps:
            if cls.__name__ in Task.by_name and Task.by_name[cls.__name__].__module__ != cls.__module__:
                raise TypeError(f"BUG: two tasks are called {cls.__name__} (TaskNamesAreUnique)")
            Task.by_name[cls.__name__] = cls

    @classmethod
    def no_way_back(cls, at: int) -> bool:
        """Whether a final step may have begun when the cursor is at `at`."""
        return any(s.final for s in cls.steps[: at + 1])

    def __init__(self, **memo: Any) -> None:
        self.__dict__.update(msgspec.structs.asdict(self._memo(**memo)))

    @classmethod
    def resume(cls, row: TaskRow, run: Run) -> Self:
        """A task as its row remembers it."""
        task = cls.__new__(cls)
        task.recall(row.memo)
        task.__dict__["run"] = run
        return task

    def recall(self, memo: str) -> None:
        """Be again as remembered: what a transaction that was rolled back put into the memo did not happen."""
        self.__dict__.update(msgspec.structs.asdict(msgspec.json.decode(memo, type=self._memo)))

    def remember(self) -> str:
        """The memo as it is stored."""
        return msgspec.json.encode({name: self.__dict__[name] for name in self._memo.__struct_fields__}).decode()

    # --- what a step says and asks; `run` is only there while a worker runs the task

    @property
    def _run(self) -> Run:
        run: Run = self.__dict__["run"]
        return run

    @property
    def row(self) -> TaskRow:
        """The task's own row."""
        return self._run.row

    @property
    def read(self) -> Reader:
        """What is committed. In a step that was given `tx`, read through that."""
        return self._run.read

    def say(self, sentence: str, **evidence: Any) -> None:
        """Tell the story: one plain sentence and its evidence (numbers, names; never secrets)."""
        self._run.said.append((sentence, evidence))

    def progress(self, part: float, waiting: str = "") -> None:
        """How far the task is, 0.0-1.0, and what it waits for."""
        self._run.progress, self._run.waiting = part, waiting

    def write(self, fn: Callable[[Tx], object]) -> None:
        """Have `fn` run in the transaction that records this acting step. If it raises, nothing of the step is recorded."""
        self._run.writes.append(fn)

    def set(self, resource: Resource, **values: Any) -> None:
        """Have these values written with the step's record, conditional on the row's version."""
        self.write(lambda tx: tx.update(resource, **values))

    def reach(self, contract: type[T], where: Resource) -> T:
        """The driver of this contract at this place. Only an acting step may ask."""
        return self._run.reach(contract, where)

    def child(self, tx: Tx, task: Task, on: Resource) -> None:
        """Have a task of lower rank done on another resource; returns once it is done, fails if it failed."""
        self.children(tx, [(task, on)])

    def children(self, tx: Tx, tasks: list[tuple[Task, Resource]]) -> None:
        """The same for several at once, side by side."""
        self._run.children(tx, self, tasks)


T = typing.TypeVar("T")


class Run:
    """What a running task has beside its memo: filled by the engine for each step."""

    def __init__(self, row: TaskRow, read: Reader, reach: Callable[[type[Any], Resource], Any]) -> None:
        self.row, self.read, self._reach = row, read, reach
        self.acting = False
        self.begin()

    def begin(self) -> None:
        """Clean for the next step."""
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.writes: list[Callable[[Tx], object]] = []
        self.progress, self.waiting, self.place = self.row.progress, "", ""

    def reach(self, contract: type[T], where: Resource) -> T:
        if not self.acting:
            raise RuntimeError(f"BUG: {self.row.kind_name} reached for a driver outside an acting step (OnlyStepsReachDrivers)")
        self.place = f"{where.kind}:{where.id}"  # reached last
        driver: T = self._reach(contract, where)
        return driver

    def children(self, tx: Tx, task: Task, tasks: list[tuple[Task, Resource]]) -> None:
        """Insert the children that are not there yet; wait until all ended. A failed one fails the step, or is begun again."""
        here = (TaskRow.c.parent == self.row.id, TaskRow.c.parent_at == self.row.at, TaskRow.c.parent_round == self.row.round)
        have = {(c.kind_name, c.subject): c for c in tx.all(TaskRow, *here)}
        live = 0
        for child, on in tasks:
            if child.rank >= task.rank:
                raise RuntimeError(f"BUG: {type(task).__name__} has {type(child).__name__} of no lower rank (ChildrenGoDown)")
            if f"{on.kind}:{on.id}" == self.row.subject:
                raise RuntimeError(
                    f"BUG: {type(task).__name__} has {type(child).__name__} on its own {on.kind} (ItWouldWaitForItself)"
                )
            row = have.get((type(child).__name__, f"{on.kind}:{on.id}"))
            if row is None or self._again(tx, task, row):
                start(tx, child, on, parent=self.row)
                live += 1
            else:
                live += row.live
        if live:
            raise Again(NEVER, f"waits for {live} of {len(tasks)} parts")

    def _again(self, tx: Tx, task: Task, part: TaskRow) -> bool:
        """Whether a part that failed is begun again now: where there is no way back, until it is too late. Otherwise raises."""
        if part.state not in (FAILED, CANCELLED):
            return False
        late = tx.now - self.row.since > task.steps[self.row.at].deadline
        if late or not task.no_way_back(self.row.at):
            raise ChildFailed(part)
        rest = (part.ended or 0.0) + ANEW - tx.now
        if rest > 0:
            raise Again(rest, f"a part failed and is begun again: {ChildFailed(part).why}")
        return True


class ChildFailed(Exception):
    """A child ended without success; its error is the parent's."""

    def __init__(self, row: TaskRow) -> None:
        super().__init__(row.error or f"{row.kind_name} was cancelled")
        self.row = row
        self.why = str(msgspec.json.decode(row.error)["text"]) if row.error else "a part was cancelled"


def start(tx: Tx, task: Task, on: Resource, *, parent: TaskRow | None = None, **job: Any) -> TaskRow:
    """Store a task on a resource, in the transaction that makes or changes that resource. `job` says who asked."""
    row = TaskRow(
        kind_name=type(task).__name__,
        subject=f"{on.kind}:{on.id}",
        rank=task.rank,
        memo=task.remember(),
        due=tx.now,
        since=tx.now,
        **job,
    )
    if parent is not None:
        row.parent, row.parent_at, row.parent_round = parent.id, parent.at, parent.round
        row.account_id, row.domain_id, row.user_id = parent.account_id, parent.domain_id, parent.user_id
    tx.insert(row)
    tx.signal("task")
    return row


def idle(tx: Tx, on: Resource) -> bool:
    """Whether no task is on a resource."""
    return not tx.count(TaskRow, TaskRow.c.subject == f"{on.kind}:{on.id}", TaskRow.c.live == 1)


def poke(tx: Tx, subject: str) -> None:
    """Wake whatever task waits on a subject: something it may wait for has changed."""
    mine = (TaskRow.c.subject == subject, TaskRow.c.live == 1)
    tx.execute(TaskRow.t.update().where(*mine).values(due=tx.now, wake=TaskRow.c.wake + 1))
    tx.signal("task")


def arrived(tx: Tx, *places: str) -> None:
    """Wake the tasks whose step could not reach one of these places ("host:17"): it can be reached now."""
    waits = (TaskRow.c.awaits.in_(places), TaskRow.c.live == 1, TaskRow.c.gone == 0)
    tx.execute(TaskRow.t.update().where(*waits).values(due=tx.now, wake=TaskRow.c.wake + 1))
    tx.signal("task")


def cancel(tx: Tx, row: TaskRow) -> bool:
    """Ask a task to stop: it undoes what it began. Answers whether it was still going forward, or would have again."""
    mine = (TaskRow.c.id == row.id, GOES_FORWARD)
    asked = tx.execute(TaskRow.t.update().where(*mine).values(cancel=1, due=tx.now, wake=TaskRow.c.wake + 1))
    tx.signal("task")
    return asked == 1


def resume(tx: Tx, row: TaskRow) -> bool:
    """Let a stuck task try again, its undo or its final steps. Answers whether it was stuck."""
    mine = (TaskRow.c.id == row.id, TaskRow.c.state == STUCK)
    state = FORWARD if Task.by_name[row.kind_name].no_way_back(row.at) else UNDO
    resumed = tx.execute(TaskRow.t.update().where(*mine).values(state=state, tries=0, due=tx.now, since=tx.now, owner=0))
    tx.signal("task")
    return resumed == 1
