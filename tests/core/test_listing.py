"""Ordering lists, and counting the values of their fields."""

from __future__ import annotations

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.error import ParamError
from cloudwright.core.listing import List
from cloudwright.core.prepared import Recent
from cloudwright.identity.caller import root_caller
from cloudwright.identity.project.model import Project
from tests.conftest import call

NAMES = ("ada", "bob", "cay")


@pytest.fixture
def domains(cloud: Cloud) -> Cloud:
    root = root_caller(cloud.db.read())
    for name in NAMES:
        call(cloud, root, "createDomain", name=name)
    return cloud


def test_order_by_a_field(domains: Cloud) -> None:
    root = root_caller(domains.db.read())

    def named(**params: object) -> list[str]:
        return [row["name"] for row in call(domains, root, "listDomains", listall="true", **params)["domain"]]

    assert named(orderby="name") == ["ROOT", *NAMES]
    assert named(orderby="name:desc") == [*reversed(NAMES), "ROOT"]
    assert named(orderby="name:desc", page=2, pagesize=2) == ["ada", "ROOT"], "the whole list is ordered, not the page"


def test_what_cannot_be_ordered_by_is_said(domains: Cloud) -> None:
    root = root_caller(domains.db.read())
    with pytest.raises(ParamError, match=r"Parameter orderby: 'colour' is not one of .*name"):
        call(domains, root, "listDomains", orderby="colour")
    with pytest.raises(ParamError, match="'up' is not asc or desc"):
        call(domains, root, "listDomains", orderby="name:up")
    with pytest.raises(ParamError, match="Parameter facets: 'colour' is not one of"):
        call(domains, root, "listDomains", facets="colour")


def test_facets_count_all_values_whatever_is_chosen(domains: Cloud) -> None:
    root = root_caller(domains.db.read())
    told = call(domains, root, "listDomains", listall="true", level=1, facets="level,state", page=1, pagesize=1)
    assert told["count"] == len(NAMES)
    assert told["facets"]["level"] == {"0": 1, "1": len(NAMES)}, "the filter by the field itself does not count"
    assert told["facets"]["state"] == {"Active": len(NAMES)}, "the other filters do"
    assert "facets" not in call(domains, root, "listDomains", listall="true")


def test_a_page_tells_how_many_there_are_beside_those_of_projects(domains: Cloud) -> None:
    root = root_caller(domains.db.read())
    call(domains, root, "createProject", name="p1", displaytext="the first")
    project = domains.db.read().find(Project)
    assert project is not None
    for name in NAMES:
        call(domains, root, "createSSHKeyPair", name=name)
    for name in NAMES[1:]:
        call(domains, root, "createSSHKeyPair", name=name, projectid=project.uuid)

    def count(**params: object) -> int:
        return int(call(domains, root, "listSSHKeyPairs", listall="true", page=1, pagesize=1, **params)["count"])

    assert (count(), count(projectid=-1), count(projectid=project.uuid)) == (3, 5, 2)
    call(domains, root, "deleteSSHKeyPair", name="cay", projectid=project.uuid)
    call(domains, root, "deleteSSHKeyPair", name="ada")
    assert (count(), count(projectid=-1)) == (2, 3)


def test_a_field_named_often_is_counted_once(domains: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    root, counted = root_caller(domains.db.read()), list[str]()
    stored = List._stored

    def noting(self: List, name: str, param: str) -> object:
        counted.append(name)
        return stored(self, name, param)

    monkeypatch.setattr(List, "_stored", noting)
    told = call(domains, root, "listDomains", listall="true", facets=",".join(["state", "level"] * 1000))
    assert (sorted(told["facets"]), counted) == (["level", "state"], ["state", "level"])


def test_statements_that_callers_shape_are_kept_within_bounds() -> None:
    kept, made = Recent[int](2), list[int]()

    def value(key: int) -> int:
        return kept.get(key, lambda: made.append(key) or key)  # type: ignore[func-returns-value]

    assert [value(key) for key in (1, 2, 1, 3, 1, 2)] == [1, 2, 1, 3, 1, 2]
    assert made == [1, 2, 3, 2], "the one used last stays, the one not used longest goes"
