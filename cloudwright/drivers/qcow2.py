"""What the header of a qcow2 file says, read without qemu-img: microseconds, and no file it names is ever opened."""

from __future__ import annotations

import struct
from pathlib import Path

from msgspec import Struct

from cloudwright.drivers.error import Refused

MAGIC = b"QFI\xfb"
_FIELDS = struct.Struct(">4sIQIIQI")  # magic, version, backing offset and size, cluster bits, virtual size, encryption
_FEATURES_AT, _DATA_FILE_BIT = 72, 1 << 2
_LONGEST_BACKING = 1023


class Header(Struct, frozen=True):
    """`size` is what a guest sees, in bytes; `backing` is "" for an image that stands alone."""

    size: int
    backing: str
    encrypted: bool
    data_file: bool


def read_header(path: str | Path) -> Header:
    """The header of the qcow2 file at `path`. Raises Refused when it is not one, OSError when it cannot be read."""
    with Path(path).open("rb") as file:
        start = file.read(_FEATURES_AT + 8)
        if len(start) < _FEATURES_AT or not start.startswith(MAGIC):
            raise Refused("the file is not a qcow2 image")
        _, version, offset, length, _, size, encryption = _FIELDS.unpack_from(start)
        if version not in (2, 3) or length > _LONGEST_BACKING:
            raise Refused(f"the file has a broken qcow2 header (version {version}, backing name of {length} bytes)")
        file.seek(offset)
        backing = file.read(length).decode("utf-8", "replace") if offset else ""
    features = int.from_bytes(start[_FEATURES_AT : _FEATURES_AT + 8], "big") if version == 3 else 0
    return Header(size, backing or ("?" if offset else ""), encryption != 0, bool(features & _DATA_FILE_BIT))
