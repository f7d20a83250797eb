"""A transaction and a reader: how rows are read and written.

Rows handed to a transaction are kept in step with what it writes, and put back when it rolls back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, ClassVar, TypeVar, overload

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.sql.operators import in_op

from cloudwright.core.error import Lost
from cloudwright.core.prepared import Prepared
from cloudwright.core.resource import Compared, Resource
from cloudwright.core.tally import Owed, note, settled

R = TypeVar("R", bound=Resource)
Condition = sa.ColumnElement[bool]
MANY = 1024  # values that a condition may list and still be prepared: engines bind some ten thousand at most


class Reader:
    """Statements on one connection. Outside a transaction each statement sees what is committed."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @overload
    def rows(self, statement: Prepared, values: dict[str, Any] | None = None) -> Sequence[dict[str, Any]]: ...
    @overload
    def rows(self, statement: sa.Executable, values: dict[str, Any] | None = None) -> Sequence[Row[Any]]: ...
    def rows(self, statement: sa.Executable | Prepared, values: dict[str, Any] | None = None) -> Sequence[Any]:
        """All rows of a statement; those of a prepared one by the names of its columns."""
        return self._prepared(statement, values or {}) if isinstance(statement, Prepared) else self._run(statement, values).all()

    @overload
    def one(self, statement: Prepared, values: dict[str, Any] | None = None) -> dict[str, Any] | None: ...
    @overload
    def one(self, statement: sa.Executable, values: dict[str, Any] | None = None) -> Row[Any] | None: ...
    def one(self, statement: sa.Executable | Prepared, values: dict[str, Any] | None = None) -> Any:
        """The first row, or None."""
        if isinstance(statement, Prepared):
            return next(iter(self._prepared(statement, values or {})), None)
        return self._run(statement, values).first()

    def value(self, statement: sa.Executable, values: dict[str, Any] | None = None) -> Any:
        """The first column of the first row, or None."""
        return self._run(statement, values).scalar()

    def _run(self, statement: sa.Executable, values: dict[str, Any] | None) -> sa.CursorResult[Any]:
        return self.connection.execute(statement, values or {})

    def _prepared(self, statement: Prepared, values: dict[str, Any]) -> list[dict[str, Any]]:
        return statement.rows(self.connection, values)

    def get(self, kind: type[R], id: int) -> R:
        """A row by its id, living or not. Its absence is a broken invariant: ids come from rows."""
        rows = self._prepared(_by_id(kind), {"id": id})
        if not rows:
            raise LookupError(f"BUG: there is no {kind.kind} #{id} (DanglingId)")
        return kind.load(rows[0])

    def find(self, kind: type[R], *where: Condition) -> R | None:
        """The first living row (by id) for which all conditions hold."""
        rows = self._living(kind, where, "first")
        return kind.load(rows[0]) if rows else None

    def all(self, kind: type[R], *where: Condition) -> list[R]:
        """All living rows (by id) for which all conditions hold."""
        return [kind.load(row) for row in self._living(kind, where, "all")]

    def count(self, kind: type[Resource], *where: Condition) -> int:
        """How many living rows there are."""
        return int(self._living(kind, where, "count")[0]["count"])

    def _living(self, kind: type[Resource], where: Sequence[Condition], verb: str) -> Sequence[Mapping[str, Any]]:
        """By a statement prepared for conditions of this shape, where they have one."""
        values: dict[str, Any] = {}
        shape = tuple(_shape(condition, values) for condition in where)
        if None in shape:
            return [dict(row._mapping) for row in self.rows(_select(kind, where, verb))]
        key = (kind, verb, shape)
        if key not in _statements:
            _statements[key] = Prepared(_select(kind, _unbound(where), verb))
        return self._prepared(_statements[key], values)


class Change:
    """One thing a transaction did, as a dry run tells it."""

    __slots__ = ("resource", "values", "verb")

    def __init__(self, verb: str, resource: Resource, values: dict[str, Any]) -> None:
        self.verb, self.resource, self.values = verb, resource, values


