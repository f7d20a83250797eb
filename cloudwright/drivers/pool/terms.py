"""What every pool driver refuses before it touches anything, in the same words."""

from __future__ import annotations

import re

from cloudwright.drivers.error import Refused

_SHA256 = re.compile(r"(?:sha256:|\{sha-?256\})?([0-9a-f]{64})", re.ASCII | re.IGNORECASE)


def sha256_of(checksum: str) -> str:
    """The hex of a sha256 written as "sha256:<hex>", "{SHA-256}<hex>" or "<hex>"."""
    found = _SHA256.fullmatch(checksum)
    if not found:
        raise Refused(f"{checksum[:80]!r} is not a sha256 checksum: a template is only installed when it can be checked")
    return found[1].lower()


def positive(volume: str, size: int) -> int:
    """The size itself, in bytes."""
    if size <= 0:
        raise Refused(f"the volume {volume} cannot have {size} bytes")
    return size


def writable(volume: str) -> str:
    """The name itself, unless it is a template's: templates are never written to once they are installed."""
    if volume.startswith("t-"):
        raise Refused(f"{volume} is a template: it is read-only")
    return volume


def disk(source: str, format: str) -> None:
    """Refuse to make a volume out of an ISO."""
    if format == "iso":
        raise Refused(f"{source} is an ISO: no volume can be made of it")


def growing(volume: str, size: tuple[int, int], shrink: bool) -> None:
    """Refuse a `size` (from, to) that shrinks when that was not said."""
    if size[1] < size[0] and not shrink:
        raise Refused(
            f"the volume {volume} has {size[0]} bytes: making it {size[1]} would cut data off, and shrinking was not asked"
        )


FULL = "falloc"
_ROOM = {"thin": "off", "sparse": "metadata", "fat": FULL}


def preallocation(provisioning: str, format: str) -> str:
    """What is laid out beforehand, in qemu-img's words; a raw image has no tables of its own. Raises Refused."""
    if provisioning not in _ROOM:
        raise Refused(f"a volume is thin, sparse or fat, not {provisioning}")
    room = _ROOM[provisioning]
    return "off" if room == "metadata" and format == "raw" else room
