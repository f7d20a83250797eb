"""The universal proofs, over every task of the product: it may fail at any step, and die at any moment, and the world is right.

A task succeeds or fails as it was told, and in both cases the oracle finds nothing that is not as the database says. With
CLOUDWRIGHT_PROOFS=full also the moments are played that have the same rows and the same world as the one before them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloudwright.core.task import CANCELLED, DONE, FAILED, Task
from tests.databases import roomy
from tests.proofs.hurry import hurry
from tests.proofs.moments import Die, Fail, FailLate, Interference
from tests.proofs.oracle import leaks
from tests.proofs.stage import Play, Stage, holds, scenarios, tasks

KNOWN = sorted(set(scenarios()) & set(tasks()))


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A task's scenario, ready to be played. It lies in memory where it can: no power is lost here, only processes."""
    with tempfile.TemporaryDirectory(dir=roomy()) as directory, hurry():
        yield Stage(request.param, Path(directory))


each_task = pytest.mark.parametrize("stage", KNOWN, indirect=True)
Record = Callable[[str, object], None]


def right(play: Play, stage: Stage, moment: str, states: tuple[str, ...]) -> list[str]:
    """What is wrong after a play."""
    before = (
        stage.leaks if play.row.state in (FAILED, CANCELLED) else set()
    )  # all is as it was: news that the task was to take in
    wrong = [f"{moment}: {sentence}" for sentence in leaks(play.cloud) if sentence not in before]
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


def prove(stage: Stage, record: Record, number: int, strike: Callable[[int], Play], *states: str) -> None:
    """Play once for each moment: all came, and after each all is right."""
    wrong: list[str] = []
    came = 0
    for at in range(number):
        play = strike(at)
        came += play.told != ""
        wrong += right(play, stage, play.told or f"moment {at}, which did not come", states)
    record("points", came)
    assert wrong == [], "\n".join(wrong)
    assert came > number // 2 or not number, f"{came} of {number} moments came"  # how often it looks for its parts may differ


def test_every_task_has_a_scenario() -> None:
    missing = sorted(set(tasks()) - set(scenarios()))
    assert missing == [], f"these tasks have no scenario_<name> in tests/<domain>/scenarios.py: {', '.join(missing)}"
    assert set(scenarios()) <= set(tasks()), "a scenario names no task"


@each_task
def test_succeeds(stage: Stage) -> None:
    wrong = right(stage.play(), stage, "left alone", (DONE,))
    assert wrong == [], "\n".join(wrong)


@each_task
def test_fails_at_each_step(stage: Stage, record_property: Record) -> None:
    """A step raises before it did anything, or after it did all: the task ends clean, or, past its final step, done."""
    prove(stage, record_property, stage.moments["fail"], lambda at: stage.play(Fail(at)), DONE, FAILED)


@each_task
@pytest.mark.parametrize("lose_answer", [False, True], ids=["refused", "unanswered"])
def test_drivers_fail_at_each_call(stage: Stage, lose_answer: bool, record_property: Record) -> None:
    """A host refuses; or it did what it was asked, and its answer is lost."""
    prove(stage, record_property, stage.moments["call"], lambda at: stage.play(calls=(at, lose_answer)), DONE, FAILED)


@each_task
def test_dies_at_each_moment(stage: Stage, record_property: Record) -> None:
    """The server dies: the next one completes the task."""
    prove(stage, record_property, stage.moments["die"], lambda at: stage.play(Die(at)), DONE)


@each_task
def test_dies_at_each_moment_of_undoing(stage: Stage, record_property: Record) -> None:
    """The last step fails, and the server dies while all is undone: the next one undoes the rest."""
    if not final(stage):  # else it never undoes after its last step
        prove(stage, record_property, stage.undoings, lambda at: stage.play(FailLate(at)), FAILED)


@each_task
def test_is_cancelled_at_each_moment(stage: Stage, record_property: Record) -> None:
    """Cancelled, it ends as if it never began, or, if that came too late, done."""
    cancel = lambda at: stage.play(Interference(stage.cancel, at))  # noqa: E731
    prove(stage, record_property, stage.moments["cancel"], cancel, DONE, CANCELLED)
