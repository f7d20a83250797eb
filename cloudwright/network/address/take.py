"""Taking a public address from the ranges of a zone, by inserting its row."""

from __future__ import annotations

import random
from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import Any

import sqlalchemy as sa

from cloudwright.core.error import InUse, NoCapacity, ParamError
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.model import Account
from cloudwright.infrastructure.model import IpRange, Zone
from cloudwright.network.free import addresses, pick
from cloudwright.network.model import PublicIp

_IN_RANGE = sa.select(PublicIp.c.address).where(PublicIp.c.range_id == sa.bindparam("range"), PublicIp.c.gone == 0)
_THESE = _IN_RANGE.where(PublicIp.c.address.in_(sa.bindparam("addresses", expanding=True)))


def take_address(tx: Tx, zone_id: int, owner: Account, wanted: str | None = None, **values: Any) -> PublicIp:
    """A public address for an account: the wanted one, or a free one, from the owner's own ranges first. `values` are
    further columns of its row. Raises ParamError, InUse or NoCapacity; the unique index keeps two from getting the same."""
    ranges = public_ranges(tx, zone_id, owner)
    found = _wanted(tx, zone_id, ranges, wanted) if wanted is not None else _free(tx, ranges)
    if found is None:
        zone = tx.get(Zone, zone_id)
        total = sum(addresses(one.start_ip, one.end_ip).size for one in ranges)
        raise NoCapacity(
            f"Zone {zone.name} has no free public address for account {owner.name}",
            why=[f"{total} addresses in {len(ranges)} ranges that the account may use, all of them taken"],
            fix=["add a range with createVlanIpRange", "release addresses that are not needed"],
        )
    row = PublicIp(
        account_id=owner.id, domain_id=owner.domain_id, zone_id=zone_id, range_id=found[0].id, address=found[1],
        allocated=tx.now, dedicated=found[0].account_id == owner.id, **values,
    )  # fmt: skip
    return tx.insert(row)


def public_ranges(reader: Reader, zone_id: int, owner: Account) -> list[IpRange]:
    """The ranges that an account may take from: its own, its domain's, everybody's; in this order, equals in a random one."""
    everybody = sa.and_(IpRange.c.account_id.is_(None), IpRange.c.domain_id.is_(None))
    domain = sa.and_(IpRange.c.account_id.is_(None), IpRange.c.domain_id == owner.domain_id)
    mine = sa.or_(IpRange.c.account_id == owner.id, domain, everybody)
    public = (IpRange.c.zone_id == zone_id, IpRange.c.network_id.is_(None), IpRange.c.for_virtual_network.is_(True))
    ranges = reader.all(IpRange, *public, mine)
    random.shuffle(ranges)
    return sorted(ranges, key=lambda one: (one.account_id is None) + (one.account_id is None and one.domain_id is None))


def _free(tx: Tx, ranges: Sequence[IpRange]) -> tuple[IpRange, str] | None:
    for one in ranges:
        number = pick([addresses(one.start_ip, one.end_ip)], lambda numbers, at=one: _taken(tx, at, numbers))  # type: ignore[misc]
        if number is not None:
            return one, str(IPv4Address(number))
    return None


def _taken(tx: Tx, one: IpRange, numbers: Sequence[int] | None) -> set[int]:
    if numbers is None:
        rows = tx.rows(_IN_RANGE, {"range": one.id})
    else:
        rows = tx.rows(_THESE, {"range": one.id, "addresses": [str(IPv4Address(number)) for number in numbers]})
    return {int(IPv4Address(row[0])) for row in rows}


def _wanted(tx: Tx, zone_id: int, ranges: Sequence[IpRange], wanted: str) -> tuple[IpRange, str]:
    try:
        number = int(IPv4Address(wanted))
    except ValueError:
        raise ParamError(f"Parameter ipaddress: {wanted[:64]!r} is not an IPv4 address", param="ipaddress") from None
    for one in ranges:
        span = addresses(one.start_ip, one.end_ip)
        if span.first <= number <= span.last:
            if _taken(tx, one, [number]):
                raise InUse(f"Public address {wanted} is taken", param="ipaddress", fix=["leave ipaddress out"])
            return one, wanted
    spans = [f"{one.start_ip}-{one.end_ip}" for one in ranges]
    text = f"Public address {wanted} is in no range of zone {tx.get(Zone, zone_id).name} that you may use"
    raise ParamError(text, param="ipaddress", why=[f"the ranges are {', '.join(spans) or '(none)'}"])
