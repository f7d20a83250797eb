import pytest

from cloudwright.compute.model import SshKeyPair
from cloudwright.core.error import Denied, InUse, ParamError
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Tx
from cloudwright.identity import belongings
from cloudwright.identity.model import Account, KeyPair, LoginSession, User
from tests.conftest import call, done, finished
from tests.identity.conftest import PASSWORD

NEW = {"username": "new", "password": PASSWORD, "email": "n@example.org", "firstname": "N", "lastname": "W"}


def names(told, key="account"):
    return {row["name"] for row in told.get(key, [])}


def own_key(tenants, name):
    who = tenants.fresh(name)
    pair = SshKeyPair(account_id=who.account_id, domain_id=who.domain_id, name="k", fingerprint="f", public_key="p")
    tenants.cloud.db.write(lambda tx: tx.insert(pair))


def session_of(tenants, name):
    row = LoginSession(digest=name, user_uuid=tenants.fresh(name).user_uuid, key_digest="k", began=0.0, seen=9e9)
    tenants.cloud.db.write(lambda tx: tx.insert(row))


@pytest.mark.parametrize(("kind", "role"), [(0, "User"), (1, "Root Admin"), (2, "Domain Admin"), (3, "Resource Admin")])
def test_the_type_gives_the_role(tenants, kind, role):
    told = tenants.call(tenants.root, "createAccount", **NEW, accounttype=kind)["account"]
    assert (told["rolename"], told["accounttype"], told["user"][0]["username"]) == (role, kind, "new")


def test_an_account_needs_a_role_or_a_type_that_agree(tenants):
    with pytest.raises(ParamError, match="one of the parameters roleid and accounttype"):
        tenants.call(tenants.root, "createAccount", **NEW)
    role = tenants.call(tenants.root, "listRoles", name="User")["role"][0]["id"]
    with pytest.raises(ParamError, match="not the type of role User"):
        tenants.call(tenants.root, "createAccount", **NEW, accounttype=1, roleid=role)


def test_a_domain_administrator_gives_no_more_than_it_has(tenants):
    with pytest.raises(Denied, match="Root Admin may do more"):
        tenants.call("eva", "createAccount", **NEW, accounttype=1)
    role = tenants.call(tenants.root, "createRole", name="strong", type="User")["role"]["id"]
    tenants.call(tenants.root, "createRolePermission", roleid=role, rule="createRole*", permission="allow")
    with pytest.raises(Denied) as refused:
        tenants.call("eva", "createAccount", **NEW, roleid=role)
    assert "the first is createRole" in refused.value.why[0]
    assert tenants.call("eva", "createAccount", **NEW, accounttype=2)["account"]["domain"] == "eng"


def test_a_root_administrator_in_a_domain_is_not_that_domains_to_change(tenants):
    made = tenants.call(tenants.root, "createAccount", **NEW, accounttype=1, domainid=tenants.domains["dev"])["account"]
    for command, extra in (("updateUser", {"password": "x"}), ("registerUserKeys", {}), ("deleteUser", {})):
        with pytest.raises(ParamError, match="entity does not exist"):
            tenants.call("eva", command, id=made["user"][0]["id"], **extra)
    with pytest.raises(ParamError, match="entity does not exist"):
        tenants.call("eva", "deleteAccount", id=made["id"])


def test_names_are_unique_in_their_domain(tenants):
    with pytest.raises(ParamError, match="same domain and name"):
        tenants.call(
            tenants.root,
            "createAccount",
            **{**NEW, "username": "zoe"},
            account="ann",
            accounttype=0,
            domainid=tenants.domains["eng"],
        )
    tenants.call(tenants.root, "createAccount", **{**NEW, "username": "ann"}, accounttype=0, domainid=tenants.domains["ops"])


def test_lists_follow_listall_domain_and_id(tenants):
    everybody = {"system", "admin", "eva", "ann", "dan", "ole", "ods"}
    assert names(tenants.call(tenants.root, "listAccounts")) == {"admin"}
    assert names(tenants.call(tenants.root, "listAccounts", listall="true")) == everybody
    assert names(tenants.call(tenants.root, "listAccounts", domainid=tenants.domains["eng"])) == {"eva", "ann"}
    assert names(tenants.call(tenants.root, "listAccounts", domainid=tenants.domains["eng"], isrecursive="true")) == {
        "eva",
        "ann",
        "dan",
    }
    assert names(tenants.call("eva", "listAccounts", listall="true")) == {"eva", "ann", "dan"}
    assert names(tenants.call("ann", "listAccounts", listall="true")) == {"ann"}
    assert names(tenants.call(tenants.root, "listAccounts", id=tenants.fresh("dan").account_uuid)) == {"dan"}
    assert names(tenants.call("ole", "listAccounts", id=tenants.fresh("dan").account_uuid)) == set()
    assert names(tenants.call(tenants.root, "listAccounts", listall="true", state="LOCKED")) == set()
    assert names(tenants.call(tenants.root, "listAccounts", listall="true", iscleanuprequired="true")) == set()


