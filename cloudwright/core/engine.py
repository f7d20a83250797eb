"""The task engine: claims tasks by lease and runs them, one transaction a step, on many threads and many servers.

A claim takes tasks that are due, owned by nobody and first on their subject. The cursor (`at`) is the write-ahead record: it is
committed before its step runs, so after any death the step at the cursor may have begun and is run again, or undone.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import sqlalchemy as sa

from cloudwright.core.db import Database, Fenced
from cloudwright.core.error import CloudError, Lost
from cloudwright.core.prepared import Prepared
from cloudwright.core.resource import Resource
from cloudwright.core.task import (
    CANCELLED,
    DONE,
    FAILED,
    FORWARD,
    NEVER,
    STUCK,
    UNDO,
    Again,
    Back,
    ChildFailed,
    Late,
    Run,
    Step,
    Task,
    TaskRow,
    Told,
    cancel,
)
from cloudwright.core.tx import Tx

log = logging.getLogger(__name__)
Reach = Callable[[type[Any], Resource], Any]
Hook = Callable[[str, Task, str], None]
POLL = 0.25  # how soon work of other servers, or work that came due, is seen
SWEEP = 5.0  # how often tasks are looked for that this server owns and does not run
UNDO_TRIES = 8
RACE_TRIES = 20

_other = TaskRow.t.alias("other")
_first = sa.or_(
    TaskRow.c.holds.is_not(None),
    ~sa.exists().where(
        _other.c.subject == TaskRow.c.subject,
        _other.c.live == 1,
        _other.c.gone == 0,  # here and below: for the partial indexes
        sa.or_(_other.c.holds.is_not(None), _other.c.id < TaskRow.c.id),
    ),
)
_ready = (
    TaskRow.c.live == 1,
    TaskRow.c.owner == 0,
    TaskRow.c.due <= sa.bindparam("now"),
    TaskRow.c.state.in_([FORWARD, UNDO]),
    TaskRow.c.gone == 0,
)
_DUE = Prepared(
    sa.select(TaskRow.c.id)
    .where(*_ready, _first)
    .order_by(TaskRow.c.due)
    .limit(sa.bindparam("most"))
    .with_for_update(skip_locked=True, of=TaskRow.t)
)
_PEEK = Prepared(sa.select(TaskRow.c.id).where(*_ready).limit(1))
_OWNED = sa.select(TaskRow.c.id).where(TaskRow.c.live == 1, TaskRow.c.owner == sa.bindparam("me"), TaskRow.c.gone == 0)
_TAKEN = Prepared(sa.select(TaskRow.t).where(TaskRow.c.id.in_(sa.bindparam("ids", expanding=True))))
_THESE = TaskRow.t.update().where(TaskRow.c.id.in_(sa.bindparam("ids", expanding=True)))
_HOLD = Prepared(_THESE.where(TaskRow.c.holds.is_(None)).values(holds=TaskRow.c.subject, since=sa.bindparam("now_")))
_OWN = Prepared(_THESE.values(owner=sa.bindparam("me")))
_MINE = TaskRow.t.update().where(TaskRow.c.id == sa.bindparam("id_"), TaskRow.c.owner == sa.bindparam("me"))
_UNMOVED = _MINE.where(TaskRow.c.version == sa.bindparam("version_"))
_WAKE = Prepared(
    TaskRow.t.update().where(TaskRow.c.id == sa.bindparam("id_")).values(due=sa.bindparam("now_"), wake=TaskRow.c.wake + 1)
)


@functools.cache
def _recorded(names: tuple[str, ...], waits: bool) -> Prepared:
    """Store these values of an unmoved task. One that waits is due at once if it was woken since it was read."""
    values: dict[str, Any] = {name: sa.bindparam(name) for name in names}
    if waits:
        due, now = (sa.bindparam(name, type_=TaskRow.c.due.type) for name in ("due", "now_"))
        values["due"] = sa.case((TaskRow.c.wake == sa.bindparam("wake_"), due), else_=now)
    return Prepared(_UNMOVED.values(**values, version=TaskRow.c.version + 1))


class NotMine(Exception):
    """The task moved on without this step's record (another server took it over): whatever was done is found again."""


