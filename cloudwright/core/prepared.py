"""Statements that are compiled once and then sent straight to the driver.

SQLAlchemy writes the SQL and knows how each type is kept; its own execution of a statement, built anew for each call, costs ten
times what SQLite needs to find a row by its id. Errors are those that SQLAlchemy would raise.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Generic, NoReturn, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

Turn = Callable[[Any], Any]
V = TypeVar("V")
RECENT = 512  # more than all lists and views in daily use; one of the largest view takes half a MB


class Recent(Generic[V]):
    """The values used last, by their keys; thread-safe. For statements whose shape callers choose: there are millions of ways to
    combine the filters of one list."""

    def __init__(self, most: int = RECENT) -> None:
        self._most, self._lock = most, threading.Lock()
        self._values: OrderedDict[Hashable, V] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value kept under a key, made and kept where there is none."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._values.clear()


class Prepared:
    """A statement compiled at its first use; again for each dialect, and for lists of another order of magnitude. `columns` are
    those an INSERT fills. A list it binds must not be empty."""

    def __init__(self, statement: Any, columns: list[str] | None = None) -> None:
        self._statement, self._columns = statement, columns
        binds: Any = sa.sql.visitors.iterate(statement)
        self._lists = list(dict.fromkeys(bind.key for bind in binds if _listing(bind) and bind.value is None))
        self._forms: dict[Any, _Form] = {}

    def send(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """Execute it. Answers the driver's cursor: its `rowcount`, its `lastrowid`, its rows."""
        form = self._form(connection, values)
        return send(connection, form.sql, form.bound(values))

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Execute a SELECT. Answers its rows, by the names of the columns."""
        form = self._form(connection, values)
        return form.rows(send(connection, form.sql, form.bound(values)))

    def _form(self, connection: Connection, values: Mapping[str, Any]) -> _Form:
        dialect = connection.dialect
        sizes = {name: _room(len(values[name])) for name in self._lists}
        key = (dialect.name, *sizes.values()) if sizes else dialect.name
        form = self._forms.get(key)
        if form is None:
            form = self._forms[key] = _Form(self._statement, dialect, self._columns, sizes)
        return form


def _listing(bind: Any) -> bool:
    return isinstance(bind, sa.BindParameter) and bind.expanding


def _room(number: int) -> int:
    """The places made for so many values: the next power of two. The last value fills the places that are left."""
    if number < 1:
        raise ValueError("BUG: a statement was given an empty list (ListsOfPreparedStatements)")
    return 1 << (number - 1).bit_length()


class _Form:
    """A statement in one dialect: its text, how values are bound and how columns are read."""

    def __init__(self, statement: Any, dialect: sa.Dialect, columns: list[str] | None, sizes: Mapping[str, int]) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=columns)
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        fixed: dict[str, Any] = dict(compiled.params)
        self._lists = {name: [f"{name}_{i}" for i in range(1, size + 1)] for name, size in sizes.items()}
        listed = {name: len(fixed[name]) for name, bind in binds.items() if _listing(bind) and name not in sizes}
        places = self._lists | {name: [f"{name}_{i}" for i in range(1, size + 1)] for name, size in listed.items()}
        # Each place is filled with its own name, so what comes out tells the order.
        state = compiled.construct_expanded_state({name: places.get(name, name) for name in binds}, escape_names=False)
        self.sql = state.statement
        self._order = state.positional_parameters if compiled.positional else None
        self._fixed = {name: value for name, value in fixed.items() if name not in places}
        self._fixed |= {place: value for name in listed for place, value in zip(places[name], fixed[name], strict=True)}
        types = {place: bind.type for name, bind in binds.items() for place in places.get(name, [name])}
        self._binds = _turns(types, dialect)
        selected = statement.selected_columns if isinstance(statement, sa.SelectBase) else ()
        self._dialect = dialect
        self._names = [column.name for column in selected]
        self._types = {column.name: column.type for column in selected}
        self._results: list[tuple[str, Turn]] | None = None

    def bound(self, values: Mapping[str, Any]) -> Any:
        """The values as the driver takes them."""
        all_ = {**self._fixed, **values}
        for name, places in self._lists.items():
            listed = [*all_.pop(name)]
            listed += listed[-1:] * (len(places) - len(listed))
            all_.update(zip(places, listed, strict=True))
        for name, turn in self._binds:
            all_[name] = turn(all_[name])
        return all_ if self._order is None else [all_[name] for name in self._order]

    def rows(self, cursor: Any) -> list[dict[str, Any]]:
        """What a cursor has found."""
        names = self._names
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        if self._results is None:
            self._results = _turns(self._types, self._dialect, [column[1] for column in cursor.description])
        for name, turn in self._results:
            for row in rows:
                row[name] = turn(row[name])
        return rows


def _turns(types: Mapping[str, Any], dialect: sa.Dialect, kinds: list[Any] | None = None) -> list[tuple[str, Turn]]:
    """How values of some types go in; or, with what the driver calls the `kinds` of the columns, come out."""
    turns = []
    for i, (name, type_) in enumerate(types.items()):
        form = type_.dialect_impl(dialect)
        turn = form.bind_processor(dialect) if kinds is None else form.result_processor(dialect, kinds[i])
        if turn is not None:
            turns.append((name, turn))
    return turns


def send(connection: Connection, sql: str, values: Any = ()) -> Any:
    """Execute a text as the driver takes it. Answers the driver's cursor."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute(sql, values)
    except connection.dialect.loaded_dbapi.Error as error:
        _raise(connection, cursor, sql, values, error)
    return cursor


def _raise(connection: Connection, cursor: Any, sql: str, values: Any, error: Any) -> NoReturn:
    """Raise a driver's error as SQLAlchemy would, and leave a connection that is lost."""
    dialect = connection.dialect
    lost = dialect.is_disconnect(error, connection.connection.dbapi_connection, cursor)
    if lost:
        connection.invalidate(error)
    told = sa.exc.DBAPIError.instance(
        sql, values, error, dialect.loaded_dbapi.Error, hide_parameters=True, connection_invalidated=lost, dialect=dialect
    )
    raise told from error
