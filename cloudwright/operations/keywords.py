"""New rows and the index for keywords."""

from __future__ import annotations

from cloudwright.core import search
from cloudwright.core.loop import Loop


class IndexWords(Loop, every=30.0):
    """Takes new rows into the index by which keywords are found, where the database does not do it by itself."""

    def turn(self) -> float | None:
        kind = search.waiting(self.read)
        if kind is None:
            return None
        self.write(lambda tx: search.take_in(tx, kind))
        return 0.0
