"""Details: settings of one thing by name. A kind that has a column `details` keeps them there, where whoever acts on the row
reads them; all others have rows here.

    detailed(Network, "Network", shown="details")
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from cloudwright.compute.vm.given import check_details, closed_details
from cloudwright.core.access import Caller, Use, rule
from cloudwright.core.command import Command, Query, Told, Verb
from cloudwright.core.error import ParamError
from cloudwright.core.listing import PAGE_SIZE
from cloudwright.core.param import param
from cloudwright.core.record import Record, changed
from cloudwright.core.resource import Resource, column
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, computed, field, many
from cloudwright.identity.owner import OwnedList
from cloudwright.operations.word.thing import Names, Word, words, written_on

_MACHINES = "UserVm"


class Detail(Word, table="resource_detail", unique=[("thing_kind", "thing_id", "key")]):
    """A detail of a thing whose kind has no column for them. `display` False: for administrators alone."""

    key: str
    value: str = column(text=True)
    display: bool = True


DETAILED = Names(Detail, "resourcetype", "resourceid")


def detailed(
    of: type[Resource], name: str, *aliases: str, shown: str = "", fits: Callable[[Any], bool] = lambda row: True
) -> None:
    """Let rows of a kind have details. `shown`: the field of its views that tells them, where the kind has no column."""
    DETAILED.add(of, name, *aliases, fits=fits)
    if not shown:
        return
    if _in_row(of):
        View.every(of, **{shown: field(of.c.details, "its details", convert=lambda details: details or None)})
        return
    on = sa.and_(written_on(Detail, of), Detail.c.display.is_(True))
    pairs = many(Detail, on, {"key": Detail.c.key, "value": Detail.c.value}, "")
    told = computed(lambda row, caller: {p["key"]: p["value"] for p in row.get("_details") or ()} or None, "its details", "map")
    View.every(of, _details=pairs, **{shown: told})


def _in_row(of: type[Resource]) -> bool:
    return "details" in of.c


class _OnThing(Verb):
    resource_type: str = param("what kind of thing it is, such as UserVm")
    resource_id: str = param("the id of the thing")

    def thing(self, tx: Tx, caller: Caller) -> Resource:
        """The thing named, which the caller may change."""
        return DETAILED.thing(self, tx, caller, (self.resource_type, self.resource_id), Use.CHANGE)

    def check_open(self, tx: Tx, caller: Caller, keys: set[str]) -> None:
        """Raise ParamError for a key that is not the caller's to set."""
        if DETAILED.named(self.resource_type).name == _MACHINES:
            check_details(tx, caller, keys)


class AddResourceDetail(_OnThing, Command, starts=Record, event="CREATE_RESOURCE_DETAILS", form="success"):
    """Sets details of a thing, instead of those of the same names."""

    details: dict[str, str] = param("names and values", style="kv")
    for_display: bool | None = param("false: only administrators are told it", since="4.4")

    def run(self, tx: Tx, caller: Caller) -> Resource:
        thing = self.thing(tx, caller)
        self.check_open(tx, caller, set(self.details))
        told = f"set {', '.join(sorted(self.details))}"
        if not _in_row(type(thing)):
            on: Resource = [self._put(tx, thing, key, value) for key, value in self.details.items()][-1]
            self.start(tx, changed(told), on, caller, about=thing)
            return thing
        if self.for_display is False:
            text = f"Parameter fordisplay: details of a {self.resource_type} are told with it, each to whoever sees it"
            raise ParamError(text, param="fordisplay")
        tx.update(thing, details={**thing.__dict__["details"], **self.details})
        self.start(tx, changed(told), thing, caller)
        return thing

    def _put(self, tx: Tx, thing: Resource, key: str, value: str) -> Detail:
        have = words(tx, Detail, thing, Detail.c.key == key)
        display: dict[str, Any] = {} if self.for_display is None else {"display": self.for_display}
        if have:
            tx.update(have[0], value=value, **display)
            return have[0]
        return tx.insert(Detail(key=key, value=value, **display, **DETAILED.about(tx, thing, self.resource_type)))


class RemoveResourceDetail(_OnThing, Command, starts=Record, event="DELETE_RESOURCE_DETAILS", form="success"):
    """Removes a detail of a thing; all where none is named."""

    key: str | None = param("its name")

    def run(self, tx: Tx, caller: Caller) -> Resource:
        thing = self.thing(tx, caller)
        have: dict[str, Any] = (
            thing.__dict__["details"] if _in_row(type(thing)) else {detail.key: detail for detail in words(tx, Detail, thing)}
        )
        doomed = set(have) & ({self.key} if self.key else set(have))
        if not doomed:
            raise ParamError(
                f"Parameter key: {thing.uuid} has no such detail", param="key", fix=["see which it has (listResourceDetails)"]
            )
        self.check_open(tx, caller, doomed)
        if _in_row(type(thing)):
            tx.update(thing, details={key: value for key, value in have.items() if key not in doomed})
        else:
            for key in doomed:
                tx.remove(have[key])
        self.start(tx, changed(f"removed {', '.join(sorted(doomed))}"), thing, caller)
        return thing


