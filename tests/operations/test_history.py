"""The history of capacity: its samples, how they thin out, what is told of them, and when something will be full."""

from __future__ import annotations

import random
import time
from types import SimpleNamespace
from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from cloudwright.core.error import ParamError
from cloudwright.core.loop import wake
from cloudwright.core.task import TaskRow
from cloudwright.core.tx import Reader, Tx
from cloudwright.infrastructure.model import Host, Zone
from cloudwright.infrastructure.usage import CPU, MEMORY, VLAN
from cloudwright.operations.metrics import sampling
from cloudwright.operations.metrics.forecast import DAY, HOUR, Forecast, forecast, spread
from cloudwright.operations.metrics.history import MOST
from cloudwright.operations.metrics.sampling import ALL, Amount, CapacitySample, SampleCapacity, first_of, keep, taken
from tests.conftest import call
from tests.core.test_list_statements import traced
from tests.infrastructure.zone import simulated_zone
from tests.operations.conftest import until

QUARTER = 900.0


def sampled(cloud: Cloud, at: float, *amounts: tuple[int, int], zone: int = ALL, every: float = QUARTER) -> None:
    """Samples of the CPU of a zone, or of all, the last at that time."""
    rows = [
        CapacitySample(at=at - every * (len(amounts) - 1 - i), zone_id=zone, grain=DAY, amounts={CPU: Amount(*amount)})
        for i, amount in enumerate(amounts)
    ]
    cloud.db.write(lambda tx: keep(tx, rows, 3650 * DAY))


def history(cloud: Cloud, root: Caller, **params: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = call(cloud, root, "listCapacityHistory", **params)["capacityhistory"]
    return rows


def turns(cloud: Cloud) -> int:
    row = cloud.db.read().find(TaskRow, TaskRow.c.kind_name == "SampleCapacity", TaskRow.c.live == 1)
    return row.version if row else 0


def turned(cloud: Cloud) -> None:
    before = turns(cloud)
    cloud.db.write(lambda tx: wake(tx, SampleCapacity))
    until(lambda: turns(cloud) > before)


def test_a_straight_line_is_full_when_it_gets_there_whatever_single_samples_say() -> None:
    line = [(HOUR * i, 100.0 + 2 * i) for i in range(49)]
    assert forecast(line, 200 + 2 * 48) == Forecast(days=pytest.approx(50 / 24), span=2)
    noise = random.Random(7)
    noisy = [(at, amount + noise.gauss(0, 1) + (500 if i % 9 == 4 else 0)) for i, (at, amount) in enumerate(line)]
    found = forecast(noisy, 200 + 2 * 48)
    assert found is not None
    assert found.days == pytest.approx(50 / 24, rel=0.1)


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ([(HOUR * i, i) for i in range(24)], "they reach over 23 hours"),
        ([(3 * HOUR * i, i) for i in range(11)], "they are eleven"),
        ([(HOUR * i, 50) for i in range(48)], "it stands still"),
        ([(HOUR * i, 90 - i) for i in range(48)], "it shrinks"),
        ([(HOUR * i, 60 + i) for i in range(48)], "it is full"),
        ([(HOUR * i, i / 100) for i in range(48)], "that is too far away"),
        ([], "there are none"),
    ],
)
def test_nothing_is_said_where(points: list[tuple[float, float]], why: str) -> None:
    assert forecast(points, 100) is None, why


def test_few_of_many_are_chosen_evenly_in_time() -> None:
    assert spread([(float(i), i) for i in range(101)], 5) == [(0, 0), (25, 25), (50, 50), (75, 75), (100, 100)]
    late = [(0.0, 0), (10.0, 1), (20.0, 2), *((30 + i / 10, 3) for i in range(1, 101))]
    assert [at for at, _ in spread(late, 5)] == [0, 10, 20, 30.1, 40], "however dense the last ones are"
    assert spread([(1.0, 1), (2.0, 2)], 5) == [(1, 1), (2, 2)]


def test_the_first_sample_of_an_hour_and_of_a_day_is_kept_longer() -> None:
    day = 20_000.0 * DAY
    assert first_of(0.0, day + 5) == first_of(day - 1, day) == DAY
    assert first_of(day, day + HOUR) == HOUR
    assert first_of(day, day + HOUR - 1) == 0


def test_samples_thin_out_with_age_and_end(cloud: Cloud) -> None:
    now = time.time()
    ages = {(0, 1.9), (0, 2.1), (HOUR, 2.1), (HOUR, 34.9), (HOUR, 35.1), (DAY, 35.1), (DAY, 99.0), (DAY, 101.0)}
    rows = [CapacitySample(at=now - age * DAY, zone_id=77, grain=grain, amounts={}) for grain, age in ages]
    cloud.db.write(lambda tx: keep(tx, rows, 100 * DAY))

    def left() -> set[tuple[int, float]]:
        found = cloud.db.read().all(CapacitySample, CapacitySample.c.zone_id == 77)
        return {(row.grain, round((now - row.at) / DAY, 1)) for row in found}

    assert left() == {(0, 1.9), (HOUR, 2.1), (HOUR, 34.9), (DAY, 35.1), (DAY, 99.0)}
    cloud.db.write(lambda tx: keep(tx, [CapacitySample(at=now, zone_id=1, grain=0, amounts={})], 1 * DAY))
    assert left() == set(), "a shorter retention is for all of them"


