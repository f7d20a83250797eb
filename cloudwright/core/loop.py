"""A loop: a task that never ends. It compares what is with what should be, again and again.

    class ExpungeDestroyed(Loop, every=60.0):
        "Removes machines whose time to be recovered is over."

        def turn(self) -> float | None:
            ...                                    # acts: reads, reaches drivers, `self.write(fn)` is committed at its end
            return 0.0 if more else None           # when to come again: at once; None for the clock

One live row per loop, made at start-up, owned by one server at a time as every task is. A turn takes no input: the clock or
`wake` only wakes it, and there is one code path for the good day and the bad one. A turn that fails is told in the log and comes
again; a loop never fails.
"""

from __future__ import annotations

import logging
from typing import ClassVar

from cloudwright.core.resource import Resource
from cloudwright.core.task import NEVER, Again, Step, Task, TaskRow, poke, start
from cloudwright.core.tx import Tx

log = logging.getLogger(__name__)


class LoopRow(Resource, table="loop", unique=[("name",)]):
    """What a loop's task is on. `name` is the loop's class."""

    name: str


class Loop(Task):
    """The ancestor of every loop. `every` is how many seconds pass between turns when nobody wakes it. Annotated attributes are
    remembered from turn to turn, and need defaults."""

    loops: ClassVar[dict[str, type[Task]]] = {}
    every: ClassVar[float]

    def __init_subclass__(cls, *, every: float) -> None:
        cls.every = every
        setattr(cls, "turns", Step(_turns, NEVER, final=True))  # noqa: B010 - each loop has its own step, the ancestor none
        super().__init_subclass__()
        Loop.loops[cls.__name__] = cls

    def turn(self) -> float | None:
        """One turn. Answers in how many seconds to come again; None means after `every`."""
        raise RuntimeError(f"BUG: loop {type(self).__name__} does nothing (LoopWithoutTurn)")


def _turns(self: Loop) -> None:
    """Turn once, then wait: the step never ends, so neither does the task."""
    try:
        after = self.turn()
    except Exception:
        log.exception("a turn of %s failed; it comes again in %.0f s", type(self).__name__, self.every)
        self._run.begin()  # nothing of a turn that failed is written
        after = None
    raise Again(self.every if after is None else after)


def ensure(tx: Tx) -> None:
    """See that each loop has its live task. Servers that start at once agree: the loop's row is locked."""
    for name, kind in Loop.loops.items():
        row = tx.lock(tx.find(LoopRow, LoopRow.c.name == name) or tx.insert(LoopRow(name=name)))
        if tx.find(TaskRow, TaskRow.c.subject == f"{row.kind}:{row.id}", TaskRow.c.live == 1) is None:
            start(tx, kind(), row)


def wake(tx: Tx, kind: type[Task]) -> None:
    """Have the loop turn as soon as this transaction is committed, whichever server owns it."""
    row = tx.find(LoopRow, LoopRow.c.name == kind.__name__)
    if row is not None:
        poke(tx, f"{row.kind}:{row.id}")
