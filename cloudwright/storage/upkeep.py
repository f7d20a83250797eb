"""The loops that look after storage: they measure it, and clear away what is no longer wanted."""

from __future__ import annotations

import time

import sqlalchemy as sa

from cloudwright.core.loop import Loop
from cloudwright.core.setting import setting
from cloudwright.core.task import arrived, idle, start
from cloudwright.core.tx import Tx
from cloudwright.drivers.error import DriverError
from cloudwright.drivers.images.contract import ImageStore as Images
from cloudwright.operations.raising import TYPES, alert, settle
from cloudwright.storage.image.stores import room
from cloudwright.storage.image.use import in_store
from cloudwright.storage.model import ImageStore, StoragePool, Template, TemplateAt, Volume
from cloudwright.storage.pool.open import measure
from cloudwright.storage.pool.use import host_for, on_pool
from cloudwright.storage.template.delete import UninstallTemplate, needed_in_pool
from cloudwright.storage.volume.remove import RemoveVolume

MEASURE = setting(
    "storage.stats.interval", 60000, "milliseconds between two measurements of storage", category="Storage", minimum=1000
)
CLEAN = setting("storage.cleanup.enabled", True, "whether destroyed volumes and unused templates are cleared away")
CLEAN_EVERY = setting("storage.cleanup.interval", 86400, "seconds between two clearings", minimum=0, parent=CLEAN.name)
CLEAN_AFTER = setting(
    "storage.cleanup.delay", 86400, "seconds that a destroyed volume can be recovered", minimum=0, parent=CLEAN.name
)
CLEAN_TEMPLATES = setting(
    "storage.template.cleanup.enabled",
    True,
    "whether templates that no volume needs are taken out of pools",
    category="Storage",
    parent=CLEAN.name,
)
SIMULATED_ROOM = 10 << 40  # bytes of a simulated image store


class MeasureStorage(Loop, every=60.0):
    """Measure pools and image stores, again and again."""

    def turn(self) -> float | None:
        """One round. What cannot be reached keeps its last figures."""
        for pool in self.read.all(StoragePool, StoragePool.c.state != "Creating"):
            try:
                facts = on_pool(self, host_for(self.read, pool), pool, lambda p, name=pool.pool_name: p.facts(name))  # type: ignore[misc]
            except DriverError:
                continue
            self.write(lambda tx, pool=pool, facts=facts: measure(tx, pool, facts))  # type: ignore[misc]
        for store in self.read.all(ImageStore):
            try:
                capacity, used = self._room(store)
            except (DriverError, OSError) as error:
                self.write(lambda tx, store=store, why=str(error): lost(tx, store, why))  # type: ignore[misc]
            else:
                self.write(lambda tx, store=store, sizes=(capacity, used): found(tx, store, *sizes))  # type: ignore[misc]
        return MEASURE.get(self.read) / 1000

    def _room(self, store: ImageStore) -> tuple[int, int]:
        if store.protocol != "sim":
            self.reach(Images, store)
            return room(store)
        return SIMULATED_ROOM, sum(image.size for image in in_store(self, store, lambda s: s.images()))


def lost(tx: Tx, store: ImageStore, why: str) -> None:
    """Note that an image store cannot be used: its row tells why, and an alert."""
    same = ImageStore.t.update().where(ImageStore.c.id == store.id, ImageStore.c.gone == 0)
    if tx.execute(same.values(error=why)):
        text = f"Image store {store.name} ({store.url}) cannot be used: {why}"
        alert(tx, TYPES["STORAGE.MISC"], f"image store {store.uuid}", text, zone_id=store.zone_id)


def found(tx: Tx, store: ImageStore, capacity: int, used: int) -> None:
    """Note that an image store can be used, and how full it is. Who waited for it goes on."""
    tx.execute(ImageStore.t.update().where(ImageStore.c.id == store.id).values(capacity=capacity, used=used, error=""))
    if store.error:
        settle(tx, TYPES["STORAGE.MISC"], f"image store {store.uuid}")
        arrived(tx, f"{store.kind}:{store.id}")


class ClearStorage(Loop, every=60.0):
    """Have destroyed volumes expunged when their time has come, and templates taken out of pools that no volume needs."""

    looked_at: float = 0.0

    def turn(self) -> float | None:
        """One round, where one is due: a changed setting is noticed soon."""
        now = time.time()
        if now - self.looked_at >= CLEAN_EVERY.get(self.read):
            self.looked_at = now
            self.write(self._clear)
        return None

    def _clear(self, tx: Tx) -> None:
        """What is being worked on already is left alone."""
        if CLEAN.get(tx):
            old = tx.now - CLEAN_AFTER.get(tx)
            for volume in tx.all(Volume, Volume.c.state == "Destroy", Volume.c.destroyed_at <= old):
                if idle(tx, volume):
                    start(tx, RemoveVolume(volume=volume.id), volume)
            if CLEAN_TEMPLATES.get(tx):
                self._templates(tx, old)

    @staticmethod
    def _templates(tx: Tx, old: float) -> None:
        gone = sa.select(Template.c.id).where(Template.c.gone != 0)
        unused = sa.or_(TemplateAt.c.template_id.in_(gone), sa.func.coalesce(TemplateAt.c.last_used, TemplateAt.c.created) <= old)
        for place in tx.all(TemplateAt, TemplateAt.c.pool_id != 0, TemplateAt.c.state == "Ready", unused):
            if not tx.count(Volume, needed_in_pool(place)) and idle(tx, place):
                start(tx, UninstallTemplate(place=place.id), place)
