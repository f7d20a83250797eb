"""A view: what a resource looks like in answers. One SELECT whose columns are the response's fields.

    class VolumeView(View, of=Volume, key="volume", joins=[(Zone, Zone.c.id == Volume.c.zone_id)]):
        id = field(Volume.c.uuid, "the volume's id")
        zonename = field(Zone.c.name, "the name of its zone")
        tags = many(Tag, Tag.c.resource_id == Volume.c.id, {"key": Tag.c.key, "value": Tag.c.value}, "its tags")
        passwordenabled = computed(lambda row, caller: ..., "…", "boolean")

The page is cut first, then joined: `FROM (SELECT … ORDER BY … LIMIT n) JOIN …`. That avoids each plan trap that was measured.
Rows to many are gathered as JSON by the database in the same statement. Fields whose name begins with `_` only serve to compute
others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.util import ClauseAdapter

from cloudwright.core.access import Caller, Kind
from cloudwright.core.prepared import Recent
from cloudwright.core.resource import Json, Resource, Seconds
from cloudwright.core.tx import Reader

Join = tuple[Any, Any]  # a resource class or an alias of its table; on what


class Field(msgspec.Struct):
    """A field of a response. `kind` is the wire's type name; `admin` keeps it from other callers."""

    expr: Any
    doc: str
    kind: str
    admin: bool = False
    convert: Callable[[Any], Any] | None = None
    fields: dict[str, Field] | None = None  # of the objects in a list
    compute: Callable[[dict[str, Any], Caller], Any] | None = None
    name: str = ""
    secret: bool = False  # in the result of a job, told to whoever asked for it, and to administrators


def field(expr: Any, doc: str, kind: str = "", *, admin: bool = False, convert: Callable[[Any], Any] | None = None) -> Any:
    """A column of the answer. `convert` turns a value that is not null."""
    kind = kind or _kind_of(expr.type)
    return Field(expr, doc, kind, admin, convert or (date if kind == "date" else None))


def computed(compute: Callable[[dict[str, Any], Caller], Any], doc: str, kind: str = "string", *, admin: bool = False) -> Any:
    """A field made from the others of its row."""
    return Field(None, doc, kind, admin, compute=compute)


def filled(doc: str, kind: str) -> Any:
    """A field that a computed one before it puts into its row: many that are made together cost no call each."""
    return Field(None, doc, kind)


def revealed(column: str, doc: str) -> Any:
    """A secret column, told as text: `revealed("_password", …)` beside `_password = field(Vm.c.password, …)`. Only views of the
    results of jobs have such fields; of a job, those who see it but did not ask for it are not told them."""
    return Field(None, doc, "string", compute=lambda row, caller: row[column].reveal() if column in row else None, secret=True)


def many(
    table: type[Resource], on: Any, fields: dict[str, Any], doc: str, *, joins: Sequence[Join] = (), kind: str = "list"
) -> Any:
    """A list of objects, gathered by the database in the same statement, in the order of their ids."""
    known = {name: value if isinstance(value, Field) else field(value, doc) for name, value in fields.items()}
    pairs: list[Any] = []
    for name, f in known.items():
        pairs += [sa.literal_column(f"'{name}'"), _as_json(f.expr)]
    inner: Any = table.t
    for target, condition in joins:
        inner = inner.outerjoin(_table(target), condition)
    gathered = sa.select(JsonArray(JsonObject(*pairs))).select_from(inner).where(on, table.c.gone == 0)
    return Field(gathered, doc, kind, convert=_gatherer(known), fields=known)


class JsonObject(sa.sql.functions.GenericFunction[str]):
    """`{name: value, …}` as the engine makes it."""

    type = sa.Text()
    inherit_cache = True


class JsonArray(sa.sql.functions.GenericFunction[str]):
    """All rows' objects in one array."""

    type = sa.Text()
    inherit_cache = True


@compiles(JsonObject)
def _object(element: Any, compiler: Any, **kw: Any) -> str:
    name = "json_build_object" if compiler.dialect.name == "postgresql" else "json_object"
    return f"{name}({compiler.process(element.clauses, **kw)})"


@compiles(JsonArray)
def _array(element: Any, compiler: Any, **kw: Any) -> str:
    inner = compiler.process(element.clauses, **kw)
    if compiler.dialect.name == "postgresql":
        return f"COALESCE(CAST(json_agg({inner}) AS TEXT), '[]')"
    return f"json_group_array({inner})" if compiler.dialect.name == "sqlite" else f"COALESCE(JSON_ARRAYAGG({inner}), '[]')"


def _as_json(expr: Any) -> Any:
    return sa.cast(expr, sa.Integer) if isinstance(expr.type, sa.Boolean) else expr


def _gatherer(fields: dict[str, Field]) -> Callable[[str], list[dict[str, Any]]]:
    turns = {name: f.convert for name, f in fields.items() if f.convert}
    booleans = [name for name, f in fields.items() if f.kind == "boolean"]

    def gather(text: str) -> list[dict[str, Any]]:
        if text == "[]":  # most things have no tags
            return []
        rows = [{k: v for k, v in row.items() if v is not None} for row in msgspec.json.decode(text)]
        for row in rows:
            for name in booleans:
                if name in row:
                    row[name] = bool(row[name])
            for name, turn in turns.items():
                if name in row:
                    row[name] = turn(row[name])
        return rows

    return gather


