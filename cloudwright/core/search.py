"""Keywords found by an index of their three-letter pieces, instead of by reading every row.

    class Vm(Owned, table="vm", searched=["name", "display_name", "instance_name"]): ...

PostgreSQL has such indexes (extension pg_trgm) and uses them for `lower(name) LIKE '%word%'` by itself. In SQLite it is a
full-text table beside the resource's: a list asks it which rows may have the word, and still compares them itself. To take in
one row costs more than to write it, many at once little; so new rows are taken in later (`take_in`), and until then a list reads
them, the last of their table, as they are. Triggers keep it true about rows that it has. MariaDB has nothing alike: there lists
read all rows.
"""

from __future__ import annotations

import functools
import logging
import sqlite3
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles

from cloudwright.core.resource import Resource
from cloudwright.core.tx import Reader, Tx

log = logging.getLogger(__name__)
PREFIX = "search_"  # of the names of all that is made here; no other table or index is called so
EXTENSION = "pg_trgm"
PIECE = 3  # letters: a shorter word has no whole piece
LEAST = 1000  # new rows that are worth taking in
MOST = 2000  # rows taken in by one transaction: some 30 ms, in which nobody else writes


class Lowered(sa.sql.functions.GenericFunction[str]):
    """`lower(text)` of all letters. SQLite's own knows those of ASCII alone; this one takes twice as long, and Python's lock."""

    type = sa.Text()
    inherit_cache = True


@compiles(Lowered)
def _lowered(element: Any, compiler: Any, **kw: Any) -> str:
    return f"{'lowered' if compiler.dialect.name == 'sqlite' else 'lower'}({compiler.process(element.clauses, **kw)})"


@functools.cache
def _trigrams() -> bool:
    """Whether this process's SQLite can index pieces of words."""
    try:
        sqlite3.connect(":memory:").execute("CREATE VIRTUAL TABLE probe USING fts5(word, tokenize='trigram')")
    except sqlite3.OperationalError:
        log.warning("SQLite %s has no trigram index: keywords are searched by reading all rows", sqlite3.sqlite_version)
        return False
    return True


def searched() -> list[type[Resource]]:
    """The resources whose words are indexed."""
    return [kind for kind in Resource.by_name.values() if kind.searched]


def make(connection: Connection) -> None:
    """Make the indexes that are missing."""
    engine = connection.dialect.name
    if engine == "sqlite" and _trigrams():
        there = set(connection.scalars(sa.text("SELECT name FROM sqlite_master WHERE type = 'table'")))
        for kind in searched():
            if PREFIX + kind.kind not in there:
                for statement in _sqlite(kind.kind, kind.searched):
                    connection.exec_driver_sql(statement)
    elif engine == "postgresql":
        there = set(connection.scalars(sa.text("SELECT relname FROM pg_class WHERE relkind = 'i'")))
        missing = [kind for kind in searched() if PREFIX + kind.kind not in there]
        if missing and _pg_trgm(connection):
            for kind in missing:
                pieces = ", ".join(f"lower({name}) gin_trgm_ops" for name in kind.searched)
                connection.exec_driver_sql(f"CREATE INDEX {PREFIX}{kind.kind} ON {kind.kind} USING gin ({pieces})")


def drop(connection: Connection) -> None:
    """Drop what lies beside the tables, before these are changed. It is made again from them."""
    if connection.dialect.name == "sqlite":
        master = sa.table("sqlite_master", sa.column("type"), sa.column("name"), sa.column("sql"))
        named = sa.select(master.c.type, master.c.name).where(master.c.name.like(f"{PREFIX}%")).order_by(master.c.type.desc())
        ours = named.where(sa.or_(master.c.type == "trigger", master.c.sql.like("CREATE VIRTUAL%")))
        for what, name in connection.execute(ours).all():
            connection.exec_driver_sql(f"DROP {what} {name}")


def candidates(reader: Reader, of: type[Resource], columns: Sequence[Any], word: str) -> tuple[Any, str] | None:
    """A condition that holds of all rows with the word in one of these columns, and of few others; and the `pieces` it binds.
    None where there is no such index, or it needs no condition."""
    known = of.searched and all(getattr(c, "table", None) is of.t and c.key in of.searched for c in columns)
    if not known or len(word) < PIECE or reader.connection.dialect.name != "sqlite" or not _trigrams():
        return None
    index, later = sa.table(PREFIX + of.kind, sa.column("rowid", sa.Integer)), of.t.alias("later")
    having = sa.literal_column(PREFIX + of.kind).bool_op("MATCH")(sa.bindparam("pieces", type_=sa.String()))
    new = sa.select(later.c.id).where(later.c.id > _taken(of))
    quoted = word.replace('"', '""')
    return of.c.id.in_(sa.union_all(sa.select(index.c.rowid).where(having), new)), f'"{quoted}"'


def _taken(of: type[Resource]) -> Any:
    """The greatest id that the full-text table has: rows are taken in by their ids."""
    id: Any = sa.column("id", sa.Integer)
    documents = sa.table(f"{PREFIX}{of.kind}_docsize", id)
    return sa.select(sa.func.coalesce(sa.func.max(id), 0)).select_from(documents).scalar_subquery()


def waiting(reader: Reader) -> type[Resource] | None:
    """A resource of which enough rows are new to be taken in."""
    if reader.connection.dialect.name == "sqlite" and _trigrams():
        for kind in searched():
            new = sa.select(kind.c.id).where(kind.c.id > _taken(kind)).order_by(kind.c.id).offset(LEAST - 1).limit(1)
            if reader.value(new) is not None:
                return kind
    return None


def take_in(tx: Tx, kind: type[Resource]) -> None:
    """Take the oldest new rows into the full-text table."""
    columns = ["id", *kind.searched]
    new = sa.select(*(kind.c[name] for name in columns)).where(kind.c.id > _taken(kind)).order_by(kind.c.id).limit(MOST)
    index = sa.table(PREFIX + kind.kind, *(sa.column(name) for name in ("rowid", *kind.searched)))
    tx.execute(index.insert().from_select(["rowid", *kind.searched], new))


def _sqlite(table: str, names: Sequence[str]) -> list[str]:
    index, columns = PREFIX + table, ", ".join(names)
    old, new = (", ".join(f"{row}.{name}" for name in names) for row in ("old", "new"))
    known = f"WHEN EXISTS (SELECT 1 FROM {index}_docsize WHERE id = old.id)"  # noqa: S608 - names of ours
    leave = f"INSERT INTO {index} ({index}, rowid, {columns}) VALUES ('delete', old.id, {old});"  # noqa: S608
    enter = f"INSERT INTO {index} (rowid, {columns}) VALUES (new.id, {new});"  # noqa: S608
    return [
        f"CREATE VIRTUAL TABLE {index} USING fts5({columns}, content='{table}', content_rowid='id', tokenize='trigram')",
        f"CREATE TRIGGER {index}_old AFTER DELETE ON {table} {known} BEGIN {leave} END",
        f"CREATE TRIGGER {index}_new AFTER UPDATE OF {columns} ON {table} {known} BEGIN {leave} {enter} END",
    ]


def _pg_trgm(connection: Connection) -> bool:
    """Whether PostgreSQL has the extension, made known to this database if we may."""
    connection.exec_driver_sql("SAVEPOINT extension")
    try:
        connection.exec_driver_sql(f"CREATE EXTENSION IF NOT EXISTS {EXTENSION}")
    except sa.exc.DBAPIError as error:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT extension")
        log.warning("keywords are searched by reading all rows, without PostgreSQL's extension %s: %s", EXTENSION, error.orig)
        return False
    return True
