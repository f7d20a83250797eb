"""Toy resources and tasks for several processes: what is outside is files in a directory, so that it outlives a process."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import sqlalchemy as sa

from cloudwright.core.resource import Resource, column
from cloudwright.core.task import Again, Back, Task, TaskRow, start, step
from cloudwright.core.tx import Tx


class Thing(Resource, table="toy_thing"):
    """What tasks work on. `trail` is the numbers of the tasks that worked on it."""

    name: str
    state: str = "New"
    count: int = 0
    trail: list[int] = column(default=[])


def stop_if_told(flag: str) -> None:
    """Stop this process, once, as an operator's ctrl-Z or a paused virtual machine does."""
    try:
        Path(flag).unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGSTOP)


def note(path: str, line: str) -> None:
    """Append a line; appends of several processes do not mix."""
    with open(path, "a", encoding="ascii") as file:
        file.write(f"{line}\n")


class Short(Task, rank=5):
    """Enters and leaves its subject, then counts once."""

    thing: int
    number: int
    log: str
    flag: str = "/nowhere"

    @step
    def visit(self) -> None:
        note(self.log, f"enter {self.thing} {self.number} {os.getpid()}")
        stop_if_told(self.flag + ".acting")
        note(self.log, f"leave {self.thing} {self.number} {os.getpid()}")

    @step
    def count(self, tx: Tx) -> None:
        thing = tx.get(Thing, self.thing)
        tx.execute(Thing.t.update().where(Thing.c.id == thing.id).values(count=Thing.c.count + 1))
        stop_if_told(self.flag + ".deciding")
        tx.update(thing, trail=[*thing.trail, self.number])


class Piece(Task, rank=1):
    """A child: one file."""

    directory: str
    name: str
    broken: bool = False

    @step
    def make(self) -> None:
        (Path(self.directory) / self.name).touch()
        if self.broken:
            raise ValueError(f"{self.name} is broken")

    @make.undo
    def unmake(self) -> None:
        (Path(self.directory) / self.name).unlink(missing_ok=True)

    @step
    def paint(self, tx: Tx) -> None:
        self.say("painted")


class Assemble(Task, rank=5):
    """Takes a place, has two pieces made, boots (polling twice), finishes. `mode` says where it fails."""

    directory: str
    thing: int
    pieces: list[int]
    mode: str = ""
    host: str = ""
    polls: int = 0

    @step
    def place(self, tx: Tx) -> None:
        self.host = "h2" if self.host == "h1" else "h1"
        tx.execute(Thing.t.update().where(Thing.c.id == self.thing).values(count=Thing.c.count + 1))
        tx.update(tx.get(Thing, self.thing), state=f"On {self.host}")

    @place.undo
    def unplace(self, tx: Tx) -> None:
        thing = tx.get(Thing, self.thing)
        if thing.state != "New":
            tx.update(thing, state="New", count=thing.count - 1)

    @step
    def parts(self, tx: Tx) -> None:
        told = [
            (Piece(directory=self.directory, name=f"piece{i}", broken=self.mode == "parts" and i == self.pieces[1]), i)
            for i in self.pieces
        ]
        self.children(tx, [(piece, tx.get(Thing, i)) for piece, i in told])

    @step
    def boot(self) -> None:
        (Path(self.directory) / "machine").write_text(self.host)
        if self.mode == "boot":
            raise ValueError("no boot")
        if self.mode == "back" and self.host == "h1":
            raise Back("place", "h1 is bad")
        if self.polls < 2:
            self.polls += 1
            raise Again(0.01, "polls")
        self.set(self.read.get(Thing, self.thing), state="Running")

    @boot.undo
    def unboot(self, tx: Tx) -> None:
        (Path(self.directory) / "machine").unlink(missing_ok=True)
        tx.update(tx.get(Thing, self.thing), state=f"On {self.host}")
        self.polls = 0

    @step
    def last(self) -> None:
        if self.mode == "last":
            raise ValueError("at the end")


class Wipe(Task, rank=5):
    """From `erase` on there is no way back: it fails at first, and is retried."""

    directory: str
    thing: int
    mode: str = ""

    @step
    def mark(self, tx: Tx) -> None:
        tx.update(tx.get(Thing, self.thing), state="Going")

    @mark.undo
    def unmark(self, tx: Tx) -> None:
        tx.update(tx.get(Thing, self.thing), state="New")

    @step
    def check(self) -> None:
        if self.mode == "check":
            raise ValueError("not allowed")

    @step(final=True)
    def erase(self) -> None:
        (Path(self.directory) / "disk").unlink(missing_ok=True)
        if self.row.tries == 0 and self.mode == "erase":
            raise ValueError("not yet")

    @step
    def forget(self, tx: Tx) -> None:
        tx.remove(tx.get(Thing, self.thing))


def begin_assemble(tx: Tx, directory: Path, mode: str) -> TaskRow:
    """A thing, its two pieces, and the task that assembles them."""
    thing, first, second = (tx.insert(Thing(name=name)) for name in ("thing", "first", "second"))
    return start(tx, Assemble(directory=str(directory), thing=thing.id, pieces=[first.id, second.id], mode=mode), thing)


def begin_wipe(tx: Tx, directory: Path, mode: str) -> TaskRow:
    """A thing with a disk, and the task that erases it."""
    (directory / "disk").touch()
    thing = tx.insert(Thing(name="thing"))
    return start(tx, Wipe(directory=str(directory), thing=thing.id, mode=mode), thing)


def begin_short(tx: Tx, things: list[int], numbers: range, log: Path) -> None:
    """Short tasks, taking the things in turn."""
    now = time.time()
    rows = [
        TaskRow(
            kind_name="Short", subject=f"toy_thing:{things[n % len(things)]}", rank=5, due=now, since=now,
            memo=Short(thing=things[n % len(things)], number=n, log=str(log)).remember(),
        ).values()
        for n in numbers
    ]  # fmt: skip
    tx.connection.execute(sa.insert(TaskRow.t), rows)
    tx.signal("task")