def _kind_of(type_: Any) -> str:
    if isinstance(type_, Json):
        return "map"
    if type_ is Seconds:
        return "date"
    names = {sa.Boolean: "boolean", sa.Integer: "integer", sa.Double: "double", sa.Float: "double"}
    for known, name in {sa.BigInteger: "long", **names}.items():
        if isinstance(type_, known):
            return name
    return "string"


def date(seconds: float) -> str:
    """A time as answers write it, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime(seconds))


def _table(target: Any) -> Any:
    return target.t if isinstance(target, type) and issubclass(target, Resource) else target


class View:
    """The ancestor of every view."""

    of: ClassVar[type[Resource]]
    key: ClassVar[str]  # the inner key of answers
    joins: ClassVar[Sequence[Join]] = ()
    fields: ClassVar[dict[str, Field]] = {}
    by_name: ClassVar[dict[str, type[View]]] = {}
    _every: ClassVar[dict[type[Resource], dict[str, Field]]] = {}
    _statements: ClassVar[Recent[sa.Select[Any]]] = Recent()

    def __init_subclass__(cls, *, of: type[Resource] | None = None, key: str = "", joins: Sequence[Join] = ()) -> None:
        cls.of = of or getattr(cls, "of", None)  # type: ignore[assignment] # an ancestor has none
        cls.key = key or getattr(cls, "key", "")
        cls.joins = [*cls.joins, *joins]
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Field)}
        for name, value in own.items():
            value.name = name.rstrip("_")
        cls.fields = {**View._every.get(cls.of, {}), **cls.fields, **{value.name: value for value in own.values()}}
        View.by_name[cls.__name__] = cls

    @staticmethod
    def every(of: type[Resource], **fields: Any) -> None:
        """Give these fields to all views of a resource, those there are and those to come, unless one has its own so called."""
        for name, declared in fields.items():
            declared.name = name
            View._every.setdefault(of, {})[name] = declared
        for view in View.by_name.values():
            if view.of is of:
                view.fields = {**view.fields, **{name: f for name, f in fields.items() if name not in view.fields}}

    @classmethod
    def visible(cls, caller: Caller) -> dict[str, Field]:
        """The fields this caller gets."""
        return {name: f for name, f in cls.fields.items() if not f.admin or caller.root}

    @classmethod
    def visible_to_all(cls) -> dict[str, Field]:
        """The fields that every caller gets."""
        return {name: f for name, f in cls.fields.items() if not f.admin and not name.startswith("_")}

    @classmethod
    def stored(cls) -> dict[str, Any]:
        """The columns of its own table behind fields that every caller gets, but for maps: by these, lists order and count."""
        plain = {name: f.expr for name, f in cls.visible_to_all().items() if f.kind != "map"}
        return {name: expr for name, expr in plain.items() if getattr(expr, "table", None) is cls.of.t}

    @classmethod
    def statement(cls, kind: Kind, page: sa.Select[Any], key: Any) -> sa.Select[Any]:
        """The page's rows joined with what the fields need, cached under `key`."""
        return cls._statements.get((cls, kind is Kind.ROOT, key), lambda: cls._joined(kind, page))

    @classmethod
    def _joined(cls, kind: Kind, page: sa.Select[Any]) -> sa.Select[Any]:
        v = page.subquery("v")
        swap = ClauseAdapter(v).traverse
        source: Any = v
        for target, on in cls.joins:
            source = source.outerjoin(_table(target), swap(on))
        columns = []
        for name, f in cls.fields.items():
            if f.expr is not None and (not f.admin or kind is Kind.ROOT):
                inner = swap(f.expr).scalar_subquery() if f.fields is not None else swap(f.expr)
                columns.append(inner.label(name))
        statement = sa.select(*columns).select_from(source)
        for clause in page._order_by_clauses:
            statement = statement.order_by(swap(clause))
        return statement

    @classmethod
    def answer(cls, rows: Sequence[Any], caller: Caller) -> list[dict[str, Any]]:
        """Rows of the statement as objects of the answer, without nulls."""
        visible = cls.visible(caller)
        turns = [(name, f.convert) for name, f in visible.items() if f.convert]
        computes = [(name, f.compute) for name, f in visible.items() if f.compute]
        hidden = [name for name in visible if name.startswith("_")]
        names = rows[0]._fields if rows else ()
        answers = []
        for row in rows:
            values = {name: value for name, value in zip(names, row, strict=True) if value is not None}
            for name, turn in turns:
                if name in values:
                    values[name] = turn(values[name])
            for name, compute in computes:
                value = compute(values, caller)
                if value is not None:
                    values[name] = value
            for name in hidden:
                values.pop(name, None)
            answers.append(values)
        return answers

    @classmethod
    def tell(cls, reader: Reader, ids: Sequence[int], caller: Caller) -> list[dict[str, Any]]:
        """These rows (living or not), in the order of their ids."""
        wanted: Any = sa.bindparam("ids", expanding=True)
        statement = cls.statement(caller.kind, sa.select(cls.of.t).where(cls.of.c.id.in_(wanted)).order_by(cls.of.c.id), "by id")
        return cls.answer(reader.rows(statement, {"ids": list(ids), **caller.binds()}), caller)

    @classmethod
    def tell_one(cls, reader: Reader, id: int, caller: Caller) -> dict[str, Any]:
        """One row."""
        told = cls.tell(reader, [id], caller)
        return told[0] if told else {}
