"""A user's whole life: moved, made to change its password, counted."""

from __future__ import annotations

import pytest

from cloudwright.core.error import Denied, ParamError
from cloudwright.core.server import Server
from cloudwright.core.setting import Setting
from cloudwright.identity.gate import Gatekeeper
from cloudwright.identity.model import LoginSession, User
from tests.conftest import done
from tests.identity.conftest import PASSWORD, account
from tests.identity.test_http import Browser, served  # noqa: F401 - a fixture


def sessions(tenants, name):
    return tenants.cloud.db.read().count(LoginSession, LoginSession.c.user_uuid == tenants.fresh(name).user_uuid)


@pytest.mark.parametrize("end", ["disable", "lock", "delete", "password", "move"])
def test_sessions_end_with_what_they_stood_for(tenants, served, end):  # noqa: F811
    account(tenants.cloud, tenants.root, "amy", 0, tenants.domains["eng"])
    browser, id = Browser(served[0]), tenants.fresh("abe").user_uuid
    assert browser.sign_in("abe", "/eng")[0] == 200
    if end == "disable":
        done(tenants.cloud, tenants.root, "disableUser", id=id)
    elif end == "password":
        tenants.call(tenants.root, "updateUser", id=id, password="another one")
    elif end == "move":
        tenants.call(tenants.root, "moveUser", id=id, account="amy")
    else:
        tenants.call(tenants.root, f"{end}User", id=id)
    assert tenants.cloud.db.read().count(LoginSession, LoginSession.c.user_uuid == id) == 0


def test_a_moved_user_may_what_its_account_may(tenants):
    account(tenants.cloud, tenants.root, "adm", 2, tenants.domains["eng"])
    abe = tenants.fresh("abe")
    assert abe.role_type == "User"
    tenants.call(tenants.root, "moveUser", id=abe.user_uuid, account="adm")
    moved = tenants.fresh("abe")
    assert (moved.account, moved.role_type, moved.user_uuid) == ("adm", "DomainAdmin", abe.user_uuid)


@pytest.mark.parametrize("to", [{}, {"account": "dan"}, {"account": "nobody"}, {"account": "eva", "accountid": "x"}])
def test_moves_that_are_refused(tenants, to):
    with pytest.raises((ParamError, Exception), match=r"account"):
        tenants.call(tenants.root, "moveUser", id=tenants.fresh("abe").user_uuid, **to)
    assert tenants.fresh("abe").account == "ann"


def test_nobody_moves_where_it_may_not(tenants):
    with pytest.raises(ParamError, match="accountid"):
        tenants.call("eva", "moveUser", id=tenants.fresh("abe").user_uuid, accountid=tenants.fresh("ods").account_uuid)
    with pytest.raises(ParamError, match="domain /eng/"):
        tenants.call("eva", "moveUser", id=tenants.fresh("abe").user_uuid, accountid=tenants.fresh("dan").account_uuid)
    account(tenants.cloud, tenants.root, "boss", 1, tenants.domains["eng"])
    with pytest.raises(ParamError, match="no account 'boss' in that domain that you may change"):
        tenants.call("eva", "moveUser", id=tenants.fresh("abe").user_uuid, account="boss")
    with pytest.raises(Denied, match="by itself"):
        tenants.call("eva", "moveUser", id=tenants.fresh("eva").user_uuid, account="ann")


def test_a_password_that_is_due_comes_first(tenants, served):  # noqa: F811
    about = {"account": "ann", "domainid": tenants.domains["eng"], "email": "e@x.org", "firstname": "n", "lastname": "o"}
    tenants.call(tenants.root, "createUser", username="neo", password=PASSWORD, passwordchangerequired="true", **about)
    browser = Browser(served[0])
    told = browser.sign_in("neo", "/eng")[1]
    assert told["passwordchangerequired"] is True
    assert browser.ask("listUsers", method="GET")[0] == 531
    assert {api["name"] for api in browser.ask("listApis", method="GET")[1]["api"]} <= {"updateUser", "listApis"}
    new = {"password": "quite another", "currentpassword": PASSWORD}
    assert browser.ask("updateUser", id=told["userid"], passwordchangerequired="false")[0] == 531
    assert browser.ask("updateUser", id=told["userid"], **new)[0] == 200
    again = Browser(served[0])
    assert "passwordchangerequired" not in again.sign_in("neo", "/eng", "quite another")[1]
    assert again.ask("listUsers", method="GET")[0] == 200


