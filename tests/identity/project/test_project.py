"""Projects: made, seen by their members alone, and owners of what is made in them."""

from __future__ import annotations

from typing import Any

import pytest

from cloudwright.core.error import CloudError, Denied
from tests.conftest import finished

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGq8y7Sg3o2O6mB3rD2z6iVbYc1mH8l2F1Gf5b2k3cXy"


def made(tenants: Any, who: str = "ann", name: str = "apollo", **more: Any) -> str:
    answer = tenants.call(who, "createProject", name=name, **more)
    assert finished(tenants.cloud, answer["jobid"]).state == "done"
    id: str = answer["id"]
    return id


def names(tenants: Any, who: str, command: str, key: str, **params: Any) -> list[str]:
    return [row["name"] for row in tenants.call(who, command, **params).get(key, [])]


def test_a_project_is_its_members_and_their_administrators(tenants):
    id = made(tenants, displaytext="to the moon")
    told = tenants.call("ann", "listProjects", id=id)["project"][0]
    assert (told["name"], told["displaytext"], told["state"], told["domain"]) == ("apollo", "to the moon", "Active", "eng")
    assert told["owner"] == [{"account": "ann"}]
    assert told["projectaccountname"].startswith("PrjAcct-apollo-")
    seen = {
        who: names(tenants, who, "listProjects", "project", listall="true") for who in ("eva", "ann", "abe", "dan", "ole", "ods")
    }
    assert seen == {"eva": ["apollo"], "ann": ["apollo"], "abe": ["apollo"], "dan": [], "ole": [], "ods": []}
    assert names(tenants, "eva", "listProjects", "project") == []


def test_what_is_made_in_a_project_is_the_projects(tenants):
    id = made(tenants)
    tenants.call("ann", "registerSSHKeyPair", name="own", publickey=KEY)
    pair = tenants.call("abe", "registerSSHKeyPair", name="shared", publickey=KEY, projectid=id)["keypair"]
    assert (pair.get("account"), pair["project"], pair["projectid"], pair["domain"]) == (None, "apollo", id, "eng")

    def pairs(who: str, **params: Any) -> list[str]:
        return names(tenants, who, "listSSHKeyPairs", "sshkeypair", **params)

    assert pairs("ann") == ["own"] == pairs("ann", listall="true")
    assert pairs("ann", projectid=id) == ["shared"] == pairs("ann", projectid="-1")
    assert (
        pairs("ann", projectid="-1", listall="true") == ["own", "shared"] == pairs(tenants.root, projectid="-1", listall="true")
    )
    assert pairs("ann", id=pair["id"]) == ["shared"]
    assert pairs("eva") == [] == pairs("dan", projectid="-1")
    assert pairs("eva", listall="true") == ["own"] == pairs(tenants.root, listall="true")
    assert pairs("eva", projectid="-1") == ["shared"] == pairs("eva", projectid=id)
    assert pairs("ole", projectid="-1", listall="true") == []


@pytest.mark.parametrize("who", ["dan", "ods", "ole"])
def test_a_foreign_project_is_none(tenants, who):
    id, nothing = made(tenants), "00000000-0000-4000-8000-00000000dead"
    calls = [
        ("listSSHKeyPairs", {"projectid": "ID"}),
        ("registerSSHKeyPair", {"projectid": "ID", "name": "n", "publickey": KEY}),
        ("listProjects", {"id": "ID"}),
        ("updateProject", {"id": "ID", "displaytext": "mine"}),
    ]
    for command, params in calls:
        texts = []
        for project in (id, nothing):
            try:
                texts.append(str(tenants.call(who, command, **{k: v.replace("ID", project) for k, v in params.items()})))
            except CloudError as error:
                texts.append(f"{error.code} {error.text} {error.why}".replace(project, "ID"))
        assert texts[0] == texts[1], (command, texts)


def test_two_owners_are_one_too_many(tenants):
    with pytest.raises(CloudError, match="name two owners"):
        tenants.call("ann", "listSSHKeyPairs", projectid=made(tenants), account="ann")


def test_users_make_projects_where_they_may(tenants):
    tenants.call(tenants.root, "updateConfiguration", name="allow.user.create.projects", value="false")
    with pytest.raises(Denied, match="may not make projects"):
        tenants.call("ann", "createProject", name="p")
    id = made(tenants, "eva", "p", account="ann", domainid=tenants.domains["eng"])
    assert tenants.call("eva", "listProjects", id=id)["project"][0]["owner"] == [{"account": "ann"}]
    abe = tenants.fresh("abe")
    id = made(tenants, tenants.root, "q", accountid=abe.account_uuid, userid=abe.user_uuid)
    owner = {"account": "ann", "user": "abe", "userid": abe.user_uuid}
    assert tenants.call("abe", "listProjects", id=id)["project"][0]["owner"] == [owner]
    assert [names(tenants, who, "listProjects", "project") for who in ("ann", "abe")] == [["p"], ["p", "q"]]
    with pytest.raises(CloudError, match="there is no account"):
        tenants.call("ole", "createProject", name="r", account="ann", domainid=tenants.domains["ops"])
