"""A sample of the universal proofs on each database engine, and real processes killed in the middle of a deployment.

With CLOUDWRIGHT_PROOFS=full every task dies at each of its moments on each engine.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudwright.core.task import DONE, TaskRow
from tests import databases
from tests.installed import KEY
from tests.proofs.hurry import hurry
from tests.proofs.moments import FULL, Die
from tests.proofs.oracle import leaks
from tests.proofs.stage import Stage, open_cloud
from tests.proofs.test_tasks import KNOWN, Record, prove

SERVERS = ("postgresql", "mariadb")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """A task's scenario on a database engine."""
    task, engine = request.param
    with hurry():
        made = Stage(task, tmp_path, engine)
        yield made
        databases.drop(made.first)


def on(engines: tuple[str, ...], *tasks: str) -> pytest.MarkDecorator:
    pairs = [pytest.param((task, engine), id=f"{engine}-{task}") for engine in engines for task in tasks]
    return pytest.mark.parametrize("stage", pairs, indirect=True)


@on(SERVERS, *(KNOWN if FULL else ("DeployVm", "DestroyVm")))
def test_dies_at_each_moment(stage: Stage, record_property: Record) -> None:
    """The server dies: the next one completes the task. Every second moment will do here."""
    every = 1 if FULL else 2
    prove(stage, record_property, stage.moments["die"] // every, lambda at: stage.play(Die(at * every)), DONE)


def served(url: str, world: str, row: TaskRow, at: int) -> int:
    """The exit status of a server process that is killed at a moment of the task."""
    command = [sys.executable, "-m", "tests.proofs.killed", url, world, str(row.id), str(at)]
    ran = subprocess.run(command, cwd=ROOT, input=KEY, capture_output=True, timeout=60, check=False)
    assert ran.returncode in (0, -signal.SIGKILL), ran.stderr.decode()[-3000:]
    return ran.returncode


@on(databases.ENGINES, "DeployVm")
def test_a_killed_process_is_followed_by_another(stage: Stage) -> None:
    """SIGKILL in the middle of a deployment: a second process completes it."""
    number = stage.moments["die"]
    for at in range(number) if FULL else [number // 2]:
        url, world = stage.copy()
        cloud = open_cloud(url, world)
        row = stage.begin(cloud)
        cloud.stop()
        assert served(url, world, row, at) == -signal.SIGKILL
        assert served(url, world, row, -1) == 0
        cloud = open_cloud(url, world)
        assert cloud.db.read().get(TaskRow, row.id).state == DONE
        assert leaks(cloud) == []
        cloud.stop()
        databases.drop(url)
