"""Several server processes on one database: killed, paused, restarted under, started at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from cloudwright.core.db import Database
from cloudwright.core.server import Server
from cloudwright.core.task import DONE, TaskRow, start
from tests import databases
from tests.core.node import FENCED
from tests.core.toys import Short, Thing, begin_short

ROOT = Path(__file__).parents[2]
LEASE = 2.0


class Node:
    """A server process."""

    def __init__(self, url: str, name: str, lease: float = LEASE) -> None:
        command = [sys.executable, "-m", "tests.core.node", url, name, str(lease)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ready(self) -> Node:
        """Wait until it serves."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("ready"), line
        return self

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stopped(self) -> bool:
        """Whether it was stopped by SIGSTOP."""
        return Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"

    def end(self) -> int:
        """End it cleanly, or see that it ended."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@pytest.fixture
def nodes(data: Database) -> Iterator[list[Node]]:
    """Server processes, ended whatever happens."""
    made: list[Node] = []
    yield made
    for node in made:
        if node.process.poll() is None:
            node.send(signal.SIGCONT)
    codes = [node.end() for node in made]
    assert all(code in (0, -signal.SIGKILL, FENCED) for code in codes), codes


def wait_for(what: str, condition: object, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < until, f"not {what} within {seconds:.0f} s"
        time.sleep(0.03)


def left(db: Database) -> int:
    return db.read().count(TaskRow, TaskRow.c.live == 1)


def overlaps(log: Path) -> list[str]:
    """Where a subject was entered while another task was in it. A killed process left everything."""
    inside: dict[str, tuple[str, str]] = {}
    wrong = []
    for line in log.read_text().splitlines():
        verb, subject, number, process = line.split()
        if verb == "killed":
            inside = {s: held for s, held in inside.items() if held[1] != process}
        elif verb == "enter":
            if subject in inside:
                wrong.append(f"{line} while {inside[subject]}")
            inside[subject] = (number, process)
        elif inside.get(subject) == (number, process):
            del inside[subject]
    return wrong


@pytest.mark.timeout(180)
def test_three_servers_one_killed(data: Database, nodes: list[Node], tmp_path: Path) -> None:
    """2,000 tasks on 50 subjects (800 on a database server): all done once, in order, never two at once on a subject."""
    log = tmp_path / "log"
    log.touch()
    nodes += [Node(data.url, f"node{i}") for i in range(3)]
    things = data.write(lambda tx: [tx.insert(Thing(name=f"t{i}")).id for i in range(50)])
    for node in nodes:
        node.ready()
    began = time.monotonic()
    number = 2000 if data.sqlite else 800
    for at in range(0, number, 200):
        data.write(lambda tx, at=at: begin_short(tx, things, range(at, at + 200), log))
    wait_for("a third done", lambda: left(data) < number * 0.7, 90)
    nodes[0].send(signal.SIGKILL)
    nodes[0].process.wait()
    with log.open("a") as file:
        file.write(f"killed - - {nodes[0].process.pid}\n")
    wait_for("all done", lambda: left(data) == 0, 120)
    print(f"{data.engine.dialect.name}: {number} tasks in {time.monotonic() - began:.1f} s")
    assert data.read().count(TaskRow, TaskRow.c.state != DONE) == 0
    for i, thing in enumerate(data.read().all(Thing)):
        assert thing.count == number // 50, thing.trail
        assert thing.trail == list(range(i, number, 50))
    assert overlaps(log) == []


MOMENTS = ["acting", "deciding"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_paused_server_is_fenced(data: Database, nodes: list[Node], tmp_path: Path, moment: str) -> None:
    """Paused for longer than its lease, even in the middle of a transaction, it must not write when it wakes."""
    if data.sqlite and moment == "deciding":
        moment = "acting"  # an embedded database's lock is the paused process's: nobody can go on before it does
    nodes.append(Node(data.url, "paused").ready())
    flag = tmp_path / "flag"
    Path(f"{flag}.{moment}").touch()
    log = tmp_path / "log"

    def begin(tx: object) -> int:
        thing = tx.insert(Thing(name="t"))  # type: ignore[attr-defined]
        start(tx, Short(thing=thing.id, number=1, log=str(log), flag=str(flag)), thing)  # type: ignore[arg-type]
        return int(thing.id)

    thing = data.write(begin)
    wait_for("stopped", nodes[0].stopped)
    nodes.append(Node(data.url, "other").ready())
    wait_for("done by the other", lambda: left(data) == 0, 30)
    before = data.read().get(Thing, thing)
    assert (before.count, before.trail) == (1, [1])
    nodes[0].send(signal.SIGCONT)
    assert nodes[0].process.wait(timeout=30) == FENCED
    after = data.read().get(Thing, thing)
    assert (after.count, after.trail, after.version) == (1, [1], before.version)
    assert data.read().find(TaskRow, TaskRow.c.state == DONE) is not None


def test_servers_that_start_at_once_agree(database_url: str) -> None:
    """No table, no row: all make them, each once."""
    made = [Node(database_url, f"node{i % 3}") for i in range(5)]
    lines = [node.process.stdout.readline() for node in made if node.process.stdout is not None]
    assert all(line.startswith("ready") for line in lines), lines
    db = Database(database_url)
    assert sorted(row.node for row in db.read().all(Server)) == ["node0", "node1", "node2"]
    assert sum(row.epoch for row in db.read().all(Server)) == 5
    db.close()
    codes = [node.end() for node in made]
    assert all(code in (0, FENCED) for code in codes), codes


@pytest.mark.timeout(120)
@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_servers_outlive_a_restart_of_the_database(engine: str, tmp_path: Path) -> None:
    """The database is away for longer than the lease: nobody is fenced, nothing is lost or done twice."""
    os.environ["CLOUDWRIGHT_TEST_SESSION"] = own = f"restart-{os.getpid()}"
    run = os.environ.pop("PYTEST_XDIST_TESTRUNUID", None)
    try:
        url = databases.fresh(engine, tmp_path)
        db = Database(url)
        db.create_all()
        log = tmp_path / "log"
        log.touch()
        made = [Node(url, f"node{i}") for i in range(2)]
        for node in made:
            node.ready()
        things = db.write(lambda tx: [tx.insert(Thing(name=f"t{i}")).id for i in range(20)])
        db.write(lambda tx: begin_short(tx, things, range(1000), log))
        wait_for("some done", lambda: left(db) < 900)
        assert left(db) > 0, own
        databases.restart(engine, pause=LEASE + 1.0)
        wait_for("all done", lambda: left(db) == 0)
        for i, thing in enumerate(db.read().all(Thing)):
            assert (thing.count, thing.trail) == (50, list(range(i, 1000, 20)))
        assert overlaps(log) == []
        assert [node.process.poll() for node in made] == [None, None]
        db.close()
        assert [node.end() for node in made] == [0, 0]
    finally:
        del os.environ["CLOUDWRIGHT_TEST_SESSION"]
        if run is not None:
            os.environ["PYTEST_XDIST_TESTRUNUID"] = run


def test_a_live_database_has_no_server_of_ours_left(data: Database, nodes: list[Node]) -> None:
    """A server that leaves hands its work back at once."""
    nodes.append(Node(data.url, "one", 30.0).ready())
    assert data.read().count(Server, Server.c.alive.is_(True)) == 1
    node = nodes.pop()
    assert node.end() == 0
    assert data.read().count(Server, Server.c.alive.is_(True)) == 0
    assert data.read().value(sa.select(sa.func.count()).select_from(TaskRow.t).where(TaskRow.c.owner != 0)) == 0
