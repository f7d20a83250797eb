"""The largest packets of a network, as its router's interfaces have them."""

from __future__ import annotations

from cloudwright.core.access import Caller
from cloudwright.core.error import ParamError
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader
from cloudwright.infrastructure.model import Zone

SMALLEST = 576  # what every IPv4 host must take
BY_USERS = setting(
    "allow.end.users.to.specify.vr.mtu", False, "whether users may choose the MTUs of their networks", scopes=("zone",)
)
LARGEST = {
    "public": setting("vr.public.interface.max.mtu", 1500, "the largest MTU of routers towards the outside", scopes=("zone",)),
    "private": setting("vr.private.interface.max.mtu", 1500, "the largest MTU of routers inside", scopes=("zone",)),
}


def checked_mtu(reader: Reader, zone: Zone, caller: Caller, side: str, wanted: int | None) -> int | None:
    """The MTU asked for on a side, `public` or `private`. Raises ParamError with the bounds."""
    if wanted is None:
        return None
    name = f"{side}mtu"
    if not caller.root and not BY_USERS.get(reader, zone=zone.id):
        raise ParamError(f"Parameter {name}: users may not choose MTUs in zone {zone.name}", param=name)
    largest = LARGEST[side].get(reader, zone=zone.id)
    if not SMALLEST <= wanted <= largest:
        text = f"Parameter {name}: {wanted} is not between {SMALLEST} and {largest} bytes"
        raise ParamError(text, param=name, fix=[f"the setting {LARGEST[side].name} of zone {zone.name} is the upper bound"])
    return wanted
