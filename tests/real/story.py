"""What a long test says and waits by."""

from __future__ import annotations

import time


def told(words: str) -> None:
    print(f"    {words}", flush=True)


def quiet(words: str) -> None:
    """Progress that nobody needs to see."""


def eventually(check, seconds: float = 120.0, pause: float = 0.1):
    until = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < until, f"not within {seconds:g} s"
        time.sleep(pause)
    return found


class Stopwatch:
    def __init__(self) -> None:
        self.began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began
