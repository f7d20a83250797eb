"""Processes that die: `deaths.py URL DIRECTORY KIND MODE EVERY`. For each moment of a task in turn, or each EVERYth, a forked
process kills itself there with SIGKILL, and a second one goes on; what the task left is judged, each thing wrong is a line on
standard output."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from cryptography.fernet import Fernet

from cloudwright.core import secret
from cloudwright.core.db import Database
from cloudwright.core.engine import Engine, Hook, no_hook
from cloudwright.core.server import Membership
from cloudwright.core.task import DONE, FAILED, Task, TaskRow
from tests.compiled import compiled_once
from tests.core.toys import Thing, begin_assemble, begin_wipe

ENDS = {
    "": DONE, "parts": FAILED, "boot": FAILED, "last": FAILED, "back": DONE, "wipe": DONE, "check": FAILED, "erase": DONE,
}  # fmt: skip


def serve(url: str, row: int, hook: Hook = no_hook) -> bool:
    """Run tasks as server "one" until this one ended. Answers whether it did."""
    db = Database(url)
    member = Membership(db, "one")
    member.join()
    engine = Engine(db, member.id, lambda contract, where: None, workers=2, hook=hook)
    engine.start()
    until = time.monotonic() + 60
    while time.monotonic() < until and db.read().get(TaskRow, row).live:
        time.sleep(0.003)
    ended = not db.read().get(TaskRow, row).live
    engine.stop()
    db.close()
    return ended


def forked(url: str, row: int, at: int) -> int:
    """The wait status of a process that serves and kills itself at moment `at` (never, when it is negative)."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    count = -1

    def hook(point: str, task: Task, step: str) -> None:
        nonlocal count
        count += 1
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)

    os._exit(0 if serve(url, row, hook) else 3)


def prepare(url: str, directory: Path, kind: str, mode: str) -> int:
    """Begin the task, in a process of its own: no thread may live when this one forks."""
    reads, writes = os.pipe()
    if os.fork():
        os.close(writes)
        with os.fdopen(reads) as pipe:
            row = int(pipe.read())
        os.wait()
        return row
    db = Database(url)
    db.create_all()
    begin = begin_assemble if kind == "assemble" else begin_wipe
    os.write(writes, str(db.write(lambda tx: begin(tx, directory, mode)).id).encode())
    db.close()
    os._exit(0)


def judge(url: str, row_id: int, directory: Path, kind: str, mode: str) -> list[str]:
    """What is wrong at the end."""
    db = Database(url)
    row = db.read().get(TaskRow, row_id)
    thing = db.read().get(Thing, int(row.subject.split(":")[1]))
    live = db.read().count(TaskRow, TaskRow.c.live == 1)
    db.close()
    done = ENDS[mode or ("wipe" if kind == "wipe" else "")] == DONE
    files = {path.name.rstrip("0123456789") for path in directory.iterdir()}
    if kind == "assemble":
        wanted = ({"machine", "piece"}, "Running", 1, 0) if done else (set(), "New", 0, 0)
    else:
        wanted = (set(), "Going", 0, thing.id) if done else ({"disk"}, "New", 0, 0)
    found = (files, thing.state, min(thing.count, 1) if done else thing.count, thing.gone)
    wrong = [] if found == wanted else [f"left {found}, not {wanted}"]
    if row.state != (DONE if done else FAILED) or live:
        wrong.append(f"ended {row.state} with {live} tasks alive: {row.error}")
    return wrong


def main(url: str, directory: Path, kind: str, mode: str, every: int) -> int:
    """Die at each moment. Left alone first, in this process: those that are forked find all statements compiled."""
    secret.use(Fernet.generate_key())
    row = prepare(url, directory, kind, mode)
    ended = serve(url, row)
    if wrong := judge(url, row, directory, kind, mode):
        print(f"left alone (ended: {ended}): {wrong}", flush=True)
    for at in range(0, 120, every):
        for path in directory.iterdir():
            path.unlink()
        row = prepare(url, directory, kind, mode)
        status = forked(url, row, at)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        if killed:
            forked(url, row, -1)
        judging = os.fork()
        if not judging:
            wrong = judge(url, row, directory, kind, mode)
            os.write(1, "".join(f"died at {at}: {line}\n" for line in wrong).encode())
            os._exit(0)
        os.waitpid(judging, 0)
        if not killed:
            print(f"moments {at}", flush=True)
            return 0
    return 1


if __name__ == "__main__":
    with compiled_once():
        sys.exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5])))
