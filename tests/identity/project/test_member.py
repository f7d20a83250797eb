"""Members of projects: added, invited, appointed, removed."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from cloudwright.core.error import CloudError, Denied, InUse, ParamError, Unavailable, WrongState
from cloudwright.core.setting import Setting
from cloudwright.identity.project.model import ProjectInvitation, ProjectMember
from tests.conftest import finished
from tests.identity.conftest import PASSWORD, account
from tests.identity.mailbox import mailbox
from tests.identity.project.test_project import KEY, made, names


def job(tenants: Any, who: Any, command: str, **params: Any) -> Any:
    row = finished(tenants.cloud, tenants.call(who, command, **params)["jobid"])
    assert row.state == "done", (command, row.error)
    return row


def setting(tenants: Any, name: str, value: str) -> None:
    tenants.cloud.db.write(lambda tx: Setting.by_name[name].set(tx, value))


def members(tenants: Any, id: str, who: Any = "ann", **params: Any) -> list[tuple[Any, ...]]:
    rows = tenants.call(who, "listProjectAccounts", projectid=id, **params).get("projectaccount", [])
    return [(row["account"], row.get("username"), row["role"]) for row in rows]


def posted_by(tenants: Any, port: int) -> None:
    """Have invitations sent through the mail server at this port."""
    values = {"smtp.host": "127.0.0.1", "smtp.port": str(port), "email.sender": "cloud@example.org"}
    for name, value in values.items():
        setting(tenants, f"project.{name}", value)


@pytest.fixture
def project(tenants: Any) -> str:
    """Project apollo of ann in /eng/, where there are bob and cat, too."""
    for name in ("bob", "cat"):
        account(tenants.cloud, tenants.root, name, 0, tenants.domains["eng"])
    return made(tenants)


def of_bob(tenants: Any, name: str) -> str:
    """Another user of the account bob."""
    about = {"email": "x@example.org", "firstname": "x", "lastname": "y", "password": PASSWORD, "account": "bob"}
    id: str = tenants.call(tenants.root, "createUser", username=name, domainid=tenants.domains["eng"], **about)["user"]["id"]
    return id


def test_an_account_joins_and_leaves(tenants, project):
    job(tenants, "ann", "addAccountToProject", projectid=project, account="bob")
    assert members(tenants, project) == [("ann", None, "Admin"), ("bob", None, "Regular")] == members(tenants, project, "bob")
    assert members(tenants, project, role="regular") == [("bob", None, "Regular")]
    assert members(tenants, project, keyword="AN") == [("ann", None, "Admin")]
    assert names(tenants, "bob", "listProjects", "project") == ["apollo"]
    tenants.call("bob", "registerSSHKeyPair", name="his", publickey=KEY, projectid=project)
    with pytest.raises(ParamError, match="entity does not exist"):
        tenants.call("bob", "addAccountToProject", projectid=project, account="cat")
    with pytest.raises(Denied, match="Only administrators"):
        tenants.call("bob", "deleteAccountFromProject", projectid=project, account="ann")
    with pytest.raises(ParamError, match="in project apollo already"):
        tenants.call("ann", "addAccountToProject", projectid=project, account="bob")
    with pytest.raises(ParamError, match="no other administrator"):
        tenants.call("ann", "deleteAccountFromProject", projectid=project, account="ann")
    job(tenants, "bob", "deleteAccountFromProject", projectid=project, account="bob")
    assert members(tenants, project) == [("ann", None, "Admin")]
    assert names(tenants, "bob", "listSSHKeyPairs", "sshkeypair", projectid="-1") == []
    assert names(tenants, "bob", "listProjects", "project") == []
    with pytest.raises(ParamError, match="entity does not exist"):
        tenants.call("bob", "listSSHKeyPairs", projectid=project)
    assert names(tenants, "ann", "listSSHKeyPairs", "sshkeypair", projectid=project) == ["his"]


def test_a_user_alone_is_a_member(tenants, project):
    ben, bea = of_bob(tenants, "ben"), of_bob(tenants, "bea")
    job(tenants, "ann", "addUserToProject", projectid=project, username="bea")
    job(tenants, "ann", "addUserToProject", projectid=project, username="ben", roletype="Admin")
    with pytest.raises(Denied, match="Only administrators"):  # of another user of its account, too
        tenants.call("bea", "deleteUserFromProject", projectid=project, userid=ben)
    job(tenants, "bea", "deleteUserFromProject", projectid=project, userid=bea)
    assert members(tenants, project) == [("ann", None, "Admin"), ("bob", "ben", "Admin")]
    seen = {who: names(tenants, who, "listProjects", "project") for who in ("ben", "bob")}
    assert seen == {"ben": ["apollo"], "bob": []}
    job(tenants, "ben", "addAccountToProject", projectid=project, account="bob")  # in the place of its user
    assert members(tenants, project) == [("ann", None, "Admin"), ("bob", None, "Regular")]
    with pytest.raises(ParamError, match="Account bob is in project apollo already"):
        tenants.call("ann", "addUserToProject", projectid=project, username="ben")
    with pytest.raises(ParamError, match="there is no user"):
        tenants.call("ann", "deleteUserFromProject", projectid=project, userid=ben)


def test_a_removed_user_and_a_removed_account_are_no_members(tenants, project):
    ben = of_bob(tenants, "ben")
    job(tenants, "ann", "addUserToProject", projectid=project, username="ben")
    job(tenants, "ann", "addAccountToProject", projectid=project, account="cat")
    tenants.call(tenants.root, "deleteUser", id=ben)
    cat = tenants.call(tenants.root, "listAccounts", name="cat", listall="true")["account"][0]["id"]
    job(tenants, tenants.root, "deleteAccount", id=cat)
    assert members(tenants, project) == [("ann", None, "Admin")]
    ann = tenants.call(tenants.root, "listAccounts", name="ann", listall="true")["account"][0]["id"]
    with pytest.raises(InUse, match="apollo"):
        tenants.call(tenants.root, "deleteAccount", id=ann)


def test_another_administers(tenants, project):
    with pytest.raises(ParamError, match="there is no account 'bob'"):
        tenants.call("ann", "updateProject", id=project, account="bob")
    job(tenants, "ann", "addAccountToProject", projectid=project, account="bob")
    job(tenants, "ann", "updateProject", id=project, account="bob", swapowner="false", roletype="Admin", displaytext="both")
    assert members(tenants, project, role="Admin") == [("ann", None, "Admin"), ("bob", None, "Admin")]
    job(tenants, "bob", "updateProject", id=project, account="bob")  # alone
    assert members(tenants, project) == [("ann", None, "Regular"), ("bob", None, "Admin")]
    with pytest.raises(ParamError, match="entity does not exist"):
        tenants.call("ann", "updateProject", id=project, name="mine")
    with pytest.raises(ParamError, match="cannot become a regular member"):
        tenants.call("bob", "updateProject", id=project, account="bob", roletype="Regular")
    with pytest.raises(ParamError, match="swapowner"):
        tenants.call("bob", "updateProject", id=project, account="ann", roletype="Regular", swapowner="true")
    assert tenants.call("eva", "listProjects", id=project)["project"][0]["owner"] == [{"account": "bob"}]


def test_administrators_of_the_domain_add_members(tenants, project):
    job(tenants, "eva", "addAccountToProject", projectid=project, account="cat")
    job(tenants, tenants.root, "addAccountToProject", projectid=project, account="bob", roletype="Admin")
    assert members(tenants, project)[1:] == [("cat", None, "Regular"), ("bob", None, "Admin")]
    with pytest.raises(ParamError, match="entity does not exist"):
        tenants.call("ole", "addAccountToProject", projectid=project, account="bob")
    for name in ("dan", "nobody"):  # of another domain, of none
        with pytest.raises(ParamError, match=f"there is no account '{name}' in the domain"):
            tenants.call("ann", "addAccountToProject", projectid=project, account=name)


def invitations(tenants: Any, who: Any, **params: Any) -> list[tuple[Any, ...]]:
    rows = tenants.call(who, "listProjectInvitations", **params).get("projectinvitation", [])
    return [(row.get("account"), row.get("email"), row["state"]) for row in rows]


def test_an_invitation_is_accepted_or_declined(tenants, project):
    setting(tenants, "project.invite.required", "true")
    for name in ("bob", "cat"):
        job(tenants, "ann", "addAccountToProject", projectid=project, account=name)
    assert invitations(tenants, "ann", projectid=project) == [("bob", None, "Pending"), ("cat", None, "Pending")]
    assert invitations(tenants, "ann") == [] == invitations(tenants, "ole", listall="true")
    assert invitations(tenants, "bob") == [("bob", None, "Pending")] == invitations(tenants, "bob", listall="true")
    assert len(invitations(tenants, "eva", listall="true", activeonly="true")) == 2
    assert members(tenants, project) == [("ann", None, "Admin")]
    with pytest.raises(ParamError, match="open already"):
        tenants.call("ann", "addAccountToProject", projectid=project, account="bob")
    job(tenants, "bob", "updateProjectInvitation", projectid=project)
    job(tenants, "cat", "updateProjectInvitation", projectid=project, accept="false")
    assert members(tenants, project) == [("ann", None, "Admin"), ("bob", None, "Regular")]
    assert invitations(tenants, "ann", projectid=project, state="declined") == [("cat", None, "Declined")]
    with pytest.raises(ParamError, match="no open invitation"):
        tenants.call("cat", "updateProjectInvitation", projectid=project)
    job(tenants, "ann", "addAccountToProject", projectid=project, account="cat")
    [row] = tenants.call("ann", "listProjectInvitations", projectid=project, state="Pending")["projectinvitation"]
    with pytest.raises(ParamError, match="entity does not exist"):
        tenants.call("cat", "deleteProjectInvitation", id=row["id"])
    job(tenants, "ann", "deleteProjectInvitation", id=row["id"])
    assert invitations(tenants, "cat") == []


def test_whom_nobody_invited_learns_nothing(tenants, project):
    nothing, said = "00000000-0000-4000-8000-00000000dead", []
    for id in (project, nothing):
        with pytest.raises(ParamError) as refused:
            tenants.call("dan", "updateProjectInvitation", projectid=id, token="x")
        said.append((refused.value.text.replace(id, "ID"), refused.value.why))
    assert said[0] == said[1]


def test_an_invitation_expires(tenants, project):
    setting(tenants, "project.invite.required", "true")
    job(tenants, "ann", "addAccountToProject", projectid=project, account="bob")
    db = tenants.cloud.db
    row = db.read().find(ProjectInvitation)
    assert row is not None
    assert 86300 < row.expires - time.time() <= 86400
    db.write(lambda tx: tx.update(row, expires=time.time() - 1))
    assert invitations(tenants, "bob") == [("bob", None, "Expired")] == invitations(tenants, "bob", state="Expired")
    assert invitations(tenants, "bob", activeonly="true") == [] == invitations(tenants, "bob", state="Pending")
    with pytest.raises(ParamError, match="no open invitation"):
        tenants.call("bob", "updateProjectInvitation", projectid=project)
    job(tenants, "ann", "addAccountToProject", projectid=project, account="bob")  # in its place
    assert invitations(tenants, "bob") == [("bob", None, "Pending")]


def test_a_token_is_mailed_and_lets_its_holder_in_once(tenants, project):
    with pytest.raises(Unavailable, match="cannot be sent"):
        tenants.call("ann", "addAccountToProject", projectid=project, email="cat@example.org")
    assert invitations(tenants, "ann", projectid=project) == []
    with mailbox() as post:
        posted_by(tenants, post.port)
        job(tenants, "ann", "addAccountToProject", projectid=project, email="cat@example.org", roletype="Admin")
        sender, to, letter, _ = post.next()
    assert (sender, to, letter["Subject"]) == ("cloud@example.org", ["cat@example.org"], "Invitation to project apollo")
    found = re.search(r"Token: (\S+)", letter.get_content())
    assert found is not None
    token = found.group(1)
    assert token not in str(tenants.call("ann", "listProjectInvitations", projectid=project))
    for who, given in (("cat", "wrong"), ("dan", token), ("cat", None)):  # dan is of another domain
        with pytest.raises(ParamError, match="no open invitation"):
            tenants.call(who, "updateProjectInvitation", projectid=project, **({"token": given} if given else {}))
    job(tenants, "cat", "updateProjectInvitation", projectid=project, token=token)
    assert members(tenants, project)[1:] == [("cat", None, "Admin")]
    with pytest.raises(ParamError, match="no open invitation"):
        tenants.call("bob", "updateProjectInvitation", projectid=project, token=token)


def test_an_invitation_that_cannot_be_mailed_is_taken_back(tenants, project):
    with mailbox(needs_login=True) as post:
        posted_by(tenants, post.port)
        row = finished(
            tenants.cloud, tenants.call("ann", "addAccountToProject", projectid=project, email="x@example.org")["jobid"]
        )
    assert (row.state, "did not take the invitation" in str(row.error)) == ("failed", True)
    assert invitations(tenants, "ann", projectid=project) == []


def test_a_suspended_project_is_left_alone(tenants, project):
    job(tenants, "ann", "addAccountToProject", projectid=project, account="bob")
    pair = tenants.call("ann", "registerSSHKeyPair", name="k", publickey=KEY, projectid=project)["keypair"]
    job(tenants, "ann", "suspendProject", id=project)
    assert tenants.call("bob", "listProjects")["project"][0]["state"] == "Suspended"
    for who, command, params in (
        ("bob", "registerSSHKeyPair", {"name": "n", "publickey": KEY, "projectid": project}),
        ("ann", "deleteSSHKeyPair", {"name": "k", "projectid": project}),
        ("ann", "addAccountToProject", {"account": "cat", "projectid": project}),
        (tenants.root, "registerSSHKeyPair", {"name": "n", "publickey": KEY, "projectid": project}),
    ):
        with pytest.raises(WrongState, match="Project apollo is Suspended"):
            tenants.call(who, command, **params)
    assert names(tenants, "bob", "listSSHKeyPairs", "sshkeypair", projectid=project) == [pair["name"]]
    job(tenants, "ann", "activateProject", id=project)
    tenants.call("bob", "deleteSSHKeyPair", name="k", projectid=project)


def test_a_deleted_project_takes_all_with_it(tenants, project):
    job(tenants, "ann", "addAccountToProject", projectid=project, account="bob")
    tenants.call("ann", "registerSSHKeyPair", name="k", publickey=KEY, projectid=project)
    with pytest.raises(InUse, match="owns 1 ssh key pair"):
        tenants.call("ann", "deleteProject", id=project)
    with pytest.raises(CloudError, match="entity does not exist"):
        tenants.call("bob", "deleteProject", id=project, cleanup="true")
    job(tenants, "ann", "deleteProject", id=project, cleanup="true")
    assert names(tenants, tenants.root, "listProjects", "project", listall="true") == []
    assert tenants.cloud.db.read().all(ProjectMember) == []
    assert made(tenants) != project  # its name is free again


def test_what_is_written_on_a_project_does_not_keep_it(tenants, project):
    tag = {"resourcetype": "Project", "resourceids": project, "tags[0].key": "a", "tags[0].value": "b"}
    job(tenants, "ann", "createTags", **tag)
    job(tenants, "ann", "deleteProject", id=project)
    told = tenants.call(tenants.root, "listEvents", type="PROJECT.DELETE", listall="true", projectid="-1")["event"]
    assert {event["resourceid"] for event in told} == {project}
    assert "Completed" in {event["state"] for event in told}
    assert tenants.call("ann", "listTags", listall="true") == {}


def test_a_domain_goes_with_its_projects(tenants, project):
    tenants.call("ann", "registerSSHKeyPair", name="k", publickey=KEY, projectid=project)
    job(tenants, tenants.root, "deleteDomain", id=tenants.domains["eng"], cleanup="true")
    assert tenants.cloud.db.read().all(ProjectMember) == []


def test_who_leaves_a_project_still_learns_how_it_went(tenants, project):
    """The job is the project's, and about what its asker does not see any more."""
    job(tenants, "ann", "addAccountToProject", projectid=project, account="bob")
    left = job(tenants, "bob", "deleteAccountFromProject", projectid=project, account="bob")
    told = tenants.call("bob", "queryAsyncJobResult", jobid=left.uuid)
    assert (told["jobstatus"], told["jobresult"]) == (1, {"success": True})
    with pytest.raises(ParamError, match="no such job that you may see"):
        tenants.call("cat", "queryAsyncJobResult", jobid=left.uuid)
    changed = job(tenants, "ann", "updateProject", id=project, displaytext="secret plans")
    job(tenants, "ann", "addAccountToProject", projectid=project, account="cat", roletype="Admin")
    assert "secret plans" in str(tenants.call("ann", "queryAsyncJobResult", jobid=changed.uuid))
    job(tenants, "cat", "deleteAccountFromProject", projectid=project, account="ann")
    assert tenants.call("ann", "queryAsyncJobResult", jobid=changed.uuid)["jobresult"] == {"success": True}
    assert tenants.call("ann", "listAsyncJobs", listall="true") == {}
    with pytest.raises(ParamError, match="no such job that you may see"):
        tenants.call("ann", "cancelJob", jobid=changed.uuid)
    gone = job(tenants, "cat", "deleteProject", id=project)
    assert tenants.call("cat", "queryAsyncJobResult", jobid=gone.uuid)["jobresult"] == {"success": True}
