"""The task engine on a toy world: forward, undo, back, children, waiting, cancel, death."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudwright.core.db import Database
from cloudwright.core.engine import Engine
from cloudwright.core.resource import Resource
from cloudwright.core.server import Membership
from cloudwright.core.task import CANCELLED, DONE, FAILED, STUCK, Again, Back, Task, TaskRow, cancel, resume, start, step
from cloudwright.core.tx import Tx

OUTSIDE: dict[str, str] = {}
CALLS: list[str] = []


class Toy(Resource, table="toy"):
    name: str
    state: str = "New"


class Part(Task, rank=1):
    name: str
    broken: bool = False

    @step
    def make(self) -> None:
        OUTSIDE[self.name] = "part"
        if self.broken:
            raise ValueError(f"{self.name} is broken")

    @make.undo
    def unmake(self) -> None:
        OUTSIDE.pop(self.name, None)


class Build(Task, rank=5):
    toy: int
    host: str = ""
    fail_at: str = ""
    polls: int = 0

    @step
    def place(self, tx: Tx) -> None:
        self.host = "h2" if self.host == "h1" else "h1"
        tx.update(tx.get(Toy, self.toy), state=f"On {self.host}")

    @place.undo
    def unplace(self, tx: Tx) -> None:
        tx.update(tx.get(Toy, self.toy), state="New")

    @step
    def parts(self, tx: Tx) -> None:
        broken = self.fail_at == "parts"
        toy = tx.get(Toy, self.toy)
        self.children(tx, [(Part(name=f"p{toy.id}", broken=broken), toy)])

    @step
    def boot(self) -> None:
        OUTSIDE[f"vm{self.toy}"] = self.host
        if self.fail_at == "boot":
            raise ValueError("no boot")
        if self.fail_at == "host1" and self.host == "h1":
            raise Back("place", "h1 is bad")
        if self.polls < 2:
            self.polls += 1
            raise Again(0.01, "polls")
        self.set(self.read.get(Toy, self.toy), state="Running")
        self.say("booted", host=self.host)

    @boot.undo
    def unboot(self) -> None:
        if self.fail_at == "stuck":
            raise ValueError("cannot undo")
        OUTSIDE.pop(f"vm{self.toy}", None)

    @step
    def last(self) -> None:
        if self.fail_at in ("last", "stuck"):
            raise ValueError("at the end")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    OUTSIDE.clear()
    database = Database(f"sqlite:///{tmp_path / 'c.db'}")
    database.create_all()
    yield database
    database.close()


class Process:
    """A server process of its own on the same database: a writer, a membership, an engine."""

    def __init__(self, db: Database, **options: object) -> None:
        self.db = Database(db.url)
        self.server = Membership(self.db, "one")
        self.server.join()
        self.engine = Engine(self.db, self.server.id, lambda contract, where: None, **options)  # type: ignore[arg-type]
        self.engine.start()

    def stop(self) -> None:
        self.server.die()
        self.engine.stop()
        self.db.close()


def engine(db: Database, **options: object) -> Process:
    return Process(db, **options)


def begin(db: Database, fail_at: str = "") -> TaskRow:
    def fn(tx: Tx) -> TaskRow:
        toy = tx.insert(Toy(name="t"))
        # the child works on the same toy here: a subject of its own keeps the toy example small
        return start(tx, Build(toy=toy.id, fail_at=fail_at), tx.insert(Toy(name="subject")))

    return db.write(fn)


def ended(db: Database, row: TaskRow, *, states: tuple[str, ...] = (DONE, FAILED, CANCELLED, STUCK)) -> TaskRow:
    for _ in range(300):
        row = db.read().get(TaskRow, row.id)
        if row.state in states:
            return row
        time.sleep(0.01)
    raise AssertionError(f"task is still {row.state} at {row.at}: {row.waiting} {row.error}")


@pytest.mark.parametrize("fail_at", ["", "parts", "boot", "last", "host1"])
def test_ends_complete_or_clean(db: Database, fail_at: str) -> None:
    e = engine(db)
    row = ended(db, begin(db, fail_at))
    e.stop()
    toy = db.read().all(Toy, Toy.c.name == "t")[0]
    if fail_at in ("", "host1"):
        assert row.state == DONE
        assert toy.state == "Running"
        assert {f"p{toy.id}": "part", f"vm{toy.id}": "h2" if fail_at else "h1"} == OUTSIDE
    else:
        assert row.state == FAILED
        assert row.error
        assert toy.state == "New"
        assert OUTSIDE == {}


def test_stuck_can_be_resumed(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudwright.core.engine.UNDO_TRIES", 2)
    e = engine(db)
    row = ended(db, begin(db, "stuck"))
    assert row.state == STUCK
    assert row.live == 1
    monkeypatch.setattr(Build.steps[2], "undo_fn", lambda task: OUTSIDE.pop(f"vm{task.toy}", None))
    assert db.write(lambda tx: resume(tx, row))
    assert ended(db, row, states=(FAILED,)).state == FAILED
    e.stop()
    assert OUTSIDE == {}


def test_cancel_while_waiting(db: Database) -> None:
    row = begin(db)
    assert db.write(lambda tx: cancel(tx, row))
    e = engine(db)
    assert ended(db, row).state == CANCELLED
    e.stop()
    assert OUTSIDE == {}


class Dead(BaseException):
    pass


@pytest.mark.parametrize("fail_at", ["", "last", "host1"])
def test_killed_at_every_point_it_still_ends_right(db: Database, fail_at: str) -> None:
    """Die at each boundary in turn, start a new engine, and look at the world."""
    for point in range(60):
        OUTSIDE.clear()
        count = -1
        died = threading.Event()

        def hook(where: str, task: Task, step: str, point: int = point, died: threading.Event = died) -> None:
            nonlocal count
            count += 1
            if count == point or died.is_set():
                died.set()
                raise Dead

        first = engine(db, hook=hook, workers=1)
        row = begin(db, fail_at)
        while not died.is_set() and db.read().get(TaskRow, row.id).live:
            time.sleep(0.005)
        first.stop()
        second = engine(db)
        row = ended(db, row)
        second.stop()
        assert row.state == (FAILED if fail_at == "last" else DONE), (point, row.error)
        assert len(OUTSIDE) == (0 if fail_at == "last" else 2), (point, OUTSIDE)
        if not died.is_set():
            assert point > 5
            return
    raise AssertionError("never got through")
