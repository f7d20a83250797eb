"""Roles in projects: what a member's account allows, its role in the project must allow, too."""

from __future__ import annotations

from typing import Any

import pytest

from cloudwright.core.error import Conflict, InUse, ParamError, Unsupported
from tests.conftest import finished
from tests.identity.conftest import account
from tests.identity.project.test_project import KEY, made, names


@pytest.fixture
def project(tenants: Any) -> str:
    """Project apollo of ann."""
    account(tenants.cloud, tenants.root, "bob", 0, tenants.domains["eng"])
    return made(tenants)


def role(tenants: Any, project: str, *rules: str, name: str = "guest") -> str:
    id: str = tenants.call("ann", "createProjectRole", projectid=project, name=name)["projectrole"]["id"]
    for rule in rules:
        says = {"rule": rule[1:], "permission": "allow" if rule[0] == "+" else "deny"}
        tenants.call("ann", "createProjectRolePermission", projectid=project, projectroleid=id, **says)
    return id


def rules(tenants: Any, project: str, id: str) -> list[tuple[str, str]]:
    told = tenants.call("ann", "listProjectRolePermissions", projectid=project, projectroleid=id)["projectrolepermission"]
    return [(row["id"], ("+" if row["permission"] == "allow" else "-") + row["rule"]) for row in told]


def test_both_roles_must_allow(tenants, project):
    id = role(tenants, project, "+list*", "-registerSSH*")
    answer = tenants.call("ann", "addAccountToProject", projectid=project, account="bob", projectroleid=id)
    assert finished(tenants.cloud, answer["jobid"]).state == "done"
    assert (
        tenants.call("ann", "listProjectAccounts", projectid=project, account="bob")["projectaccount"][0]["projectroleid"] == id
    )
    with pytest.raises(Unsupported, match="not allowed in project apollo for members with role guest") as refused:
        tenants.call("bob", "registerSSHKeyPair", projectid=project, name="k", publickey=KEY)
    assert refused.value.why == ["rule 2 of it is deny registerSSH*"]
    tenants.call("bob", "registerSSHKeyPair", name="own", publickey=KEY)
    tenants.call("ann", "registerSSHKeyPair", projectid=project, name="k", publickey=KEY)  # who administers it is not asked
    assert names(tenants, "bob", "listSSHKeyPairs", "sshkeypair", projectid=project) == ["k"]
    tenants.call("bob", "deleteSSHKeyPair", projectid=project, name="k")  # no rule speaks of it


def test_a_list_leaves_out_the_projects_that_do_not_allow_it(tenants, project):
    other = made(tenants, name="gemini")
    for where, rule in ((project, "-listSSHKeyPairs"), (other, "-nothing*")):
        id = role(tenants, where, rule)
        finished(
            tenants.cloud, tenants.call("ann", "addAccountToProject", projectid=where, account="bob", projectroleid=id)["jobid"]
        )
        pair = tenants.call("ann", "registerSSHKeyPair", projectid=where, name=f"in-{where[:4]}", publickey=KEY)["keypair"]
        shown = names(tenants, "bob", "listSSHKeyPairs", "sshkeypair", id=pair["id"])
        assert shown == ([] if where == project else [pair["name"]])
    assert names(tenants, "bob", "listSSHKeyPairs", "sshkeypair", projectid="-1") == [f"in-{other[:4]}"]
    with pytest.raises(Unsupported):
        tenants.call("bob", "listSSHKeyPairs", projectid=project)


def test_rules_have_an_order(tenants, project):
    id = role(tenants, project, "+a", "-b", "+c")
    known = rules(tenants, project, id)
    assert [rule for _, rule in known] == ["+a", "-b", "+c"]
    about = {"projectid": project, "projectroleid": id}
    tenants.call("ann", "updateProjectRolePermission", ruleorder=",".join(rule for rule, _ in reversed(known)), **about)
    tenants.call("ann", "updateProjectRolePermission", projectrolepermissionid=known[0][0], permission="deny", **about)
    assert [rule for _, rule in rules(tenants, project, id)] == ["+c", "-b", "-a"]
    with pytest.raises(Conflict, match="names 1 rules"):
        tenants.call("ann", "updateProjectRolePermission", ruleorder=known[0][0], **about)
    with pytest.raises(ParamError, match="needs ruleorder alone"):
        tenants.call("ann", "updateProjectRolePermission", **about)
    tenants.call("ann", "deleteProjectRolePermission", projectid=project, id=known[1][0])
    assert [rule for _, rule in rules(tenants, project, id)] == ["+c", "-a"]


def test_a_role_is_of_its_project(tenants, project):
    id, other = role(tenants, project, "+a"), made(tenants, name="gemini")
    rule = rules(tenants, project, id)[0][0]
    for command, params in (
        ("updateProjectRole", {"id": id, "name": "x"}),
        ("deleteProjectRole", {"id": id}),
        ("deleteProjectRolePermission", {"id": rule}),
        ("createProjectRolePermission", {"projectroleid": id, "rule": "a", "permission": "deny"}),
        ("addAccountToProject", {"account": "bob", "projectroleid": id}),
    ):
        with pytest.raises(ParamError, match=r"it is no (role|rule) of project gemini"):
            tenants.call("ann", command, projectid=other, **params)
    with pytest.raises(ParamError, match="already a project role"):
        role(tenants, project)


def test_a_role_in_use_stays(tenants, project):
    id = role(tenants, project)
    finished(
        tenants.cloud, tenants.call("ann", "addAccountToProject", projectid=project, account="bob", projectroleid=id)["jobid"]
    )
    with pytest.raises(InUse, match="role of 1 members"):
        tenants.call("ann", "deleteProjectRole", projectid=project, id=id)
    with pytest.raises(ParamError, match="entity does not exist"):
        tenants.call("bob", "updateProjectRole", projectid=project, id=id, name="mine")
    told = tenants.call("ann", "updateProjectRole", projectid=project, id=id, description="guests")["projectrole"]
    assert tenants.call("bob", "listProjectRoles", projectid=project)["projectrole"] == [told]
    finished(tenants.cloud, tenants.call("bob", "deleteAccountFromProject", projectid=project, account="bob")["jobid"])
    tenants.call("ann", "deleteProjectRole", projectid=project, id=id)
