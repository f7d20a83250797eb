"""Installations for tests: made once in a process, then copied, and what was compiled for one database serves the next.

with compiled_once():
    url = installed(directory)       # of an embedded database on which nothing ran but the installation
"""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from cloudwright.cloud import Cloud
from cloudwright.core import db
from cloudwright.drivers.world import MemoryWorld
from tests import databases

KEY = Fernet.generate_key()
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


def installed(directory: Path, engine: str = "sqlite") -> str:
    """The URL of a new installation's database; an embedded one lies in the directory. Its key is KEY, its server left."""
    return databases.copy(_first(engine), directory)


@functools.cache
def _first(engine: str) -> str:
    directory = Path(tempfile.mkdtemp(dir=databases.roomy()))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    url = databases.fresh(engine, directory)
    cloud = Cloud(url, key=KEY, world=MemoryWorld())
    cloud.install()
    cloud.stop()
    return url
