"""Bringing a template from an image store into a pool, once for all the volumes that are made of it there."""

from __future__ import annotations

import sqlalchemy as sa

from cloudwright.core.error import Unavailable
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Reader, Tx
from cloudwright.drivers.error import NotThere
from cloudwright.drivers.pool.contract import Pool
from cloudwright.storage.image.use import in_store
from cloudwright.storage.model import ImageStore, StoragePool, Template, TemplateAt
from cloudwright.storage.pool.use import awaited, host_for, on_pool

WAIT = 10800.0  # seconds that an installation may take


def at_pool(tx: Tx, template_id: int, pool: StoragePool) -> TemplateAt:
    """The row of a template in a pool, installed or not. Two who make it at once race on its index: one comes again."""
    where = (TemplateAt.c.template_id == template_id, TemplateAt.c.pool_id == pool.id)
    return tx.find(TemplateAt, *where) or tx.insert(TemplateAt(template_id=template_id, pool_id=pool.id, zone_id=pool.zone_id))


def source(reader: Reader, template: Template, pool: StoragePool) -> tuple[ImageStore, TemplateAt]:
    """An image store near the pool that has the template ready. Raises Unavailable that says what is known of it."""
    near = sa.or_(TemplateAt.c.zone_id == pool.zone_id, TemplateAt.c.zone_id.is_(None))
    places = reader.all(TemplateAt, TemplateAt.c.template_id == template.id, TemplateAt.c.pool_id == 0, near)
    for place in places:
        if place.state == "Ready":
            return reader.get(ImageStore, place.store_id), place
    why = [f"in image store {reader.get(ImageStore, place.store_id).name} it is {told(place)}" for place in places]
    raise Unavailable(
        f"Template {template.name} is not ready in the zone of storage pool {pool.name}",
        why=why or ["no image store of that zone has it"],
        fix=["wait until its registration is done", "register it for that zone"],
    )


def told(place: TemplateAt) -> str:
    """Where a template's copy stands, in words."""
    return place.error if place.state == "Failed" else f"{place.state} ({place.progress:.0%})"


class InstallTemplate(Task, rank=10):
    """Bring a template into a pool; on its TemplateAt row there. `host` is the one that fetches."""

    place: int
    host: int = 0
    mine: bool = False  # whether this task is the one that installs

    @step
    def begin(self, tx: Tx) -> None:
        """Mark it as under way, unless it is there already."""
        place = tx.get(TemplateAt, self.place)
        if place.state != "Ready":
            self.mine = True
            tx.update(place, state="Downloading", error="", progress=0.0)

    @begin.undo
    def unbegin(self, tx: Tx) -> None:
        place = tx.get(TemplateAt, self.place)
        if self.mine and place.state != "Ready" and not place.gone:
            tx.update(place, state="Allocated", progress=0.0)

    @step(deadline=WAIT)
    def fetch(self) -> None:
        """Have a host fetch it, and wait."""
        place = self.read.get(TemplateAt, self.place)
        if place.state == "Ready":
            return
        pool, template = self.read.get(StoragePool, place.pool_id), self.read.get(Template, place.template_id)
        host = host_for(self.read, pool, self.host)
        self.host = host.id
        work = awaited(self, on_pool(self, host, pool, lambda p: p.work(self.row.uuid)), f"fetching {template.name}")
        if work is None:
            store, at = source(self.read, template, pool)
            url = in_store(self, store, lambda s: s.url(template.image_name))
            name = template.image_name
            on_pool(self, host, pool, lambda p: p.begin_install(self.row.uuid, pool.pool_name, name, url, at.checksum))
            awaited(self, self.reach(Pool, host).work(self.row.uuid), f"fetching {template.name}")
        seen = on_pool(self, host, pool, lambda p: p.see(pool.pool_name, template.image_name))
        self.reach(Pool, host).cancel(self.row.uuid)
        self.set(place, state="Ready", progress=1.0, size=seen.used, virtual=seen.size)
        self.say(f"{template.name} installed in primary storage", pool=pool.name, host=host.name, bytes=seen.used)

    @fetch.undo
    def unfetch(self) -> None:
        """Remove a half-made one. A whole one stays: others may have begun to use it."""
        place = self.read.get(TemplateAt, self.place)
        if not self.mine or place.state == "Ready":
            return
        pool, template = self.read.get(StoragePool, place.pool_id), self.read.get(Template, place.template_id)
        host = host_for(self.read, pool, self.host)
        try:
            self.reach(Pool, host).cancel(self.row.uuid)
            on_pool(self, host, pool, lambda p: p.remove(pool.pool_name, template.image_name))
        except NotThere:
            self.say("its storage pool is not there any more", pool=pool.name)
