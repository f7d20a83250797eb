"""The stage of the universal proofs: a scenario is set up once, kept as files, and played again and again from there.

A scenario is a function `scenario_<TaskName>(cloud)` in `tests/<domain>/scenarios.py`: it prepares an installed cloud, whose
engine runs, and answers what starts the task: a function of the cloud that answers the task's row.
"""

from __future__ import annotations

import importlib
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cloudwright import catalogue
from cloudwright.cloud import Cloud
from cloudwright.core.engine import Hook, no_hook
from cloudwright.core.loop import Loop
from cloudwright.core.task import Task, TaskRow, cancel
from cloudwright.drivers.error import Refused, Unreachable
from cloudwright.drivers.world import TableWorld
from tests.conftest import KEY

Begin = Callable[[Cloud], TaskRow]
Scenario = Callable[[Cloud], Begin]
TESTS = Path(__file__).parents[1]
PATIENCE = 12.0


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


class Dead(BaseException):
    """What a process that was killed does next: nothing."""


class Interference:
    """Counts the moments of one task and its children, and does something at one of them."""

    def __init__(self, act: Callable[[str, Task, str], None] | None = None, at: int = -1) -> None:
        self.act, self.at = act, at
        self.count = 0
        self.root = 0
        self.family: set[int] = set()
        self.told = ""
        self.dead = False

    def hook(self, point: str, task: Task, step: str) -> None:
        if self.dead:
            raise Dead
        if not self.root or not self.concerns(task) or not self.wants(point, task):
            return
        self.count += 1
        if self.count - 1 == self.at and self.act is not None:
            self.told = f"{type(task).__name__}.{step} ({point}, {task.row.state})"
            self.act(point, task, step)

    def concerns(self, task: Task) -> bool:
        if task.row.id == self.root or task.row.parent in self.family:
            self.family.add(task.row.id)
        return task.row.id in self.family

    def wants(self, point: str, task: Task) -> bool:
        return True


class Die(Interference):
    """The process ends at a moment: nothing of it runs on."""

    def __init__(self, at: int, undoing: bool = False) -> None:
        super().__init__(self._die, at)
        self.undoing = undoing

    def _die(self, point: str, task: Task, step: str) -> None:
        self.dead = True
        raise Dead

    def wants(self, point: str, task: Task) -> bool:
        return not self.undoing or task.row.state == "undo"


class Fail(Interference):
    """A step fails for good, before it did anything or after it did all."""

    def __init__(self, at: int) -> None:
        super().__init__(self._fail, at)

    def _fail(self, point: str, task: Task, step: str) -> None:
        raise RuntimeError(f"injected: {type(task).__name__}.{step} {point}")

    def wants(self, point: str, task: Task) -> bool:
        return point != "recorded" and task.row.state == "forward"


class FailLate(Die):
    """The last step of the task fails, so that all is undone, and the process dies at a moment of that."""

    def __init__(self, at: int) -> None:
        super().__init__(at, undoing=True)

    def hook(self, point: str, task: Task, step: str) -> None:
        last = self.root == task.row.id and task.row.state == "forward" and task.row.at + 1 == len(task.steps)
        if last and point == "did" and not self.dead:
            raise RuntimeError(f"injected: {type(task).__name__}.{step}")
        super().hook(point, task, step)


class Calls:
    """Counts the calls to drivers of a task's steps, and makes one fail: refused, or done while the answer is lost."""

    def __init__(self, cloud: Cloud, at: int, lose_answer: bool) -> None:
        self.reach, self.at, self.lose_answer = cloud.reach, at, lose_answer
        self.count = 0
        self.hit = ""

    def __call__(self, contract: type[Any], where: Any) -> Any:
        return _Watched(self, self.reach(contract, where), contract.__name__)


