"""listCapacityHistory: how much of each kind of capacity was given out, and when it will be full. Our addition to the API."""

from __future__ import annotations

import datetime
import math
import time
from typing import Any

from cloudwright.core.access import Caller
from cloudwright.core.command import Query, Told
from cloudwright.core.error import ParamError
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader
from cloudwright.core.view import date
from cloudwright.infrastructure import usage
from cloudwright.infrastructure.model import Zone
from cloudwright.operations.metrics.forecast import DAY, forecast, spread
from cloudwright.operations.metrics.sampling import ALL, Amounts, measured, since, whole
from cloudwright.operations.metrics.watch import WATCHED

GROWTH = 7 * DAY  # seconds back from now in which growth is looked for
MOST = 150  # samples told of a kind
Samples = list[tuple[float, Amounts]]


class ListCapacityHistory(Query, authorized=("Admin", "ResourceAdmin"), response={
    "type": ("integer", "the kind's number"),
    "name": ("string", "the kind's name"),
    "zoneid": ("string", "the zone; absent where it is of all zones together"),
    "zonename": ("string", "the name of the zone"),
    "capacityallocated": ("long", "how much is given out now"),
    "capacityused": ("long", "how much is really in use now; absent where nobody measures it"),
    "capacitytotal": ("long", "how much there is now, overcommitted"),
    "percentused": ("string", "the part given out now, in percent"),
    "threshold": ("double", "the share given out from which one should look after it, 0.0-1.0"),
    "daystofull": ("double", "in how many days it is full if it grows on so; absent where it does not grow, or nobody knows"),
    "observeddays": ("double", "over how many days the samples reach from which that is told"),
    "stats": ("list", "the samples, oldest first: timestamp, capacityallocated, capacityused, capacitytotal; 150 at most"),
}):  # fmt: skip
    """Lists how much of each kind of capacity was in use over time, of one zone or of all together."""

    zone: Ref[Zone] | None = param("only of this zone; of all together without it")
    type: int | None = param("only of this kind")
    start_date: datetime.datetime | None = param("only samples since then; a day ago where it is not given")
    end_date: datetime.datetime | None = param("only samples until then; a day means its end")

    def run(self, reader: Reader, caller: Caller) -> Told:
        now = time.time()
        start = self.start_date.timestamp() if self.start_date else now - DAY
        end = self.end_date.timestamp() if self.end_date else math.inf
        if end < start:
            raise ParamError(f"Parameter enddate: {date(end)} is before {date(start)}, where the samples begin", param="enddate")
        zones = [zone.id for zone in ([self.zone] if self.zone else reader.all(Zone))]
        found, used = whole(usage.sums(reader, "zone", zones)), measured(reader, zones).get(ALL, {})
        samples = since(reader, self.zone.id if self.zone else ALL, min(start, now - GROWTH))
        shown = [sample for sample in samples if start <= sample[0] <= end]
        recent = [sample for sample in samples if sample[0] >= now - GROWTH]
        place = {"zoneid": self.zone.uuid, "zonename": self.zone.name} if self.zone else {}
        rows = [
            {name: value for name, value in usage.told(kind, found[kind], place).items() if name != "capacityused"}
            | _used(used.get(kind))
            | {"threshold": WATCHED[kind].threshold.get(reader)}
            | _growth(recent, kind, found[kind].total)
            | {"stats": _stats(shown, kind)}
            for kind in sorted(found)
            if self.type in (None, kind)
        ]
        return Told("capacityhistory", rows)


def _used(amount: int | None) -> dict[str, int]:
    return {} if amount is None else {"capacityused": amount}


def _stats(samples: Samples, kind: int) -> list[dict[str, Any]]:
    return [
        {"timestamp": date(at), "capacityallocated": one.given, "capacitytotal": one.total} | _used(one.used)
        for at, one in spread([(at, amounts[kind]) for at, amounts in samples if kind in amounts], MOST)
    ]


def _growth(samples: Samples, kind: int, total: int) -> dict[str, Any]:
    """When it is full, if anybody can say: what is given out counts, however much was added meanwhile."""
    found = forecast([(at, amounts[kind].given) for at, amounts in samples if kind in amounts], total)
    return {} if found is None else {"daystofull": round(found.days, 1), "observeddays": round(found.span, 2)}
