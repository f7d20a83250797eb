"""Fixtures for all: a cloud in this process on an embedded database, and calls as a caller would make them."""

from __future__ import annotations

import re
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from cloudwright.cloud import Cloud
from cloudwright.core import wire
from cloudwright.core.access import Caller
from cloudwright.core.command import Verb
from cloudwright.core.task import TaskRow
from cloudwright.drivers.world import MemoryWorld
from tests import databases
from tests.compiled import compiled_once
from tests.installed import KEY, installed

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job ignores interrupts, and all that it starts does
    signal.signal(signal.SIGINT, signal.default_int_handler)

__all__ = ["KEY"]
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a slow machine is no fault
settings.load_profile("busy")


TOGETHER = (r"(tests/cw/)", r"tests/proofs/test_tasks\.py::.*(\[.+\])")
"""Tests that build on one another, or on the same costly start (a task's scenario): what the group finds goes to one worker, in
its order."""


class Together(LoadScopeScheduling):
    """Tests to whichever worker is free, but for those that belong together. (xdist's own marks of groups say nothing to
    pytest 9.2: it does not keep ids in the way that they are told by.)"""

    def _split_scope(self, nodeid: str) -> str:
        return next((found[1] for pattern in TOGETHER if (found := re.match(pattern, nodeid))), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    return Together(config, log)


@pytest.fixture(scope="session", autouse=True)
def _compiled_once() -> Iterator[None]:
    with compiled_once():
        yield


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """A new installation with its task engine running and a simulated outside world in memory."""
    with tempfile.TemporaryDirectory(dir=databases.roomy()) as directory:
        made = Cloud(installed(Path(directory)), key=KEY, world=MemoryWorld())
        made.start()
        yield made
        made.stop()


def call(cloud: Cloud, caller: Caller, command: str, **params: Any) -> Any:
    """Run a command as the wire would, and answer what is under its outer key. Raises what the wire would tell."""
    verb = Verb.by_name[command]
    sent = wire.Parameters({name.rstrip("_"): str(value) for name, value in params.items()})
    body = cloud.runner.run(verb, caller, sent)
    return msgspec.json.decode(wire.encode(verb.api.resp_key, body, wire.Style()))[verb.api.resp_key]


def finished(cloud: Cloud, job: str, seconds: float = 20.0) -> TaskRow:
    """Wait for a job's end."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        row = cloud.db.read().find(TaskRow, TaskRow.c.uuid == job)
        if row is not None and not row.live:
            return row
        time.sleep(0.005)
    raise AssertionError(f"job {job} still runs: {row and (row.kind_name, row.state, row.at, row.waiting, row.error)}")


def done(cloud: Cloud, caller: Caller, command: str, **params: Any) -> TaskRow:
    """Run an asynchronous command and wait until it succeeded."""
    row = finished(cloud, call(cloud, caller, command, **params)["jobid"])
    assert row.state == "done", (command, row.state, row.error)
    return row


Call = Callable[..., Any]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell how many points the universal proofs have proved, by task: they are counted, not asserted."""
    points: dict[str, int] = {}
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "points":
                task = report.nodeid.rpartition("[")[2].rstrip("]").rpartition("-")[2]
                points[task] = points.get(task, 0) + int(str(value))
    if points:
        told = ", ".join(f"{task} {number}" for task, number in sorted(points.items()))
        terminalreporter.write_line(f"proved: {len(points)} tasks at {sum(points.values())} points, all clean ({told})")
