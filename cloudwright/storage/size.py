"""How large volumes may be."""

from __future__ import annotations

from cloudwright.core.error import ParamError
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader
from cloudwright.storage.model import DiskOffering

GIB = 1 << 30
MAX_VOLUME = setting("storage.max.volume.size", 2000, "GiB that a volume may have at most", category="Storage", minimum=1)
CUSTOM_LEAST = setting("custom.diskoffering.size.min", 1, "GiB that a volume of chosen size has at least", minimum=1)
CUSTOM_MOST = setting("custom.diskoffering.size.max", 1024, "GiB that a volume of chosen size has at most", minimum=1)


def check_size(reader: Reader, size: int, chosen: bool) -> int:
    """A volume's size in bytes, if it may be. `chosen`: by the caller, not by an offering. Raises ParamError."""
    least = CUSTOM_LEAST.get(reader) if chosen else 1
    most = min(MAX_VOLUME.get(reader), CUSTOM_MOST.get(reader) if chosen else MAX_VOLUME.get(reader))
    if not least * GIB <= size <= most * GIB:
        raise ParamError(f"Parameter size: a volume has {least} to {most} GiB, not {size / GIB:g}", param="size")
    return size


def size_by(reader: Reader, offering: DiskOffering, gib: int | None) -> int:
    """The size in bytes of a volume by an offering. Raises ParamError where size and offering contradict each other."""
    if offering.custom:
        if gib is None:
            raise ParamError(f"Parameter size: disk offering {offering.name} leaves the size to you, in GiB", param="size")
        return check_size(reader, gib * GIB, chosen=True)
    if gib is not None and gib * GIB != offering.size:
        text = f"Parameter size: disk offering {offering.name} has {offering.size // GIB} GiB and cannot have {gib}"
        raise ParamError(text, param="size", fix=["leave size out", "take a disk offering of chosen size"])
    return check_size(reader, offering.size, chosen=False)
