"""Both roads to the schema end at the same place: made whole, and migrated step by step."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from cloudwright import catalogue
from cloudwright.core.db import Database
from cloudwright.core.error import CloudError
from cloudwright.core.resource import Resource, metadata
from cloudwright.core.schema import bring, configuration, migrate
from cloudwright.core.search import PREFIX
from cloudwright.migrations import HEAD, SCRIPTS

HINT = 'run `make migration M="what changed"`, read what it wrote, and set HEAD'


def _toys() -> set[str]:
    """Tables of other tests."""
    return {kind.kind for kind in Resource.by_name.values() if not kind.__module__.startswith("cloudwright.")}


def differences(db: Database) -> list[object]:
    """What the tables declare and the database has not, or the other way round."""
    toys = _toys()

    def ours(_: object, name: str | None, kind: str, *__: object) -> bool:
        return not (name or "").startswith(PREFIX) and (kind != "table" or name not in {*toys, "alembic_version"})

    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours})
        return list(compare_metadata(context, metadata))


def test_migrated_is_what_is_declared(database_url: str) -> None:
    catalogue.load()
    db = Database(database_url)
    migrate(db, SCRIPTS, "head")
    assert differences(db) == [], HINT
    db.close()


def test_made_whole_is_at_the_newest_version(database_url: str) -> None:
    catalogue.load()
    db = Database(database_url)
    bring(db, HEAD, SCRIPTS)
    with db.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == HEAD
    assert differences(db) == []
    bring(db, HEAD, SCRIPTS)  # and again: nothing to do
    migrate(db, SCRIPTS, "base")  # with what was made beside the tables
    with db.engine.connect() as connection:
        assert set(sa.inspect(connection).get_table_names()) <= {"alembic_version", *_toys()}
    db.close()


def test_tables_of_another_build_are_refused_whatever_the_version_says(database_url: str) -> None:
    catalogue.load()
    db = Database(database_url)
    bring(db, HEAD, SCRIPTS)
    with db.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE zone DROP COLUMN dns2")
    with pytest.raises(CloudError, match=f"version {HEAD}, but its table zone is not the one") as refusal:
        bring(db, HEAD, SCRIPTS)
    assert "dns2" in refusal.value.why[0]
    db.close()


def test_every_step_goes_back(database_url: str) -> None:
    catalogue.load()
    db = Database(database_url)
    migrate(db, SCRIPTS, "head")
    migrate(db, SCRIPTS, "base")
    with db.engine.connect() as connection:
        assert set(sa.inspect(connection).get_table_names()) <= {"alembic_version"}
    migrate(db, SCRIPTS, "head")
    assert differences(db) == []
    db.close()


def test_head_is_the_last_step() -> None:
    with sa.create_engine("sqlite://").connect() as connection:
        assert ScriptDirectory.from_config(configuration(connection, SCRIPTS)).get_current_head() == HEAD
