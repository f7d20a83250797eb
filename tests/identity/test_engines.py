"""Identity on the database servers that a cloud grows onto."""

import gc

import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.error import ParamError, Unsupported
from cloudwright.drivers.world import MemoryWorld
from cloudwright.identity.caller import root_caller
from cloudwright.identity.gate import Gatekeeper
from cloudwright.identity.model import Domain
from tests.conftest import KEY, call, done
from tests.databases import drop, fresh
from tests.identity.conftest import PASSWORD, Tenants, account


@pytest.mark.real
@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_a_tenants_life(engine, tmp_path):
    url = fresh(engine, tmp_path)
    made = Cloud(url, key=KEY, world=MemoryWorld())
    try:
        made.install()
        assert made.install() is None
        made.start()
        live(made)
    finally:
        made.stop()
        drop(url)
        gc.collect()  # a connection left open would be told here


def live(cloud):
    root = root_caller(cloud.db.read())
    domain = call(cloud, root, "createDomain", name="Ünï%")["domain"]["id"]
    below = call(cloud, root, "createDomain", name="dev_", parentdomainid=domain)["domain"]["id"]
    account(cloud, root, "eva", 2, domain)
    account(cloud, root, "dan", 0, below)
    tenants = Tenants(cloud=cloud, root=root, domains={})
    call(cloud, root, "updateDomain", id=domain, name="Ünder")
    assert tenants.fresh("dan").domain_path == "/Ünder/dev_/"
    for name in ("eva", "dan"):
        told = tenants.call(name, "listDomains", listall="true")["domain"]
        assert [row["name"] for row in told] == {"eva": ["Ünder", "dev_"], "dan": ["dev_"]}[name]
        assert told[0]["haschild"] is (name == "eva")
    assert len(tenants.call("eva", "listAccounts", listall="true")["account"]) == 2
    assert tenants.call("dan", "listUsers")["user"][0]["username"] == "dan"
    done(cloud, tenants.fresh("eva"), "registerUserKeys", id=tenants.fresh("dan").user_uuid)
    key = tenants.call("dan", "getUserKeys", id=tenants.fresh("dan").user_uuid)["userkeys"]
    keeper = Gatekeeper(cloud.db)
    assert keeper.by_api_key(key["apikey"]) == (key["secretkey"], caller_with(tenants.fresh("dan"), key["apikey"]))
    assert keeper.sign_in("dan", PASSWORD, "/Ünder/dev_/", None) is not None
    assert keeper.sign_in("dan", "wrong", "/Ünder/dev_/", None) is None
    assert keeper.permitted(tenants.fresh("eva"), "createDomain")
    assert not keeper.permitted(tenants.fresh("dan"), "createDomain")
    settings(tenants, domain, below)
    project(cloud, tenants, below)
    done(cloud, root, "deleteDomain", id=domain, cleanup="true")
    assert [row.path for row in cloud.db.read().all(Domain)] == ["/"]


def settings(tenants, domain, below):
    told = ("user.allow.multiple.accounts", "use.secret.key.in.response", "enable.domain.settings.for.child.domain")
    for name in (*told, "enable.user.2fa", "allow.user.view.all.domain.accounts"):
        tenants.call(tenants.root, "updateConfiguration", name=name, value="true")
    account(tenants.cloud, tenants.root, "ned", 0, below)
    about = {"email": "x", "firstname": "x", "lastname": "x", "password": PASSWORD, "domainid": below}
    twin = tenants.call(tenants.root, "createUser", username="dan", account="ned", **about)["user"]
    with pytest.raises(ParamError, match="already a user dan"):
        tenants.call(tenants.root, "createUser", username="dan", account="dan", **about)
    tenants.call(tenants.root, "deleteUser", id=twin["id"])
    tenants.call(tenants.root, "updateConfiguration", name="mandate.user.2fa", value="true", domainid=domain)
    dan = tenants.call("dan", "listUsers")["user"][0]
    assert (dan["is2famandated"], len(dan["secretkey"]) > 40) == (True, True)
    assert [row["name"] for row in tenants.call("dan", "listAccounts")["account"]] == ["dan", "ned"]


def project(cloud, tenants, domain):
    account(cloud, tenants.root, "bob", 0, domain)
    id = done(cloud, tenants.fresh("dan"), "createProject", name="Ünï").instance_uuid
    role = tenants.call("dan", "createProjectRole", projectid=id, name="guest")["projectrole"]["id"]
    says = {"rule": "delete*", "permission": "deny", "projectroleid": role}
    tenants.call("dan", "createProjectRolePermission", projectid=id, **says)
    done(cloud, tenants.fresh("dan"), "addAccountToProject", projectid=id, account="bob", projectroleid=role)
    tenants.call("bob", "createSSHKeyPair", name="k", projectid=id)
    for who, params, names in (
        ("bob", {"projectid": id}, ["k"]),
        ("bob", {"projectid": "-1", "listall": "true"}, ["k"]),
        ("bob", {}, []),
        ("eva", {"projectid": "-1"}, ["k"]),
        ("eva", {"listall": "true"}, []),
        (tenants.root, {"projectid": "-1", "listall": "true"}, ["k"]),
    ):
        told = tenants.call(who, "listSSHKeyPairs", **params).get("sshkeypair", [])
        assert [row["name"] for row in told] == names, (who, params)
    with pytest.raises(Unsupported):
        tenants.call("bob", "deleteSSHKeyPair", name="k", projectid=id)
    assert [row["role"] for row in tenants.call("bob", "listProjectAccounts", projectid=id)["projectaccount"]] == [
        "Admin",
        "Regular",
    ]
    assert len(tenants.call("bob", "listProjectAccounts", projectid=id, role="regular", keyword="BO")["projectaccount"]) == 1
    assert tenants.call("bob", "listProjects", username="dan")["project"][0]["owner"] == [{"account": "dan"}]
    assert tenants.call("eva", "listProjectInvitations", projectid=id, activeonly="true", listall="true") == {}
    done(cloud, tenants.fresh("dan"), "deleteProject", id=id, cleanup="true")


def caller_with(caller, key):
    import msgspec

    return msgspec.structs.replace(caller, api_key=key)
