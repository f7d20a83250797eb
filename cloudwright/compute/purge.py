"""Forgetting expunged instances: their rows, and those of what went with them, are deleted in batches.

Until then the rows stay, so that jobs and events can tell of them.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from cloudwright.compute.affinity import AffinityMember
from cloudwright.compute.model import ServiceOffering, Vm
from cloudwright.compute.schedule import VmSchedule
from cloudwright.core.access import Caller
from cloudwright.core.command import Command
from cloudwright.core.error import ParamError
from cloudwright.core.event import emit
from cloudwright.core.loop import Loop
from cloudwright.core.param import param
from cloudwright.core.resource import Resource
from cloudwright.core.setting import setting
from cloudwright.core.task import Again, Task, step
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, field
from cloudwright.network.model import Nic, NicSecondary
from cloudwright.storage.model import Volume

KIND = "VirtualMachine"
EVENT = "PURGE.EXPUNGED.RESOURCES"
DAY = 86400.0


def _bad_kinds(text: str, scope: str) -> str | None:
    other = [name for name in _words(text) if name != KIND]
    return f"names {other[0]}; only {KIND} can be purged" if other else None


def _bad_date(text: str, scope: str) -> str | None:
    try:
        datetime.datetime.fromisoformat(text or "2000-01-01")
    except ValueError:
        return "is no date such as 2026-01-31 or 2026-01-31 12:00:00"
    return None


ENABLED = setting("expunged.resources.purge.enabled", False, "whether expunged instances are forgotten by and by")
KINDS = setting(
    "expunged.resources.purge.resources", "", f"what is forgotten, by comma; all by default: {KIND}", check=_bad_kinds
)
EVERY = setting("expunged.resources.purge.interval", 86400, "seconds between two looks for what can be forgotten", minimum=1)
BATCH = setting("expunged.resources.purge.batch.size", 50, "how many are forgotten in one transaction", minimum=1, maximum=1000)
KEPT = setting("expunged.resources.purge.keep.past.days", 30, "how many days what was expunged is remembered", minimum=0)
SINCE = setting("expunged.resources.purge.start.time", "", "what was expunged before this date (UTC) stays", check=_bad_date)
DELAY = setting(
    "expunged.resources.purge.delay", 300, "seconds after which instances are forgotten whose offering says purgeresources",
    minimum=0,
)  # fmt: skip

_PARTS: tuple[Any, ...] = (VmSchedule, AffinityMember, NicSecondary, Nic, Volume)
"""What goes with an instance; of each the removed rows alone."""


def _words(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def expunged(reader: Reader, most: int, *where: Any) -> list[int]:
    """The ids of some expunged instances, the first ones."""
    statement = sa.select(Vm.c.id).where(Vm.c.gone != 0, *where).order_by(Vm.c.id).limit(most)
    return [row.id for row in reader.rows(statement)]


def forget(tx: Tx, ids: Sequence[int]) -> int:
    """Delete the rows of expunged instances. Answers how many there were. None of them counts towards limits any more."""
    for kind in _PARTS if ids else ():
        tx.execute(sa.delete(kind.t).where(kind.c.vm_id.in_(ids), kind.c.gone != 0))
    return tx.execute(sa.delete(Vm.t).where(Vm.c.id.in_(ids), Vm.c.gone != 0)) if ids else 0


class Purge(Resource, table="purge"):
    """Somebody had expunged things forgotten; and how many."""

    resource_type: str
    resource_count: int = 0


class PurgeView(View, of=Purge, key="purgeexpungedresourcesresponse"):
    """What a purge forgot."""

    resourcecount = field(Purge.c.resource_count, "how many were forgotten", "long")


class PurgeExpunged(Task, rank=5):
    """Forget what was expunged in a span of time, batch by batch."""

    purge: int
    batch: int
    after: float
    before: float

    @step
    def begin(self, tx: Tx) -> None:
        """From the next step on there is no way back."""

    @begin.undo
    def unbegin(self, tx: Tx) -> None:
        row = tx.get(Purge, self.purge)
        if not row.gone:
            tx.remove(row)

    @step(deadline=7200, final=True)
    def delete(self) -> None:
        """One batch, as long as there is one."""
        ids = expunged(self.read, self.batch, Vm.c.removed >= self.after, Vm.c.removed <= self.before)
        self.write(self._forget(ids))
        if ids:
            raise Again(0.0, "more are forgotten")

    def _forget(self, ids: Sequence[int]) -> Any:
        def write(tx: Tx) -> None:
            row = tx.get(Purge, self.purge)
            tx.update(row, resource_count=row.resource_count + forget(tx, ids))

        return write

    @step
    def told(self, tx: Tx) -> None:
        """Say how many."""
        self.say(f"{tx.get(Purge, self.purge).resource_count} instances are forgotten")


class PurgeExpungedResources(Command, answers=PurgeView, starts=PurgeExpunged, event=EVENT, since="4.20", authorized=("Admin",)):
    """Forgets instances that were expunged. Their rows are deleted: nothing tells of them any more but events."""

    resource_type: str | None = param(f"what to forget: {KIND}", choices=(KIND,))
    batch_size: int | None = param("how many in one transaction", kind="long", minimum=1, maximum=1000)
    start_date: datetime.datetime | None = param("what was expunged from then on; from ever on where it is not given")
    end_date: datetime.datetime | None = param("what was expunged until then; until now where it is not given")

    def run(self, tx: Tx, caller: Caller) -> Purge:
        after = self.start_date.timestamp() if self.start_date else 0.0
        before = self.end_date.timestamp() if self.end_date else tx.now
        if after > before:
            raise ParamError("Parameter enddate: it is before startdate", param="enddate")
        row = tx.insert(Purge(resource_type=KIND))
        task = PurgeExpunged(purge=row.id, batch=self.batch_size or BATCH.get(tx), after=after, before=before)
        self.start(tx, task, on=row, caller=caller)
        return row


class PurgeByAndBy(Loop, every=60.0):
    """Forgets expunged instances: those whose offering says so soon, the others where a setting says so."""

    looked_at: float = 0.0

    def turn(self) -> float | None:
        """One batch. Comes again at once where it was a full one."""
        now, read = time.time(), self.read
        most = BATCH.get(read)
        soon = Vm.c.service_offering_id.in_(sa.select(ServiceOffering.c.id).where(ServiceOffering.c.purge.is_(True)))
        ids = expunged(read, most, soon, Vm.c.removed <= now - DELAY.get(read))
        if not ids and ENABLED.get(read) and now - self.looked_at >= EVERY.get(read):
            begun = datetime.datetime.fromisoformat(SINCE.get(read) or "1970-01-02").replace(tzinfo=datetime.UTC)
            ids = expunged(read, most, Vm.c.removed >= begun.timestamp(), Vm.c.removed <= now - KEPT.get(read) * DAY)
            self.looked_at = self.looked_at if ids else now
        if ids:
            self.write(lambda tx: _tell(tx, forget(tx, ids)))
        return 0.0 if ids else None


def _tell(tx: Tx, count: int) -> None:
    emit(tx, EVENT, f"{count} expunged instances are forgotten")
