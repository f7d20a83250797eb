"""How volumes lie in a directory: `<name>.<format>`, and a hidden `.<name>.….part` while one is being made.

The suffix tells the format, so nothing is ever probed. A link to a template is relative: the pool may be mounted elsewhere.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

from cloudwright.drivers.durable import sync
from cloudwright.drivers.error import NotThere
from cloudwright.drivers.naming import NAME, checked
from cloudwright.drivers.pool.contract import VolumeSeen
from cloudwright.drivers.qcow2 import read_header

FORMATS = ("qcow2", "raw", "iso")
_ABANDONED_SECONDS = 7 * 86400.0


def find(root: Path, name: str) -> Path:
    """The file of a volume or template. Raises NotThere."""
    checked(name)
    for format in FORMATS:
        path = root / f"{name}.{format}"
        if path.exists():
            return path
    raise NotThere(f"{name} is not in the pool at {root}")


def files(root: Path) -> Iterator[Path]:
    """All volumes and templates at rest."""
    for path in root.iterdir():
        if path.suffix[1:] in FORMATS and NAME.fullmatch(path.stem):
            yield path


def seen(path: Path) -> VolumeSeen:
    """A volume as its file shows it. Raises NotThere when it has just gone."""
    try:
        status = path.stat()
        format = path.suffix[1:]
        if format != "qcow2":
            return VolumeSeen(path.stem, status.st_size, status.st_blocks * 512, format)
        header = read_header(path)
    except FileNotFoundError:
        raise NotThere(f"{path.stem} is not in the pool at {path.parent}") from None
    return VolumeSeen(path.stem, header.size, status.st_blocks * 512, format, Path(header.backing).stem)


def part(root: Path, name: str, maker: str) -> Path:
    """Where `maker` makes a volume before it is published; two hosts of a shared pool never write to one file."""
    return root / f".{checked(name)}.{hashlib.sha256(maker.encode()).hexdigest()[:16]}.part"


def sweep(root: Path) -> None:
    """Remove what makers left that died long ago and were never asked again."""
    for path in root.glob(".*.part"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                path.unlink()


def publish(half: Path, path: Path) -> None:
    """Give a finished half its name, durably and never over a file that is already there."""
    sync(half)
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(half)
    half.unlink()
    sync(path.parent)
