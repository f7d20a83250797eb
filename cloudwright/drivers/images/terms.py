"""What a caller may say about an image: its format and its checksum, in the notations the API knows."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from msgspec import Struct

from cloudwright.drivers.error import Refused

CLAIMS = ("QCOW2", "RAW", "VMDK", "VHD", "VHDX", "OVA", "ISO")
_ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}  # by length in hex digits
_CHECKSUM = re.compile(r"(?:\{([A-Za-z0-9-]+)\})?([0-9A-Fa-f]+)", re.ASCII)


class Checksum(Struct, frozen=True):
    """What the caller says the file hashes to."""

    algorithm: str
    hex: str

    def fresh(self) -> Any:
        """A hash object to feed."""
        return hashlib.new(self.algorithm, usedforsecurity=False)

    def compare(self, digest: Any) -> None:
        """Raises Refused when what was fed hashes to something else."""
        if digest.hexdigest() != self.hex:
            raise Refused(f"the file has {self.algorithm} {digest.hexdigest()}, where {self.hex} was expected")


def checksum_of(text: str) -> Checksum | None:
    """The checksum written as hex or "{algorithm}hex", None when there is none. Raises Refused when it is neither."""
    if not text:
        return None
    found = _CHECKSUM.fullmatch(text)
    digits = found[2].lower() if found else ""
    algorithm = _ALGORITHMS.get(len(digits), "")
    said = (found[1] or algorithm).lower().replace("-", "") if found else ""
    if not algorithm or said != algorithm:
        raise Refused(f"{text[:160]!r} is not a checksum: it is hex or {{algorithm}}hex, of md5, sha1, sha256 or sha512")
    return Checksum(algorithm, digits)


def claim_of(format: str) -> str:
    """The claimed format without its compression, in capitals. Raises Refused when it is not one that is understood."""
    claim = format.upper()
    for ending in (".GZ", ".BZ2", ".XZ", ".ZIP"):
        claim = claim.removesuffix(ending)
    if claim not in CLAIMS:
        raise Refused(f"{format[:40]!r} is not an image format that is understood: they are {', '.join(CLAIMS)}")
    return claim
