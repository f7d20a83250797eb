"""A resource: one class is the table and the row.

    class Keypair(Owned, table="keypair", unique=[("account_id", "name")]):
        name: str
        public_key: str = column(text=True)

makes the SQLAlchemy table (`Keypair.t`, columns `Keypair.c.name`); an instance is a row. Annotations decide the column type:
str, int, bool, float, Secret, or any type that msgspec can carry, kept as JSON. Times are Unix seconds (UTC). Every resource has
an id, a uuid, a version that grows with each update, and `gone`: 0 while it lives, its own id after it was removed, so that a
unique index can hold among the living on every engine.
"""

from __future__ import annotations

import inspect
import operator
import time
import types
import typing
import uuid as uuids
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self, dataclass_transform

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.sql.operators import in_op

from cloudwright.core.secret import Secret, vault
from cloudwright.core.tally import Counts

metadata = sa.MetaData()
BigId = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Long = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
Seconds: sa.types.TypeEngine[float] = sa.Double().with_variant(sa.Float(53), "sqlite")
_ABSENT: Any = object()
_COMPARE = {operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge, in_op}
_PLAIN, _SEVERAL = {int, str, float}, {list, tuple, set, frozenset}
_FORM = {"engine": "InnoDB", "charset": "utf8mb4", "collate": "utf8mb4_bin"}  # names compare as on the other engines
_MYSQL: dict[str, Any] = {f"{dialect}_{name}": value for dialect in ("mysql", "mariadb") for name, value in _FORM.items()}


class Compared(sa.BinaryExpression[bool]):
    """A stored column compared with a plain value, or with several. What SQLAlchemy makes of the value is made when it is asked
    for: most comparisons only choose a statement prepared before, and to build them whole cost more than to run it."""

    inherit_cache = True
    given: Any

    def __init__(self, column: sa.Column[Any], operator: Any, given: Any) -> None:
        self.__dict__.update(left=column, operator=operator, type=sa.Boolean(), given=given)

    def __getattr__(self, name: str) -> Any:
        if name not in ("right", "modifiers", "negate", "_orig"):
            raise AttributeError(name)
        self.__dict__.update(sa.Column.operate(self.left, self.operator, self.given).__dict__)
        return self.__dict__[name]


class Stored(sa.Column[Any]):
    """A column of a resource's table."""

    inherit_cache = True

    def operate(self, op: Any, *other: Any, **kw: Any) -> Any:
        """A comparison with plain values is a `Compared`; the rest is SQLAlchemy's."""
        if op in _COMPARE and not isinstance(self.type, sa.types.TypeDecorator) and not kw:
            given = other[0]
            if op is in_op and type(given) in _SEVERAL and all(type(value) in _PLAIN for value in given):
                return Compared(self, op, list(given))
            if op is not in_op and type(given) in _PLAIN:
                return Compared(self, op, given)
        return super().operate(op, *other, **kw)


class Gone(sa.types.TypeDecorator[int]):
    """0 or an id, written into statements as it is: were it bound, SQLite would plan each statement anew each time, to see
    whether a partial index of the living fits."""

    impl = sa.BigInteger
    cache_ok = True

    class comparator_factory(sa.types.TypeDecorator.Comparator[int]):  # noqa: N801 - SQLAlchemy's name
        """Compares with numbers as literals."""

        def operate(self, op: Any, *other: Any, **kw: Any) -> Any:
            return super().operate(op, *(sa.literal_column(str(o)) if isinstance(o, int) else o for o in other), **kw)


class Json(sa.types.TypeDecorator[Any]):
    """A typed value kept as JSON text."""

    impl = Long
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:
        return None if value is None else msgspec.json.decode(value, type=self.kind)


class Sealed(sa.types.TypeDecorator[Secret]):
    """A secret, encrypted at rest."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Secret | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else vault().seal(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Secret | None:
        return None if value is None else vault().open(value)


class Column(msgspec.Struct):
    """What a row's attribute declares beyond its annotation."""

    default: Any = _ABSENT
    refers: str = ""
    length: int = 255
    text: bool = False
    index: bool = False


def column(*, default: Any = _ABSENT, refers: str = "", length: int = 255, text: bool = False, index: bool = False) -> Any:
    """A column. `refers` is the table that an id points to (it is then indexed), `text` lifts the length limit."""
    return Column(default, refers, length, text, index or bool(refers))


