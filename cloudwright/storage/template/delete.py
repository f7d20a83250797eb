"""Deleting templates and ISOs: from image stores at once, from pools as soon as no volume needs them there."""

from __future__ import annotations

import sqlalchemy as sa

from cloudwright.compute.model import Vm
from cloudwright.core import task as tasks
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import InUse
from cloudwright.core.param import Ref, param
from cloudwright.core.setting import setting
from cloudwright.core.task import Again, Task, TaskRow, step
from cloudwright.core.tx import Reader, Tx
from cloudwright.drivers.error import NotThere
from cloudwright.infrastructure.model import Zone
from cloudwright.storage.image.use import in_store
from cloudwright.storage.model import ImageStore, StoragePool, Template, TemplateAt, Volume
from cloudwright.storage.pool.use import host_for, on_pool
from cloudwright.storage.template.command import the

FROM_POOLS = setting(
    "template.delete.from.primary.storage",
    True,
    "whether a deleted template is taken from pools at once where no volume needs it",
)


def needed_in_pool(place: TemplateAt) -> sa.ColumnElement[bool]:
    """The volumes that need a template in a pool: linked clones of it, those being made, and root disks of machines that have it,
    an ISO, in their drive."""
    linked = sa.or_(Volume.c.full_clone.is_(False), Volume.c.state.in_(["Allocated", "Creating"]))
    in_drive = sa.select(Vm.c.id).where(Vm.c.iso_id == place.template_id, Vm.c.gone == 0)
    needs = sa.or_(sa.and_(Volume.c.template_id == place.template_id, linked), Volume.c.vm_id.in_(in_drive))
    return sa.and_(Volume.c.pool_id == place.pool_id, needs)


class UninstallTemplate(Task, rank=10):
    """Take a template that no volume needs out of a pool; on its TemplateAt row there."""

    place: int

    @step(final=True)
    def mark(self, tx: Tx) -> None:
        """From now on it counts as not installed: who needs it installs it again."""
        place = tx.get(TemplateAt, self.place)
        if not place.gone and place.state != "Allocated" and tx.count(Volume, needed_in_pool(place)) == 0:
            tx.update(place, state="Removing")

    @step(final=True)
    def remove(self) -> None:
        """Delete it from the pool."""
        place = self.read.get(TemplateAt, self.place)
        if place.gone or place.state != "Removing":
            return
        pool, template = self.read.get(StoragePool, place.pool_id), self.read.get(Template, place.template_id)
        host = host_for(self.read, pool)
        try:
            on_pool(self, host, pool, lambda p: p.remove(pool.pool_name, template.image_name))
        except NotThere:
            self.say("its storage pool is not there any more", pool=pool.name)
        if template.gone:
            self.write(lambda tx: tx.remove(place))
        else:
            self.set(place, state="Allocated", progress=0.0, size=0)
        self.say(f"{template.name} taken out of primary storage", pool=pool.name)


class DeleteImage(Task, rank=15):
    """Take a template or ISO out of image stores, and forget it once it is in none. Pools follow."""

    template: int
    zone: int = 0  # only from this zone

    @step(final=True)
    def stop(self, tx: Tx) -> None:
        """Nobody uses it from now on; fetches under way end."""
        template = tx.get(Template, self.template)
        if not self.zone and template.state != "Inactive":
            tx.update(template, state="Inactive")
        live = [row for place in self._places(tx) for row in live_on(tx, place)]
        for row in live:
            tasks.cancel(tx, row)
        if live:
            raise Again(0.2, f"waits for {len(live)} fetches to end")

    @step(final=True)
    def remove(self) -> None:
        """Delete it from the image stores."""
        template = self.read.get(Template, self.template)
        for place in self._places(self.read):
            store = self.read.get(ImageStore, place.store_id)
            in_store(self, store, lambda s: s.remove(template.image_name))
            self.write(lambda tx, place=place: tx.remove(place))  # type: ignore[misc]
            self.say("deleted from secondary storage", store=store.name)

    @step(final=True)
    def forget(self, tx: Tx) -> None:
        """Forget it, and have pools let go of it."""
        template = tx.get(Template, self.template)
        if template.gone or tx.count(TemplateAt, TemplateAt.c.template_id == template.id, TemplateAt.c.pool_id == 0):
            return
        tx.remove(template)
        if FROM_POOLS.get(tx):
            for place in tx.all(TemplateAt, TemplateAt.c.template_id == template.id, TemplateAt.c.state == "Ready"):
                tasks.start(tx, UninstallTemplate(place=place.id), place)

    def _places(self, reader: Reader) -> list[TemplateAt]:
        where = [TemplateAt.c.template_id == self.template, TemplateAt.c.pool_id == 0]
        return reader.all(TemplateAt, *where, *([TemplateAt.c.zone_id == self.zone] if self.zone else []))


def live_on(tx: Tx, place: TemplateAt) -> list[TaskRow]:
    """The tasks on a template's copy that have not ended."""
    return tx.all(TaskRow, TaskRow.c.subject == f"{place.kind}:{place.id}", TaskRow.c.live == 1)


class Deletion(Command):
    """What deleting a template and an ISO have alike."""

    id: Ref[Template] = param("it", use=Use.CHANGE)
    zone: Ref[Zone] | None = param("only from this zone")

    def delete(self, tx: Tx, caller: Caller, of: sa.ColumnElement[bool], forced: bool) -> None:
        """Refuse what is in use, and begin."""
        zone = [Vm.c.zone_id == self.zone.id] if self.zone else []
        users = tx.all(Vm, of, Vm.c.state.not_in(["Expunging", "Error"]), *zone)
        if users and not forced:
            raise InUse(
                f"{self.id.name} cannot be deleted: {len(users)} machines use it",
                param="id",
                why=[", ".join(f"{vm.name} ({vm.state})" for vm in users[:10])],
                fix=["expunge them first", "give forced=true: their disks stay"]
                if self.id.format != "ISO"
                else ["detach it first"],
            )
        self.start(tx, DeleteImage(template=self.id.id, zone=self.zone.id if self.zone else 0), self.id, caller)


class DeleteTemplate(Deletion, starts=DeleteImage, event="TEMPLATE.DELETE", form="success"):
    """Deletes a template. Machines made of it keep their disks."""

    forced: bool = param("even if machines use it", default=False, since="4.9+")
    is_system: bool | None = param("a system template, too", since="4.20.0", roles=["Admin"])

    def run(self, tx: Tx, caller: Caller) -> Template:
        the(self.id, iso=False)
        if self.id.template_type == "SYSTEM" and not self.is_system:
            raise InUse(f"{self.id.name} is the system's", param="id", fix=["give issystem=true"])
        self.delete(tx, caller, Vm.c.template_id == self.id.id, self.forced)
        return self.id


class DeleteIso(Deletion, starts=DeleteImage, event="ISO.DELETE", form="success"):
    """Deletes an ISO that no machine has in its drive."""

    def run(self, tx: Tx, caller: Caller) -> Template:
        the(self.id, iso=True)
        self.delete(tx, caller, Vm.c.iso_id == self.id.id, forced=False)
        return self.id
