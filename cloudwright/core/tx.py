"""A transaction and a reader: how rows are read and written.

Rows handed to a transaction are kept in step with what it writes, and put back when it rolls back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from cloudwright.core.error import Lost
from cloudwright.core.resource import Resource

R = TypeVar("R", bound=Resource)


class Reader:
    """Statements on one connection. Outside a transaction each statement sees what is committed."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def rows(self, statement: sa.Executable, values: dict[str, Any] | None = None) -> Sequence[Row[Any]]:
        """All rows of a statement."""
        return self._run(statement, values).all()

    def one(self, statement: sa.Executable, values: dict[str, Any] | None = None) -> Row[Any] | None:
        """The first row, or None."""
        return self._run(statement, values).first()

    def value(self, statement: sa.Executable, values: dict[str, Any] | None = None) -> Any:
        """The first column of the first row, or None."""
        return self._run(statement, values).scalar()

    def _run(self, statement: sa.Executable, values: dict[str, Any] | None) -> sa.CursorResult[Any]:
        return self.connection.execute(statement, values or {})

    def get(self, kind: type[R], id: int) -> R:
        """A row by its id, living or not. Its absence is a broken invariant: ids come from rows."""
        row = self.one(_by_id(kind), {"id": id})
        if row is None:
            raise LookupError(f"BUG: there is no {kind.kind} #{id} (DanglingId)")
        return kind.load(row)

    def find(self, kind: type[R], *where: sa.ColumnElement[bool]) -> R | None:
        """The first living row (by id) for which all conditions hold."""
        row = self.one(sa.select(kind.t).where(kind.c.gone == 0, *where).order_by(kind.c.id).limit(1))
        return None if row is None else kind.load(row)

    def all(self, kind: type[R], *where: sa.ColumnElement[bool]) -> list[R]:
        """All living rows (by id) for which all conditions hold."""
        return [kind.load(r) for r in self.rows(sa.select(kind.t).where(kind.c.gone == 0, *where).order_by(kind.c.id))]

    def count(self, kind: type[Resource], *where: sa.ColumnElement[bool]) -> int:
        """How many living rows there are."""
        return int(self.value(sa.select(sa.func.count()).select_from(kind.t).where(kind.c.gone == 0, *where)) or 0)


class Change:
    """One thing a transaction did, as a dry run tells it."""

    __slots__ = ("resource", "values", "verb")

    def __init__(self, verb: str, resource: Resource, values: dict[str, Any]) -> None:
        self.verb, self.resource, self.values = verb, resource, values


class Tx(Reader):
    """A transaction. Its reads see its writes; rows handed to it are kept in step, and put back when it rolls back."""

    def __init__(self, connection: Connection, now: float) -> None:
        super().__init__(connection)
        self.now = now
        self.changes: list[Change] = []
        self.signals: set[str] = set()
        self._after: list[Callable[[], None]] = []
        self._undo: list[tuple[Resource, dict[str, Any]]] = []

    def insert(self, resource: R) -> R:
        """Store a new row and give it its id."""
        resource.created = resource.created or self.now
        result = self.connection.execute(_insert(type(resource)), resource.values())
        resource.id = int(result.inserted_primary_key[0])  # type: ignore[index]
        self.changes.append(Change("create", resource, {}))
        return resource

    def update(self, resource: Resource, **values: Any) -> None:
        """Change a row that nobody changed since it was read. Raises Lost otherwise: whoever decided decides again."""
        key = {"id_": resource.id, "version_": resource.version}
        result = self.connection.execute(_update(type(resource), tuple(sorted(values))), {**values, **key})
        if result.rowcount != 1:
            raise Lost(f"{resource!r} changed meanwhile")
        self._remember(resource)
        resource.__dict__.update(values, version=resource.version + 1)
        self.changes.append(Change("update", resource, values))

    def remove(self, resource: Resource) -> None:
        """Take a row from among the living. It stays to be told about."""
        self.update(resource, removed=self.now, gone=resource.id)
        self.changes[-1].verb = "remove"

    def execute(self, statement: sa.Executable, values: dict[str, Any] | None = None) -> int:
        """A statement on many rows at once, or one that is conditional by itself. Answers how many rows it touched."""
        return int(self.connection.execute(statement, values or {}).rowcount)

    def lock(self, resource: R) -> R:
        """The row as it is now, held until the end of the transaction (SQLite holds the whole database anyway)."""
        row = self.one(_by_id(type(resource)).with_for_update(), {"id": resource.id})
        self._remember(resource)
        resource.__dict__.update(row._mapping if row else {})
        return resource

    def signal(self, name: str) -> None:
        """Wake the process's loops that listen for `name`, once this is committed."""
        self.signals.add(name)

    def after(self, fn: Callable[[], None]) -> None:
        """Run `fn` once this is committed. It must be quick and not raise."""
        self._after.append(fn)

    def _remember(self, resource: Resource) -> None:
        self._undo.append((resource, dict(resource.__dict__)))

    def rolled_back(self) -> None:
        """Put rows in memory back as they were."""
        for resource, values in reversed(self._undo):
            resource.__dict__.clear()
            resource.__dict__.update(values)
        self._after.clear()
        self.signals.clear()

    def committed(self) -> None:
        """Run what was left for after the commit."""
        for fn in self._after:
            fn()


_statements: dict[Any, Any] = {}


def _by_id(kind: type[Resource]) -> sa.Select[Any]:
    key = (kind, "by_id")
    if key not in _statements:
        _statements[key] = sa.select(kind.t).where(kind.c.id == sa.bindparam("id"))
    statement: sa.Select[Any] = _statements[key]
    return statement


def _insert(kind: type[Resource]) -> sa.Insert:
    key = (kind, "insert")
    if key not in _statements:
        _statements[key] = kind.t.insert()
    statement: sa.Insert = _statements[key]
    return statement


def _update(kind: type[Resource], names: tuple[str, ...]) -> sa.Update:
    key = (kind, names)
    if key not in _statements:
        same = (kind.c.id == sa.bindparam("id_"), kind.c.version == sa.bindparam("version_"))
        _statements[key] = (
            kind.t.update().where(*same).values({name: sa.bindparam(name) for name in names} | {"version": kind.c.version + 1})
        )
    statement: sa.Update = _statements[key]
    return statement
