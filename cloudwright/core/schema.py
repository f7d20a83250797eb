"""The schema of a database: made whole where there is none, migrated where it is older, refused where it is newer."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloudwright.core import search
from cloudwright.core.db import Database
from cloudwright.core.error import CloudError
from cloudwright.core.prepared import send
from cloudwright.core.resource import metadata

VERSION = sa.Table("alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))


def bring(db: Database, head: str, scripts: str) -> None:
    """Bring the database to version `head`; `scripts` is the package of the migrations, as `package:folder`. Raises CloudError
    where its tables are not those of this program in spite of its version."""
    with db.engine.connect() as connection:
        known = _version(connection)
        if known is None:
            db.create_all()
            _stamp(connection, head)
    if known not in (None, head):
        migrate(db, scripts, "head")
    if known == head:
        _check(db, head)
    db.make(search.make)


def _check(db: Database, version: str) -> None:
    """An unreleased program, or a hand at the database, may have changed the tables and not the version."""
    with db.engine.connect() as connection:
        quoted = connection.dialect.identifier_preparer
        there = set(sa.inspect(connection).get_table_names())
        for table in (table for name, table in metadata.tables.items() if name in there):
            columns = ", ".join(quoted.format_column(column) for column in table.columns)
            try:
                send(connection, f"SELECT {columns} FROM {quoted.format_table(table)} WHERE 1 = 0")  # noqa: S608
            except sa.exc.DBAPIError as error:
                text = f"The database has schema version {version}, but its table {table.name} is not the one of this version"
                fix = ["start the program that made this database", "start with an empty data directory or database"]
                raise CloudError(text, why=[str(error.orig)], fix=fix) from None


def migrate(db: Database, scripts: str, to: str) -> None:
    """Run the migrations up or down to a version. Raises CloudError when this program does not know the database's version."""
    from alembic import command
    from alembic.script import ScriptDirectory

    with db.engine.connect() as connection:
        config = configuration(connection, scripts)
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        version = _version(connection)
        if version is not None and version not in known:
            text = f"The database has schema version {version}, which this program does not know"
            raise CloudError(text, fix=["start the program that migrated it, or a newer one"])
        search.drop(connection)
        (command.downgrade if to != "head" else command.upgrade)(config, to)


def configuration(connection: Connection, scripts: str) -> Any:
    """Alembic's configuration for a connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", scripts)
    config.attributes["connection"] = connection
    return config


def _version(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION.name):
        return None
    version: str | None = connection.execute(sa.select(VERSION.c.version_num)).scalar()
    return version


def _stamp(connection: Connection, head: str) -> None:
    VERSION.create(connection, checkfirst=True)
    try:
        connection.execute(VERSION.insert().values(version_num=head))
    except sa.exc.IntegrityError:  # another server that starts for the first time was quicker
        connection.rollback()
