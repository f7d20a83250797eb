"""What was compiled for one database serves the next: of a thousand in a process each would compile the same statements anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from cloudwright.core import db

_compiled: dict[Any, Any] = {}
_dialects: dict[str, sa.Dialect] = {}


@contextmanager
def compiled_once() -> Iterator[None]:
    """As long as this is open, databases of an engine share what was compiled for it."""
    connect = db.connect

    def share(url: str) -> sa.Engine:
        made = connect(url)
        made.dialect = _dialects.setdefault(made.dialect.name, made.dialect)  # part of the key of what is compiled
        if made.dialect.name == "mariadb":
            made.dialect.default_schema_name = made.url.database  # where it looks for tables, otherwise learnt only once
        made.update_execution_options(compiled_cache=_compiled)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "connect", share)
        yield
