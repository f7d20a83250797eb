"""Settings about accounts and users: each changes at once what the API does."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from cloudwright.core.error import Denied, ParamError
from cloudwright.core.wire import WireError
from cloudwright.identity.gate import Gatekeeper
from cloudwright.identity.model import User
from tests.conftest import done
from tests.identity.conftest import PASSWORD, Tenants, account

SEVERAL = "user.allow.multiple.accounts"
SHOWN = "allow.user.view.all.domain.accounts"
EQUALS = "role.types.allowed.for.operations.on.accounts.of.same.role.type"
AMONG = "allow.operations.on.users.in.same.account"
SECRET = "use.secret.key.in.response"


def put(tenants: Tenants, name: str, value: str, domain: str = "") -> None:
    at = {"domainid": tenants.domains[domain]} if domain else {}
    tenants.call(tenants.root, "updateConfiguration", name=name, value=value, **at)


def user(tenants: Tenants, name: str, account: str = "ann", domain: str = "eng", **more: Any) -> str:
    about = {"email": f"{name}@example.org", "firstname": name, "lastname": account, "password": PASSWORD, **more}
    told = tenants.call(tenants.root, "createUser", username=name, account=account, domainid=tenants.domains[domain], **about)
    id: str = told["user"]["id"]
    return id


def ids(tenants: Tenants) -> dict[str, str]:
    return {row.username: row.uuid for row in tenants.cloud.db.read().all(User)}


def test_a_name_is_one_users_of_its_domain_unless_the_domain_allows_one_in_each_account(tenants):
    with pytest.raises(ParamError, match="already a user abe in domain /eng/, of account ann") as refused:
        user(tenants, "abe", "eva")
    assert refused.value.param == "username"
    put(tenants, SEVERAL, "true", "eng")
    mate = user(tenants, "abe", "eva")
    with pytest.raises(ParamError, match="of account ann"):
        user(tenants, "abe")
    with pytest.raises(ParamError, match="already a user dan in domain /eng/dev/"):
        user(tenants, "dan", "dan", "dev")
    with pytest.raises(ParamError, match="of account ann"):
        tenants.call(tenants.root, "moveUser", id=mate, account="ann")
    about = {"email": "x", "firstname": "x", "lastname": "x", "password": "x"}
    where = {"domainid": tenants.domains["eng"], "accounttype": "0"}
    tenants.call(tenants.root, "createAccount", username="abe", account="third", **about, **where)
    told = tenants.call(tenants.root, "listUsers", username="abe", listall="true")["user"]
    assert sorted(row["account"] for row in told) == ["ann", "eva", "third"]
    put(tenants, SEVERAL, "false", "eng")
    with pytest.raises(ParamError, match="already a user abe"):
        tenants.call(tenants.root, "updateUser", id=ids(tenants)["ann"], username="abe")
    tenants.call(tenants.root, "updateUser", id=mate, email="new@example.org")  # those there are, stay
    tenants.call(tenants.root, "deleteUser", id=mate)
    with pytest.raises(ParamError, match="already a user abe"):
        user(tenants, "abe", "eva")


def test_the_database_holds_names_apart(tenants):
    """Whatever two servers decide at the same time."""
    with pytest.raises(sa.exc.IntegrityError):
        tenants.cloud.db.write(lambda tx: tx.update(tx.find(User, User.c.username == "abe"), username="ann"))
    put(tenants, SEVERAL, "true")
    user(tenants, "neo", "eva")
    second = user(tenants, "neo")
    third = user(tenants, "trin")
    for taken, one in (("trin", second), ("neo", third)):
        with pytest.raises(sa.exc.IntegrityError):
            tenants.cloud.db.write(
                lambda tx, one=one, taken=taken: tx.update(tx.find(User, User.c.uuid == one), username=taken, named_in=0)
            )


def test_of_users_of_one_name_the_one_signs_in_whose_password_it_is(tenants):
    gate = Gatekeeper(tenants.cloud.db)
    put(tenants, SEVERAL, "true", "eng")
    put(tenants, "incorrect.login.attempts.allowed", "2")
    mate = user(tenants, "abe", "eva", password="another one")

    def signed_in(given: str) -> str | None:
        signed = gate.sign_in("abe", given, "/eng/", None)
        return signed and signed.caller.account

    assert [signed_in(given) for given in (PASSWORD, "another one", "another one", "another one")] == ["ann", "eva", "eva", "eva"]
    tenants.call(tenants.root, "updateUser", id=mate, password=PASSWORD)
    assert signed_in(PASSWORD) == "ann", "the first, where it is both's"
    done(tenants.cloud, tenants.root, "disableUser", id=ids_of(tenants, "abe")["ann"])
    assert signed_in(PASSWORD) == "eva", "the first that may"
    assert [signed_in("wrong"), signed_in("wrong")] == [None, None]
    with pytest.raises(WireError, match="locked or disabled"):
        signed_in(PASSWORD)


def ids_of(tenants: Tenants, name: str) -> dict[str, str]:
    told = tenants.call(tenants.root, "listUsers", username=name, listall="true")["user"]
    return {row["account"]: row["id"] for row in told}


def test_users_are_told_the_names_of_their_domains_accounts_where_it_says_so(tenants):
    def seen(who: str, **params: Any) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in tenants.call(who, "listAccounts", **params).get("account", [])}

    ann = seen("ann")
    assert set(ann) == {"ann"} == set(seen("ann", listall="true", isrecursive="true"))
    put(tenants, SHOWN, "true", "eng")
    shown = seen("ann")
    assert set(shown) == {"ann", "eva"}, "none of the domains below"
    assert shown["ann"] == ann["ann"]
    assert set(shown["eva"]) == {"id", "name", "accounttype", "state", "created", "domainid", "domain", "domainpath", "isdefault"}
    assert set(seen("ann", name="eva")) == {"eva"}
    assert set(seen("dan", listall="true")) == {"dan"}
    assert set(seen("ods", listall="true")) == {"ods"}
    assert tenants.call("ann", "listUsers", listall="true")["count"] == 2, "users are not told of"
    with pytest.raises(ParamError, match="no account 'eva' in that domain that you may use"):
        tenants.call("ann", "listVolumes", account="eva", domainid=tenants.domains["eng"])
    eva = {"resourceid": shown["eva"]["id"], "resourcetype": "Account"}
    tag = {"tags[0].key": "k", "tags[0].value": "v"}
    tenants.call(tenants.root, "createTags", resourceids=eva["resourceid"], resourcetype="Account", **tag)
    assert tenants.call("ann", "listTags", **eva) == {}
    with pytest.raises(ParamError, match="'accountdetails' is not one of"):
        tenants.call("ann", "listAccounts", facets="accountdetails")
    put(tenants, SHOWN, "false", "eng")
    assert set(seen("ann")) == {"ann"}


def test_role_types_whose_users_act_on_equals(tenants):
    domain = tenants.domains["eng"]
    account(tenants.cloud, tenants.root, "eve", 2, domain)
    account(tenants.cloud, tenants.root, "boss", 1, domain)
    eve, boss = ids(tenants)["eve"], ids(tenants)["boss"]
    tenants.call("eva", "updateUser", id=eve, firstname="Evelyn")
    put(tenants, EQUALS, "Admin", "eng")
    about = {"username": "new", "account": "eve", "email": "x", "firstname": "x", "lastname": "x", "password": "x"}
    refused = [
        lambda: tenants.call("eva", "updateUser", id=eve, firstname="Eve"),
        lambda: tenants.call("eva", "disableUser", id=eve),
        lambda: tenants.call("eva", "getUserKeys", id=eve),
        lambda: tenants.call("eva", "updateAccount", account="eve", domainid=domain, newname="eves"),
        lambda: tenants.call("eva", "createUser", **about),
    ]
    for ask in refused:
        with pytest.raises(Denied, match="has a role of type DomainAdmin, as the caller has") as denied:
            ask()
        assert EQUALS in denied.value.why[0]
    tenants.call("eva", "updateUser", id=ids(tenants)["eva"], firstname="E")  # itself
    tenants.call("eva", "updateUser", id=ids(tenants)["ann"], firstname="A")  # one of less
    tenants.call(tenants.root, "updateUser", id=boss, firstname="B")
    put(tenants, EQUALS, "DomainAdmin", "eng")
    tenants.call("eva", "updateUser", id=eve, firstname="Eve")
    with pytest.raises(Denied, match="type Admin"):
        tenants.call(tenants.root, "updateUser", id=boss, firstname="B")
    with pytest.raises(ParamError, match="'owner' is none"):
        put(tenants, EQUALS, "Admin, Owner")


def test_whether_users_act_on_others_of_their_account(tenants):
    mate = user(tenants, "evan", "eva")
    tenants.call("eva", "updateUser", id=mate, firstname="Evan")
    put(tenants, AMONG, "false", "eng")
    for command, params in (("updateUser", {"firstname": "E"}), ("deleteUser", {}), ("lockUser", {}), ("registerUserKeys", {})):
        with pytest.raises(Denied, match="another user of the caller's own account"):
            tenants.call("eva", command, id=mate, **params)
    tenants.call("eva", "updateUser", id=ids(tenants)["eva"], firstname="E")
    tenants.call("eva", "updateUser", id=ids(tenants)["ann"], firstname="A")
    tenants.call(tenants.root, "updateUser", id=mate, firstname="E")


def test_secret_keys_in_answers_about_users(tenants):
    tenants.call(tenants.root, "updateUser", id=ids(tenants)["abe"], userapikey="k", usersecretkey="s3cret")

    def told() -> dict[str, tuple[str | None, ...]]:
        found = {}
        for who in ("admin", "eva", "ann", "abe"):
            rows = tenants.call(who, "listUsers", username="abe", listall="true")["user"]
            changed = tenants.call(who, "updateUser", id=rows[0]["id"], lastname="L")["user"] if who != "ann" else {}
            found[who] = (rows[0].get("secretkey"), changed.get("secretkey"))
        return found

    assert set(told().values()) == {(None, None)}
    assert tenants.call("eva", "getUser", userapikey="k")["user"].get("secretkey") is None
    put(tenants, SECRET, "true")
    s = "s3cret"
    assert told() == {"admin": (s, s), "eva": (None, None), "ann": (None, None), "abe": (s, s)}
    assert tenants.call("eva", "getUser", userapikey="k")["user"]["secretkey"] == s
    narrowed = replace(tenants.fresh("abe"), key_id=1)
    assert "secretkey" not in tenants.call(narrowed, "listUsers", username="abe")["user"][0], "a key with rules reads no keys"