def test_the_loop_samples_when_it_is_due_and_no_sooner(cloud: Cloud, root: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    until(lambda: cloud.db.read().count(CapacitySample) == 1)  # of all, at the start
    zone = simulated_zone(cloud, hosts=1).zone
    turned(cloud)
    assert cloud.db.read().count(CapacitySample) == 1, "no second one within a quarter of an hour"
    call(cloud, root, "updateConfiguration", name="capacity.history.interval", value="10")
    monkeypatch.setattr(sampling, "time", SimpleNamespace(time=lambda: time.time() + 11))
    turned(cloud)
    assert {row.zone_id for row in cloud.db.read().all(CapacitySample)} == {ALL, zone.id}
    (cpu,) = history(cloud, root, zoneid=zone.uuid, type=CPU)
    assert cpu["zonename"] == zone.name
    assert "capacityused" not in str(cpu), "nobody measures it"
    assert "daystofull" not in cpu
    assert [row["capacitytotal"] for row in cpu["stats"]] == [cpu["capacitytotal"]] == [128_000]


def test_what_is_told_of_all_zones_and_of_one(cloud: Cloud, root: Caller) -> None:
    built = simulated_zone(cloud, hosts=2, size="cpus=4&mhz=1000&memory=4096")
    simulated_zone(cloud, hosts=1, name="z2", number=2, size="cpus=4&mhz=1000&memory=4096")
    cloud.db.write(lambda tx: tx.update(tx.get(Host, built.hosts[0].id), cpu_reserved=2000))
    now = time.time()
    sampled(cloud, now - 2, *((10 * i, 12_000) for i in range(200)))
    sampled(cloud, now - 2, *((5 * i, 8000) for i in range(30)), zone=built.zone.id, every=HOUR)
    (whole,) = history(cloud, root, type=CPU)
    assert (whole["capacityallocated"], whole["capacitytotal"], whole["percentused"]) == (2000, 12_000, "16.67")
    assert whole["threshold"] == 0.75
    assert "zoneid" not in whole
    assert [row["capacityallocated"] for row in whole["stats"]][-2:] == [1980, 1990], "the last day's"
    assert len(whole["stats"]) == 96
    assert (whole["daystofull"], whole["observeddays"]) == (10.4, 2.07)
    (one,) = history(
        cloud, root, zoneid=built.zone.uuid, type=CPU, startdate=date_of(now - 6.5 * HOUR), enddate=date_of(now - HOUR)
    )
    assert (one["zoneid"], one["capacitytotal"]) == (built.zone.uuid, 8000)
    assert [row["capacityallocated"] for row in one["stats"]] == [115, 120, 125, 130, 135, 140]
    long = history(cloud, root, type=CPU, startdate=date_of(now - 30 * DAY))[0]["stats"]
    assert len(long) == MOST
    assert (long[0]["capacityallocated"], long[-1]["capacityallocated"]) == (0, 1990)
    with pytest.raises(ParamError, match="is before"):
        history(cloud, root, startdate=date_of(now), enddate=date_of(now - HOUR))


def test_what_hosts_measure_is_told_where_all_that_are_up_do(cloud: Cloud, root: Caller) -> None:
    zones = [simulated_zone(cloud, name=f"z{n}", number=n, size="cpus=4&mhz=1000&memory=4096") for n in (1, 2)]

    def told(*at: int) -> list[int | None]:
        rows = {row["type"]: row for row in history(cloud, root, **({"zoneid": zones[at[0]].zone.uuid} if at else {}))}
        return [rows[kind].get("capacityused") for kind in (CPU, MEMORY, VLAN)]

    def measures(host: Host, **values: Any) -> None:
        cloud.db.write(lambda tx: tx.update(tx.get(Host, host.id), **values))

    for host in zones[0].hosts:
        measures(host, busy=0.25, memory_used=1000)
    assert [told(0), told(1), told()] == [[2000, 2000, None], [None] * 3, [None] * 3]
    measures(zones[1].hosts[0], busy=0.5, memory_used=500)
    assert told(1) == [None] * 3, "the other one is up and measures nothing"
    measures(zones[1].hosts[1], state="Down")
    assert [told(1), told()] == [[2000, 500, None], [4000, 2500, None]]
    (sample, *_) = [row for row in taken(cloud.db.read(), time.time(), 0) if row.zone_id == ALL]
    assert sample.amounts[CPU] == Amount(0, 16_000, 4000)
    cloud.db.write(lambda tx: keep(tx, [sample], DAY))
    assert history(cloud, root, type=CPU)[0]["stats"][-1]["capacityused"] == 4000


def date_of(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime(seconds))


def test_a_sample_of_a_thousand_zones_takes_the_statements_of_one(cloud: Cloud) -> None:
    def reads() -> int:
        reader: Reader = cloud.db.read()
        with traced(reader.connection.connection.dbapi_connection) as sent:
            taken(reader, time.time(), 0)
        return len(sent)

    def zone(tx: Tx, number: int) -> None:
        at = tx.get(Zone, first.id).values() | {"name": f"n{number}", "uuid": f"n{number}"}
        host = tx.get(Host, built.hosts[0].id).values() | {"zone_id": tx.insert(Zone.load(at)).id, "uuid": f"h{number}"}
        tx.insert(Host.load(host))

    built = simulated_zone(cloud, hosts=1)
    first = built.zone
    few = reads()
    cloud.db.write(lambda tx: [zone(tx, number) for number in range(999)])
    assert reads() == few <= 12
    rows = taken(cloud.db.read(), time.time(), 0)
    assert len(rows) == 1001
    assert next(row for row in rows if row.zone_id == ALL).amounts[CPU] == Amount(0, 128_000 * 1000)
    cloud.db.write(lambda tx: keep(tx, rows, DAY))
    assert cloud.db.read().count(CapacitySample, CapacitySample.c.at == rows[0].at) == 1001
