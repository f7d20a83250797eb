"""Keywords find the same with and without an index of their pieces, whatever becomes of a row."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from cloudwright import catalogue
from cloudwright.cloud import Cloud
from cloudwright.core import search
from cloudwright.core.command import Verb
from cloudwright.core.event import Event, emit
from cloudwright.core.listing import List
from cloudwright.core.tx import Tx
from cloudwright.drivers.world import MemoryWorld
from cloudwright.identity.caller import caller_of, root_caller
from cloudwright.identity.model import User
from cloudwright.operations.keywords import IndexWords
from tests import databases
from tests.conftest import KEY, call

# fmt: off
SAID = (
    "Straße 7 of Zürich", "disk root-0815 GREW", "50% of 'it' said \"no\"", "a_b!c", "ab", "İstanbul ÄÖÜ", "web-17", "web-170",
)
WORDS = (
    "web-17", "WEB-1", "0815", "zürich", "ZÜRICH", "50%", '"no"', "'it'", "a_b!c", "a_b", "axb", "ab", "-", "straße", "stanb",
    "NOT web", "äöü", "ÄÖÜ", "Öü",
)
LARGE = (
    "listVirtualMachines", "listVolumes", "listNetworks", "listPublicIpAddresses", "listEvents", "listAccounts", "listUsers",
)
# fmt: on


@pytest.fixture(scope="module", params=databases.ENGINES)
def made(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """An installation on each engine in turn, its tasks at rest."""
    with tempfile.TemporaryDirectory(dir=databases.roomy()) as directory:
        url = databases.fresh(request.param, Path(directory))
        cloud = Cloud(url, key=KEY, world=MemoryWorld())
        cloud.install()
        yield cloud
        cloud.stop()
        databases.drop(url)


@pytest.fixture
def events(made: Cloud) -> Iterator[Cloud]:
    """The same with the events of SAID and no others, none of them taken in."""
    clear = Event.t.delete()
    made.db.write(lambda tx: tx.execute(clear))
    made.db.write(lambda tx: [emit(tx, "TEST", text) for text in SAID])
    yield made
    made.db.write(lambda tx: tx.execute(clear))


def found(cloud: Cloud, word: str, **params: object) -> set[str]:
    told = call(cloud, root_caller(cloud.db.read()), "listEvents", listall="true", keyword=word, **params)
    rows = told.get("event", [])
    assert "page" in params or told.get("count", 0) == len(rows)
    return {row["description"] for row in rows}


def take_in(cloud: Cloud) -> None:
    if cloud.db.sqlite:
        cloud.db.write(lambda tx: search.take_in(tx, Event))


def check(cloud: Cloud) -> None:
    """SQLite compares its full-text table with the rows."""
    if cloud.db.sqlite:
        taken = "(SELECT coalesce(max(id), 0) FROM search_event_docsize)"
        with cloud.db.engine.connect() as connection:

            def number(which: str) -> int:
                return int(connection.exec_driver_sql(f"SELECT count(*) FROM event WHERE {which}").scalar() or 0)

            assert number(f"id <= {taken} AND id NOT IN (SELECT id FROM search_event_docsize)") == 0
            if not number(f"id > {taken}"):
                connection.exec_driver_sql("INSERT INTO search_event (search_event, rank) VALUES ('integrity-check', 1)")


@pytest.mark.parametrize("word", WORDS)
def test_an_index_finds_what_reading_all_finds(events: Cloud, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = found(events, word)
    assert before == {text for text in SAID if word.lower() in text.lower()}
    take_in(events)
    check(events)
    with_index = found(events, word)
    monkeypatch.setattr(search, "PIECE", 1000)  # no word is long enough for the index
    assert before == with_index == found(events, word)


def test_whatever_becomes_of_a_row(events: Cloud) -> None:
    take_in(events)
    read = events.db.read()
    event = read.find(Event, Event.c.description == "web-17")
    gone = read.find(Event, Event.c.description == "web-170")
    assert event is not None
    assert gone is not None

    def failing(tx: Tx) -> None:
        emit(tx, "TEST", "web-never")
        tx.update(event, description="web-99")
        tx.execute(Event.t.delete().where(Event.c.id == gone.id))
        raise LookupError

    with pytest.raises(LookupError):
        events.db.write(failing)
    check(events)
    assert found(events, "web-") == {"web-17", "web-170"}
    events.db.write(lambda tx: tx.update(event, description="net-17"))
    events.db.write(lambda tx: emit(tx, "TEST", "web-new"))
    assert found(events, "web-") == {"web-170", "web-new"}
    assert found(events, "net-") == {"net-17"}
    events.db.write(lambda tx: tx.remove(gone))
    assert found(events, "web-") == {"web-new"}
    events.db.write(lambda tx: tx.execute(Event.t.delete().where(Event.c.id.in_([event.id, gone.id]))))
    assert found(events, "net-") == set()
    take_in(events)
    check(events)
    assert found(events, "web-") == {"web-new"}


def test_pages_counts_and_facets(events: Cloud) -> None:
    events.db.write(lambda tx: [emit(tx, "TEST", f"page {i:02d}", level="WARN" if i % 5 else "ERROR") for i in range(25)])
    take_in(events)
    events.db.write(lambda tx: [emit(tx, "TEST", f"page {i:02d}") for i in range(25, 30)])  # not taken in yet
    root = root_caller(events.db.read())
    asked = {"listall": "true", "keyword": "PAGE", "pagesize": 8, "facets": "level"}
    told = [call(events, root, "listEvents", page=page, **asked) for page in (1, 2, 3, 4)]
    assert [row["description"] for page in told for row in page["event"]] == [f"page {i:02d}" for i in reversed(range(30))]
    assert {page["count"] for page in told} == {30}
    assert told[0]["facets"]["level"] == {"ERROR": 5, "WARN": 20, "INFO": 5}


def test_one_finds_only_what_one_may_see(events: Cloud) -> None:
    read = events.db.read()
    root = root_caller(read)
    if read.find(User, User.c.username == "eva") is None:
        call(
            events, root, "createAccount", username="eva", password="Str0ng-enough", accounttype=0, firstname="e", lastname="v",
            email="e@example.com",
        )  # fmt: skip
    user = read.find(User, User.c.username == "eva")
    assert user is not None
    eva = caller_of(read, user)
    events.db.write(lambda tx: emit(tx, "TEST", "web-eva", caller=eva))
    for _ in range(2):
        assert [row["description"] for row in call(events, eva, "listEvents", keyword="web-")["event"]] == ["web-eva"]
        assert {"web-eva", "web-17"} <= found(events, "web-")
        take_in(events)


def test_it_is_made_again(events: Cloud) -> None:
    take_in(events)
    with events.db.engine.connect() as connection:
        search.drop(connection)
        tables = sa.inspect(connection).get_table_names()
    assert [name for name in tables if name.startswith(search.PREFIX)] == []
    renamed = Event.t.update().values(description=sa.literal("new ") + Event.c.description)
    events.db.write(lambda tx: tx.execute(renamed))
    events.db.make(search.make)
    events.db.make(search.make)
    assert found(events, "web-17") == {"new web-17", "new web-170"}
    take_in(events)
    check(events)
    assert found(events, "new web") == {"new web-17", "new web-170"}


def test_the_index_is_used(events: Cloud) -> None:
    take_in(events)
    with events.db.engine.connect() as connection:
        if events.db.sqlite:
            sent: list[tuple[str, object]] = []

            def note(*seen: object) -> None:
                sent.append((str(seen[2]), seen[3]))

            sa.event.listen(events.db.engine, "before_cursor_execute", note)
            found(events, "web-")
            sa.event.remove(events.db.engine, "before_cursor_execute", note)
            asked = [(sql, values) for sql, values in sent if "search_event" in sql]
            plan = [row for sql, values in asked for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
            assert any("USING INTEGER PRIMARY KEY" in str(row) for row in plan), plan
        elif connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET enable_seqscan = off")
            like = " OR ".join(f"lower({name}) LIKE '%%web-%%' ESCAPE '!'" for name in Event.searched)
            plan = list(connection.exec_driver_sql(f"EXPLAIN SELECT id FROM event WHERE {like}"))
            assert any("search_event" in str(row) for row in plan), plan
            connection.exec_driver_sql("RESET enable_seqscan")


def test_without_the_extension_lists_read_all_rows(
    made: Cloud, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if made.db.engine.dialect.name != "postgresql":
        pytest.skip("only PostgreSQL needs an extension")
    monkeypatch.setattr(search, "EXTENSION", "not_there")
    monkeypatch.setattr(search, "PREFIX", "other_search_")
    with caplog.at_level(logging.WARNING):
        made.db.make(search.make)
    assert "keywords are searched by reading all rows" in caplog.text
    assert "not_there" in caplog.text
    assert found(made, "zzzz") == set()


def test_new_rows_are_taken_in_by_a_loop(events: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    assert search.waiting(events.db.read()) is None
    monkeypatch.setattr(search, "LEAST", 5)
    monkeypatch.setattr(search, "MOST", 3)
    turn = IndexWords()
    turns = []
    for _ in range(8):
        writes: list[Callable[[Tx], object]] = []
        monkeypatch.setattr(IndexWords, "read", events.db.read())
        monkeypatch.setattr(turn, "write", writes.append)
        turns.append(turn.turn())
        for write in writes:
            events.db.write(write)
    if events.db.sqlite:
        assert 0.0 in turns
        assert events.db.read().value(sa.text("SELECT count(*) FROM search_event_docsize")) >= 3
    assert turns[-1] is None
    check(events)


def test_lists_of_what_grows_large_are_indexed() -> None:
    catalogue.load()
    for name in LARGE:
        verb = Verb.by_name[name]
        assert issubclass(verb, List)
        assert verb.api.answers is not None
        assert {column.key for column in verb.keywords} == set(verb.api.answers.of.searched), name
