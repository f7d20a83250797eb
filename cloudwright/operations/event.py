"""Events: listing, archiving and deleting what happened."""

from __future__ import annotations

import datetime
import time
from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller
from cloudwright.core.command import Command, Query, Success, Told, Verb
from cloudwright.core.error import ParamError
from cloudwright.core.event import Event
from cloudwright.core.listing import Condition, where
from cloudwright.core.param import Ref, param
from cloudwright.core.resource import Seconds
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import field
from cloudwright.identity.owner import OwnedList, OwnedView, closed
from cloudwright.operations.kinds import instance_named, kind_of_instance
from cloudwright.operations.span import Span, named

STATES = ("Created", "Scheduled", "Started", "Completed")
LEVELS = ("INFO", "WARN", "ERROR")
UNASKED = ("ALERT.GENERATE", "USER.LOGIN", "USER.LOGOUT")
"""Types of events that no command declares."""

_start = Event.t.alias("start")
_later = Event.t.alias("later")


class EventView(OwnedView, of=Event, key="event", joins=[(_start, _start.c.id == Event.c.start_id)]):
    """An event."""

    id = field(Event.c.uuid, "the event's id")
    username = field(Event.c.username, "the user who did it")
    type = field(Event.c.kind_of, "its type, such as VM.CREATE")
    level = field(Event.c.level, "INFO, WARN or ERROR")
    description = field(Event.c.description, "what happened, in a sentence")
    resourceid = field(Event.c.instance_uuid, "the id of the resource it is about")
    resourcetype = field(Event.c.instance, "the kind of that resource", "string", convert=kind_of_instance)
    resourcename = field(Event.c.instance_name, "the name of that resource, as it was then")
    created = field(Event.c.created, "when")
    state = field(Event.c.state, "Created, Scheduled, Started or Completed")
    parentid = field(_start.c.uuid, "the event that told the start of what this one tells the end of")
    archived = field(Event.c.archived, "whether it was archived")
    jobid = field(Event.c.job, "the job it belongs to", convert=lambda job: job or None)
    apikey = field(Event.c.api_key, "the beginning of the API key that was used", convert=lambda key: key or None, admin=True)


def _at_level(level: Any) -> Condition:
    condition: Condition = Event.c.level == sa.func.upper(level)
    return condition


_WORDS = (Event.c.kind_of, Event.c.description, Event.c.username, Event.c.level)


class ListEvents(OwnedList, answers=EventView, newest_first=True, keywords=_WORDS):
    """Lists events, the latest first."""

    id: str | None = where(Event.c.uuid, "only this one", kind="uuid")
    level: str | None = where(_at_level, "only those of this level", choices=LEVELS)
    type: str | None = where(Event.c.kind_of, "only those of this type")
    state: str | None = where(Event.c.state, "only those in this state", since="4.21.0")
    start: Ref[Event] | None = where(
        lambda start: sa.or_(Event.c.start_id == start, Event.c.id == start), "only this one and those that tell its end"
    )
    archived: bool = where(Event.c.archived, "the archived ones instead of the others", default=False, since="4.19.0")
    start_date: datetime.datetime | None = param("only those since then")
    end_date: datetime.datetime | None = param("only those until then; a day means its end")
    entry_time: int | None = param("with duration: only what began at most so many seconds ago and did not end", minimum=1)
    duration: int | None = param("with entrytime: only what began at least so many seconds ago and did not end", minimum=0)
    resource_id: str | None = param("only those about this resource, given with resourcetype", since="4.17.0")
    resource_type: str | None = param("the kind of that resource, such as VirtualMachine", since="4.17.0")

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        narrowed = [*super().narrow(reader, caller), *self._between()]
        instance = instance_named(reader, caller, self.resource_id, self.resource_type)
        if instance is not None:
            narrowed.append(("instance", Event.c.instance == sa.bindparam("instance"), {"instance": instance}))
        return [*narrowed, *self._lasting()]

    def _between(self) -> list[tuple[str, Condition, dict[str, Any]]]:
        since, until = (sa.bindparam(name, type_=Seconds) for name in ("since", "until"))
        narrowed: list[tuple[str, Condition, dict[str, Any]]] = []
        if self.start_date is not None:
            narrowed.append(("since", Event.c.created >= since, {"since": self.start_date.timestamp()}))
        if self.end_date is not None:
            narrowed.append(("until", Event.c.created <= until, {"until": self.end_date.timestamp()}))
        return narrowed

    def _lasting(self) -> list[tuple[str, Condition, dict[str, Any]]]:
        """What began between entrytime and duration seconds ago, and did not end."""
        if self.entry_time is None and self.duration is None:
            return []
        if self.entry_time is None or self.duration is None or self.entry_time <= self.duration:
            text = "Parameter entrytime must be given with duration, and be more than it"
            raise ParamError(text, param="entrytime")
        ended = sa.exists().where(_later.c.start_id == Event.c.id, _later.c.state == "Completed")
        began, latest = (sa.bindparam(name, type_=Seconds) for name in ("began", "latest"))
        lasting = sa.and_(Event.c.created.between(began, latest), Event.c.state != "Completed", ~ended)
        return [("lasting", lasting, {"began": time.time() - self.entry_time, "latest": time.time() - self.duration})]


class ListEventTypes(Query, response={"name": ("string", "the type")}):
    """Lists the types of events there are."""

    def run(self, reader: Reader, caller: Caller) -> Told:
        types = sorted({verb.api.event for verb in Verb.by_name.values() if verb.api.event} | set(UNASKED))
        return Told("eventtype", [{"name": name} for name in types])


class ArchiveEvents(Span, Command):
    """Archives events: lists show them only to who asks for archived ones."""

    ids: list[Ref[Event]] = param("these events", default=[])

    def run(self, tx: Tx, caller: Caller) -> Success:
        which = _named(tx, self, self.ids, caller)
        tx.execute(Event.t.update().where(which).values(archived=True), caller.binds())
        return Success()


class DeleteEvents(Span, Command):
    """Deletes events."""

    ids: list[Ref[Event]] = param("these events", default=[])

    def run(self, tx: Tx, caller: Caller) -> Success:
        which = _named(tx, self, self.ids, caller)
        tx.execute(Event.t.update().where(which).values(removed=tx.now, gone=Event.c.id), caller.binds())
        return Success()


def _named(reader: Reader, command: Span, ids: list[Any], caller: Caller) -> Any:
    """The events that are meant; not those of projects in which the caller's role does not allow the command."""
    of_type = None if command.type_ is None else Event.c.kind_of == command.type_
    open_ = Event.c.account_id.not_in(closed(reader, caller, command.api.name))
    return sa.and_(named(command, Event, ids, of_type, caller), open_)
