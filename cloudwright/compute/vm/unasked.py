"""Work on an instance that nobody asks for just now: what schedules say, what is done when its time has come."""

from __future__ import annotations

from cloudwright.compute.model import Vm
from cloudwright.core.event import SYSTEM_ID, emit
from cloudwright.core.task import Task, TaskRow, start
from cloudwright.core.tx import Tx


def start_unasked(tx: Tx, task: Task, vm: Vm, command: str, event: str, words: str) -> TaskRow:
    """Start a task as the job that `command` would have been: the system asks, and its owner sees job and event."""
    job = start(
        tx, task, vm, user_id=SYSTEM_ID, account_id=vm.account_id, domain_id=vm.domain_id, command=command,
        instance=f"{vm.kind}:{vm.id}", instance_uuid=vm.uuid,
    )  # fmt: skip
    scheduled = emit(tx, event, words, about=vm, state="Scheduled", job=job.uuid)
    tx.update(job, start_event=scheduled.id)
    return job
