"""The smallest ISO that boots: El Torito, without emulation, one sector of code that speaks on the first serial port."""

from __future__ import annotations

import struct
from pathlib import Path

SECTOR = 2048
_ROOT, _CATALOG, _CODE, _PATHS, _END = 19, 20, 21, 22, 23  # sectors
_SPEAK = bytes.fromhex(
    "e80000 5e 0e1f 81c61600 fc"  # call the next; pop si; ds = cs; si += 22: the words; cld
    "ac 84c0 7406 baf803 ee ebf5"  # each byte, until 0, to port 0x3f8
    "f4 ebfd"  # rest
)


def write(path: Path, words: str) -> None:
    """Write one that says `words`."""
    sectors = {
        16: _descriptor(),
        17: b"\0CD001\1EL TORITO SPECIFICATION".ljust(71, b"\0") + struct.pack("<I", _CATALOG),
        18: b"\xffCD001\1",
        _ROOT: _record(b"\0") + _record(b"\1"),
        _CATALOG: _catalog(),
        _CODE: _SPEAK + words.encode() + b"\0",
        _PATHS: struct.pack("<BBIHBx", 1, 0, _ROOT, 1, 0),
    }
    path.write_bytes(b"".join(sectors.get(n, b"").ljust(SECTOR, b"\0") for n in range(_END)))


def _both(value: int, kind: str) -> bytes:
    return struct.pack(f"<{kind}", value) + struct.pack(f">{kind}", value)


def _record(name: bytes) -> bytes:
    """A directory's entry for itself or for what is above."""
    body = b"\0" + _both(_ROOT, "I") + _both(SECTOR, "I") + bytes(7) + b"\2\0\0" + _both(1, "H") + bytes([len(name)]) + name
    return bytes([len(body) + 1]) + body


def _descriptor() -> bytes:
    head = b"\1CD001\1\0" + b" " * 32 + b"CLOUDWRIGHT".ljust(32) + bytes(8) + _both(_END, "I") + bytes(32)
    sizes = _both(1, "H") + _both(1, "H") + _both(SECTOR, "H") + _both(10, "I")
    return head + sizes + struct.pack("<II", _PATHS, 0) + struct.pack(">II", 0, 0) + _record(b"\0")


def _catalog() -> bytes:
    entry = bytearray(b"\1".ljust(30, b"\0") + b"\x55\xaa")
    struct.pack_into("<H", entry, 28, -sum(struct.unpack("<16H", bytes(entry))) & 0xFFFF)
    return bytes(entry) + struct.pack("<BBHBBHI", 0x88, 0, 0, 0, 0, SECTOR // 512, _CODE)
