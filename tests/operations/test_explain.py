"""explainAccess tells what a call would meet."""

from __future__ import annotations

from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.error import ParamError
from tests.conftest import finished
from tests.identity.conftest import Tenants, account, tenants
from tests.identity.project.test_project import made

__all__ = ["tenants"]


def explained(tenants: Any, who: Any, **params: Any) -> dict[str, Any]:
    told: dict[str, Any] = tenants.call(who, "explainAccess", **params)["access"]
    return told


def user(tenants: Any, name: str) -> str:
    id: str = tenants.fresh(name).user_uuid
    return id


def test_the_rule_of_the_role_is_named(tenants: Tenants) -> None:
    told = explained(tenants, "ann", apiname="DEPLOYvirtualmachine")
    assert (told["allowed"], told["rolename"], told["rule"], told["permission"]) == (
        True, "User", "deployVirtualMachine", "allow",
    )  # fmt: skip
    [sentence] = told["reason"]
    assert sentence == (
        f"rule {told['ruleposition']} of role User, allow deployVirtualMachine, is the first that speaks of deployVirtualMachine"
    )
    told = explained(tenants, "ann", apiname="createZone")
    assert (told["allowed"], told.get("rule")) == (False, None)
    assert told["reason"] == [
        "no rule of role User speaks of createZone, and the command itself does not allow roles of type User"
    ]
    told = explained(tenants, tenants.root, apiname="createZone", userid=user(tenants, "eva"))
    assert (told["allowed"], told["username"], told["rolename"]) == (False, "eva", "Domain Admin")
    assert explained(tenants, tenants.root, apiname="createZone")["reason"] == [
        "role Root Admin allows every command; its rules are not asked"
    ]


def test_whose_a_thing_is_decides_as_in_the_call(tenants: Tenants) -> None:
    account = tenants.call(tenants.root, "listAccounts", name="dan", listall="true")["account"][0]["id"]
    about = {"apiname": "updateAccount", "resourceid": account, "resourcetype": "Account"}
    told = explained(tenants, tenants.root, userid=user(tenants, "eva"), **about)
    assert (told["allowed"], told["ownerrule"]) == (
        True, "the account is not owned by an account; who may what with it is a rule of its kind: eva may change it",
    )  # fmt: skip
    told = explained(tenants, tenants.root, userid=user(tenants, "ole"), **about)
    assert (told["allowed"], told["ownerrule"].endswith("ole may not change it")) == (False, True)
    tenants.call("eva", "updateAccount", id=account, networkdomain="x.example")
    with pytest.raises(ParamError):
        tenants.call("ole", "updateAccount", id=account, networkdomain="x.example")


def test_a_project_is_asked_too(tenants: Tenants) -> None:
    account(tenants.cloud, tenants.root, "bob", 0, tenants.domains["eng"])
    project = made(tenants)
    role = tenants.call("ann", "createProjectRole", projectid=project, name="guest")["projectrole"]["id"]
    rule = {"projectroleid": role, "rule": "update*", "permission": "deny"}
    tenants.call("ann", "createProjectRolePermission", projectid=project, **rule)
    answer = tenants.call("ann", "addAccountToProject", projectid=project, account="bob", projectroleid=role)
    finished(tenants.cloud, answer["jobid"])
    about = {"apiname": "listProjects", "resourceid": project, "resourcetype": "Project"}
    bob = user(tenants, "bob")
    told = explained(tenants, "eva", userid=bob, **about)
    assert (told["allowed"], told["projectid"], told["projectrolename"]) == (True, project, "guest")
    told = explained(tenants, "bob", **about | {"apiname": "updateProjectRole"})
    assert told["allowed"] is False
    assert told["reason"][-1] == ("in project apollo the member has role guest: rule 1, deny update* speaks of updateProjectRole")
    assert explained(tenants, "eva", userid=user(tenants, "abe"), **about)["reason"][-2:] == [
        "the project is of project apollo, of which only members use things: abe may use it",
        "in project apollo no role is asked beside the account's",
    ]
    assert "projectid" not in explained(tenants, "eva", **about)  # administrators are asked for no role in it
    told = explained(tenants, "ann", **about | {"apiname": "listZones"})
    assert (told["allowed"], told["reason"][-2]) == (False, "listZones takes no project")
    with pytest.raises(ParamError, match="there is no Project"):
        explained(tenants, "dan", **about)


def test_what_a_list_shows_is_looked_at(tenants: Tenants) -> None:
    size = tenants.call("ann", "listServiceOfferings", name="Small Instance")["serviceoffering"][0]["id"]
    told = explained(tenants, "ann", apiname="listServiceOfferings", resourceid=size, resourcetype="ServiceOffering")
    assert (told["allowed"], told["reason"][-1].endswith("ann may see it")) == (True, True)


def test_a_disabled_account_may_nothing(tenants: Tenants, cloud: Cloud) -> None:
    account = tenants.call(tenants.root, "listAccounts", name="ods", listall="true")["account"][0]["id"]
    finished(cloud, tenants.call(tenants.root, "disableAccount", id=account, lock="true")["jobid"])
    told = explained(tenants, tenants.root, accountid=account, apiname="listZones")
    assert (told["allowed"], told["reason"][0]) == (False, "account ods is locked: it may call nothing")


@pytest.mark.parametrize("who", ["ann", "dan", "ole"])
def test_of_others_only_their_administrators_ask(tenants: Tenants, who: str) -> None:
    for params in ({"userid": user(tenants, "abe")}, {"userid": tenants.root.user_uuid}):
        with pytest.raises(ParamError, match="entity does not exist"):
            explained(tenants, who, apiname="listZones", **params)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"apiname": "listNothing"}, "there is no command 'listNothing'"),
        ({"apiname": "listZones", "resourcetype": "Vpc"}, "without resourceid"),
        (
            {"apiname": "listZones", "resourcetype": "Nothing", "resourceid": "0" * 8 + "-0000-4000-8000-" + "0" * 12},
            "no kind of",
        ),
    ],
)
def test_what_cannot_be_asked(tenants: Tenants, params: dict[str, str], text: str) -> None:
    with pytest.raises(ParamError, match=text):
        explained(tenants, "ann", **params)
