"""Makes a cloud quick enough to be played a thousand times: tasks that wait come back at once, and what was compiled for one
database is used for the next. What is done, and in what order, stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from cloudwright.core import db, engine, task
from cloudwright.core.task import NEVER, Again

SOON = 0.002
_compiled: dict[Any, Any] = {}
_dialects: dict[str, sa.Dialect] = {}


@contextmanager
def hurry() -> Iterator[None]:
    """As long as this is open."""
    connect, wait = db.connect, Again.__init__

    def share(url: str) -> sa.Engine:
        made = connect(url)
        made.dialect = _dialects.setdefault(made.dialect.name, made.dialect)  # part of the key of what is compiled
        if made.dialect.name == "mariadb":
            made.dialect.default_schema_name = made.url.database  # where it looks for tables, otherwise learnt only once
        made.update_execution_options(compiled_cache=_compiled)
        return made

    def soon(self: Again, after: float, why: str = "") -> None:
        wait(self, after if after >= NEVER else min(after, SOON), why)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "connect", share)
        patch.setattr(Again, "__init__", soon)
        patch.setattr(task, "ANEW", SOON)
        patch.setattr(engine, "_backoff", lambda tries: SOON)
        yield
