"""A database of its own for each test, on each engine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from cloudwright.core import secret
from cloudwright.core.db import Database
from tests import databases


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory in memory where it can be: no test here is about power that fails, and each writes a thousand times."""
    with tempfile.TemporaryDirectory(dir=databases.roomy()) as directory:
        yield Path(directory)


@pytest.fixture(params=databases.ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, on each engine in turn."""
    url = databases.fresh(request.param, tmp_path)
    yield url
    databases.drop(url)


@pytest.fixture
def data(database_url: str) -> Iterator[Database]:
    """An open database with all tables, on each engine in turn."""
    secret.use(Fernet.generate_key())
    opened = Database(database_url)
    opened.create_all()
    yield opened
    opened.close()
