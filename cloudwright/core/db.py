"""The database: reads in autocommit on the caller's own connection, writes through one group-committing thread.

SQLite, PostgreSQL and MariaDB/MySQL. A write is a closure `fn(tx)`. The writer gathers what waits, opens one transaction, renews
the server's own row by its epoch (its heartbeat, and its fence: a server that was taken over finds no row), runs each closure
under a savepoint, commits, then answers. A closure that fails fails alone. Where the whole batch fails (deadlock, lost
connection) each is run again alone, so a closure must read inside what it decides upon.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloudwright.core.resource import metadata
from cloudwright.core.tx import Reader, Tx

T = TypeVar("T")
BATCH = 128
ALONE_TRIES = 8


class Fenced(BaseException):
    """Another server took this one's work over (it was thought dead). This process must write no more."""


def connect(url: str) -> sa.Engine:
    """An engine whose connections are in autocommit; transactions are opened by hand, so a read costs no BEGIN."""
    sqlite = url.startswith("sqlite")
    options: dict[str, Any] = {} if sqlite else {"pool_size": 64, "max_overflow": 64, "pool_recycle": 3600}
    if sqlite:
        options = {"poolclass": sa.pool.NullPool, "connect_args": {"check_same_thread": False, "timeout": 60}}
    elif url.startswith("postgresql"):
        # A prepared statement turns to a generic plan after five runs: 20 ms became 900 ms on a skewed account.
        options["connect_args"] = {"prepare_threshold": None}
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", **options)
    if sqlite:
        sa.event.listen(engine, "connect", _tune_sqlite)
    elif engine.dialect.name in ("mysql", "mariadb"):
        sa.event.listen(engine, "connect", _tune_mariadb)
    return engine


def _tune_sqlite(connection: Any, _: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=60000", "cache_size=-65536", "mmap_size=268435456"):
        connection.execute(f"PRAGMA {pragma}").close()


def _tune_mariadb(connection: Any, _: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        cursor.execute("SET SESSION sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'")


class _Write:
    __slots__ = ("fn", "future", "tx")

    def __init__(self, fn: Callable[[Tx], Any]) -> None:
        self.fn = fn
        self.future: Future[Any] = Future()
        self.tx: Tx | None = None


class Database:
    """One process's way to the data. `renew` is run first in each write transaction; it raises Fenced to end all writing."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = connect(url)
        self.sqlite = self.engine.dialect.name == "sqlite"
        self.renew: Callable[[Connection], None] = lambda _: None
        self.fenced = threading.Event()
        self.listeners: dict[str, list[Callable[[], object]]] = {}
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._local = threading.local()
        self._thread = threading.Thread(target=self._writer, name="writer", daemon=True)
        self._thread.start()

    def create_all(self) -> None:
        """Make all tables that are missing."""
        with self.engine.connect() as connection:  # one transaction: a commit for each table would take a second
            connection.exec_driver_sql("BEGIN")
            metadata.create_all(connection)
            connection.exec_driver_sql("COMMIT")

    def read(self) -> Reader:
        """This thread's reader."""
        reader: Reader | None = getattr(self._local, "reader", None)
        if reader is None or reader.connection.closed or reader.connection.invalidated:
            reader = self._local.reader = Reader(self.engine.connect())
        return reader

    def write(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` in a transaction and answer its value once it is durable."""
        return self.submit(fn).result()

    def submit(self, fn: Callable[[Tx], T]) -> Future[T]:
        """The same, without waiting."""
        if self.fenced.is_set():
            raise Fenced("this server's work was taken over by another; it must be restarted")
        work = _Write(fn)
        self._queue.put(work)
        return work.future

    def close(self) -> None:
        """Write what waits, then stop."""
        self._queue.put(None)
        self._thread.join(timeout=30)
        self.engine.dispose()

    def _writer(self) -> None:
        open_ = True
        connection = None
        while open_:
            batch, open_ = self._gather()
            if not batch:
                continue
            try:
                connection = connection if connection is not None and not connection.invalidated else self.engine.connect()
                self._commit(connection, batch)
            except Fenced as fenced:
                self.fenced.set()
                self._fail(batch, fenced)
            except Exception as error:  # any failure of the batch as a whole: each must still get its answer
                connection = self._alone(connection, batch, error)
        if connection is not None:
            connection.close()

    def _gather(self) -> tuple[list[_Write], bool]:
        batch: list[_Write] = []
        item = self._queue.get()
        while item is not None:
            batch.append(item)
            if len(batch) >= BATCH:
                return batch, True
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _commit(self, connection: Connection, batch: list[_Write]) -> None:
        sql = connection.exec_driver_sql
        sql("BEGIN IMMEDIATE" if self.sqlite else "BEGIN")
        done: list[tuple[_Write, Any, BaseException | None]] = []
        try:
            self.renew(connection)
            for work in batch:
                tx = work.tx = Tx(connection, time.time())
                sql("SAVEPOINT one")
                try:
                    done.append((work, work.fn(tx), None))
                except (sa.exc.OperationalError, Fenced):
                    raise
                except BaseException as error:
                    sql("ROLLBACK TO SAVEPOINT one")
                    tx.rolled_back()
                    done.append((work, None, error))
                sql("RELEASE SAVEPOINT one")
            sql("COMMIT")
        except BaseException:
            for work in batch:
                if work.tx is not None:
                    work.tx.rolled_back()
            with contextlib.suppress(Exception):
                sql("ROLLBACK")
            raise
        self._answer(done)

    def _answer(self, done: Iterable[tuple[_Write, Any, BaseException | None]]) -> None:
        signals: set[str] = set()
        for work, value, error in done:
            if error is not None:
                work.future.set_exception(error)
                continue
            if work.tx is not None:
                work.tx.committed()
                signals |= work.tx.signals
            work.future.set_result(value)
        for name in signals:
            for wake in self.listeners.get(name, ()):
                wake()

    def _alone(self, connection: Connection | None, batch: list[_Write], error: Exception) -> Connection | None:
        """Each closure in a transaction of its own, several times: deadlocks and lost connections pass."""
        for work in batch:
            last: BaseException = error
            for attempt in range(ALONE_TRIES):
                try:
                    if connection is None or connection.closed or connection.invalidated:
                        connection = self.engine.connect()
                    self._commit(connection, [work])
                    break
                except Fenced as fenced:
                    self.fenced.set()
                    self._fail(batch, fenced)
                    return connection
                except sa.exc.OperationalError as again:
                    last = again
                    time.sleep(0.01 * 2**attempt)
                except Exception as final:
                    last = final
                    break
            if not work.future.done():
                work.future.set_exception(last)
        return connection

    @staticmethod
    def _fail(batch: list[_Write], error: BaseException) -> None:
        for work in batch:
            if not work.future.done():
                work.future.set_exception(error)
