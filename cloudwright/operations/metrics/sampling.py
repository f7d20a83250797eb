"""Samples of capacity: how much of each kind there was, was given out and really in use, zone by zone and in all, now and then.

A sample is the finer the younger it is: after two days one an hour is left, after 35 days one a day.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import sqlalchemy as sa
from msgspec import Struct

from cloudwright.core.loop import Loop
from cloudwright.core.resource import Resource, column
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader, Tx
from cloudwright.infrastructure.model import Host, Zone
from cloudwright.infrastructure.usage import CPU, MEMORY, Sum, Sums, sums
from cloudwright.operations.metrics.forecast import DAY, HOUR

INTERVAL = setting("capacity.history.interval", 900, "seconds between two samples of capacity", minimum=10, maximum=DAY)
RETENTION = setting(
    "capacity.history.retention", 365, "days that samples of capacity are kept: all of two days, then one an hour, after 35 days "
    "one a day", minimum=1, maximum=3650,
)  # fmt: skip
LASTS = {0: 2 * DAY, HOUR: 35 * DAY}  # seconds that samples of a grain are kept; those of days until their retention is over
ALL = 0  # in place of a zone's id: of all zones together


class Amount(Struct, array_like=True, frozen=True):
    """Of one kind of capacity: how much is given out, how much there is, and how much is really in use where that is measured."""

    given: int
    total: int
    used: int | None = None


Amounts = dict[int, Amount]


class CapacitySample(Resource, table="capacity_sample", indexes=[("zone_id", "at"), ("grain", "at")]):
    """What there was at a time, in a zone or in all of them together (0)."""

    at: float
    zone_id: int
    grain: int  # seconds: the first of its day has 86400, the first of its hour 3600, the others 0
    amounts: dict[int, Amount] = column(default={})  # by kind of capacity


class SampleCapacity(Loop, every=60.0):
    """Takes samples of capacity, and deletes those that were kept long enough."""

    last: float = 0.0

    def turn(self) -> float | None:
        now, interval = time.time(), INTERVAL.get(self.read)
        wait = self.last + interval - now
        if not 0 < wait <= interval:  # it is due, or the clock was set back
            samples, retention = taken(self.read, now, first_of(self.last, now)), RETENTION.get(self.read)
            self.write(lambda tx: keep(tx, samples, retention * DAY))
            self.last, wait = now, interval
        return min(wait, self.every)


def first_of(last: float, now: float) -> int:
    """What a sample of now is the first of, when the one before was taken at `last`."""
    return next((length for length in (DAY, HOUR) if last // length != now // length), 0)


def taken(reader: Reader, now: float, grain: int) -> list[CapacitySample]:
    """A sample of each zone, and one of all together."""
    zones = [zone.id for zone in reader.all(Zone)]
    found, used = sums(reader, "zone", zones), measured(reader, zones)
    found[ALL] = whole(found)
    return [
        CapacitySample(
            at=now,
            zone_id=id,
            grain=grain,
            amounts={k: Amount(s.used, s.total, used.get(id, {}).get(k)) for k, s in kinds.items()},
        )
        for id, kinds in found.items()
    ]


def measured(reader: Reader, zones: Iterable[int]) -> dict[int, dict[int, int]]:
    """CPU (MHz) and memory (bytes) really in use, by zone and of all these together; absent where a host that is up measures
    nothing."""
    of, count, total = Host.c, sa.func.count, sa.func.sum
    up = sa.select(of.zone_id, count(), count(of.busy), total(of.busy * of.cpus * of.cpu_mhz), total(1.0 * of.memory_used))
    up = up.where(of.gone == 0, of.state == "Up", of.zone_id.in_(list(zones))).group_by(of.zone_id)
    rows = [tuple(row) for row in reader.rows(up)]
    found = {id: {CPU: int(mhz), MEMORY: int(bytes)} for id, hosts, telling, mhz, bytes in rows if telling == hosts}
    if rows and len(found) == len(rows):
        found[ALL] = {kind: sum(zone[kind] for zone in found.values()) for kind in (CPU, MEMORY)}
    return found


def whole(found: Sums) -> dict[int, Sum]:
    """The sums of all places together."""
    together: dict[int, Sum] = {}
    for kinds in found.values():
        for kind, part in kinds.items():
            together.setdefault(kind, Sum()).add(part.used, part.total)
    return together


def keep(tx: Tx, samples: Iterable[CapacitySample], retention: float) -> None:
    """Store samples, and delete older ones whose time is over. The statements are the same however many zones there are."""
    tx.connection.execute(CapacitySample.t.insert(), [row.values() for row in samples])
    for of, lasts in {**LASTS, DAY: retention}.items():
        old = CapacitySample.c.at < tx.now - min(lasts, retention)
        tx.execute(CapacitySample.t.delete().where(CapacitySample.c.grain == of, CapacitySample.c.gone == 0, old))


def since(reader: Reader, zone_id: int, start: float) -> list[tuple[float, Amounts]]:
    """(time, amounts by kind) of a zone, or of all, from then on, the oldest first."""
    of = CapacitySample.c
    wanted = sa.select(of.at, of.amounts).where(of.zone_id == zone_id, of.gone == 0, of.at >= start).order_by(of.at)
    return [(row.at, row.amounts) for row in reader.rows(wanted)]
