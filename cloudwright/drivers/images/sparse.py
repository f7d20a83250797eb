"""Write files whose blocks of zeros take no room: disks are mostly zeros."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

_ZEROS = bytes(1 << 20)  # a longer chunk is written as it is


class SparseFile:
    """A new file, written from start to end. `size` counts all bytes written, holes too."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self.size = 0

    def write(self, chunk: bytes) -> None:
        """Append; a chunk of zeros becomes a hole."""
        self.size += len(chunk)
        if chunk == _ZEROS[: len(chunk)]:
            self._file.seek(len(chunk), 1)
        else:
            self._file.write(chunk)

    def __enter__(self) -> SparseFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._file as file:
            file.truncate(self.size)
