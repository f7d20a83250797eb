"""The database: reads in autocommit on the caller's own connection, writes through one group-committing thread.

SQLite, PostgreSQL and MariaDB/MySQL. A write is a closure `fn(tx)`. The writer gathers what waits, opens one transaction, renews
the server's own row by its epoch (its heartbeat, and its fence: a server that was taken over finds no row), runs each closure
under a savepoint, commits, then answers. A closure that fails fails alone. One that meets a row held by another server, while
this transaction holds rows that others may wait for, does not wait there: what is done before it is committed, and it begins the
next transaction, so servers that share rows hardly ever deadlock. Where the whole batch fails (deadlock, lost connection) each is
run again alone, so a closure must read inside what it decides upon. Where the answer to a commit is lost,
the server's own row tells whether it happened: nothing is done twice.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloudwright.core.prepared import Prepared, send
from cloudwright.core.resource import metadata
from cloudwright.core.tx import Reader, Tx

T = TypeVar("T")
BATCH = 128
ALONE_TRIES = 8
PATIENCE = 10.0  # seconds that writers wait for a database that is away
STALLED = 3  # seconds after which the database ends a transaction whose process sleeps: it would hold up all other servers
LOCKED = 2  # seconds to wait for a row of another server's transaction before beginning anew
REORDERED = 5  # tables of a join that PostgreSQL may join in another order than written; no other joins of ours have more
BRIEFLY = 50  # milliseconds to wait for one, where this transaction holds rows already


class Fenced(BaseException):
    """Another server took this one's work over (it was thought dead). This process must write no more."""


def connect(url: str) -> sa.Engine:
    """An engine whose connections are in autocommit; transactions are opened by hand, so a read costs no BEGIN."""
    sqlite = url.startswith("sqlite")
    options: dict[str, Any] = {"pool_size": 64, "max_overflow": 64, "pool_recycle": 3600}
    options["connect_args"] = {"connect_timeout": 5}
    if sqlite:
        arguments = {"check_same_thread": False, "timeout": 60, "cached_statements": 1024}
        options = {"poolclass": sa.pool.NullPool, "connect_args": arguments}
    elif url.startswith("postgresql"):
        # A prepared statement turns to a generic plan after five runs: 20 ms became 900 ms on a skewed account.
        # Views join a page with a dozen tables in the order that they say; to weigh all orders took longer than to read one.
        limits = f"-c idle_in_transaction_session_timeout={STALLED}s -c lock_timeout={LOCKED}s -c join_collapse_limit={REORDERED}"
        options["connect_args"] |= {"prepare_threshold": None, "options": limits, "keepalives_idle": 5, "tcp_user_timeout": 10000}
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", pool_reset_on_return=None, hide_parameters=True, **options)
    if sqlite:
        sa.event.listen(engine, "connect", _tune_sqlite)
    elif engine.dialect.name in ("mysql", "mariadb"):
        sa.event.listen(engine, "connect", _tune_mariadb)
    return engine


def _tune_sqlite(connection: Any, _: object) -> None:
    pragmas = ("busy_timeout=60000", "synchronous=FULL", "cache_size=-65536", "mmap_size=268435456")
    for pragma in (*pragmas, "case_sensitive_like=ON", "journal_mode=WAL"):  # LIKE as elsewhere: "/Eng/" is not below "/eng/"
        connection.execute(f"PRAGMA {pragma}").close()
    connection.create_function("lowered", 1, lambda text: None if text is None else text.lower(), deterministic=True)


