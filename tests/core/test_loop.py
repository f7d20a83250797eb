"""Loops: one live task each, turning by the clock and when woken, never failing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloudwright.core import loop
from cloudwright.core.db import Database
from cloudwright.core.engine import Engine
from cloudwright.core.loop import Loop, LoopRow
from cloudwright.core.resource import Resource
from cloudwright.core.server import Membership
from cloudwright.core.task import Task, TaskRow
from cloudwright.core.tx import Tx

TURNS: list[int] = []


class Mark(Resource, table="loop_mark"):
    turn: int


@pytest.fixture
def kind() -> Iterator[type[Loop]]:
    TURNS.clear()
    before = dict(Loop.loops)
    Loop.loops.clear()

    class Count(Loop, every=3600.0):
        count: int = 0

        def turn(self) -> float | None:
            self.count += 1
            TURNS.append(self.count)
            self.write(lambda tx: tx.insert(Mark(turn=self.count)))
            if self.count == 2:
                raise ValueError("a bad day")
            return 0.01 if self.count < 4 else None

    yield Count
    Loop.loops.clear()
    Loop.loops.update(before)
    Task.by_name.pop("Count")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'c.db'}")
    database.create_all()
    yield database
    database.close()


class Process:
    def __init__(self, url: str, node: str) -> None:
        self.db = Database(url)
        self.server = Membership(self.db, node)
        self.server.join()
        self.db.write(loop.ensure)
        self.engine = Engine(self.db, self.server.id, lambda contract, where: None)
        self.engine.start()

    def stop(self) -> None:
        self.engine.stop()
        self.server.leave()
        self.db.close()


def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, TURNS
        time.sleep(0.01)


def test_two_servers_turn_one_loop(db: Database, kind: type[Loop], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kind, "every", 0.05)
    processes = [Process(db.url, "one"), Process(db.url, "two")]
    until(lambda: len(TURNS) >= 8)
    for process in processes:
        process.stop()
    assert sorted(set(TURNS)) == TURNS, "a turn was run twice, or two at once"
    assert db.read().count(LoopRow) == db.read().count(TaskRow, TaskRow.c.live == 1) == 1


def test_a_failed_turn_writes_nothing_and_comes_again(db: Database, kind: type[Loop], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kind, "every", 0.05)
    process = Process(db.url, "one")
    until(lambda: len(TURNS) >= 4)
    process.stop()
    marks = [mark.turn for mark in db.read().all(Mark)]
    assert marks[:3] == [1, 3, 4]
    row = db.read().find(TaskRow)
    assert row is not None
    assert (row.live, row.state, row.owner) == (1, "forward", 0)


def test_waking_is_part_of_a_transaction(db: Database, kind: type[Loop]) -> None:
    process = Process(db.url, "one")
    process.db.write(lambda tx: loop.wake(tx, kind))
    until(lambda: len(TURNS) >= 2)

    def refused(tx: Tx) -> None:
        loop.wake(tx, kind)
        raise ValueError("refused")

    time.sleep(0.2)
    turns = len(TURNS)
    with pytest.raises(ValueError, match="refused"):
        process.db.write(refused)
    time.sleep(0.5)
    assert len(TURNS) == turns
    process.db.write(lambda tx: loop.wake(tx, kind))
    until(lambda: len(TURNS) > turns)
    process.stop()
