"""Alerts: listing, archiving, deleting; and raising one by hand."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller
from cloudwright.core.command import Command, Query, Success, Told
from cloudwright.core.error import ParamError
from cloudwright.core.listing import List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, field
from cloudwright.infrastructure.model import Pod, Zone
from cloudwright.operations.model import Alert
from cloudwright.operations.raising import TYPES, alert, repeats
from cloudwright.operations.span import Span, named


class AlertView(View, of=Alert, key="alert", joins=[(Zone, Zone.c.id == Alert.c.zone_id), (Pod, Pod.c.id == Alert.c.pod_id)]):
    """An alert."""

    id = field(Alert.c.uuid, "the alert's id")
    type = field(Alert.c.number, "the number of its type", "integer")
    name = field(Alert.c.name, "the name of its type")
    description = field(Alert.c.description, "what an operator should know")
    sent = field(Alert.c.sent, "when it was raised last", "date")
    times = field(Alert.c.times, "how often it was raised")
    created = field(Alert.c.created, "when it was raised first")
    settled = field(Alert.c.settled, "when the trouble passed", "date")
    zoneid = field(Zone.c.uuid, "the zone it is about")
    zonename = field(Zone.c.name, "the name of that zone")
    podid = field(Pod.c.uuid, "the pod it is about")
    podname = field(Pod.c.name, "the name of that pod")


class ListAlerts(List, answers=AlertView, newest_first=True, keywords=[Alert.c.description, Alert.c.name]):
    """Lists alerts that were not archived, the latest first."""

    id: str | None = where(Alert.c.uuid, "only this one", kind="uuid")
    type: str | None = where(lambda bind: sa.cast(Alert.c.number, sa.String(12)) == bind, "only those of the type of this number")
    name: str | None = where(Alert.c.name, "only those of the type of this name", since="4.3")

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Any, dict[str, Any]]]:
        return [("open", Alert.c.archived.is_(False), {})]


class ListAlertTypes(Query, response={
    "alerttypeid": ("integer", "the number of the type"),
    "name": ("string", "its name"),
    "repetitionallowed": ("boolean", "whether one that is raised again is mailed again; else it is only counted"),
}):  # fmt: skip
    """Lists the types of alerts."""

    def run(self, reader: Reader, caller: Caller) -> Told:
        known = [
            {"alerttypeid": type_.number, "name": type_.name, "repetitionallowed": repeats(reader, type_)}
            for type_ in TYPES.values()
        ]
        return Told("alerttype", known)


class ArchiveAlerts(Span, Command):
    """Archives alerts: lists show them no more, and the same trouble raises a new one."""

    ids: list[Ref[Alert]] = param("these alerts", default=[])

    def run(self, tx: Tx, caller: Caller) -> Success:
        which = named(self, Alert, self.ids, _of_type(self), caller)
        tx.execute(Alert.t.update().where(which).values(archived=True, same=Alert.c.uuid), caller.binds())
        return Success()


class DeleteAlerts(Span, Command):
    """Deletes alerts."""

    ids: list[Ref[Alert]] = param("these alerts", default=[])

    def run(self, tx: Tx, caller: Caller) -> Success:
        which = named(self, Alert, self.ids, _of_type(self), caller)
        tx.execute(Alert.t.update().where(which).values(removed=tx.now, gone=Alert.c.id), caller.binds())
        return Success()


def _of_type(command: Span) -> Any:
    """Clients give the number or the name."""
    if command.type_ is None:
        return None
    return Alert.c.number == int(command.type_) if command.type_.isdigit() else Alert.c.name == command.type_


class SendAlert(Task):
    """Makes a raised alert known."""

    alert: int

    @step
    def send(self, tx: Tx) -> None:
        tx.update(tx.get(Alert, self.alert), sent=tx.now)


class GenerateAlert(Command, starts=SendAlert, event="ALERT.GENERATE", since="4.3"):
    """Raises an alert by hand."""

    type: int = param("the number of its type", minimum=0, kind="short")
    name: str = param("what it is about: the same again is counted, not repeated")
    description: str = param("what an operator should know", length=999)
    zone: Ref[Zone] | None = param("the zone it is about")
    pod: Ref[Pod] | None = param("the pod it is about")

    def run(self, tx: Tx, caller: Caller) -> Alert:
        type_ = next((known for known in TYPES.values() if known.number == self.type), None)
        if type_ is None:
            raise ParamError(f"Parameter type: there is no type of alert number {self.type}", param="type")
        zone_id = self.zone.id if self.zone else self.pod.zone_id if self.pod else None
        row = alert(tx, type_, self.name, self.description, zone_id=zone_id, pod_id=self.pod.id if self.pod else None)
        tx.update(row, sent=None)
        self.start(tx, SendAlert(alert=row.id), row, caller)
        return row
