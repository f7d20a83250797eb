"""Make what was written survive a power cut."""

from __future__ import annotations

import os
from pathlib import Path


def sync(*paths: Path) -> None:
    """Flush each file's contents, or directory's entries, to the disk."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
