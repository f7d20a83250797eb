"""Expunging destroyed instances: when their time to be recovered is over, or when somebody asks."""

from __future__ import annotations

import time

import sqlalchemy as sa

from cloudwright.compute.model import Vm
from cloudwright.compute.vm.destroy import DestroyVm
from cloudwright.compute.vm.unasked import start_unasked
from cloudwright.core.loop import Loop
from cloudwright.core.setting import setting
from cloudwright.core.task import TaskRow, idle
from cloudwright.core.tx import Tx

AFTER = setting("expunge.delay", 86400, "seconds after which a destroyed instance is expunged", minimum=0)
EVERY = setting("expunge.interval", 86400, "seconds between two looks for destroyed instances to expunge", minimum=0)
MOST = 100  # in one transaction
_SUBJECT = sa.literal("vm:").concat(sa.cast(Vm.c.id, sa.String(20)))
_WORKED_ON = sa.exists().where(TaskRow.c.subject == _SUBJECT, TaskRow.c.live == 1, TaskRow.c.gone == 0)


class ExpungeDestroyed(Loop, every=60.0):
    """Has destroyed instances expunged when their time to be recovered is over, and those whose expunging failed again."""

    looked_at: float = 0.0

    def turn(self) -> float | None:
        """As many as fit in one transaction. Comes again soon where there may be more."""
        now = time.time()
        until = now - AFTER.get(self.read)
        wanted = Vm.c.state == "Expunging"
        if due := now - self.looked_at >= EVERY.get(self.read):
            wanted = sa.or_(wanted, sa.and_(Vm.c.state == "Destroyed", Vm.c.destroyed_at <= until))
        found = self.read.rows(sa.select(Vm.c.id).where(Vm.c.gone == 0, wanted, ~_WORKED_ON).limit(MOST))
        for row in found:
            self.write(lambda tx, vm_id=row[0]: _expunge(tx, vm_id, until))  # type: ignore[misc]
        if due and len(found) < MOST:
            self.looked_at = now
        return 1.0 if len(found) == MOST else None


def _expunge(tx: Tx, vm_id: int, until: float) -> None:
    vm = tx.get(Vm, vm_id)
    over = vm.state == "Destroyed" and vm.destroyed_at is not None and vm.destroyed_at <= until
    if not vm.gone and (over or vm.state == "Expunging") and idle(tx, vm):
        tx.update(vm, state="Expunging")  # from here on it cannot be recovered
        words = f"Instance {vm.name} is expunged: it was destroyed and not recovered in time"
        start_unasked(tx, DestroyVm(vm=vm.id, expunge=True, force=True), vm, "expungeVirtualMachine", "VM.EXPUNGE", words)