def _plain(annotation: Any) -> tuple[Any, bool]:
    """`X | None` -> (X, True)."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        kinds = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
        return (kinds[0] if len(kinds) == 1 else typing.Union[tuple(kinds)]), True  # noqa: UP007 - built at run time
    return annotation, False


def _sql_type(kind: Any, declared: Column) -> sa.types.TypeEngine[Any]:
    plain: dict[Any, sa.types.TypeEngine[Any]] = {int: sa.BigInteger(), bool: sa.Boolean(), float: Seconds, Secret: Sealed()}
    if kind in plain:
        return plain[kind]
    if isinstance(kind, type) and issubclass(kind, str):
        return Long if declared.text else sa.String(declared.length)
    return Json(kind)


@dataclass_transform(kw_only_default=True, field_specifiers=(column,))
class Resource:
    """The ancestor of every row. Set attributes only through `Tx.update`: an assignment alone is not stored."""

    t: ClassVar[sa.Table]
    c: ClassVar[sa.sql.base.ReadOnlyColumnCollection[str, sa.Column[Any]]]
    kind: ClassVar[str]  # the table's name, also what tasks and events call it
    by_name: ClassVar[dict[str, type[Resource]]] = {}
    with_it: ClassVar[tuple[Callable[[Any, Resource], object], ...]] = ()  # called with transaction and row when one is removed
    handed_over: ClassVar[tuple[Callable[[Any, Resource], object], ...]] = ()  # the same when one has a new owner
    tallied: ClassVar[bool] = False  # whether it declares `tally`
    searched: ClassVar[Sequence[str]] = ()  # columns in which keywords are found by an index, where the table grows large
    _columns: ClassVar[dict[str, Column]]

    id: int = 0
    uuid: str = ""
    version: int = 1
    created: float = 0.0
    removed: float | None = None
    gone: int = 0

    def __init_subclass__(
        cls,
        *,
        table: str = "",
        unique: Sequence[Sequence[str]] = (),
        indexes: Sequence[Sequence[str]] = (),
        searched: Sequence[str] = (),
    ) -> None:
        if not table:
            return  # an ancestor that only declares columns
        cls.kind, cls._columns, cls.tallied, cls.searched = table, {}, cls.tally is not Resource.tally, searched
        columns: list[sa.Column[Any]] = [
            Stored("id", BigId, primary_key=True, autoincrement=True),
            Stored("uuid", sa.String(40), nullable=False, unique=True),
            Stored("version", sa.Integer, nullable=False),
            Stored("created", Seconds, nullable=False),
            Stored("removed", Seconds),
            Stored("gone", Gone, nullable=False),
        ]
        hints = typing.get_type_hints(cls)
        ancestors = [c for c in reversed(cls.__mro__) if issubclass(c, Resource) and c is not Resource]
        for name in (name for c in ancestors for name in inspect.get_annotations(c)):
            if typing.get_origin(hints[name]) is not ClassVar:
                columns.append(cls._declare(name, hints[name]))
        cls.t = sa.Table(table, metadata, *columns, **_MYSQL)
        cls.c = cls.t.c
        cls._index(unique, indexes)
        Resource.by_name[table] = cls

    @classmethod
    def _declare(cls, name: str, annotation: Any) -> sa.Column[Any]:
        given = getattr(cls, name, _ABSENT)
        declared = given if isinstance(given, Column) else Column(default=given)
        kind, optional = _plain(annotation)
        if declared.default is _ABSENT and optional:
            declared.default = None
        cls._columns[name] = declared
        if name in cls.__dict__:
            delattr(cls, name)  # else a row that was not loaded whole would seem to have a value
        return Stored(name, _sql_type(kind, declared), nullable=optional)

    @classmethod
    def _index(cls, unique: Sequence[Sequence[str]], indexes: Sequence[Sequence[str]]) -> None:
        living = cls.c.gone == 0  # in the indexes too: SQLite and MariaDB then count and page without reading the rows
        wanted: list[Sequence[str]] = [*indexes, *((name,) for name, column in cls._columns.items() if column.index)]
        if issubclass(cls, Owned):
            wanted += [("account_id", "id"), ("domain_id", "id", "account_id")]
        for names in wanted:
            columns = [cls.c[name] for name in names]
            sa.Index(f"{cls.kind}_{'_'.join(names)}", *columns, cls.c.gone, sqlite_where=living, postgresql_where=living)
        owner = [cls.c.account_id] if issubclass(cls, Owned) else []  # lists of all leave out what projects own
        sa.Index(f"{cls.kind}_living", cls.c.id, *owner, cls.c.gone, sqlite_where=living, postgresql_where=living)
        for names in unique:
            sa.Index(f"{cls.kind}_one_{'_'.join(names)}", *(cls.c[n] for n in names), cls.c.gone, unique=True)

    def __init__(self, **values: Any) -> None:
        self.uuid = values.pop("uuid", "") or str(uuids.uuid4())
        self.id, self.version, self.created, self.removed, self.gone = (
            0,
            1,
            values.pop("created", 0.0) or time.time(),
            None,
            0,
        )
        for name, declared in self._columns.items():
            if name in values:
                setattr(self, name, values.pop(name))
            elif declared.default is not _ABSENT:
                default = declared.default
                setattr(self, name, default.copy() if isinstance(default, dict | list) else default)
            else:
                raise TypeError(f"BUG: {type(self).__name__} was made without its {name} (IncompleteRow)")
        if values:
            raise TypeError(f"BUG: {type(self).__name__} has no {', '.join(values)} (UnknownColumn)")

    @classmethod
    def load(cls, row: Any) -> Self:
        """A row as the database holds it, or its values by name."""
        resource = cls.__new__(cls)
        resource.__dict__.update(getattr(row, "_mapping", row))
        return resource

    def values(self) -> dict[str, Any]:
        """What is stored, without the id."""
        return {name: value for name, value in self.__dict__.items() if name != "id"}

    def tally(self) -> Counts:
        """What it counts as towards the limits of the account in its `account_id`, by its own columns alone."""
        return {}

    def __repr__(self) -> str:
        return f"<{self.kind} {self.__dict__.get('name') or self.uuid} #{self.id}>"


class Owned(Resource):
    """A resource with an owner: an account, and that account's domain beside it so that a domain's rows are found fast."""

    account_id: int
    domain_id: int
