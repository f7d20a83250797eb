"""A real process is killed with SIGKILL at each moment of a task, forward and undoing: the next one ends it right."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CASES = [("assemble", mode) for mode in ("", "parts", "last", "back")] + [("wipe", mode) for mode in ("", "check", "erase")]


def deaths(url: str, directory: Path, kind: str, mode: str, every: int = 1) -> None:
    place = directory / "outside"
    place.mkdir()
    command = [sys.executable, "-m", "tests.core.deaths", url, str(place), kind, mode, str(every)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    told = ran.stdout.splitlines()
    assert told[-1].startswith("moments "), told
    assert told[:-1] == [], "\n".join(told)
    assert int(told[-1].split()[1]) > 6


@pytest.mark.parametrize(("kind", "mode"), CASES)
def test_killed_at_each_moment(kind: str, mode: str, tmp_path: Path) -> None:
    deaths(f"sqlite:///{tmp_path / 'cloud.db'}", tmp_path, kind, mode)


def test_killed_at_each_moment_on_each_engine(database_url: str, tmp_path: Path) -> None:
    """The longest way: all forward, then all back and forward again. Every third moment will do here."""
    if database_url.startswith("sqlite"):
        pytest.skip("every moment of it is in test_killed_at_each_moment")
    deaths(database_url, tmp_path, "assemble", "back", 3)
