"""What is done to a task that is played: at one of its moments it dies, fails or is cancelled; or a call to a driver fails.

Each counts the moments of the task and of its children. It strikes where the world may differ: unless all are asked for, a
moment is left out that has the same rows and the same world outside as the one before it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from cloudwright.core.task import Task
from cloudwright.drivers.error import Refused, Unreachable
from cloudwright.infrastructure.reach import Reach

FULL = os.environ.get("CLOUDWRIGHT_PROOFS") == "full"
"""Whether every boundary of every step is a moment, also where nothing happened since the last."""


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
        self.news = threading.Event()

    def hook(self, point: str, task: Task, step: str) -> None:
        if self.dead:
            raise Dead
        if not self.root or not self.concerns(task) or not (FULL or self.wants(point, task)) or not self.may(point, task):
            return
        self.count += 1
        if self.count - 1 == self.at and self.act is not None:
            self.told = f"{type(task).__name__}.{step} ({point}, {task.row.state})"
            self.act(point, task, step)

    def concerns(self, task: Task) -> bool:
        if task.row.id == self.root or task.row.parent in self.family:
            self.family.add(task.row.id)
        return task.row.id in self.family

    def may(self, point: str, task: Task) -> bool:
        """Whether it can strike here at all."""
        return True

    def wants(self, point: str, task: Task) -> bool:
        """Whether anything is different here from the moment before."""
        return point == "recorded" or (point == "did" and acts(task))


class Together(Interference):
    """Several, each of which counts for itself."""

    def __init__(self, *parts: Interference) -> None:
        super().__init__()
        self.parts = parts

    def hook(self, point: str, task: Task, step: str) -> None:
        for part in self.parts:
            part.root = self.root
            part.hook(point, task, step)


def acts(task: Task) -> bool:
    """Whether what was done last was done outside, and is not recorded yet."""
    return not task.steps[task.row.at].way(task.row.state == "undo")[1]


class Die(Interference):
    """The process ends at a moment: nothing of it runs on."""

    def __init__(self, at: int = -1) -> None:
        super().__init__(self._die, at)

    def _die(self, point: str, task: Task, step: str) -> None:
        self.dead = True
        self.news.set()
        raise Dead


class Fail(Interference):
    """A step fails for good, before it did anything or after it did all."""

    def __init__(self, at: int = -1) -> None:
        super().__init__(self._fail, at)

    def _fail(self, point: str, task: Task, step: str) -> None:
        raise RuntimeError(f"injected: {type(task).__name__}.{step} {point}")

    def may(self, point: str, task: Task) -> bool:
        return point != "recorded" and task.row.state == "forward"

    def wants(self, point: str, task: Task) -> bool:
        return point == "do" or acts(task)


class FailLate(Die):
    """The last step of the task fails, so that all is undone, and the process dies at a moment of that."""

    def may(self, point: str, task: Task) -> bool:
        return task.row.state == "undo"

    def hook(self, point: str, task: Task, step: str) -> None:
        last = self.root == task.row.id and task.row.state == "forward" and task.row.at + 1 == len(task.steps)
        if last and point == "did" and not self.dead:
            raise RuntimeError(f"injected: {type(task).__name__}.{step}")
        super().hook(point, task, step)


class Calls:
    """Counts the calls to drivers of a task's steps, and makes one fail: refused, or done while the answer is lost."""

    def __init__(self, reach: Reach, at: int = -1, lose_answer: bool = False) -> None:
        self.reach, self.at, self.lose_answer = reach, at, lose_answer
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