def _tune_mariadb(connection: Any, _: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        cursor.execute("SET SESSION sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'")
        cursor.execute(f"SET SESSION innodb_lock_wait_timeout={LOCKED}")
        if "MariaDB" in connection.get_server_info():  # MySQL has no such limit
            cursor.execute(f"SET SESSION idle_transaction_timeout={STALLED}")


def _number(cause: Any) -> int | None:
    """The number of a driver's error; None for psycopg, which has states alone."""
    if type(cause).__module__.startswith("psycopg"):
        return None
    return cause.args[0] if cause is not None and cause.args and isinstance(cause.args[0], int) else 0


def _passes(error: sa.exc.DBAPIError) -> bool:
    """Whether the same may succeed when it is tried again: deadlocks, lock waits, lost or refused connections."""
    cause: Any = error.orig
    if error.connection_invalidated:
        return True
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    number = _number(cause)
    if number is None:  # psycopg: no state at all when there was no connection
        return isinstance(error, sa.exc.OperationalError) and (cause.sqlstate or "08")[:2] in ("08", "40", "53", "55", "57")
    return number in (0, 1040, 1053, 1205, 1213, 1927, 2003, 2006, 2013)


def _held(error: BaseException) -> bool:
    """Whether a statement waited too long for a row of another transaction, and its savepoint is still there to go back to."""
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    cause: Any = error.orig
    return cause.sqlstate in ("55P03", "40P01") if _number(cause) is None else _number(cause) == 1205


class _Reading(Reader):
    """A reader that outlives its connection: outside a transaction a read that lost it is simply read again."""

    def __del__(self) -> None:
        """Its thread ended: give the connection back, rather than leave it to be found open."""
        _leave(self.connection)

    def _run(self, statement: sa.Executable, values: dict[str, Any] | None) -> sa.CursorResult[Any]:
        run = super()._run
        return self._outliving(lambda: run(statement, values))

    def _prepared(self, statement: Prepared, values: dict[str, Any]) -> list[dict[str, Any]]:
        run = super()._prepared
        return self._outliving(lambda: run(statement, values))

    def _outliving(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except sa.exc.DBAPIError as error:
            if not error.connection_invalidated:
                raise
            engine = self.connection.engine
            self.connection.close()
            self.connection = engine.connect()
            return read()


class _Write:
    __slots__ = ("fn", "future", "tx")

    def __init__(self, fn: Callable[[Tx], Any]) -> None:
        self.fn = fn
        self.future: Future[Any] = Future()
        self.tx: Tx | None = None


class Database:
    """One process's way to the data. `renew` is run first in each write transaction; it raises Fenced to end all writing.
    `landed` tells, on a new connection, whether the last transaction that was renewed is durable."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = connect(url)
        self.sqlite = self.engine.dialect.name == "sqlite"
        self.renew: Callable[[Connection], None] = lambda _: None
        self.landed: Callable[[Connection], bool] = lambda _: False
        self.fenced = threading.Event()
        self.listeners: dict[str, list[Callable[[], object]]] = {}
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._closed = False
        self._connection: Connection | None = None  # the writer's own
        self._impatient = False  # whether that waits only briefly for rows (MariaDB keeps this beyond the transaction)
        self._doubt: list[_Done] = []  # of a commit whose answer was lost
        self._local = threading.local()
        self._readers: weakref.WeakSet[Reader] = weakref.WeakSet()
        self._thread = threading.Thread(target=self._writer, name="writer", daemon=True)
        self._thread.start()

    def create_all(self) -> None:
        """Make all tables that are missing."""
        self.make(metadata.create_all)

    def make(self, what: Callable[[Connection], object]) -> None:
        """Change the schema. Servers that start at once do it one after the other."""
        mysql = self.engine.dialect.name in ("mysql", "mariadb")
        with self.engine.connect() as connection:  # one transaction: a commit for each table would take a second
            sql = connection.exec_driver_sql
            if mysql:
                sql("SELECT GET_LOCK(CONCAT(DATABASE(), '.schema'), 120)")
            sql("BEGIN IMMEDIATE" if self.sqlite else "BEGIN")
            if self.engine.dialect.name == "postgresql":
                sql("SET LOCAL lock_timeout = '120s'")
                sql("SELECT pg_advisory_xact_lock(7305)")
            what(connection)
            sql("COMMIT")
            if mysql:
                sql("SELECT RELEASE_LOCK(CONCAT(DATABASE(), '.schema'))")

    def read(self) -> Reader:
        """This thread's reader."""
        reader: Reader | None = getattr(self._local, "reader", None)
        if reader is None or reader.connection.closed or reader.connection.invalidated:
            reader = self._local.reader = _Reading(self.engine.connect())
            self._readers.add(reader)
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
        if self._closed:
            self._refuse()
        return work.future

    def close(self) -> None:
        """Write what waits, then stop."""
        self._queue.put(None)
        self._thread.join(timeout=30)
        self._closed = True
        self._refuse()
        for reader in [] if self.sqlite else list(self._readers):  # SQLite's must not be closed under a thread that reads
            _leave(reader.connection)
        self.engine.dispose()

    def _refuse(self) -> None:
        """Answer what came too late to be written: nobody may wait for ever."""
        with contextlib.suppress(queue.Empty):
            while True:
                if (work := self._queue.get_nowait()) is not None:
                    work.future.set_exception(RuntimeError("this server's database was closed: nothing is written any more"))

    def _writer(self) -> None:
        open_ = True
        while open_:
            batch, open_ = self._gather()
            if not batch:
                continue
            try:
                while batch:
                    batch = self._commit(batch)
            except Fenced as fenced:
                self._end(batch, fenced)
            except Exception:  # any failure of the batch as a whole: each must still get its answer
                self._alone(batch)
        if self._connection is not None:
            _leave(self._connection)

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

    def _connected(self) -> Connection:
        """The writer's connection. On a new one, what became of the last commit is cleared up first."""
        connection = self._connection
        if connection is None or connection.closed or connection.invalidated:
            connection = self._connection = self.engine.connect()
            self._impatient = False
        if self._doubt:
            landed, done = self.landed(connection), self._doubt
            self._doubt = []
            if landed:
                self._answer(done)
            else:
                _put_back(work for work, _, _ in done)
        return connection

    def _patience(self, connection: Connection, done: int) -> None:
        """How long to wait for rows of other servers: briefly, once this transaction holds some."""
        if connection.dialect.name == "postgresql" and done == 1:
            send(connection, f"SET LOCAL lock_timeout = '{BRIEFLY}ms'")
        elif connection.dialect.name in ("mysql", "mariadb") and done < 2 and self._impatient != (done == 1):
            self._impatient = done == 1
            least = 0 if getattr(connection.dialect, "is_mariadb", False) else 1
            send(connection, f"SET SESSION innodb_lock_wait_timeout={least if self._impatient else LOCKED}")

    def _commit(self, batch: list[_Write]) -> list[_Write]:
        """One transaction. Answers what is left to do in another."""
        connection = self._connected()
        done: list[_Done] = []
        try:
            send(connection, "BEGIN IMMEDIATE" if self.sqlite else "BEGIN")
            self.renew(connection)
            for work in batch:
                if work.future.done():
                    continue
                self._patience(connection, len(done))
                one = self._run(connection, work, first=not done)
                if one is None:
                    break
                done.append(one)
        except BaseException:
            _put_back(batch)
            with contextlib.suppress(Exception):
                send(connection, "ROLLBACK")
            raise
        try:
            connection.exec_driver_sql("COMMIT")
        except Exception:
            self._doubt = done
            with contextlib.suppress(Exception):
                send(connection, "ROLLBACK")
            raise
        self._answer(done)
        return [work for work in batch if not work.future.done()]

    @staticmethod
    def _run(connection: Connection, work: _Write, first: bool) -> _Done | None:
        """One closure under its savepoint; None if it is to begin the next transaction. Raises what concerns the whole one."""
        tx = work.tx = Tx(connection, time.time())
        send(connection, "SAVEPOINT one")
        done: _Done
        try:
            done = (work, work.fn(tx), None)
            tx.settle()
        except Fenced:
            raise
        except BaseException as error:
            later = not first and _held(error)
            if not later and isinstance(error, sa.exc.DBAPIError) and _passes(error):
                raise
            send(connection, "ROLLBACK TO SAVEPOINT one")
            tx.rolled_back()
            if later:
                return None
            done = (work, None, error)
        send(connection, "RELEASE SAVEPOINT one")
        return done

    def _answer(self, done: list[_Done]) -> None:
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

    def _alone(self, batch: list[_Write]) -> None:
        """Each closure in a transaction of its own, several times: deadlocks and lost connections pass."""
        until = time.monotonic() + PATIENCE
        for work in batch:
            tries = 0
            while not work.future.done():
                try:
                    self._commit([work])
                except Fenced as fenced:
                    return self._end(batch, fenced)
                except sa.exc.DBAPIError as error:
                    tries += 1
                    if not _passes(error) or (tries >= ALONE_TRIES and time.monotonic() > until):
                        self._fail([work], error)
                    else:
                        time.sleep(min(0.5, 0.01 * 2**tries))
                except Exception as error:
                    self._fail([work], error)
        return None

    def _end(self, batch: list[_Write], fenced: Fenced) -> None:
        self.fenced.set()
        self._fail(batch, fenced)

    @staticmethod
    def _fail(batch: list[_Write], error: BaseException) -> None:
        for work in batch:
            if not work.future.done():
                work.future.set_exception(error)


_Done = tuple[_Write, Any, BaseException | None]


def _leave(connection: Connection) -> None:
    """Close a connection that may be lost already."""
    with contextlib.suppress(sa.exc.SQLAlchemyError):
        connection.close()


def _put_back(works: Iterable[_Write]) -> None:
    for work in works:
        if work.tx is not None and not work.future.done():
            work.tx.rolled_back()
