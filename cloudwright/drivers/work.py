"""Long work on a host: begun under the caller's key and polled, so that either side may restart in between."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class WorkState(StrEnum):
    """Where a piece of long work stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"  # never begun here, or forgotten: begin it again


class Work(Struct):
    """The report of one piece of long work. `progress` is 0.0-1.0, `result` is the verb's own value."""

    key: str
    state: WorkState
    progress: float = 0.0
    error: str = ""
    result: dict[str, object] = {}
