"""The log of a server: one JSON object a line, with the job it was written for."""

from __future__ import annotations

import logging
import sys

from cloudwright.agent.frame import trace
from cloudwright.agent.log import Lines
from cloudwright.core.task import Task


def begin(level: str) -> None:
    """Log to standard error from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    handler.addFilter(_with_job)
    logging.basicConfig(level=level.upper(), handlers=[handler])


def follow(point: str, task: Task, step: str) -> None:
    """A hook of the task engine: what this thread logs, or asks of hosts, is for this task from now on."""
    trace.set(task.row.uuid)


def _with_job(record: logging.LogRecord) -> bool:
    job = trace.get()
    if job:
        record.job = job
    return True