@pytest.mark.parametrize(("lock", "state"), [("true", "locked"), ("false", "disabled")])
def test_a_closed_account_is_out_at_once_and_comes_back(tenants, lock, state):
    session_of(tenants, "ann")
    id = tenants.fresh("ann").account_uuid
    done(tenants.cloud, tenants.root, "disableAccount", id=id, lock=lock)
    reader = tenants.cloud.db.read()
    assert reader.find(Account, Account.c.uuid == id).state == state
    assert reader.count(LoginSession) == 0
    assert tenants.call("eva", "enableAccount", account="ann")["account"]["state"] == "enabled"


def test_lock_account_locks(tenants):
    told = tenants.call(tenants.root, "lockAccount", account="ann", domainid=tenants.domains["eng"])
    assert told["account"]["state"] == "locked"


def test_ones_own_account_and_the_installations_stay(tenants):
    for who, account in (("eva", tenants.fresh("eva").account_uuid), (tenants.root, tenants.root.account_uuid)):
        with pytest.raises(Denied):
            tenants.call(who, "deleteAccount", id=account)
        with pytest.raises(Denied):
            tenants.call(who, "disableAccount", id=account, lock="false")


def test_update_changes_name_details_and_key_access(tenants):
    id = tenants.fresh("ann").account_uuid
    params = {"newname": "anna", "accountdetails[0].tier": "gold", "apikeyaccess": "disabled", "networkdomain": "eng.example.org"}
    told = call(tenants.cloud, tenants.root, "updateAccount", id=id, **params)["account"]
    assert (told["name"], told["accountdetails"], told["apikeyaccess"]) == ("anna", {"tier": "gold"}, "DISABLED")
    assert names(tenants.call(tenants.root, "listAccounts", listall="true", apikeyaccess="DISABLED")) == {"anna"}


def test_what_nobody_can_remove_keeps_its_account(tenants, monkeypatch):
    monkeypatch.setattr(belongings, "_kinds", {})
    own_key(tenants, "ann")
    with pytest.raises(InUse, match="Account ann still owns 1 ssh key pair"):
        tenants.call(tenants.root, "deleteAccount", id=tenants.fresh("ann").account_uuid)
    with pytest.raises(InUse, match="still owns 1 ssh key pair"):
        tenants.call(tenants.root, "deleteDomain", id=tenants.domains["eng"], cleanup="true")


def test_an_account_goes_with_users_keys_sessions_and_rows(tenants, monkeypatch):
    monkeypatch.setattr(belongings, "_kinds", {})
    belongings.belongs(SshKeyPair)
    own_key(tenants, "ann")
    own_key(tenants, "dan")
    session_of(tenants, "abe")
    done(tenants.cloud, tenants.root, "registerUserKeys", id=tenants.fresh("abe").user_uuid)
    done(tenants.cloud, tenants.root, "deleteAccount", id=tenants.fresh("ann").account_uuid)
    reader = tenants.cloud.db.read()
    left = {row.username for row in reader.all(User)}
    assert left & {"ann", "abe", "dan"} == {"dan"}
    assert (reader.count(KeyPair), reader.count(LoginSession), reader.count(SshKeyPair)) == (0, 0, 1)


class Scrap(Task, rank=15):
    """Removes a key pair, unless it is told to forget it."""

    pair: int
    works: bool = True

    @step
    def scrap(self, tx: Tx) -> None:
        row = tx.get(SshKeyPair, self.pair)
        if self.works and not row.gone:
            tx.remove(row)


@pytest.mark.parametrize("works", [True, False])
def test_what_has_tasks_goes_by_its_tasks(tenants, monkeypatch, works):
    monkeypatch.setattr(belongings, "_kinds", {})
    belongings.belongs(SshKeyPair, remove=lambda row: Scrap(pair=row.id, works=works))
    own_key(tenants, "ann")
    job = tenants.call(tenants.root, "deleteAccount", id=tenants.fresh("ann").account_uuid)["jobid"]
    ended = finished(tenants.cloud, job)
    assert ended.state == ("done" if works else "failed")
    if not works:
        assert "still owns 1 ssh key pair" in ended.error
        assert tenants.cloud.db.read().find(Account, Account.c.name == "ann").state == "enabled"


def test_disabling_stops_what_runs_and_locking_does_not(tenants, monkeypatch):
    monkeypatch.setattr(belongings, "_kinds", {})
    belongings.belongs(SshKeyPair, stop=lambda row: Scrap(pair=row.id))
    own_key(tenants, "ann")
    id = tenants.fresh("ann").account_uuid
    for lock, left in (("true", 1), ("false", 0)):
        done(tenants.cloud, tenants.root, "disableAccount", id=id, lock=lock)
        assert tenants.cloud.db.read().count(SshKeyPair) == left
