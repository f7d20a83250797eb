"""The writer, on each engine: closures fail alone, deadlocks and lost connections pass, nothing is done twice."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from cloudwright.core.db import Database, Fenced
from cloudwright.core.error import Lost
from cloudwright.core.server import Membership, Server
from cloudwright.core.task import TaskRow
from cloudwright.core.tx import Tx
from tests.core.toys import Thing


def add(db: Database, name: str) -> Thing:
    return db.write(lambda tx: tx.insert(Thing(name=name)))


def more(tx: Tx, id: int) -> None:
    tx.execute(Thing.t.update().where(Thing.c.id == id).values(count=Thing.c.count + 1))


def test_many_threads_write_and_each_gets_its_own_answer(data: Database) -> None:
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda i: add(data, f"t{i}"), range(300)))
    assert len({thing.id for thing in made}) == 300
    assert {data.read().get(Thing, thing.id).name for thing in made} == {f"t{i}" for i in range(300)}


def test_a_closure_that_fails_fails_alone(data: Database) -> None:
    """Those of one group are committed, what the failing ones did is gone, rows in memory are as before."""
    thing = add(data, "t")
    gate = threading.Event()
    blocker = data.submit(lambda tx: gate.wait(10))

    def bad(tx: Tx) -> None:
        tx.insert(Thing(name="bad"))
        tx.update(thing, name="changed")
        raise ValueError("no")

    def wrong(tx: Tx) -> None:
        tx.insert(Thing(name="bad"))
        tx.execute(sa.text("SELECT nothing FROM nowhere"))

    group = [
        data.submit(fn) for fn in (lambda tx: tx.insert(Thing(name="good")), bad, wrong, lambda tx: tx.insert(Thing(name="good")))
    ]
    gate.set()
    blocker.result()
    began = time.monotonic()
    assert group[0].result()
    assert group[3].result()
    assert isinstance(group[1].exception(), ValueError)
    assert isinstance(group[2].exception(), sa.exc.DBAPIError)
    assert time.monotonic() - began < 1.0, "a statement that is wrong must not hold up the others"
    assert [t.name for t in data.read().all(Thing)] == ["t", "good", "good"]
    assert (thing.name, thing.version) == ("t", 1)


def test_a_row_changed_meanwhile_is_told(data: Database) -> None:
    thing = add(data, "t")
    stale = data.read().get(Thing, thing.id)
    data.write(lambda tx: tx.update(thing, name="first"))
    with pytest.raises(Lost):
        data.write(lambda tx: tx.update(stale, name="second"))
    assert (data.read().get(Thing, thing.id).name, stale.name, stale.version) == ("first", "t", 1)


def test_deadlocks_between_servers_pass(data: Database) -> None:
    """Two servers take two rows in opposite order, again and again."""
    first, second = add(data, "a").id, add(data, "b").id
    other = Database(data.url)

    def both(db: Database, ids: tuple[int, int]) -> None:
        def fn(tx: Tx) -> None:
            more(tx, ids[0])
            time.sleep(0.002)
            more(tx, ids[1])

        for _ in range(15):
            db.write(fn)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(both, (data, other), ((first, second), (second, first))))
    other.close()
    assert [t.count for t in data.read().all(Thing)] == [30, 30]


def lose(db: Database, when: str) -> list[str]:
    """Have the connection of the next commit lost, before it reaches the database or before its answer comes back."""
    lost: list[str] = []

    def strike(connection: Any, cursor: Any, statement: str, *_: object) -> None:
        if statement == "COMMIT" and not lost:
            lost.append(when)
            connection.invalidate()
            raise sa.exc.OperationalError(statement, {}, Exception("injected"), connection_invalidated=True)

    sa.event.listen(db.engine, f"{when}_cursor_execute", strike)
    return lost


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_commit_whose_answer_was_lost_happens_once(data: Database, when: str) -> None:
    member = Membership(data, "one")
    member.join()
    thing = add(data, "t")
    lost = lose(data, when)
    done: list[int] = []

    def count(tx: Tx) -> int:
        more(tx, thing.id)
        tx.update(thing, state="Counted")
        tx.after(lambda: done.append(1))
        return 42

    assert data.write(count) == 42
    assert lost == [when]
    stored = data.read().get(Thing, thing.id)
    assert (stored.count, stored.version, stored.state) == (1, 2, "Counted")
    assert (thing.version, thing.state, done) == (2, "Counted", [1])
    member.leave()


def test_readers_outlive_their_connection(data: Database) -> None:
    """Ended from outside, as a restart of the database does."""
    if data.sqlite:
        return
    thing = add(data, "t")
    reader = data.read()
    postgresql = data.engine.dialect.name == "postgresql"
    number = reader.value(sa.text("SELECT pg_backend_pid()" if postgresql else "SELECT CONNECTION_ID()"))
    kill = f"SELECT pg_terminate_backend({number})" if postgresql else f"KILL {number}"
    data.write(lambda tx: tx.connection.exec_driver_sql(kill) and None)
    time.sleep(0.1)
    assert reader.get(Thing, thing.id).name == "t"
    assert data.read().count(Thing) == 1


def test_a_server_that_was_taken_over_writes_no_more(data: Database) -> None:
    other = Database(data.url)
    old, new = Membership(data, "one", lease=30), Membership(other, "two", lease=30)
    old.join()
    new.join()
    new.take_over(other.read().get(Server, old.id))
    with pytest.raises(Fenced):
        add(data, "late")
    with pytest.raises(Fenced):
        add(data, "later")
    assert other.read().count(Thing) == 0
    new.leave()
    old.leave()
    other.close()


def test_nobody_waits_for_a_database_that_was_closed(database_url: str) -> None:
    db = Database(database_url)
    db.close()
    with pytest.raises(RuntimeError, match="closed"):
        db.write(lambda tx: None)


def test_two_tasks_never_hold_one_subject(data: Database) -> None:
    """Whatever two servers see when they claim, the index decides."""
    rows = data.write(lambda tx: [tx.insert(TaskRow(kind_name="Short", subject="toy_thing:1", rank=1)) for _ in range(2)])
    data.write(lambda tx: tx.update(rows[0], holds="toy_thing:1"))
    with pytest.raises(sa.exc.IntegrityError):
        data.write(lambda tx: tx.update(rows[1], holds="toy_thing:1"))


def test_names_and_patterns_compare_alike(data: Database) -> None:
    """Capitals matter, in equality and in LIKE: a path below another's is a matter of access."""
    for name in ("/eng/", "/Eng/x/", "/eng/y/"):
        add(data, name)
    assert data.read().count(Thing, Thing.c.name == "/ENG/") == 0
    assert [t.name for t in data.read().all(Thing, Thing.c.name.like("/eng/%"))] == ["/eng/", "/eng/y/"]


def test_a_removed_row_makes_room_for_its_like(data: Database) -> None:
    """Unique among the living: the dead may be many."""
    for _ in range(3):
        row = data.write(lambda tx: tx.insert(Server(node="n")))
        with pytest.raises(sa.exc.IntegrityError):
            data.write(lambda tx: tx.insert(Server(node="n")))
        data.write(lambda tx, row=row: tx.remove(row))
    assert data.read().count(Server) == 0