def no_hook(point: str, task: Task, step: str) -> None:
    """Called at each boundary of each step; tests put faults and deaths here."""


class Engine:
    """Runs tasks for one server. `reach(contract, where)` gives drivers; `transient` are errors worth retrying. After those that
    are `unreachable` a place is awaited: the one that the error names as `place`, or that was reached for last."""

    def __init__(
        self,
        db: Database,
        server_id: int,
        reach: Reach,
        *,
        workers: int = 16,
        transient: tuple[type[Exception], ...] = (),
        hook: Hook = no_hook,
    ) -> None:
        self.db, self.server_id, self.reach, self.transient, self.hook = db, server_id, reach, transient, hook
        self.workers = workers
        self.unreachable: tuple[type[Exception], ...] = ()
        self.on_stuck: Callable[[Tx, TaskRow, str], None] = lambda tx, row, error: None
        self.on_end: Callable[[Tx, TaskRow], None] = lambda tx, row: None
        self._wake, self._stop, self._idle = threading.Event(), threading.Event(), threading.Condition()
        self._running: set[int] = set()
        self._swept = time.monotonic()
        self._soon = 0.0  # when the next task of this process wants to come back
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="task")
        self._thread = threading.Thread(target=self._dispatch, name="dispatch", daemon=True)

    def start(self) -> None:
        """Begin to claim and run."""
        self.db.listeners.setdefault("task", []).append(self._wake.set)
        self._thread.start()

    def stop(self) -> None:
        """Claim no more; let steps that run come to their end. Tasks go on at the next start, here or elsewhere."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)
        self._pool.shutdown(wait=True, cancel_futures=True)

    # --- claiming

    def _dispatch(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(timeout=max(0.0, min(POLL, self._soon - time.time())))
            self._wake.clear()
            self._soon = time.time() + POLL if self._soon <= time.time() else self._soon
            try:
                while self._claim_and_submit():
                    pass
                self._sweep()
            except Fenced:
                return
            except Exception:
                log.exception("claiming tasks failed; it is tried again")
                time.sleep(0.5)

    def _claim_and_submit(self) -> bool:
        """Claim as many as there are free workers. Answers whether there may be more."""
        with self._idle:
            free = self.workers - len(self._running)
        if free <= 0 or self._stop.is_set():
            return False
        if self.db.read().one(_PEEK, {"now": time.time()}) is None:
            return False
        try:
            rows = self.db.write(lambda tx: self._claim(tx, free))
        except sa.exc.IntegrityError:
            return False  # another server claimed another task on one of these subjects at the same moment
        for row in rows:
            with self._idle:
                self._running.add(row.id)
            self._pool.submit(self._work, row)
        return len(rows) == free

    def _sweep(self) -> None:
        """Free what this server owns and does not run: a claim or a record whose answer was lost on the way."""
        if time.monotonic() - self._swept < SWEEP:
            return
        self._swept = time.monotonic()
        owned = {row[0] for row in self.db.read().rows(_OWNED, {"me": self.server_id})}
        with self._idle:
            lost = owned - self._running
        if lost:
            freed = TaskRow.t.update().where(TaskRow.c.id.in_(lost), TaskRow.c.owner == self.server_id, TaskRow.c.live == 1)
            self.db.write(lambda tx: tx.execute(freed.values(owner=0)))

    def _claim(self, tx: Tx, most: int) -> list[TaskRow]:
        ids = [row["id"] for row in tx.rows(_DUE, {"now": tx.now, "most": most})]
        if not ids:
            return []
        tx.execute(_HOLD, {"ids": ids, "now_": tx.now})
        tx.execute(_OWN, {"ids": ids, "me": self.server_id})
        return [TaskRow.load(row) for row in tx.rows(_TAKEN, {"ids": ids})]

    # --- running

    def _work(self, row: TaskRow) -> None:
        try:
            while self._one_step(row) and not self._stop.is_set():
                pass
        except (Fenced, NotMine) as gone:
            log.info("task %s (%s) goes on elsewhere: %s", row.uuid, row.kind_name, gone)
        except Exception:
            log.exception("task %s (%s) could not be recorded; it is tried again", row.uuid, row.kind_name)
            self._let_go(row)
        finally:
            with self._idle:
                self._running.discard(row.id)
                self._idle.notify_all()
            self._wake.set()

    def _let_go(self, row: TaskRow) -> None:
        """Give a task back, however long the database is away: a task that is owned and not run would never move again."""
        while not self.db.fenced.is_set() and not self._stop.wait(1.0):
            values = {"owner": 0, "due": time.time() + 5.0}
            try:
                self.db.write(lambda tx, v=values: tx.execute(_MINE.values(**v), {"id_": row.id, "me": self.server_id}))  # type: ignore[misc]
                return
            except Exception as error:
                log.warning("task %s cannot be given back yet: %s", row.uuid, error)

    def _one_step(self, row: TaskRow) -> bool:
        """Run the step at the cursor, forward or undo, and record it. Answers whether to go on at once."""
        kind = Task.by_name[row.kind_name]
        run = Run(row, self.db.read(), self.reach)
        task = kind.resume(row, run)
        current = kind.steps[row.at]
        began = time.monotonic()
        if row.state == FORWARD and row.cancel and not kind.no_way_back(row.at):
            return self._record(task, run, current, began, _Turn(UNDO, row.at, error=row.error))
        try:
            if row.state == FORWARD:
                return self._forward(task, run, current, began)
            return self._undo(task, run, current, began)
        except (Fenced, NotMine):
            raise
        except Again as again:
            return self._record(task, run, current, began, _Turn(row.state, row.at, wait=again))
        except Exception as error:
            return self._troubled(task, run, current, began, error)

    def _forward(self, task: Task, run: Run, current: Step, began: float) -> bool:
        last = run.row.at + 1 == len(task.steps)
        turn = _Turn(DONE if last else FORWARD, run.row.at + (not last))
        return self._perform(task, run, current, began, turn)

    def _undo(self, task: Task, run: Run, current: Step, began: float) -> bool:
        row = run.row
        if row.back_to == current.name:
            turn = _Turn(FORWARD, row.at, round=row.round + 1)
        elif row.at == 0:
            turn = _Turn(CANCELLED if row.cancel else FAILED, 0, error=row.error)
        else:
            turn = _Turn(UNDO, row.at - 1, error=row.error)
        return self._perform(task, run, current, began, turn)

    def _perform(self, task: Task, run: Run, current: Step, began: float, turn: _Turn) -> bool:
        undoing = run.row.state == UNDO
        fn, inside = current.way(undoing)
        self.hook("undo" if undoing else "do", task, current.name)
        if undoing and self.db.write(lambda tx: _turn_children(tx, run.row)):
            raise Again(NEVER, "waits until its parts are undone")
        if not inside:
            run.acting = True
            try:
                fn(task)
            finally:
                run.acting = False
        self.hook("did", task, current.name)
        memo = task.remember()

        def decide(tx: Tx) -> bool:
            task.recall(memo)  # it may be run again when the transaction as a whole failed
            tx.limited = not undoing and not task.no_way_back(run.row.at)  # where there is no way back, limits come too late
            again = _Turn(run.row.state, run.row.at, wait=None)
            try:
                if inside:
                    run.begin()
                    fn(task, tx)
                else:
                    for write in run.writes:
                        write(tx)
            except Again as wait:
                again.wait = wait
                return self._store(tx, task, run, current, began, again)
            return self._store(tx, task, run, current, began, turn)

        try:
            going = self.db.write(decide)
        except Exception:
            task.recall(memo)
            raise
        self.hook("recorded", task, current.name)
        return going

    def _troubled(self, task: Task, run: Run, current: Step, began: float, error: Exception) -> bool:
        """A step raised: retry what may pass, otherwise turn round, or, undoing, give up after some tries."""
        row = run.row
        undoing = row.state == UNDO
        late = time.time() - row.since > current.deadline
        if undoing:
            if row.tries + 1 >= UNDO_TRIES and (late or not isinstance(error, self.transient)):
                return self._record(task, run, current, began, _Turn(STUCK, row.at, error=row.error, trouble=error))
            wait = Again(_backoff(row.tries), f"undoing {current.name} failed and is tried again: {_sentence(error)}")
            return self._record(task, run, current, began, _Turn(UNDO, row.at, wait=wait, error=row.error, trouble=error))
        if task.no_way_back(row.at):
            if late:
                return self._record(task, run, current, began, _Turn(STUCK, row.at, error=_encode(error), trouble=error))
            wait = Again(_backoff(row.tries), f"{current.name} failed and is tried again: {_sentence(error)}")
            return self._record(task, run, current, began, _Turn(FORWARD, row.at, wait=wait, trouble=error))
        if isinstance(error, Back):
            return self._record(task, run, current, began, _Turn(UNDO, row.at, back_to=error.to, trouble=error))
        raced = isinstance(error, Lost) or (isinstance(error, sa.exc.IntegrityError) and row.tries < RACE_TRIES)
        if (raced or isinstance(error, self.transient)) and not late:
            wait = Again(0.02 if raced else _backoff(row.tries), "" if raced else _sentence(error))
            return self._record(task, run, current, began, _Turn(FORWARD, row.at, wait=wait, trouble=error))
        if not isinstance(error, (CloudError, Late, ChildFailed, *self.transient)):
            log.warning("task %s (%s) failed in step %s", row.uuid, row.kind_name, current.name, exc_info=error)
        return self._record(task, run, current, began, _Turn(UNDO, row.at, error=_encode(error), trouble=error))

    def _record(self, task: Task, run: Run, current: Step, began: float, turn: _Turn) -> bool:
        polls = turn.wait is not None and turn.trouble is None and turn.wait.after < NEVER and run.row.state == FORWARD
        if polls and time.time() - run.row.since > current.deadline:
            why = f"{current.name} waited longer than {current.deadline:.0f} s: {turn.wait.why if turn.wait else ''}"
            return self._troubled(task, run, current, began, Late(why))
        writes = run.writes if turn.wait and turn.trouble is None else []

        def store(tx: Tx) -> bool:
            for write in writes:
                write(tx)
            return self._store(tx, task, run, current, began, turn)

        return self.db.write(store)

    def _store(self, tx: Tx, task: Task, run: Run, current: Step, began: float, turn: _Turn) -> bool:
        """Write the cursor, the memo and the story. Answers whether to go on at once."""
        row = run.row
        values = turn.values(row, tx.now)
        lost = turn.wait is not None and isinstance(turn.trouble, self.unreachable)
        awaits = (getattr(turn.trouble, "place", "") or run.place or None) if lost else None
        values |= {"memo": task.remember(), "progress": run.progress, "awaits": awaits}
        if turn.wait is not None:
            values |= {"waiting": turn.wait.why or run.waiting, "owner": 0, "tries": row.tries + 1 if turn.trouble else 0}
            values["due"] = tx.now + turn.wait.after
            self._soon = min(self._soon, tx.now + turn.wait.after)
        key = {"id_": row.id, "me": self.server_id, "version_": row.version, "wake_": row.wake, "now_": tx.now}
        if tx.execute(_recorded(tuple(values), turn.wait is not None), {**values, **key}) != 1:
            raise NotMine(f"task {row.uuid} is no longer this server's")
        self._tell(tx, run, current, time.monotonic() - began, turn)
        tx.lock(row)
        if turn.state in (DONE, FAILED, CANCELLED):
            self._ended(tx, row)
        if turn.state == STUCK:
            self.on_stuck(tx, row, _sentence(turn.trouble) if turn.trouble else "")
        return turn.wait is None and turn.state in (FORWARD, UNDO)

    @staticmethod
    def _tell(tx: Tx, run: Run, current: Step, seconds: float, turn: _Turn) -> None:
        row, undoing = run.row, run.row.state == UNDO
        verb = "undid" if undoing else "did"
        said = run.said or [(f"{verb} {current.name}", {})] if turn.wait is None and turn.trouble is None else run.said
        if turn.trouble is not None and (turn.wait is None or row.tries == 0):
            verb, said = "failed", [(_sentence(turn.trouble), {})]
        for sentence, evidence in said:
            tx.insert(Told(task=row.id, step=current.name, verb=verb, said=sentence, evidence=evidence, seconds=seconds))

    def _ended(self, tx: Tx, row: TaskRow) -> None:
        if row.parent:
            tx.execute(_WAKE, {"id_": row.parent, "now_": tx.now})
        tx.signal("task")
        self.on_end(tx, row)


class _Turn:
    """Where a task goes from a step: the values of its row."""

    def __init__(  # noqa: PLR0913 - a record
        self,
        state: str,
        at: int,
        *,
        wait: Again | None = None,
        error: str | None = None,
        back_to: str | None = None,
        round: int | None = None,
        trouble: Exception | None = None,
    ) -> None:
        self.state, self.at, self.wait, self.error, self.back_to, self.round, self.trouble = (
            state,
            at,
            wait,
            error,
            back_to,
            round,
            trouble,
        )

    def values(self, row: TaskRow, now: float) -> dict[str, Any]:
        values: dict[str, Any] = {"state": self.state, "at": self.at}
        if self.wait is None:
            values |= {"since": now, "tries": 0, "waiting": ""}
        if self.state in (DONE, FAILED, CANCELLED):
            values |= {"live": 0, "owner": 0, "holds": None, "ended": now, "progress": 1.0}
        if self.state == STUCK:
            values |= {"owner": 0, "due": NEVER}
        if self.back_to is not None:
            values["back_to"] = self.back_to
        if self.round is not None:
            values |= {"round": self.round, "back_to": None}
        if self.error is not None:
            values["error"] = self.error
        return values


def _backoff(tries: int) -> float:
    return min(30.0, 0.1 * float(2 ** min(tries, 10)))


def _turn_children(tx: Tx, row: TaskRow) -> bool:
    """Turn the children of the step at the cursor round; true while any is still unwinding. What is past a final step stays."""
    here = (TaskRow.c.parent == row.id, TaskRow.c.parent_at == row.at, TaskRow.c.parent_round == row.round)
    waiting = False
    for child in tx.all(TaskRow, *here):
        if Task.by_name[child.kind_name].no_way_back(child.at):
            waiting = waiting or child.live == 1
            continue
        same = (TaskRow.c.id == child.id, TaskRow.c.version == child.version, TaskRow.c.owner == 0)
        turned = TaskRow.t.update().where(*same, TaskRow.c.state.in_([FORWARD, DONE]))
        begun = {"state": UNDO, "live": 1, "due": tx.now, "since": tx.now, "tries": 0, "version": TaskRow.c.version + 1}
        if child.state in (FORWARD, DONE) and tx.execute(turned.values(**begun)):
            tx.signal("task")
            waiting = True
        elif child.live:
            cancel(tx, child)
            waiting = True
    return waiting


def _sentence(error: BaseException) -> str:
    if isinstance(error, CloudError):
        return error.text
    if isinstance(error, ChildFailed):
        return str(msgspec.json.decode(error.row.error)["text"]) if error.row.error else "a part was cancelled"
    return str(error) or type(error).__name__


def _encode(error: Exception) -> str:
    """What the job tells: the number, the sentence, the explanation."""
    if isinstance(error, ChildFailed) and error.row.error:
        return error.row.error
    code = error.code if isinstance(error, CloudError) else 530
    explain = error.explain() if isinstance(error, CloudError) else {"what": _sentence(error), "why": [], "fix": []}
    return msgspec.json.encode({"code": code, "text": _sentence(error), "explain": explain}).decode()
