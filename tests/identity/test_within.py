"""Administrators of domains see what is in their domain and below it, whichever way a statement asks for it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core import access
from cloudwright.core.access import Use, few_beyond, lookup
from cloudwright.core.listing import List
from cloudwright.drivers.world import MemoryWorld
from cloudwright.identity import password
from cloudwright.identity.caller import root_caller
from cloudwright.identity.model import Account, Domain
from tests.conftest import KEY, call
from tests.databases import drop
from tests.identity.conftest import _CHEAP, Tenants, account
from tests.installed import installed

BESIDE = ("eng0", "engineers", "Eng9", "e%", "e_g", "en!", "eng é", "enz", "a", "\U0001f984", "eng~")
"""Names that a careless comparison takes for eng's, and those right before and after it."""
LISTS = {"listDomains": "domain", "listAccounts": "account", "listUsers": "user", "listProjects": "project"}
ENGINES = ["sqlite", *(pytest.param(name, marks=pytest.mark.real) for name in ("postgresql", "mariadb"))]


@pytest.fixture(scope="module", params=ENGINES)
def tree(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """eng with `dev é%` below it, others beside it and below these; in each domain an administrator called as its number."""
    url = installed(Path(tmp_path_factory.mktemp("within")), request.param)
    cloud = Cloud(url, key=KEY, world=MemoryWorld())
    root = root_caller(cloud.db.read())
    tenants, paths = Tenants(cloud=cloud, root=root, domains={}), []
    for name in ("eng", *BESIDE):
        made = call(cloud, root, "createDomain", name=name)["domain"]
        below = call(cloud, root, "createDomain", name="dev é%", parentdomainid=made["id"])["domain"]
        for domain, path in ((made, f"/{name}/"), (below, f"/{name}/dev é%/")):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(password, "_HASHER", _CHEAP)
                account(cloud, root, f"admin{len(paths)}", 2, domain["id"])
            paths.append(path)
    yield SimpleNamespace(tenants=tenants, paths=paths, cloud=cloud)
    cloud.stop()
    if request.param != "sqlite":
        drop(url)
        gc.collect()


@pytest.mark.parametrize("few", [True, False])
def test_each_sees_its_own_and_those_below(tree: Any, few: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(List, "_few_are_others", lambda *_: few)
    for i, path in enumerate(tree.paths):
        mine = {other for other in tree.paths if other.startswith(path)}
        told = tree.tenants.call(f"admin{i}", "listDomains", listall="true")["domain"]
        assert {row["path"].removeprefix("ROOT") + "/" for row in told} == mine
        for name in ("listAccounts", "listUsers"):
            answer = tree.tenants.call(f"admin{i}", name, listall="true", page=1, pagesize=1)
            assert answer["count"] == len(mine), (path, name)
            rows = tree.tenants.call(f"admin{i}", name, listall="true")[LISTS[name]]
            assert {row["domainid"] for row in rows} == {row["id"] for row in told}, (path, name)
            found = tree.tenants.call(f"admin{i}", name, listall="true", keyword="admin", page=1, pagesize=500)
            assert (found["count"], found[LISTS[name]]) == (len(rows), rows), (path, name)


def test_one_row_is_found_by_those_above_it(tree: Any) -> None:
    reader = tree.cloud.db.read()
    rows = {row.path: row for row in reader.all(Domain)}
    for i, path in enumerate(tree.paths):
        caller = tree.tenants.fresh(f"admin{i}")
        for other in tree.paths:
            for kind, row in ((Domain, rows[other]), (Account, reader.find(Account, Account.c.domain_id == rows[other].id))):
                found = reader.one(lookup(kind, caller.kind, Use.CHANGE), {"value": row.uuid, **caller.binds()})
                assert (found is not None) == other.startswith(path), (path, other)


def test_what_is_asked_of_each_row_is_few(tree: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are gone through one by one where those of others are few, or all are."""
    reader, total = tree.cloud.db.read(), len(tree.paths)
    chief = tree.tenants.fresh("admin0")

    def few(small: int, rows: int, domains: int) -> bool:
        monkeypatch.setattr(access, "SMALL", small)
        monkeypatch.setattr(access, "FEW_ROWS", rows)
        monkeypatch.setattr(access, "FEW_DOMAINS", domains)
        return bool(reader.value(few_beyond(Account), chief.binds()))

    living = reader.count(Account)
    assert few(living, 0, 0)
    assert not few(living - 1, 0, 0), "more rows than few, more domains than few"
    theirs = living - 2
    assert few(0, theirs, total), "of others are as many as are few"
    assert not few(0, theirs - 1, total)
    assert not few(0, theirs, total - 2), "ROOT is another's, too"
    assert few(0, theirs, total - 1)


@pytest.mark.parametrize("few", [True, False])
def test_a_row_of_no_domain_is_nobodys(tenants: Tenants, few: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(List, "_few_are_others", lambda *_: few)
    tenants.cloud.db.write(lambda tx: tx.insert(Account(name="stray", domain_id=1 << 40, role_id=4)))
    names = {row["name"] for row in tenants.call("eva", "listAccounts", listall="true")["account"]}
    assert names == {"eva", "ann", "dan"}
