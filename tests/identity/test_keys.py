"""API keys with rules of their own, from where they may be used, and what tells which one was."""

from __future__ import annotations

import pytest

from cloudwright.core.error import Denied, ParamError
from cloudwright.core.event import Event
from cloudwright.core.setting import Setting
from cloudwright.identity.gate import Gatekeeper
from cloudwright.identity.keys import NewKeyView
from cloudwright.identity.model import KeyPair
from tests.conftest import done
from tests.identity.test_http import Browser, served  # noqa: F401 - a fixture

RULES = {
    "rules[0].rule": "listAccounts", "rules[0].permission": "deny",
    "rules[1].rule": "list*", "rules[1].permission": "allow", "rules[1].description": "only look",
    "rules[2].rule": "createDomain", "rules[2].permission": "allow",
}  # fmt: skip


def key(tenants, who, **params):
    user = tenants.fresh(who)
    job = done(tenants.cloud, user, "registerUserKeys", id=user.user_uuid, name="narrow", **params)
    return tenants.cloud.db.read().find(KeyPair, KeyPair.c.uuid == job.instance_uuid)


def test_both_the_role_and_the_key_must_allow(tenants, served):  # noqa: F811
    pair, browser = key(tenants, "ann", **RULES), Browser(served[0])
    assert browser.ask("listUsers", method="GET", sign=pair)[0] == 200
    assert browser.ask("listAccounts", method="GET", sign=pair)[0] == 432  # the key denies, the role allows
    assert browser.ask("updateUser", sign=pair, id=tenants.fresh("ann").user_uuid, email="x@y")[0] == 432  # no rule speaks of it
    assert browser.ask("createDomain", sign=pair, name="x")[0] == 432  # the key allows, the role does not
    offered = {api["name"] for api in browser.ask("listApis", method="GET", sign=pair)[1]["api"]}
    assert "listUsers" in offered
    assert not offered & {"listAccounts", "updateUser", "createDomain"}


def test_its_rules_are_told(tenants):
    pair = key(tenants, "ann", **RULES)
    told = tenants.call("ann", "listUserKeyRules", keypairid=pair.uuid)["keypermission"]
    assert [(rule["rule"], rule["permission"], rule["description"]) for rule in told] == [
        ("listAccounts", "deny", ""), ("list*", "allow", "only look"), ("createDomain", "allow", ""),
    ]  # fmt: skip
    (row,) = tenants.call("ann", "listUserKeys", showpermissions="true")["userapikey"]
    assert row["permissions"] == told
    assert "permissions" not in tenants.call("ann", "listUserKeys")["userapikey"][0]
    assert NewKeyView.tell_one(tenants.cloud.db.read(), pair.id, tenants.fresh("ann"))["permissions"] == told


@pytest.mark.parametrize("entry", [{"rules[0].rule": "list;"}, {"rules[0].rule": "list*", "rules[0].permission": "maybe"}])
def test_rules_that_are_none_are_refused(tenants, entry):
    with pytest.raises(ParamError, match="rules"):
        key(tenants, "ann", **entry)


def test_a_narrowed_key_makes_no_wider_ones(tenants):
    everything = {"rules[0].rule": "*", "rules[0].permission": "allow"}
    pair = key(tenants, "ann", **everything)
    caller = Gatekeeper(tenants.cloud.db).by_api_key(pair.api_key)[1]
    id = caller.user_uuid
    own = {"userapikey": "k", "usersecretkey": "s"}
    for command, more in (("registerUserKeys", {}), ("getUserKeys", {}), ("updateUser", own)):
        with pytest.raises(Denied, match="rules of its own"):
            tenants.call(caller, command, id=id, **more)
    with pytest.raises(Denied, match="rules of its own"):
        tenants.call(caller, "deleteUserKeys", keypairid=pair.uuid)


def test_events_and_jobs_tell_the_key_to_root(tenants, served):  # noqa: F811
    pair, browser = key(tenants, "eva"), Browser(served[0])
    abe = tenants.fresh("abe").user_uuid
    job = browser.ask("disableUser", sign=pair, id=abe)[1]["jobid"]
    from tests.conftest import finished

    finished(tenants.cloud, job)
    (event, later) = tenants.cloud.db.read().all(Event, Event.c.kind_of == "USER.DISABLE")
    assert {event.api_key, later.api_key} == {pair.api_key[:8]}
    assert later.job == job
    told = tenants.call(tenants.root, "listEvents", type="USER.DISABLE", listall="true")["event"]
    assert {row["apikey"] for row in told} == {pair.api_key[:8]}
    assert all("apikey" not in row for row in tenants.call("eva", "listEvents", listall="true")["event"])


def test_keys_are_used_from_the_accounts_networks_only(tenants, served):  # noqa: F811
    pair, other, browser = key(tenants, "ann"), key(tenants, "dan"), Browser(served[0])
    account = tenants.fresh("ann").account_id
    where = ("account", account)
    tenants.cloud.db.write(lambda tx: Setting.by_name["api.allowed.source.cidr.list"].set(tx, "192.0.2.0/24", *where))
    assert browser.ask("listUsers", method="GET", sign=pair)[0] == 401
    assert browser.ask("listUsers", method="GET", sign=other)[0] == 200
    tenants.cloud.db.write(lambda tx: Setting.by_name["api.allowed.source.cidr.list"].set(tx, "127.0.0.0/8", *where))
    assert browser.ask("listUsers", method="GET", sign=pair)[0] == 200
