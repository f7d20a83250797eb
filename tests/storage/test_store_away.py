"""An image store that cannot be used is told on its row, on what waits for it, and by an alert; until it can again."""

from __future__ import annotations

import time

import msgspec

from cloudwright.cloud import Cloud
from cloudwright.core import loop
from cloudwright.core.access import Kind
from cloudwright.core.task import TaskRow
from cloudwright.drivers.error import Unreachable
from cloudwright.storage.upkeep import MeasureStorage
from tests.conftest import call, finished
from tests.infrastructure.zone import Built
from tests.storage.conftest import until
from tests.storage.test_template import register, told


def test_a_store_that_is_away_is_told_and_awaited(cloud: Cloud, zone: Built) -> None:
    def alerts() -> list[str]:
        rows = call(cloud, zone.caller, "listAlerts", name="ALERT.STORAGE.MISC").get("alert", [])
        return [row["description"] for row in rows if "settled" not in row]

    def store() -> dict[str, object]:
        row: dict[str, object] = call(cloud, zone.caller, "listImageStores")["imagestore"][0]
        return row

    assert "error" not in store()
    cloud.world.faults.fail(f"store-{zone.store.uuid}/*", Unreachable("no route to 192.0.2.9"), times=100_000)
    made = register(cloud, zone.caller, zone)
    cloud.db.write(lambda tx: loop.wake(tx, MeasureStorage))
    until(alerts)
    assert alerts() == [f"Image store {zone.store.name} ({zone.store.url}) cannot be used: no route to 192.0.2.9"]
    assert store()["error"] == "no route to 192.0.2.9"
    why = f"waits for image store {zone.store.name}, which cannot be used: no route to 192.0.2.9"
    assert told(cloud, zone.caller, made["id"])["status"] == why
    mate = msgspec.structs.replace(zone.caller, kind=Kind.USER)  # which store that is, is root's to know
    assert told(cloud, mate, made["id"])["status"] == "waits for its image store"
    waits = (TaskRow.c.kind_name == "RegisterTemplate", TaskRow.c.awaits == f"image_store:{zone.store.id}")
    until(lambda: cloud.db.read().find(TaskRow, *waits))
    row = cloud.db.read().find(TaskRow, *waits)
    assert row is not None
    tired = TaskRow.t.update().where(TaskRow.c.id == row.id, TaskRow.c.owner == 0).values(tries=12, due=time.time() + 30)
    until(lambda: cloud.db.write(lambda tx: tx.execute(tired)))
    cloud.world.faults.clear()
    began = time.monotonic()
    cloud.db.write(lambda tx: loop.wake(tx, MeasureStorage))
    assert finished(cloud, row.uuid, seconds=10).state == "done"
    print(f"{time.monotonic() - began:.2f} s after the store was found again its fetch was done")
    assert "error" not in store()
    assert alerts() == []
