"""What a loop has under way outside, each in a thread of its own, so that what hangs there keeps nobody here waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
    """By the id of a row, what is under way for it in this process, and how it ended. `name` begins the names of threads."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.going: set[int] = set()
        self._landed: dict[int, T] = {}

    def begin(self, id: int, do: Callable[[], T]) -> None:
        """Do it in a thread of its own. It must not raise."""
        self.going.add(id)
        threading.Thread(target=self._fly, args=(id, do), name=f"{self.name} {id}", daemon=True).start()

    def _fly(self, id: int, do: Callable[[], T]) -> None:
        self._landed[id] = do()

    def landed(self) -> dict[int, T]:
        """Those that ended. They are told until `forget`."""
        return dict(self._landed)

    def forget(self, id: int) -> None:
        """Its outcome is stored."""
        self.going.discard(id)
        self._landed.pop(id, None)
