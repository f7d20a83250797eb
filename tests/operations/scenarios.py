"""For each task of operations: prepares a cloud, and answers what starts the task there."""

from __future__ import annotations

from collections.abc import Callable

from cloudwright.cloud import Cloud
from cloudwright.core.task import TaskRow, start
from cloudwright.core.tx import Tx
from cloudwright.operations.alert import SendAlert
from cloudwright.operations.raising import TYPES, alert


def scenario_SendAlert(cloud: Cloud) -> Callable[[Cloud], TaskRow]:
    """An alert that was raised by hand and is not known yet."""

    def begin(tx: Tx) -> TaskRow:
        row = alert(tx, TYPES["MANAGEMENT"], "disk", "the disk of the server is full")
        tx.update(row, sent=None)
        return start(tx, SendAlert(alert=row.id), row)

    return lambda there: there.db.write(begin)
