"""The floor: the statements that the cloud sent, sent again by nobody but the database's own library."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cloudwright.cloud import Cloud

Sent = list[tuple[str, Any]]
_into: list[Sent] = []


class _Cursor(sqlite3.Cursor):
    def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:
        for sent in _into:
            sent.append((sql, tuple(values)))
        return super().execute(sql, values)


class _Connection(sqlite3.Connection):
    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)


@sa.event.listens_for(sa.engine.Engine, "do_connect")
def _recording(dialect: Any, _record: Any, _arguments: Any, options: dict[str, Any]) -> None:
    if dialect.name == "sqlite":
        options["factory"] = _Connection


@contextmanager
def recorded() -> Iterator[Sent]:
    """All statements of this process with their values, in their order."""
    sent: Sent = []
    _into.append(sent)
    try:
        yield sent
    finally:
        _into.remove(sent)


def copied(cloud: Cloud, to: Path) -> Path:
    """The database as it is now, in another file."""
    with closing(sqlite3.connect(str(sa.make_url(cloud.db.url).database))) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)
    return to


def replay(file: Path, statements: Sent) -> float:
    """Seconds that the statements take on that database, from one connection."""
    with closing(sqlite3.connect(file, isolation_level=None, cached_statements=1024)) as connection:
        for pragma in (
            "synchronous=FULL",
            "cache_size=-65536",
            "mmap_size=268435456",
            "case_sensitive_like=ON",
            "journal_mode=WAL",
        ):
            connection.execute(f"PRAGMA {pragma}").close()
        began = time.perf_counter()
        for sql, values in statements:
            connection.execute(sql, values).fetchall()
        return time.perf_counter() - began
