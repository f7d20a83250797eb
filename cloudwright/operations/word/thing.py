"""Things that words are written on: what the API calls each kind, and how a caller's "type and id" becomes a row it may use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from msgspec import Struct

from cloudwright.core.access import Caller, Use, prepared_lookup
from cloudwright.core.command import Verb
from cloudwright.core.error import ParamError
from cloudwright.core.event import SYSTEM_ID
from cloudwright.core.resource import Owned, Resource, column
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.belongings import belongs
from cloudwright.identity.model import Account, Domain

W = TypeVar("W", bound="Word")


class Word(Owned):
    """The ancestor of what is written on things. It is owned as its thing is, and goes with it."""

    thing_kind: str = column(length=64)  # the table's name
    thing_id: int
    thing_uuid: str = column(length=40)
    thing_type: str = column(length=64)  # what the API calls it: UserVm, ISO …


class Named(Struct, frozen=True):
    """A kind as the API calls it. `fits` tells rows of several names in one table apart."""

    of: type[Resource]
    name: str
    fits: Callable[[Any], bool]
    aliases: tuple[str, ...] = ()


class Names:
    """The kinds on which one sort of words can be written."""

    def __init__(self, word: type[Word], type_param: str, id_param: str) -> None:
        self._word, self._type_param, self._id_param = word, type_param, id_param
        self._by_name: dict[str, Named] = {}
        belongs(word, along=True)

    def add(self, of: type[Resource], name: str, *aliases: str, fits: Callable[[Any], bool] = lambda row: True) -> None:
        """Have words of this sort written on rows of a kind. They go when the row goes, and have its owner."""
        word = self._word

        def forget(tx: Tx, row: Resource) -> None:
            tx.execute(word.t.delete().where(word.c.thing_kind == row.kind, word.c.thing_id == row.id))

        def follow(tx: Tx, row: Resource) -> None:
            account, domain = owner_of(tx, row)
            whose = word.t.update().where(word.c.thing_kind == row.kind, word.c.thing_id == row.id, word.c.gone == 0)
            tx.execute(whose.values(account_id=account, domain_id=domain, version=word.c.version + 1))

        if not any(known.of is of for known in self.all()):  # a kind of two names lets go once
            of.with_it, of.handed_over = (*of.with_it, forget), (*of.handed_over, follow)

        for known_as in (name, *aliases):
            self._by_name[known_as.lower()] = Named(of, name, fits, aliases)

    def all(self) -> list[Named]:
        """Each of them once."""
        return list(dict.fromkeys(self._by_name.values()))

    def named(self, name: str) -> Named:
        """The kind called so, in any case. Raises ParamError."""
        found = self._by_name.get(name.lower())
        if found is None:
            known = ", ".join(sorted({one.name for one in self._by_name.values()}))
            text = f"Parameter {self._type_param}: {name[:64]!r} is not one of {known}"
            raise ParamError(text, param=self._type_param)
        return found

    def thing(self, verb: Verb, reader: Reader, caller: Caller, of: tuple[str, str], use: Use) -> Resource:
        """The row that a caller names by (kind, id) and may use so. What it may not is like what is not there."""
        name, uuid = of
        named = self.named(name)
        lookup = prepared_lookup(named.of, caller.kind, use)
        row = reader.one(lookup, {"value": uuid.lower(), **caller.binds()})
        found = None if row is None else named.of.load(row)
        if found is None or not named.fits(found):
            why = [f"there is no {named.name} {uuid[:64]} that you may {use}"]
            text = f"parameter {self._id_param} value={uuid[:64]} due to incorrect long value format, or entity does not exist"
            raise ParamError(f"Invalid {text}", param=self._id_param, why=why)
        verb.judge(reader, caller, found)
        return found

    def about(self, reader: Reader, row: Resource, name: str) -> dict[str, Any]:
        """The columns of a word that say on what it is, and whose."""
        account, domain = owner_of(reader, row)
        where = {"thing_kind": row.kind, "thing_id": row.id, "thing_uuid": row.uuid, "thing_type": self.named(name).name}
        return {**where, "account_id": account, "domain_id": domain}


def owner_of(reader: Reader, row: Resource) -> tuple[int, int]:
    """Account and domain of a thing; what belongs to nobody is the system's."""
    if isinstance(row, Account):
        return row.id, row.domain_id
    if isinstance(row, Domain):
        return SYSTEM_ID, row.id
    if "account_id" not in row.c and "vm_id" in row.c:  # an interface is its machine's
        return owner_of(reader, reader.get(Resource.by_name["vm"], row.__dict__["vm_id"]))
    if row.__dict__.get("account_id"):
        return row.__dict__["account_id"], row.__dict__["domain_id"]
    return SYSTEM_ID, row.__dict__.get("domain_id") or SYSTEM_ID


def written_on(word: type[Word], of: type[Resource]) -> sa.ColumnElement[bool]:
    """The word is on this row: the condition that joins them in a statement."""
    return sa.and_(word.c.thing_kind == of.kind, word.c.thing_id == of.c.id)


def words(reader: Reader, word: type[W], row: Resource, *more: sa.ColumnElement[bool]) -> list[W]:
    """The words of a sort on a row."""
    return reader.all(word, word.c.thing_kind == row.kind, word.c.thing_id == row.id, *more)
