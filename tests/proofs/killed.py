"""A server process for the proofs: `killed.py URL WORLD TASK AT`, the master key on standard input. It runs tasks until the one
of this number ended, and kills itself with SIGKILL at its moment AT; never, when that is negative."""

from __future__ import annotations

import os
import signal
import sys

from cloudwright.core.task import Task, TaskRow
from tests.proofs.moments import Interference
from tests.proofs.stage import open_cloud, run


def main(url: str, world: str, task: int, at: int) -> int:
    """Serve. Answers 0 when the task ended."""

    def kill(point: str, task: Task, step: str) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    what = Interference(kill, at)
    what.root = task
    cloud = open_cloud(url, world, what.hook, sys.stdin.read().encode())
    run(cloud, what)
    row = cloud.db.read().get(TaskRow, task)
    cloud.stop()
    return row.live


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
