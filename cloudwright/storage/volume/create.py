"""Making a volume in its pool: a clone of its template, linked or full, or an empty disk."""

from __future__ import annotations

import sqlalchemy as sa

from cloudwright.core.error import WrongState
from cloudwright.core.prepared import Prepared
from cloudwright.core.setting import setting
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Tx
from cloudwright.drivers.error import NotThere
from cloudwright.drivers.pool.contract import Pool, VolumeSeen
from cloudwright.infrastructure.model import Host
from cloudwright.storage.model import StoragePool, Template, TemplateAt, Volume
from cloudwright.storage.pool.use import awaited, host_for, on_pool
from cloudwright.storage.template.install import WAIT, InstallTemplate, at_pool

FULL_CLONE = setting(
    "create.full.clone", False, "whether volumes are whole copies of their template instead of links to it",
    scopes=("storagepool",), category="Storage",
)  # fmt: skip
_USED = Prepared(
    TemplateAt.t.update()
    .where(TemplateAt.c.template_id == sa.bindparam("template"), TemplateAt.c.pool_id == sa.bindparam("pool"))
    .values(last_used=sa.bindparam("now"))
)


class CreateVolume(Task, rank=20):
    """Make a volume exist in `volume.pool_id`, as seen from `host` (0: any that reaches the pool). Whoever sets `pool_id`
    reserves the pool's room in the same transaction, and gives it back when this fails: see `room.py`."""

    volume: int
    host: int = 0
    mine: bool = False  # whether this task is the one that makes it

    @step(deadline=WAIT)
    def prepare(self, tx: Tx) -> None:
        """Have the template in the pool."""
        volume = tx.get(Volume, self.volume)
        if volume.state == "Ready":
            return
        if volume.pool_id is None or volume.state not in ("Allocated", "Creating"):
            raise WrongState(f"Volume {volume.name} cannot be made: it is {volume.state} and in pool {volume.pool_id}")
        pool = tx.get(StoragePool, volume.pool_id)
        if not self.mine:
            self.mine = True
            whole = volume.provisioning != "thin" or FULL_CLONE.get(tx, storagepool=pool.id)
            tx.update(volume, state="Creating", full_clone=volume.template_id is not None and whole)
        if volume.template_id is not None:
            place = at_pool(tx, volume.template_id, pool)
            if place.state != "Ready":
                self.child(tx, InstallTemplate(place=place.id, host=self.host), place)

    @prepare.undo
    def unprepare(self, tx: Tx) -> None:
        volume = tx.get(Volume, self.volume)
        if self.mine and volume.state in ("Creating", "Ready"):
            tx.update(volume, state="Allocated")

    @step(deadline=WAIT)
    def make(self) -> None:
        """Clone, copy or create it."""
        volume = self.read.get(Volume, self.volume)
        if volume.state == "Ready" or volume.pool_id is None:
            return
        pool = self.read.get(StoragePool, volume.pool_id)
        host = host_for(self.read, pool, self.host)
        self.host = host.id
        seen, how = self._made(volume, pool, host)
        self.set(volume, state="Ready", size=seen.size, format=seen.format.upper())
        self.say(f"{volume.name} {how}", pool=pool.name, bytes=seen.size)

    @make.undo
    def unmake(self) -> None:
        volume = self.read.get(Volume, self.volume)
        if not self.mine or volume.pool_id is None:
            return
        pool = self.read.get(StoragePool, volume.pool_id)
        try:
            host = host_for(self.read, pool, self.host)
            self.reach(Pool, host).cancel(self.row.uuid)
            on_pool(self, host, pool, lambda p: p.remove(pool.pool_name, volume.disk_name))
        except NotThere:
            self.say("its storage pool is not there any more", pool=pool.name)

    def _made(self, volume: Volume, pool: StoragePool, host: Host) -> tuple[VolumeSeen, str]:
        name, at = volume.disk_name, pool.pool_name
        if volume.template_id is None:
            return on_pool(self, host, pool, lambda p: p.create(at, name, volume.size, provisioning=volume.provisioning)), "made"
        template = self.read.get(Template, volume.template_id)
        self.write(lambda tx: tx.execute(_USED, {"template": template.id, "pool": pool.id, "now": tx.now}))
        if not volume.full_clone:
            made = on_pool(self, host, pool, lambda p: p.clone(at, name, template.image_name, volume.size))
            return made, f"made as a clone of {template.name}"
        what, key = f"{host.name} copies {template.name}", self.row.uuid
        if awaited(self, on_pool(self, host, pool, lambda p: p.work(key)), what) is None:
            asked = (key, at, name, template.image_name, volume.size, volume.provisioning)
            on_pool(self, host, pool, lambda p: p.begin_copy(*asked))
            awaited(self, self.reach(Pool, host).work(key), what)
        made = on_pool(self, host, pool, lambda p: p.see(at, name))
        self.reach(Pool, host).cancel(key)
        return made, f"made as a whole copy of {template.name}"