_FIELDS = {
    "resourceid": ("string", "the thing"),
    "resourcetype": ("string", "what kind of thing it is"),
    "key": ("string", "the detail's name"),
    "value": ("string", "its value"),
    "fordisplay": ("boolean", "whether others than administrators are told it"),
}


class ListResourceDetails(OwnedList, response=_FIELDS, since="4.2"):
    """Lists details of things of a kind, or of one thing."""

    resource_type: str = param("what kind of things, such as UserVm")
    resource_id: str | None = param("only those of this thing")
    key: str | None = param("only those of this name")
    value: str | None = param("only those of this value", since="4.4", roles=("Admin",))
    for_display: bool | None = param("only those shown to others than administrators, or not", since="4.3", roles=("Admin",))

    def run(self, reader: Reader, caller: Caller) -> Told:
        named = DETAILED.named(self.resource_type)
        if self.resource_id is not None:
            DETAILED.thing(self, reader, caller, (self.resource_type, self.resource_id), Use.SEE)
        conditions, binds = self._things(reader, caller, named.of)
        tell = self._of_rows if _in_row(named.of) else self._of_words
        hidden = closed_details(reader, caller, seen=True) if named.name == _MACHINES else set()
        found = [
            {"resourceid": thing, "resourcetype": named.name, "key": key, "value": value, "fordisplay": display}
            for thing, key, value, display in tell(reader, named.of, conditions, {**binds, **caller.binds()})
            if self._meant(key, value, display, caller) and key.lower() not in hidden
        ]
        limit, offset = self._cut(reader)
        return Told("resourcedetail", found[offset : offset + limit], len(found))

    def _view(self) -> Any:
        """What the owner's parameters narrow: the kind of things asked for."""
        return DETAILED.named(self.resource_type)

    def _things(self, reader: Reader, caller: Caller, of: type[Resource]) -> tuple[list[Any], dict[str, Any]]:
        """Which things are meant: conditions and what they bind."""
        allowed = rule(of, caller.kind, Use.SEE)
        conditions: list[Any] = [of.c.gone == 0, *([] if allowed is None else [allowed])]
        binds: dict[str, Any] = {}
        if self.resource_id is not None:
            return [*conditions, of.c.uuid == self.resource_id.lower()], binds
        narrowed = self.narrow(reader, caller) if "account_id" in of.c and "domain_id" in of.c else []
        for _, condition, values in narrowed:
            conditions.append(condition)
            binds |= values
        return conditions, binds

    def _meant(self, key: str, value: str, display: bool, caller: Caller) -> bool:
        if not caller.root and not display:
            return False
        wanted = ((self.key, key), (self.value, value), (self.for_display, display))
        return all(want is None or want == has for want, has in wanted) and (self.keyword or "") in f"{key} {value}"

    def _of_rows(self, reader: Reader, of: type[Resource], conditions: list[Any], binds: dict[str, Any]) -> list[Any]:
        some = sa.cast(of.c.details, sa.Text) != "{}"
        rows = sa.select(of.c.uuid, of.c.details).where(some, *conditions).order_by(of.c.id).limit(PAGE_SIZE.get(reader))
        return [(row.uuid, key, value, True) for row in reader.rows(rows, binds) for key, value in (row.details or {}).items()]

    def _of_words(self, reader: Reader, of: type[Resource], conditions: list[Any], binds: dict[str, Any]) -> list[Any]:
        rows = (
            sa.select(of.c.uuid, Detail.c.key, Detail.c.value, Detail.c.display)
            .join_from(of.t, Detail.t, written_on(Detail, of))
            .where(Detail.c.gone == 0, *conditions)
            .order_by(Detail.c.id)
        )
        return [tuple(row) for row in reader.rows(rows, binds)]


_OPTIONS: dict[str, dict[str, list[str]]] = {
    _MACHINES: {"cpuNumber": [], "cpuSpeed": [], "memory": []},
    "Template": {},
}
"""What a detail may be, where anything reads it: by kind of thing. An empty list means any value."""


class ListDetailOptions(
    Query,
    response={"details": ("map", "names, each with the values it may have; none listed: any")},
    since="4.13",
    authorized=("Admin", "ResourceAdmin", "DomainAdmin", "User"),
):
    """Tells which details of a kind of thing have a meaning, and their values."""

    resource_type: str = param("what kind of thing, such as VirtualMachine")
    resource_id: str | None = param("as it is for this thing: what it has is told, too", kind="uuid")

    def run(self, reader: Reader, caller: Caller) -> Told:
        named = DETAILED.named(self.resource_type)
        options = dict(_OPTIONS.get(named.name, {}))
        if self.resource_id is not None:
            thing = DETAILED.thing(self, reader, caller, (self.resource_type, self.resource_id), Use.SEE)
            held = (
                thing.__dict__["details"]
                if _in_row(type(thing))
                else {d.key: d.value for d in words(reader, Detail, thing) if d.display}
            )
            options |= {key: sorted({*options.get(key, []), str(value)}) for key, value in held.items()}
        closed = closed_details(reader, caller) if named.name == _MACHINES else set()
        return Told("detailoptions", [{"details": {k: v for k, v in options.items() if k.lower() not in closed}}], one=True)
