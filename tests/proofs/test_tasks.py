"""The universal proofs, over every task of the product: it may fail at any step, and die at any moment, and the world is right.

A task succeeds or fails as it was told, and in both cases the oracle finds nothing that is not as the database says.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudwright.core.task import CANCELLED, DONE, FAILED, Task
from tests.proofs.oracle import leaks
from tests.proofs.stage import Die, Fail, FailLate, Interference, Play, Stage, holds, scenarios, tasks

KNOWN = sorted(set(scenarios()) & set(tasks()))


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A task's scenario, ready to be played. It lies in memory where it can: no power is lost here, only processes."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as directory:
        yield Stage(request.param, Path(directory))


each_task = pytest.mark.parametrize("stage", KNOWN, indirect=True)


def right(play: Play, stage: Stage, moment: str, states: tuple[str, ...] = (DONE, FAILED, CANCELLED)) -> list[str]:
    """What is wrong after a play."""
    wrong = [f"{moment}: {sentence}" for sentence in leaks(play.cloud)]
    if play.row.state not in states:
        wrong.append(f"{moment}: ended {play.row.state} at {play.row.at}, not {states}: {play.row.waiting} {play.row.error}")
    if play.row.state in (FAILED, CANCELLED) and (made := holds(play.cloud) - stage.holds):
        wrong.append(f"{moment}: it failed and left {sorted(made)}")
    if play.row.state in (FAILED, CANCELLED) and (lost := stage.holds - holds(play.cloud)):
        wrong.append(f"{moment}: it failed and took {sorted(lost)} away")
    play.close()
    return wrong


def final(stage: Stage) -> bool:
    """Whether the task has a step from which there is no way back."""
    return Task.by_name[stage.name].no_way_back(len(Task.by_name[stage.name].steps) - 1)


def test_every_task_has_a_scenario() -> None:
    missing = sorted(set(tasks()) - set(scenarios()))
    assert missing == [], f"these tasks have no scenario_<name> in tests/<domain>/scenarios.py: {', '.join(missing)}"
    assert set(scenarios()) <= set(tasks()), "a scenario names no task"


@each_task
def test_succeeds(stage: Stage) -> None:
    play = stage.play()
    wrong = right(play, stage, "left alone", (DONE,))
    assert wrong == [], "\n".join(wrong)


@each_task
def test_fails_at_each_step(stage: Stage) -> None:
    """A step raises before it did anything, or after it did all: the task ends clean, or, past its final step, done."""
    wrong: list[str] = []
    for at in range(200):
        what = Fail(at)
        play = stage.play(what)
        wrong += right(play, stage, what.told or f"moment {at}")
        if what.count <= at:
            break
    assert wrong == [], "\n".join(wrong)


@each_task
@pytest.mark.parametrize("lose_answer", [False, True], ids=["refused", "unanswered"])
def test_drivers_fail_at_each_call(stage: Stage, lose_answer: bool) -> None:
    """A host refuses; or it did what it was asked, and its answer is lost."""
    wrong: list[str] = []
    for at in range(200):
        play = stage.play(calls=(at, lose_answer))
        calls = play.calls.count
        wrong += right(play, stage, f"call {at}: {play.calls.hit}")
        if calls <= at:
            break
    assert wrong == [], "\n".join(wrong)


@each_task
def test_dies_at_each_moment(stage: Stage) -> None:
    """The server dies: the next one completes the task."""
    wrong: list[str] = []
    for at in range(300):
        what = Die(at)
        play = stage.play(what)
        died = play.died
        wrong += right(play, stage, f"died at {what.told or at}", (DONE,))
        if not died:
            break
    assert wrong == [], "\n".join(wrong)


@each_task
def test_dies_at_each_moment_of_undoing(stage: Stage) -> None:
    """The last step fails, and the server dies while all is undone: the next one undoes the rest."""
    if final(stage):
        return  # it never undoes after its last step
    wrong: list[str] = []
    for at in range(300):
        what = FailLate(at)
        play = stage.play(what)
        died = play.died
        wrong += right(play, stage, f"died undoing at {what.told or at}", (FAILED,))
        if not died:
            break
    assert wrong == [], "\n".join(wrong)


@each_task
def test_is_cancelled_at_each_moment(stage: Stage) -> None:
    """Cancelled, it ends as if it never began, or, if that came too late, done."""
    wrong: list[str] = []
    for at in range(300):
        what = Interference(stage.cancel, at)
        play = stage.play(what)
        wrong += right(play, stage, f"cancelled at {what.told or at}", (DONE, CANCELLED))
        if what.count <= at:
            break
    assert wrong == [], "\n".join(wrong)