class _Watched:
    def __init__(self, calls: Calls, driver: Any, name: str) -> None:
        self._calls, self._driver, self._name = calls, driver, name

    def __getattr__(self, verb: str) -> Any:
        fn = getattr(self._driver, verb)
        calls, name = self._calls, f"{self._name}.{verb}"

        def call(*values: Any, **named: Any) -> Any:
            calls.count += 1
            if calls.count - 1 != calls.at:
                return fn(*values, **named)
            calls.hit = name
            if calls.lose_answer:
                fn(*values, **named)
                raise Unreachable(f"injected: the answer of {name} was lost")
            raise Refused(f"injected: {name} was refused")

        return call


class Stage:
    """A scenario, set up in files."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name, self.directory = name, directory
        self.begin: Begin
        self.playing: Cloud
        self.root = 0
        self.plays = 0
        scenario = scenarios()[name]
        cloud = self._cloud(directory / "first")
        try:
            cloud.install()
            cloud.engine.start()
            self.begin = scenario(cloud)
            settle(cloud)
            self.holds = holds(cloud)
        finally:
            close(cloud)

    @staticmethod
    def _cloud(place: Path, hook: Hook = no_hook) -> Cloud:
        place.mkdir(exist_ok=True)
        world = TableWorld(str(place / "world.db"))
        return Cloud(f"sqlite:///{place / 'cloud.db'}", key=KEY, world=world, workers=4, hook=hook)

    def cancel(self, point: str, task: Task, step: str) -> None:
        """For an interference: cancel the task that is played."""
        root = self.playing.db.read().get(TaskRow, self.root)
        self.playing.db.write(lambda tx: cancel(tx, root))

    def play(self, interference: Interference | None = None, calls: tuple[int, bool] | None = None) -> Play:
        """From the scenario to the task's end: with something done to it on the way, and a new server if the first died."""
        self.plays += 1
        place = self.directory / f"play{self.plays}"
        shutil.copytree(self.directory / "first", place)
        what = interference or Interference()
        cloud = self._cloud(place, what.hook)
        watched = Calls(cloud, *calls) if calls else Calls(cloud, -1, False)
        cloud.engine.reach = watched
        row = self.begin(cloud)
        what.root = self.root = row.id
        self.playing = cloud
        what.family.add(row.id)
        cloud.engine.start()
        row = self._ended(cloud, row, what)
        died = what.dead
        if died:
            cloud.kill()
            what.dead, what.at = False, -1
            cloud = self._cloud(place, what.hook)
            cloud.engine.start()
            row = self._ended(cloud, row, what)
        settle(cloud)
        return Play(cloud, row, what, watched, died, place)

    @staticmethod
    def _ended(cloud: Cloud, row: TaskRow, what: Interference) -> TaskRow:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            row = cloud.db.read().get(TaskRow, row.id)
            if not row.live or what.dead or row.state == "stuck":
                return row
            time.sleep(0.003)
        return row


class Play:
    """How it ended."""

    def __init__(self, cloud: Cloud, row: TaskRow, what: Interference, calls: Calls, died: bool, place: Path) -> None:
        self.cloud, self.row, self.moments, self.calls, self.died, self.place = cloud, row, what.count, calls, died, place

    def close(self) -> None:
        close(self.cloud)
        shutil.rmtree(self.place)


def settle(cloud: Cloud) -> None:
    """Wait until nothing runs."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and any(_going(cloud)):
        time.sleep(0.003)


def _going(cloud: Cloud) -> Iterator[TaskRow]:
    for row in cloud.db.read().all(TaskRow, TaskRow.c.live == 1):
        if row.state != "stuck" and not issubclass(Task.by_name[row.kind_name], Loop):
            yield row


def close(cloud: Cloud) -> None:
    """Stop it."""
    cloud.stop()


def holds(cloud: Cloud) -> set[tuple[str, str, str]]:
    """What the world holds for somebody: machines, volumes, appliances. A template in a pool serves whoever comes next."""
    things = ((kind, host, name) for kind in ("machine", "volume", "appliance") for host, name, _ in cloud.world.all(kind))
    return {(kind, host, name) for kind, host, name in things if not name.startswith("t-")}
