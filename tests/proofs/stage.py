"""The stage of the universal proofs: a scenario is set up once, kept as files, and played again and again from there.

A scenario is a function `scenario_<TaskName>(cloud)` in `tests/<domain>/scenarios.py`: it prepares an installed cloud, whose
engine runs, and answers what starts the task: a function of the cloud that answers the task's row.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa

from cloudwright import catalogue
from cloudwright.cloud import Cloud
from cloudwright.core.engine import Hook, no_hook
from cloudwright.core.loop import Loop
from cloudwright.core.task import Task, TaskRow, cancel
from cloudwright.drivers.world import TableWorld
from tests import databases
from tests.installed import KEY, installed
from tests.proofs.moments import Calls, Die, Fail, FailLate, Interference, Together
from tests.proofs.oracle import leaks

Begin = Callable[[Cloud], TaskRow]
Scenario = Callable[[Cloud], Begin]
TESTS = Path(__file__).parents[1]
PATIENCE = 30.0


def scenarios() -> dict[str, Scenario]:
    """All scenarios, by the name of their task."""
    found: dict[str, Scenario] = {}
    for file in sorted(TESTS.glob("*/scenarios.py")):
        module = importlib.import_module(f"tests.{file.parent.name}.scenarios")
        found |= {name.removeprefix("scenario_"): fn for name, fn in vars(module).items() if name.startswith("scenario_")}
    return found


def tasks() -> list[str]:
    """All tasks of the product, without its loops: those never end, their domains prove them."""
    catalogue.load()
    ours = (kind for kind in Task.by_name.values() if kind.__module__.startswith("cloudwright."))
    return sorted(kind.__name__ for kind in ours if not issubclass(kind, Loop) and not (kind.rank == 0 and kind.__subclasses__()))


def open_cloud(url: str, world: str, hook: Hook = no_hook, key: bytes = KEY, node: str = "one") -> Cloud:
    """A server on a database, and on the world outside that is kept in a file."""
    return Cloud(url, key=key, node=node, world=TableWorld(str(sa.make_url(world).database)), workers=4, hook=hook)


class Stage:
    """A scenario, set up once: a database and a world, both copied for each play."""

    def __init__(self, name: str, directory: Path, engine: str = "sqlite") -> None:
        self.name, self.directory = name, directory
        self.first = installed(directory, engine)
        self.world = databases.fresh("sqlite", directory)
        self.playing: Cloud
        self.root = self.plays = 0
        cloud = open_cloud(self.first, self.world)
        try:
            cloud.engine.start()
            self.begin = scenarios()[name](cloud)
            settle(cloud)
            self.holds, self.leaks = holds(cloud), set(leaks(cloud))
        finally:
            cloud.stop()

    def cancel(self, point: str, task: Task, step: str) -> None:
        """For an interference: cancel the task that is played."""
        root = self.playing.db.read().get(TaskRow, self.root)
        self.playing.db.write(lambda tx: cancel(tx, root))

    @cached_property
    def moments(self) -> dict[str, int]:
        """How many moments the task has in which it may fail, die, be cancelled; and how many calls to drivers."""
        parts: dict[str, Interference] = {"fail": Fail(), "die": Die(), "cancel": Interference()}
        play = self.play(Together(*parts.values()))
        play.close()
        return {name: part.count for name, part in parts.items()} | {"call": play.calls.count}

    @cached_property
    def undoings(self) -> int:
        """How many moments it has in which it may die when all is undone."""
        what = FailLate()
        self.play(what).close()
        return what.count

    def copy(self) -> tuple[str, str]:
        """A database and a world outside to play in."""
        return databases.copy(self.first, self.directory), databases.copy(self.world, self.directory)

    def play(self, what: Interference | None = None, calls: tuple[int, bool] = (-1, False)) -> Play:
        """From the scenario to the task's end: with something done to it on the way, and a new server if the first died."""
        self.plays += 1
        url, world = self.copy()
        what = what or Interference()
        cloud = self.playing = open_cloud(url, world, what.hook)
        watched = cloud.engine.reach = Calls(cloud.reach, *calls)
        row = self.begin(cloud)
        what.root = self.root = row.id
        what.family.add(row.id)
        died = run(cloud, what)
        if died:
            cloud.kill()
            what.dead, what.at = False, -1
            cloud = open_cloud(url, world, what.hook)
            run(cloud, what)
        row = cloud.db.read().get(TaskRow, row.id)
        return Play(cloud, row, what, watched, died, world)


def run(cloud: Cloud, what: Interference) -> bool:
    """Run tasks until all have ended, or the process died. Answers whether it did."""
    cloud.db.listeners.setdefault("task", []).append(what.news.set)
    cloud.engine.start()
    settle(cloud, what)
    cloud.engine.stop()  # the last moment comes after the last record
    return what.dead


class Play:
    """How it ended."""

    def __init__(self, cloud: Cloud, row: TaskRow, what: Interference, calls: Calls, died: bool, world: str) -> None:
        self.cloud, self.row, self.calls, self.died, self.world = cloud, row, calls, died, world
        self.told = what.told or calls.hit  # what was done to it, if it came to that

    def close(self) -> None:
        """Leave nothing of it."""
        self.cloud.stop()
        databases.drop(self.cloud.db.url)
        databases.drop(self.world)


def settle(cloud: Cloud, what: Interference | None = None) -> None:
    """Wait until nothing runs, or what was done to it ended it."""
    what = what or Interference()
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and not what.dead and any(_going(cloud)):
        what.news.wait(0.01)
        what.news.clear()


def _going(cloud: Cloud) -> Iterator[TaskRow]:
    for row in cloud.db.read().all(TaskRow, TaskRow.c.live == 1):
        if row.state != "stuck" and not issubclass(Task.by_name[row.kind_name], Loop):
            yield row


def holds(cloud: Cloud) -> set[tuple[str, str, str]]:
    """What the world holds for somebody: machines, volumes, appliances. A template in a pool serves whoever comes next."""
    things = ((kind, host, name) for kind in ("machine", "volume", "appliance") for host, name, _ in cloud.world.all(kind))
    return {(kind, host, name) for kind, host, name in things if not name.startswith("t-")}
