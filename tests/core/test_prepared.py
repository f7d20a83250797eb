"""Statements prepared by the shape of their conditions find what SQLAlchemy's own execution finds, on each engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from cloudwright.core.db import Database
from cloudwright.core.tx import _shape
from cloudwright.infrastructure.model import Cluster, Host, HostTag

CONDITIONS: list[list[Any]] = [
    [],
    [Host.c.cluster_id == 2],
    [Host.c.cluster_id == 2, Host.c.state == "Up"],
    [Host.c.state.in_(["Up", "Down", "Alert"])],
    [Host.c.state.in_(["Up"]), Host.c.cpus > 3],
    [Host.c.id.in_(list(range(1, 17)))],
    [Host.c.id.in_(list(range(1, 40)))],
    [Host.c.id.not_in([1, 2])],
    [Host.c.state.in_([])],
    [Host.c.last_seen.is_(None)],
    [Host.c.last_seen.is_not(None), Host.c.last_seen <= 5.5],
    [Host.c.id == HostTag.c.host_id, HostTag.c.name == "ssd", HostTag.c.gone == 0],
    [sa.or_(Host.c.cluster_id == 1, Host.c.state == "Up")],
    [Host.c.name.like("host 1%")],
    [Host.c.pod_id != Host.c.zone_id],
]


@pytest.fixture
def filled(database_url: str) -> Iterator[Database]:
    db = Database(database_url)
    db.create_all()
    clusters = [Cluster(name=name, zone_id=1, pod_id=1, hypervisor="KVM") for name in "abc"]
    db.write(lambda tx: [tx.insert(row) for row in (*clusters, *map(_host, range(30)))])
    db.write(lambda tx: [tx.insert(HostTag(host_id=id, name="ssd")) for id in (2, 5)])
    db.write(lambda tx: tx.remove(tx.get(Host, 7)))
    yield db
    db.close()


def _host(i: int) -> Host:
    return Host(
        name=f"host {i}", address="", url="", zone_id=1, pod_id=1 + i % 2, cluster_id=1 + i % 3, hypervisor="KVM", cpus=i % 5,
        state="Up" if i % 2 else "Down", last_seen=i / 2 if i % 4 else None, can=["a", "b"], details={"i": str(i)},
    )  # fmt: skip


@pytest.mark.parametrize("number", range(len(CONDITIONS)))
def test_finds_the_same(filled: Database, number: int) -> None:
    where = CONDITIONS[number]
    reader = filled.read()
    for _ in range(2):  # prepared, then found again
        plain = [dict(row._mapping) for row in reader.rows(sa.select(Host.t).where(Host.c.gone == 0, *where).order_by(Host.c.id))]
        assert [host.__dict__ for host in reader.all(Host, *where)] == plain
        first = reader.find(Host, *where)
        assert (first.__dict__ if first else None) == (plain[0] if plain else None)
        assert reader.count(Host, *where) == len(plain)


def test_errors_are_those_of_sqlalchemy(filled: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        filled.write(lambda tx: tx.insert(_host(1)))
    assert filled.read().count(Host) == 29


def test_values_do_not_belong_to_a_shape() -> None:
    values: dict[str, Any] = {}
    assert _shape(Host.c.cpus == 4, values) == _shape(Host.c.cpus == 5, {})
    assert values == {"v0": 4}
    assert _shape(Host.c.cpus == 4, {}) != _shape(Host.c.cpus != 4, {})
    assert _shape(sa.or_(Host.c.cpus == 4, Host.c.cpus == 5), {}) is None


def test_an_index_of_the_living_is_used(filled: Database) -> None:
    if not filled.sqlite:
        pytest.skip("how SQLite chooses indexes")
    statement = str(sa.select(Host.t).where(Host.c.cluster_id == 1, Host.c.gone == 0).compile(filled.engine))
    plan = filled.read().connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", (1,)).all()
    assert "host_cluster_id_id" in str(plan), plan
