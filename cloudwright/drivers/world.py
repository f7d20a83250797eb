"""What all fakes of one simulated cloud hold: things by host, kind and name, with injectable faults and delays.

`MemoryWorld` is for speed (50,000 hosts in one process), `TableWorld` outlives a killed process: both ship with the
product, because the simulator is a hypervisor like any other.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from typing import Protocol

import msgspec

from cloudwright.drivers.error import DriverError, DriverFault

Value = dict[str, object]


class Faults:
    """Delays and failures to come, by `host/verb`, `*/verb` or `host/*`. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: dict[str, list[DriverError]] = {}
        self._delays: dict[str, float] = {}

    def fail(self, where: str, error: DriverError | None = None, times: int = 1) -> None:
        """Make the next `times` calls at `where` raise."""
        with self._lock:
            self._failures.setdefault(where, []).extend([error or DriverFault(f"injected fault at {where}")] * times)

    def delay(self, where: str, seconds: float) -> None:
        """Make every call at `where` take this long; 0 ends it."""
        with self._lock:
            self._delays[where] = seconds

    def clear(self) -> None:
        """Forget all failures and delays."""
        with self._lock:
            self._failures.clear()
            self._delays.clear()

    def seconds(self, host: str, verb: str) -> float:
        """How long `verb` is told to take at `host`; long work reads this instead of waiting."""
        return max(self._delays.get(key, 0.0) for key in self._keys(host, verb))

    def strike(self, host: str, verb: str) -> None:
        """Raise the next failure told for `verb` at `host`, if there is one."""
        with self._lock:
            for key in self._keys(host, verb):
                if self._failures.get(key):
                    raise self._failures[key].pop(0)

    def meet(self, host: str, verb: str) -> None:
        """Called by each fake verb first: waits and raises as told."""
        if not self._failures and not self._delays:
            return
        seconds = self.seconds(host, verb)
        if seconds:
            time.sleep(seconds)
        self.strike(host, verb)

    def _keys(self, host: str, verb: str) -> tuple[str, str, str]:
        return f"{host}/{verb}", f"*/{verb}", f"{host}/*"


class World(Protocol):
    """A store of what exists outside: (host, kind, name) -> value."""

    faults: Faults

    def put(self, host: str, kind: str, name: str, value: Value) -> None:
        """Create or replace."""

    def get(self, host: str, kind: str, name: str) -> Value | None:
        """One thing, or None."""

    def drop(self, host: str, kind: str, name: str) -> None:
        """Delete; gone is done."""

    def of(self, host: str, kind: str) -> dict[str, Value]:
        """All things of a kind on a host, by name."""

    def all(self, kind: str) -> Iterator[tuple[str, str, Value]]:
        """All things of a kind anywhere: (host, name, value)."""


class MemoryWorld:
    """A world in this process's memory."""

    def __init__(self) -> None:
        self.faults = Faults()
        self._lock = threading.Lock()
        self._things: dict[tuple[str, str], dict[str, Value]] = {}

    def put(self, host: str, kind: str, name: str, value: Value) -> None:
        with self._lock:
            self._things.setdefault((host, kind), {})[name] = value

    def get(self, host: str, kind: str, name: str) -> Value | None:
        value = self._things.get((host, kind), {}).get(name)
        return None if value is None else dict(value)

    def drop(self, host: str, kind: str, name: str) -> None:
        with self._lock:
            self._things.get((host, kind), {}).pop(name, None)

    def of(self, host: str, kind: str) -> dict[str, Value]:
        with self._lock:
            return {name: dict(value) for name, value in self._things.get((host, kind), {}).items()}

    def all(self, kind: str) -> Iterator[tuple[str, str, Value]]:
        with self._lock:
            keys = [key for key in self._things if key[1] == kind]
        for host, _ in keys:
            for name, value in self.of(host, kind).items():
                yield host, name, value


class TableWorld:
    """A world in an SQLite file of its own, shared by processes and surviving their death."""

    def __init__(self, path: str) -> None:
        self.faults = Faults()
        self._path = path
        self._local = threading.local()
        self._run("CREATE TABLE IF NOT EXISTS thing(host TEXT, kind TEXT, name TEXT, value BLOB, PRIMARY KEY(host, kind, name))")

    def _run(self, sql: str, *values: object) -> list[tuple[str, str, bytes]]:
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            db = self._local.db = sqlite3.connect(self._path, isolation_level=None, timeout=30)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=OFF")
        return db.execute(sql, values).fetchall()

    def put(self, host: str, kind: str, name: str, value: Value) -> None:
        self._run("INSERT OR REPLACE INTO thing VALUES(?, ?, ?, ?)", host, kind, name, msgspec.json.encode(value))

    def get(self, host: str, kind: str, name: str) -> Value | None:
        rows = self._run("SELECT host, name, value FROM thing WHERE host=? AND kind=? AND name=?", host, kind, name)
        return msgspec.json.decode(rows[0][2], type=Value) if rows else None

    def drop(self, host: str, kind: str, name: str) -> None:
        self._run("DELETE FROM thing WHERE host=? AND kind=? AND name=?", host, kind, name)

    def of(self, host: str, kind: str) -> dict[str, Value]:
        rows = self._run("SELECT host, name, value FROM thing WHERE host=? AND kind=?", host, kind)
        return {name: msgspec.json.decode(value, type=Value) for _, name, value in rows}

    def all(self, kind: str) -> Iterator[tuple[str, str, Value]]:
        for host, name, value in self._run("SELECT host, name, value FROM thing WHERE kind=?", kind):
            yield host, name, msgspec.json.decode(value, type=Value)
