"""Progress as people watch it: one line for each part, with what it waits for now, and how long it took."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

Tell = Callable[[str], object]


PAUSE = 5.0  # seconds between two lines about one part where there is no terminal


class Progress:
    """Parts that follow each other. On a terminal the line of the running part shows what it waits for; elsewhere a line now and
    then does."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._terminal = sys.stdout.isatty()
        self._shown = 0.0

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[Tell]:
        """Show a part from its beginning to its end. What is told last is its result."""
        began = self._shown = time.monotonic()
        last = ""

        def tell(words: str) -> None:
            nonlocal last
            self._show(name, time.monotonic() - began, words if self._terminal else last)
            last = words

        self._show(name, 0.0, "")
        try:
            yield tell
        except BaseException:
            self._end(f"✗ {name}")
            raise
        self.seconds[name] = round(time.monotonic() - began, 1)
        self._end(f"✓ {name:42} {self.seconds[name]:6.1f} s  {last}")

    def _show(self, name: str, seconds: float, words: str) -> None:
        if self._terminal:
            print(f"\r\033[K  … {name:42} {seconds:6.1f} s  {words[:60]}", end="", flush=True)
        elif words and time.monotonic() > self._shown + PAUSE:
            self._shown = time.monotonic()
            print(f"  … {name:42} {seconds:6.1f} s  {words[:200]}", flush=True)

    def _end(self, line: str) -> None:
        print(("\r\033[K" if self._terminal else "") + f"  {line}".rstrip(), flush=True)
