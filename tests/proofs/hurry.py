"""Makes a cloud quick enough to be played a thousand times: tasks that wait come back at once. What is done, and in
what order, stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cloudwright.core import engine, task
from cloudwright.core.task import NEVER, Again

SOON = 0.002


@contextmanager
def hurry() -> Iterator[None]:
    """As long as this is open."""
    wait = Again.__init__

    def soon(self: Again, after: float, why: str = "") -> None:
        wait(self, after if after >= NEVER else min(after, SOON), why)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Again, "__init__", soon)
        patch.setattr(task, "ANEW", SOON)
        patch.setattr(engine, "_backoff", lambda tries: SOON)
        yield
