"""Statements that are compiled once and then sent straight to the driver.

SQLAlchemy writes the SQL and knows how each type is kept; its own execution of a statement, built anew for each call, costs ten
times what SQLite needs to find a row by its id. Errors are those that SQLAlchemy would raise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import sqlalchemy as sa
from sqlalchemy.engine import Connection

Turn = Callable[[Any], Any]


class Prepared:
    """A statement without lists to expand. `columns` are those an INSERT fills. One form is kept for each dialect."""

    def __init__(self, statement: Any, columns: list[str] | None = None) -> None:
        self._statement, self._columns = statement, columns
        self._forms: dict[str, _Form] = {}

    def send(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """Execute it. Answers the driver's cursor: its `rowcount`, its `lastrowid`, its rows."""
        form = self._form(connection)
        return send(connection, form.sql, form.bound(values))

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Execute a SELECT. Answers its rows, by the names of the columns."""
        form = self._form(connection)
        return form.rows(send(connection, form.sql, form.bound(values)))

    def _form(self, connection: Connection) -> _Form:
        dialect = connection.dialect
        form = self._forms.get(dialect.name)
        if form is None:
            form = self._forms[dialect.name] = _Form(self._statement, dialect, self._columns)
        return form


class _Form:
    """A statement in one dialect: its text, how values are bound and how columns are read."""

    def __init__(self, statement: Any, dialect: sa.Dialect, columns: list[str] | None) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=columns)
        self.sql = str(compiled)
        self._fixed: dict[str, Any] = dict(compiled.params)
        self._order: list[str] | None = compiled.positiontup if compiled.positional else None
        self._binds = _turns({name: bind.type for name, bind in compiled.binds.items()}, dialect)
        selected = statement.selected_columns if isinstance(statement, sa.Select) else ()
        self._dialect = dialect
        self._names = [column.name for column in selected]
        self._types = {column.name: column.type for column in selected}
        self._results: list[tuple[str, Turn]] | None = None

    def bound(self, values: Mapping[str, Any]) -> Any:
        """The values as the driver takes them."""
        all_ = {**self._fixed, **values}
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