@pytest.mark.parametrize(
    ("zone", "good"), [("Europe/Berlin", True), ("Etc/UTC", True), ("Mars/Olympus", False), ("../etc", False)]
)
def test_time_zones(tenants, zone, good):
    change = lambda: tenants.call("ann", "updateUser", id=tenants.fresh("ann").user_uuid, timezone=zone)  # noqa: E731
    if good:
        assert change()["user"]["timezone"] == zone
    else:
        with pytest.raises(ParamError, match="time zone"):
            change()


def test_calls_are_counted_told_and_forgiven(tenants):
    for name, value in (("enabled", "true"), ("interval", "1000"), ("max", "3")):
        tenants.cloud.db.write(lambda tx, name=name, value=value: Setting.by_name[f"api.throttling.{name}"].set(tx, value))
    keeper, ann = Gatekeeper(tenants.cloud.db), tenants.fresh("ann")
    assert [keeper.within_rate(ann) for _ in range(4)] == [True, True, True, False]
    told = tenants.call(ann, "getApiLimit")["apilimit"]
    assert (told["account"], told["apiIssued"], told["apiAllowed"]) == ("ann", 3, 0)
    assert 990_000 < told["expireAfter"] <= 1_000_000
    with pytest.raises(ParamError):
        tenants.call("ole", "resetApiLimit", account=ann.account_uuid)
    tenants.call("eva", "resetApiLimit", account=ann.account_uuid)
    assert tenants.call(ann, "getApiLimit")["apilimit"]["apiAllowed"] == 3
    assert keeper.within_rate(ann)


def test_root_is_told_which_server_it_signed_in_to(tenants, served):  # noqa: F811
    account(tenants.cloud, tenants.root, "ruth", 1, tenants.domains["eng"])
    root = Browser(served[0]).sign_in("ruth", "/eng")[1]
    assert root["managementserverid"] == tenants.cloud.db.read().find(Server).uuid
    assert "managementserverid" not in Browser(served[0]).sign_in("eva", "/eng")[1]


def test_a_user_is_found_by_its_key(tenants):
    id = tenants.fresh("ann").user_uuid
    tenants.call(tenants.root, "updateUser", id=id, userapikey="chosen", usersecretkey="s")
    assert tenants.call("eva", "getUser", userapikey="chosen")["user"]["id"] == id
    with pytest.raises(ParamError, match="userapikey"):
        tenants.call("ole", "getUser", userapikey="chosen")
    assert tenants.cloud.db.read().find(User, User.c.uuid == id).username == "ann"


def test_an_empty_text_takes_away_what_may_be_none(tenants):
    eng, ann = tenants.domains["eng"], tenants.fresh("ann")
    for command, named, key in (
        ("updateDomain", {"id": eng}, "domain"), ("updateAccount", {"account": "ann", "domainid": eng}, "account"),
    ):  # fmt: skip
        told = tenants.call(tenants.root, command, **named, networkdomain="eng.example.org")[key]
        assert told["networkdomain"] == "eng.example.org"
        assert tenants.call(tenants.root, command, **named)[key]["networkdomain"] == "eng.example.org"
        assert "networkdomain" not in tenants.call(tenants.root, command, **named, networkdomain="")[key]
    assert tenants.call(tenants.root, "updateUser", id=ann.user_uuid, timezone="UTC")["user"]["timezone"] == "UTC"
    assert "timezone" not in tenants.call(tenants.root, "updateUser", id=ann.user_uuid, timezone="")["user"]
    assert tenants.call(tenants.root, "updateUser", id=ann.user_uuid, username="")["user"]["username"] == "ann"
    about = {"name": "o", "cpunumber": "1", "cpuspeed": "500", "memory": "512", "hosttags": "h", "tags": "s"}
    made = tenants.call(tenants.root, "createServiceOffering", **about)["serviceoffering"]
    assert (made["hosttags"], made["storagetags"]) == ("h", "s")
    told = tenants.call(tenants.root, "updateServiceOffering", id=made["id"], hosttags="", storagetags="")["serviceoffering"]
    assert not {"hosttags", "storagetags"} & told.keys()


def test_the_key_told_is_one_that_is_accepted_now(tenants):
    ann = tenants.fresh("ann")

    def told():
        return tenants.call(ann, "getUserKeys", id=ann.user_uuid)["userkeys"].get("apikey")

    def made(**about):
        done(tenants.cloud, ann, "registerUserKeys", id=ann.user_uuid, **about)
        return max(tenants.call(ann, "listUserKeys")["userapikey"], key=lambda pair: pair["name"])["apikey"]

    later = made(name="1", startdate="2999-01-01")
    assert told() == later, "there is no other"
    now = made(name="2")
    made(name="3", startdate="2999-01-01")
    assert told() == now
