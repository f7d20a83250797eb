"""One house for all tests of a process: nothing they do changes it."""

from __future__ import annotations

from collections.abc import Iterator

import argon2
import pytest
from _pytest.monkeypatch import MonkeyPatch

from cloudwright.cloud import Cloud
from cloudwright.drivers.world import MemoryWorld
from cloudwright.identity import password
from tests.installed import KEY, installed
from tests.wire.house import House


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    cheap = MonkeyPatch()
    cheap.setattr(password, "_HASHER", argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    made = Cloud(installed(tmp_path_factory.mktemp("wire")), key=KEY, world=MemoryWorld())
    made.start()
    yield House(made)
    made.stop()
    cheap.undo()
