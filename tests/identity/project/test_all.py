"""`projectid=-1`, all projects: the same in lists of what nobody owns, and of what belongs to projects themselves."""

from __future__ import annotations

import pytest

from cloudwright.core.command import Verb
from cloudwright.core.error import ParamError
from cloudwright.identity.project.model import Project
from cloudwright.infrastructure.model import IpRange
from tests.identity.project.test_member import job, project, setting
from tests.identity.project.test_project import made, names

__all__ = ["project"]


def test_every_list_with_a_project_to_leave_out_takes_all_of_them(tenants):
    lists = [
        (name, p)
        for name, verb in Verb.by_name.items()
        for p in verb.api.params.values()
        if name.startswith("list") and p.wire_name == "projectid" and not p.required
    ]
    assert len(lists) > 30
    assert [name for name, p in lists if p.passed != "-1"] == []


def test_offerings_are_those_that_the_named_owner_may_use(tenants, project):
    domain = tenants.domains
    for where in ("eng", "dev", "ops"):
        more = {"name": where, "domainid": domain[where]}
        tenants.call(tenants.root, "createServiceOffering", cpunumber="1", cpuspeed="1000", memory="512", **more)
        tenants.call(tenants.root, "createDiskOffering", disksize="1", displaytext=where, **more)
    for command, key in (("listServiceOfferings", "serviceoffering"), ("listDiskOfferings", "diskoffering")):

        def seen(who, command=command, key=key, **params):
            return set(names(tenants, who, command, key, **params)) & {"eng", "dev", "ops"}

        assert seen(tenants.root) == {"eng", "dev", "ops"} == seen(tenants.root, projectid="-1")
        assert seen("ann", projectid="-1") == {"eng"} == seen("ann")
        assert seen(tenants.root, projectid=project) == {"eng"} == seen("ann", projectid=project)
        assert seen(tenants.root, account="dan", domainid=domain["dev"]) == {"eng", "dev"}
        assert seen(tenants.root, domainid=domain["dev"]) == {"dev"}
        assert seen(tenants.root, domainid=domain["dev"], projectid=project) == set()
        for who, params, named in (
            ("ole", {"projectid": project}, "projectid"),
            ("ole", {"account": "ann", "domainid": domain["eng"]}, "domainid"),
            ("ann", {"account": "ann", "projectid": "-1"}, "projectid"),
        ):
            with pytest.raises(ParamError) as refused:
                seen(who, **params)
            assert refused.value.param == named


def test_limits_of_all_projects(tenants, project):
    def told(who, **params):
        rows = tenants.call(who, "listResourceLimits", resourcetype="0", **params).get("resourcelimit", [])
        return {(row.get("account"), row.get("project"), row["max"]) for row in rows}

    other = made(tenants, "bob", "gemini")
    assert told("ann") == {("ann", None, 20)}
    assert told("ann", projectid="-1") == {(None, "apollo", 20)}
    assert told("ann", projectid="-1", listall="true") == {(None, "apollo", 20), ("ann", None, 20)}
    assert told("cat", projectid="-1") == {("cat", None, 20)}
    assert told(tenants.root, projectid="-1") == set()
    tenants.call(tenants.root, "updateResourceLimit", resourcetype="0", max="7", projectid=other)
    tenants.call(tenants.root, "updateResourceLimit", resourcetype="0", max="8", account="cat", domainid=tenants.domains["eng"])
    assert told(tenants.root, projectid="-1") == {(None, "gemini", 7)} == told("eva", projectid="-1")
    assert told("eva", projectid="-1", listall="true") == {(None, "gemini", 7), ("cat", None, 8)}
    assert told("ole", projectid="-1") == set()


def test_invitations_to_all_projects(tenants, project):
    setting(tenants, "project.invite.required", "true")
    other = made(tenants, "bob", "gemini")
    job(tenants, "ann", "addAccountToProject", projectid=project, account="cat")
    job(tenants, "bob", "addAccountToProject", projectid=other, account="ann")

    def told(who, **params):
        rows = tenants.call(who, "listProjectInvitations", **params).get("projectinvitation", [])
        return {(row["project"], row["account"]) for row in rows}

    domain = {"domainid": tenants.domains["eng"]}
    assert told("ann") == {("gemini", "ann")} == told("ann", listall="true") == told("ann", **domain)
    assert told("eva") == set()
    assert told("eva", **domain) == {("gemini", "ann"), ("apollo", "cat")} == told("eva", listall="true")
    assert told("ann", projectid=project) == {("apollo", "cat")}
    assert told("ann", projectid="-1") == {("gemini", "ann"), ("apollo", "cat")} == told("eva", projectid="-1")
    assert told("cat", projectid="-1") == {("apollo", "cat")}
    assert told("ole", projectid="-1") == set()


def test_ranges_of_all_projects(tenants, project):
    def add(tx, at, account_id):
        about = {"gateway": "10.9.0.1", "netmask": "255.255.255.0", "start_ip": at, "end_ip": at, "for_virtual_network": False}
        tx.insert(IpRange(zone_id=1, physical_network_id=1, account_id=account_id, **about))

    def told(**params):
        return [row["startip"] for row in tenants.call(tenants.root, "listVlanIpRanges", **params).get("vlaniprange", [])]

    found = tenants.cloud.db.read().find(Project, Project.c.uuid == project)
    for at, account_id in (("10.9.0.2", None), ("10.9.0.3", found.account_id), ("10.9.0.4", tenants.root.account_id)):
        tenants.cloud.db.write(lambda tx, at=at, account_id=account_id: add(tx, at, account_id))
    assert told() == ["10.9.0.2", "10.9.0.3", "10.9.0.4"]
    assert told(projectid="-1") == ["10.9.0.3"] == told(projectid=project)
