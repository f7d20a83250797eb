"""Long work outlives who began it, and dies without harm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cloudwright.drivers.errand import Errands
from cloudwright.drivers.work import Work, WorkState

ENTRIES = """
import os, pathlib, time
from cloudwright.drivers.error import Refused
def slow(order, report):
    pathlib.Path(order["half"]).write_text("half")
    with open(order["runs"], "a") as file:
        file.write("x")
    while not os.path.exists(order["gate"]):
        report(0.5)
        time.sleep(0.01)
    os.rename(order["half"], order["whole"])
    return {"made": order["whole"], "environment": sorted(os.environ)}
def refuse(order, report):
    pathlib.Path(order["half"]).write_text("half")
    raise Refused("it cannot be")
def crash(order, report):
    return {"never": 1 // 0}
"""


class Place:
    """A directory with gate, half and whole, and the work in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.errands = Errands(root / "work")
        self.order: dict[str, object] = {name: str(root / name) for name in ("half", "gate", "whole", "runs")}

    def begin(self, entry: str = "slow", key: str = "task/1") -> None:
        self.errands.begin(key, f"errand_entries:{entry}", self.order, [str(self.root / "half")])

    def until(self, *states: WorkState) -> Work:
        deadline = time.monotonic() + 30
        while (work := self.errands.work("task/1")).state not in states and time.monotonic() < deadline:
            time.sleep(0.01)
        assert work.state in states
        return work

    def begun(self) -> int:
        """Waits until the work is under way; its process."""
        deadline = time.monotonic() + 30
        while not self.errands.work("task/1").progress and time.monotonic() < deadline:
            time.sleep(0.01)
        (lock,) = (self.root / "work").glob("*.lock")
        return int(lock.read_text())


def alive(process: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    (tmp_path / "errand_entries.py").write_text(ENTRIES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    return Place(tmp_path)


def test_work_begun_twice_runs_once(place: Place) -> None:
    place.begin()
    place.begun()
    place.begin()
    (place.root / "gate").touch()
    work = place.until(WorkState.DONE)
    place.begin()
    assert work.result["made"] == str(place.root / "whole")
    assert place.errands.work("task/1") == work
    assert (place.root / "runs").read_text() == "x"


def test_the_process_is_given_no_secret_of_this_one(place: Place) -> None:
    (place.root / "gate").touch()
    place.begin()
    names = place.until(WorkState.DONE).result["environment"]
    assert "PATH" in str(names)
    assert "DATABASE_PASSWORD" not in str(names)


def test_work_outlives_a_killed_agent(place: Place) -> None:
    begin = (
        "import os, sys, time; from cloudwright.drivers.errand import Errands; "
        f"errands = Errands({str(place.root / 'work')!r}); "
        f"errands.begin('task/1', 'errand_entries:slow', {place.order!r}, [{place.order['half']!r}]); "
        "[time.sleep(0.01) for _ in range(3000) if not errands.work('task/1').progress]; os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", begin], check=False).returncode == -signal.SIGKILL
    assert place.errands.work("task/1").state is WorkState.RUNNING
    (place.root / "gate").touch()
    place.until(WorkState.DONE)
    assert (place.root / "whole").read_text() == "half"


def test_work_whose_process_died_is_unknown_and_begins_again(place: Place) -> None:
    place.begin()
    os.killpg(place.begun(), signal.SIGKILL)
    place.until(WorkState.UNKNOWN)
    assert (place.root / "half").exists()
    (place.root / "gate").touch()
    place.begin()
    place.until(WorkState.DONE)
    assert (place.root / "runs").read_text() == "xx"


def test_cancelled_work_is_dead_and_forgotten(place: Place) -> None:
    place.begin()
    process = place.begun()
    place.errands.cancel("task/1")
    assert not alive(process)
    assert place.errands.work("task/1").state is WorkState.UNKNOWN
    assert not (place.root / "half").exists()
    assert list((place.root / "work").iterdir()) == []


def test_work_cancelled_before_it_comes_up(place: Place) -> None:
    place.begin()
    place.errands.cancel("task/1")
    place.errands.cancel("task/1")
    assert not (place.root / "half").exists()
    assert list((place.root / "work").iterdir()) == []


def test_a_refusal_is_the_works_error_and_its_half_goes(place: Place) -> None:
    place.begin("refuse")
    assert place.until(WorkState.FAILED).error == "it cannot be"
    assert not (place.root / "half").exists()


def test_a_state_that_a_power_cut_emptied_is_unknown(place: Place) -> None:
    place.begin("refuse")
    place.until(WorkState.FAILED)
    (state,) = (place.root / "work").glob("*.json")
    state.write_bytes(b"")
    (place.root / "gate").touch()
    deadline = time.monotonic() + 30
    while place.errands.work("task/1").state is WorkState.UNKNOWN and time.monotonic() < deadline:
        place.begin()  # as callers do; the process that ended may hold its lock for an instant yet
        time.sleep(0.05)
    place.until(WorkState.DONE)


def test_a_crash_is_told(place: Place) -> None:
    place.begin("crash")
    assert "ZeroDivisionError" in place.until(WorkState.FAILED).error


def test_old_ended_work_is_forgotten(place: Place) -> None:
    place.begin("refuse")
    place.until(WorkState.FAILED)
    Errands(place.root / "work")
    assert place.errands.work("task/1").state is WorkState.FAILED
    (state,) = (place.root / "work").glob("*.json")
    os.utime(state, (0, 0))
    Errands(place.root / "work")
    assert list((place.root / "work").iterdir()) == []
