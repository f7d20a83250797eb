"""The words of access rules: what is within a domain, as each engine is told it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from cloudwright.core.access import Beyond, binds_within, like_prefix, within

PATH = sa.column("path", sa.String())
ZERO = "CHAR(0 USING utf8mb4)"


@pytest.mark.parametrize(
    ("dialect", "inside", "beyond"),
    [
        (sqlite.dialect(), "(path >= '/a/' AND path < '/a0')", "(path < '/a/' OR path >= '/a0')"),
        (postgresql.dialect(), "(path LIKE '/a/%%' ESCAPE '!')", "(path ~<~ '/a/' OR path ~>=~ '/a0')"),
        (mysql.dialect(), "(path LIKE '/a/%%' ESCAPE '!')", f"(path < CONCAT('/a/', {ZERO}) OR path >= CONCAT('/a0', {ZERO}))"),
    ],
)
def test_each_engine_is_told_in_its_own_words(dialect, inside, beyond):
    for condition, said in ((within(PATH, "/a/"), inside), (Beyond(PATH, *binds_within("", "/a/").values()), beyond)):
        assert str(condition.compile(dialect=dialect, compile_kwargs={"literal_binds": True})) == said


def test_what_is_within_is_the_domain_and_those_below():
    engine = sa.create_engine("sqlite://")
    paths = ["/", "/a/", "/a/b/", "/a!/", "/a%/", "/ab/", "/b/a/"]
    rows = sa.union_all(*(sa.select(sa.literal(path).label("path")) for path in paths)).subquery()
    with engine.connect() as connection:
        found = connection.execute(sa.select(rows.c.path).where(within(rows.c.path, "/a/"))).scalars().all()
    assert found == ["/a/", "/a/b/"]


def test_wildcards_of_a_text_are_letters_in_its_pattern():
    assert like_prefix("/a_b%c!/") == "/a!_b!%c!!/%"
