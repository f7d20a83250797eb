"""Races between who waits and who wakes, on each engine: nobody is forgotten. And how fast it goes, printed beside the floor."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import sqlalchemy as sa

from cloudwright.core.db import Database
from cloudwright.core.engine import Engine
from cloudwright.core.server import Membership
from cloudwright.core.task import DONE, NEVER, Again, Task, TaskRow, poke, start, step
from cloudwright.core.tx import Tx
from tests.core.toys import Thing, begin_assemble


class Sleeper(Task, rank=5):
    """Waits until somebody says go: asleep for ever, but for the poke."""

    thing: int

    @step
    def sleep(self) -> None:
        if self.read.get(Thing, self.thing).state != "Go":
            raise Again(NEVER, "waits for a word")


class Walk(Task, rank=5):
    """Six steps that do nothing."""

    @step
    def one(self, tx: Tx) -> None: ...
    @step
    def two(self, tx: Tx) -> None: ...
    @step
    def three(self, tx: Tx) -> None: ...
    @step
    def four(self, tx: Tx) -> None: ...
    @step
    def five(self, tx: Tx) -> None: ...
    @step
    def six(self, tx: Tx) -> None: ...


class Host:
    """A server in this process."""

    def __init__(self, url: str, node: str, workers: int = 8) -> None:
        self.db = Database(url)
        self.member = Membership(self.db, node, lease=60)
        self.member.join()
        self.engine = Engine(self.db, self.member.id, lambda contract, where: None, workers=workers)
        self.engine.start()

    def stop(self) -> None:
        self.engine.stop()
        self.member.leave()
        self.db.close()


def all_done(db: Database, seconds: float) -> None:
    until = time.monotonic() + seconds
    while left := db.read().count(TaskRow, TaskRow.c.live == 1):
        assert time.monotonic() < until, f"{left} tasks were forgotten"
        time.sleep(0.01)
    assert db.read().count(TaskRow, TaskRow.c.state != DONE) == 0


def test_who_waits_for_children_is_woken(data: Database, tmp_path: Path) -> None:
    """Their children end while they go to sleep, on two servers at once."""
    hosts = [Host(data.url, node) for node in ("one", "two")]
    for _ in range(30):
        data.write(lambda tx: begin_assemble(tx, tmp_path, ""))
    all_done(data, 60)
    for host in hosts:
        host.stop()


def test_who_sleeps_is_woken_by_a_word(data: Database) -> None:
    """The word comes at the very moment in which the task goes to sleep."""
    hosts = [Host(data.url, node) for node in ("one", "two")]

    def nudge(number: int) -> None:
        def begin(tx: Tx) -> Thing:
            thing = tx.insert(Thing(name="t"))
            start(tx, Sleeper(thing=thing.id), thing)
            return thing

        thing = data.write(begin)
        time.sleep(number % 7 * 0.003)

        def go(tx: Tx) -> None:
            tx.update(thing, state="Go")
            poke(tx, f"toy_thing:{thing.id}")

        data.write(go)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(nudge, range(60)))
    all_done(data, 60)
    for host in hosts:
        host.stop()


def bench(url: str, tasks: int = 300) -> None:
    """Print how many tasks of six steps sixteen workers do in a second, and how many of the plain updates do."""
    db = Database(url)
    db.create_all()

    def begin(tx: Tx) -> None:
        for _ in range(tasks):
            start(tx, Walk(), tx.insert(Thing(name="t")))

    db.write(begin)
    began = time.monotonic()
    host = Host(url, "one", workers=16)
    all_done(db, 300)
    ours = tasks / (time.monotonic() - began)
    host.stop()
    ids = [row[0] for row in db.read().rows(sa.select(TaskRow.c.id))]
    began = time.monotonic()

    def straight(id: int) -> None:
        for at in range(6):
            db.write(lambda tx, at=at: tx.execute(TaskRow.t.update().where(TaskRow.c.id == id).values(at=at)))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(straight, ids))
    floor = tasks / (time.monotonic() - began)
    print(f"{db.engine.dialect.name}: {ours:.0f} tasks/s of six steps; the cursor's updates alone: {floor:.0f} tasks/s")
    db.close()
