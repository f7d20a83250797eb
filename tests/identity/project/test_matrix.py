"""Who may do what with a project and with what it owns: every kind of caller by every kind of command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from cloudwright.core.error import CloudError
from cloudwright.drivers.world import MemoryWorld
from cloudwright.identity import permission
from cloudwright.identity.caller import caller_of, root_caller
from cloudwright.identity.model import User
from tests.conftest import finished
from tests.identity.conftest import PASSWORD, Tenants, account
from tests.identity.project.test_project import KEY as PUBLIC
from tests.installed import KEY, installed

NOTHING = "00000000-0000-4000-8000-00000000dead"
CALLERS = (
    "root", "reader", "resource", "own", "sibling", "administrator", "member", "guest", "alone", "other", "elsewhere",
)  # fmt: skip
"""Root, a read-only administrator, the resource and domain administrators of the project's domain, one of a sibling domain; of
the project its administrator, a regular member, one with a role that only looks, a user alone; another account, one elsewhere."""

SEES = "root reader resource own administrator member guest alone"
USES = "root resource own administrator member alone"
RULES = "root resource own administrator"
MATRIX = {  # command: (parameters, who may; for others it is not there, or not allowed)
    "listProjects": ({"id": "PROJECT"}, SEES),
    "listProjectAccounts": ({"projectid": "PROJECT"}, SEES),
    "listProjectRoles": ({"projectid": "PROJECT"}, SEES),
    "listSSHKeyPairs": ({"projectid": "PROJECT"}, SEES),
    "registerSSHKeyPair": ({"projectid": "PROJECT", "name": "new", "publickey": PUBLIC}, USES),
    "deleteSSHKeyPair": ({"projectid": "PROJECT", "name": "pair"}, USES),
    "updateProject": ({"id": "PROJECT", "displaytext": "x"}, RULES),
    "suspendProject": ({"id": "PROJECT"}, RULES),
    "activateProject": ({"id": "PROJECT"}, RULES),
    "deleteProject": ({"id": "PROJECT", "cleanup": "true"}, RULES),
    "addAccountToProject": ({"projectid": "PROJECT", "account": "other"}, RULES),
    "deleteAccountFromProject": ({"projectid": "PROJECT", "account": "member"}, RULES + " member"),
    "createProjectRole": ({"projectid": "PROJECT", "name": "new"}, RULES),
    "updateProjectRole": ({"projectid": "PROJECT", "id": "ROLE", "name": "new"}, RULES),
    "createProjectRolePermission": (
        {"projectid": "PROJECT", "projectroleid": "ROLE", "rule": "list*", "permission": "deny"}, RULES,
    ),
    "deleteProjectRolePermission": ({"projectid": "PROJECT", "id": "RULE"}, RULES),
    "listProjectRolePermissions": ({"projectid": "PROJECT"}, SEES),
}  # fmt: skip


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    cloud = Cloud(installed(tmp_path_factory.mktemp("db")), key=KEY, world=MemoryWorld())
    cloud.start()
    try:
        yield _built(Tenants(cloud=cloud, root=root_caller(cloud.db.read()), domains={}))
    finally:
        cloud.stop()


def _built(scene: Any) -> Any:
    cloud, root = scene.cloud, scene.root
    for name in ("home", "away"):
        scene.domains[name] = scene.call(root, "createDomain", name=name)["domain"]["id"]
    home, away = scene.domains["home"], scene.domains["away"]
    for name in ("administrator", "member", "guest", "company", "other"):
        account(cloud, root, name, 0, home)
    about = {"email": "x@example.org", "firstname": "x", "lastname": "y", "password": PASSWORD}
    scene.call(root, "createUser", username="alone", account="company", domainid=home, **about)
    for name, kind, domain in (("resource", 3, home), ("own", 2, home), ("sibling", 2, away), ("elsewhere", 0, away)):
        account(cloud, root, name, kind, domain)
    role = scene.call(root, "listRoles", name="Read-Only Admin - Default")["role"][0]["id"]
    scene.call(root, "createAccount", username="reader", roleid=role, **about)
    scene.project = job(scene, "administrator", "createProject", name="apollo").instance_uuid
    of = {"projectid": scene.project}
    scene.role = scene.call("administrator", "createProjectRole", name="guest", **of)["projectrole"]["id"]
    for rule, permit in (("list*", "allow"), ("*", "deny")):
        says = {"projectroleid": scene.role, "rule": rule, "permission": permit}
        told = scene.call("administrator", "createProjectRolePermission", **of, **says)
    scene.rule = told["projectrolepermission"]["id"]
    job(scene, "administrator", "addAccountToProject", account="member", **of)
    job(scene, "administrator", "addAccountToProject", account="guest", projectroleid=scene.role, **of)
    job(scene, "administrator", "addUserToProject", username="alone", **of)
    scene.call("administrator", "registerSSHKeyPair", name="pair", publickey=PUBLIC, **of)
    return scene


def job(scene: Any, who: str, command: str, **params: Any) -> Any:
    row = finished(scene.cloud, scene.call(who, command, **params)["jobid"])
    assert row.state == "done", (command, row.error)
    return row


def caller(scene: Any, name: str) -> Caller:
    if name == "root":
        return scene.root
    reader = scene.cloud.db.read()
    user = reader.find(User, User.c.username == name)
    assert user is not None
    return caller_of(reader, user)


def asked(scene: Any, who: str, command: str, project: str) -> str:
    """What the wire would tell, tried without doing it."""
    me = caller(scene, who)
    if not permission.allowed(scene.cloud.db.read(), me.role_id, me.role_type, command):
        return "432 role"
    ids = {"PROJECT": project, "ROLE": scene.role, "RULE": scene.rule}
    sent = {name: ids.get(value, value) for name, value in MATRIX[command][0].items()}
    try:
        told = scene.call(me, command, **sent, **({} if command.startswith("list") else {"dryrun": "true"}))
    except CloudError as error:
        return f"{error.code} {error.text}".replace(project, "ID")
    return "done" if told else "nothing"


@pytest.mark.parametrize("command", MATRIX)
def test_who_may(scene, command):
    may = {who for who in CALLERS if asked(scene, who, command, scene.project) == "done"}
    assert may == set(MATRIX[command][1].split())


@pytest.mark.parametrize("command", MATRIX)
def test_whoever_has_no_part_in_it_learns_nothing(scene, command):
    for who in ("sibling", "other", "elsewhere"):
        answers = [asked(scene, who, command, project) for project in (scene.project, NOTHING)]
        assert answers[0] == answers[1], (who, answers)
        assert answers[0] != "done"
