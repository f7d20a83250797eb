"""Making an offering like another: what the caller does not say is taken from the source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from msgspec.structs import replace

from cloudwright.core.command import Verb
from cloudwright.core.tx import Reader
from cloudwright.drivers.hypervisor.contract import Limit
from cloudwright.infrastructure.model import Zone
from cloudwright.infrastructure.offered import offered_in
from cloudwright.storage.quality import LIMITED

C = TypeVar("C", bound=Verb)


def unsaid(clone: type[Verb]) -> None:
    """Have a clone's parameters, taken from the making command, stay None where they are not given."""
    for name, declared in clone.api.params.items():
        if name not in ("name", "source_offering"):
            clone.api.params[name] = replace(declared, default=None)


def like(command: Verb, make: type[C], source: Mapping[str, Any]) -> C:
    """The making command as if the caller had said all: what was given, else what the source has."""
    made = make()
    for name, declared in make.api.params.items():
        given = command.__dict__.get(name)
        found = source.get(name) if given is None else given
        made.__dict__[name] = (None if declared.required else declared.default) if found is None else found
    return made


def quality_of(reader: Reader, offering: Any) -> dict[str, Any]:
    """What the making command is told of an offering's disks and of whom it is for, by its attributes."""
    rates: dict[str, Any] = {}
    for field, prefix in LIMITED.items():
        limit: Limit = getattr(offering.limits, field)
        parts = {"": limit.rate, "_max": limit.burst, "_max_length": limit.seconds}
        rates |= {f"{prefix}_rate{ending}": value or None for ending, value in parts.items()}
    return rates | {
        "cache_mode": offering.cache_mode, "storage_type": offering.storage_type, "provisioning_type": offering.provisioning,
        "domain": offered_in(reader, offering) or None, "display_text": offering.display_text,
        "zone": reader.all(Zone, Zone.c.uuid.in_(offering.zone_ids)) if offering.zone_ids else None,
    }  # fmt: skip
