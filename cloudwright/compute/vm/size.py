"""How large an instance is: what its offering says, or what the caller says where the offering leaves it open."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from cloudwright.compute.model import ServiceOffering
from cloudwright.core.error import ParamError
from cloudwright.identity.limit import tags_of
from cloudwright.storage.model import Template


class Size(Struct, frozen=True):
    """Processors, MHz of each, MiB of memory."""

    cpus: int
    mhz: int
    memory: int


def size_of(offering: ServiceOffering, details: Mapping[str, str]) -> Size:
    """The size. `details` may hold cpuNumber, cpuSpeed and memory; the offering's may bound them (mincpunumber, maxmemory …)."""
    given = {name.lower(): value for name, value in details.items()}
    cpus = _one(offering, "cpunumber", "cpuNumber", offering.cpus, given)
    mhz = _one(offering, "cpuspeed", "cpuSpeed", offering.cpu_mhz, given)
    return Size(cpus, mhz, _one(offering, "memory", "memory", offering.memory, given))


def host_tags(offering: ServiceOffering, template: Template | None) -> list[str]:
    """The tags that an instance asks of its host: those of its offering and of its template."""
    return tags_of(",".join((offering.host_tags or "", (template.tag if template else "") or "")))


def _one(offering: ServiceOffering, key: str, shown: str, fixed: int | None, given: Mapping[str, str]) -> int:
    said = given.get(key)
    if fixed is not None:
        if said is not None and said != str(fixed):
            raise ParamError(f"Parameter details: service offering {offering.name} fixes {shown} at {fixed}", param="details")
        return fixed
    if said is None or not said.isascii() or not said.isdigit() or not 0 < int(said) < 1 << 31:
        raise ParamError(f"Parameter details: service offering {offering.name} needs {shown}, a whole number", param="details")
    low, high = (int(offering.details.get(f"{end}{key}", edge)) for end, edge in (("min", "1"), ("max", str(1 << 31))))
    if not low <= int(said) <= high:
        raise ParamError(
            f"Parameter details: {shown} {said} is not between {low} and {high}, as {offering.name} asks", param="details"
        )
    return int(said)