class Tx(Reader):
    """A transaction. Its reads see its writes; rows handed to it are kept in step, and put back when it rolls back."""

    ledger: ClassVar[Callable[[Tx, Owed], None]]  # where what rows count is entered

    def __init__(self, connection: Connection, now: float) -> None:
        super().__init__(connection)
        self.now = now
        self.limited = True  # False for what must be written whatever the limits are: undoing, what was found to be so
        self._owed: Owed = {}
        self.changes: list[Change] = []
        self.signals: set[str] = set()
        self._after: list[Callable[[], None]] = []
        self._undo: list[tuple[Resource, dict[str, Any]]] = []

    def insert(self, resource: R) -> R:
        """Store a new row and give it its id."""
        resource.created = resource.created or self.now
        cursor = _insert(type(resource)).send(self.connection, resource.values())
        resource.id = int(cursor.fetchone()[0] if cursor.description else cursor.lastrowid)
        if resource.tallied:
            note(self._owed, resource, 1)
        self.changes.append(Change("create", resource, {}))
        return resource

    def update(self, resource: Resource, **values: Any) -> None:
        """Change a row that nobody changed since it was read. Raises Lost otherwise: whoever decided decides again."""
        key = {"id_": resource.id, "version_": resource.version}
        if _update(type(resource), tuple(sorted(values))).send(self.connection, {**values, **key}).rowcount != 1:
            raise Lost(f"{resource!r} changed meanwhile")
        self._remember(resource)
        if resource.tallied:
            note(self._owed, resource, -1)
        resource.__dict__.update(values, version=resource.version + 1)
        if resource.tallied:
            note(self._owed, resource, 1)
        self.changes.append(Change("update", resource, values))
        if "account_id" in values:
            for follow in type(resource).handed_over:
                follow(self, resource)

    def remove(self, resource: Resource) -> None:
        """Take a row from among the living, and what goes with it. It stays to be told about."""
        for let_go in type(resource).with_it:
            let_go(self, resource)
        self.update(resource, removed=self.now, gone=resource.id)
        self.changes[-1].verb = "remove"

    def execute(self, statement: sa.Executable | Prepared, values: dict[str, Any] | None = None) -> int:
        """A statement on many rows at once, or one that is conditional by itself. Answers how many rows it touched."""
        if isinstance(statement, Prepared):
            return int(statement.send(self.connection, values or {}).rowcount)
        return int(self.connection.execute(statement, values or {}).rowcount)

    def lock(self, resource: R) -> R:
        """The row as it is now, held until the end of the transaction (SQLite holds the whole database anyway)."""
        rows = self._prepared(_by_id(type(resource), locked=True), {"id": resource.id})
        self._remember(resource)
        resource.__dict__.update(rows[0] if rows else {})
        return resource

    def settle(self) -> None:
        """Have what the rows written so far count for more or less entered in the ledger. Raises LimitReached."""
        owed, self._owed = settled(self._owed), {}
        if owed:
            Tx.ledger(self, owed)

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


_statements: dict[Any, Prepared] = {}


def _by_id(kind: type[Resource], locked: bool = False) -> Prepared:
    key = (kind, "locked" if locked else "by id")
    if key not in _statements:
        statement = sa.select(kind.t).where(kind.c.id == sa.bindparam("id"))
        _statements[key] = Prepared(statement.with_for_update() if locked else statement)
    return _statements[key]


def _insert(kind: type[Resource]) -> Prepared:
    key = (kind, "insert")
    if key not in _statements:
        _statements[key] = Prepared(kind.t.insert(), [column.name for column in kind.c if column.name != "id"])
    return _statements[key]


def _update(kind: type[Resource], names: tuple[str, ...]) -> Prepared:
    key = (kind, names)
    if key not in _statements:
        same = (kind.c.id == sa.bindparam("id_"), kind.c.version == sa.bindparam("version_"))
        values: dict[str, Any] = {name: sa.bindparam(name) for name in names}
        _statements[key] = Prepared(kind.t.update().where(*same).values(values | {"version": kind.c.version + 1}))
    return _statements[key]


def _select(kind: type[Resource], where: Sequence[Condition], verb: str) -> sa.Select[Any]:
    """The living rows of a kind by id, the first of them, or their number."""
    if verb == "count":
        return sa.select(sa.func.count().label("count")).select_from(kind.t).where(kind.c.gone == 0, *where)
    statement = sa.select(kind.t).where(kind.c.gone == 0, *where).order_by(kind.c.id)
    return statement.limit(1) if verb == "first" else statement


def _shape(condition: Any, values: dict[str, Any]) -> Any:
    """What a comparison of columns looks like without its values, which go to `values`; None for any other condition."""
    if type(condition) is Compared:
        return _place(condition, condition.given, condition.operator is in_op, values)
    if type(condition) is not sa.BinaryExpression or condition.modifiers or not _stored(condition.left):
        return None
    right: Any = condition.right
    if not isinstance(right, sa.BindParameter):
        known = isinstance(right, sa.Null | sa.True_ | sa.False_)
        return (condition.left, condition.operator, type(right) if known else right) if known or _stored(right) else None
    return None if right.required or right.callable else _place(condition, right.value, right.expanding, values)


def _place(condition: Any, given: Any, several: bool, values: dict[str, Any]) -> Any:
    """The shape of a comparison with a value, or with several."""
    if several and not 0 < len(given) <= MANY:
        return None
    values[f"v{len(values)}"] = given
    return condition.left, condition.operator, type(next(iter(given)) if several else given)


def _stored(column: Any) -> bool:
    return isinstance(column, sa.Column) and isinstance(column.table, sa.Table)


def _unbound(where: Sequence[Any]) -> list[Condition]:
    """The conditions with a place for each value, in the order of `_shape`."""
    number = count()
    places: list[Condition] = []
    for condition in where:
        right: Any = condition.right
        if isinstance(right, sa.BindParameter):
            type_ = condition.left.type if right.expanding else right.type
            right = sa.bindparam(f"v{next(number)}", type_=type_, expanding=right.expanding)
            places.append(condition.operator(condition.left, right))
        else:
            places.append(condition)
    return places
