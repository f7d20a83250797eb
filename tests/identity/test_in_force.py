"""Each single reason for which a user, a key or an account may not call: by every way in, and no longer than it holds."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from cloudwright.core.access import Kind
from cloudwright.core.event import Event
from cloudwright.core.secret import Secret
from cloudwright.core.wire import WireError
from cloudwright.identity import gate, source
from cloudwright.identity.gate import Gatekeeper
from cloudwright.identity.model import Account, Domain, KeyPair, Role, User
from cloudwright.identity.source import Judgement, Verdict
from tests.identity.conftest import PASSWORD
from tests.identity.matrix import NOTHING

CLOSED = [
    (User, {"gone": 1}),
    (User, {"state": "disabled"}),
    (User, {"away": True}),
    (Account, {"gone": 1}),
    (Account, {"state": "locked"}),
    (Domain, {"gone": 1}),
    (Domain, {"state": "Inactive"}),
    (Role, {"state": "Disabled"}),
]


@pytest.fixture
def keeper(tenants):
    return Gatekeeper(tenants.cloud.db)


def put(tenants, kind, id, **values):
    tenants.cloud.db.write(lambda tx: tx.execute(kind.t.update().where(kind.c.id == id).values(**values)))


def user(tenants, name):
    return tenants.cloud.db.read().find(User, User.c.username == name)


def pair(tenants, name, **more):
    made = KeyPair(user_id=tenants.fresh(name).user_id, api_key=f"key of {name}", secret_key=Secret("s"), **more)
    return tenants.cloud.db.write(lambda tx: tx.insert(made))


def test_one_reason_alone_closes_every_way_in(tenants, keeper):
    dan, eva = tenants.fresh("dan"), tenants.fresh("eva")
    ids = {User: dan.user_id, Account: dan.account_id, Domain: dan.domain_id, Role: dan.role_id}
    for name in ("dan", "eva"):
        pair(tenants, name)
    known = user(tenants, "dan")
    for kind, values in CLOSED:
        row = tenants.cloud.db.read().get(kind, ids[kind])
        put(tenants, kind, row.id, **values)
        assert keeper.by_uuid(dan.user) is None, (kind, values)
        assert keeper.by_api_key("key of dan") is None, (kind, values)
        with pytest.raises(WireError, match=r"dan in domain /eng/dev/ .* is locked or disabled"):
            keeper.welcome(known)
        assert keeper.by_uuid(eva.user_uuid) == eva
        assert keeper.by_api_key("key of eva")[1].user_id == eva.user_id
        put(tenants, kind, row.id, **{name: getattr(row, name) for name in values})
        assert keeper.by_uuid(dan.user) == dan, (kind, values)
        assert keeper.by_api_key("key of dan") is not None, (kind, values)


def test_a_removed_key_is_none(tenants, keeper):
    made = pair(tenants, "ann", ends=4e9)
    assert keeper.by_api_key("key of ann") is not None
    put(tenants, KeyPair, made.id, gone=made.id)
    assert keeper.by_api_key("key of ann") is None


def test_a_wrong_password_is_counted_of_one_user_and_forgiven_to_one(tenants, keeper):
    was = {name: user(tenants, name).version for name in ("ann", "abe", "dan")}
    for name, path in (("ann", "/eng/"), ("abe", "/eng/")):
        keeper.sign_in(name, "wrong", path, None)
    assert [user(tenants, name).failed_logins for name in was] == [1, 1, 0]
    assert keeper.sign_in("ann", PASSWORD, "/eng/", None) is not None
    assert keeper.sign_in("dan", PASSWORD, "/eng/dev/", None) is not None
    assert [user(tenants, name).failed_logins for name in was] == [0, 1, 0]
    assert [user(tenants, name).version - was[name] for name in was] == [2, 1, 0]


def test_a_key_is_in_force_from_its_start_to_before_its_end(tenants, keeper, monkeypatch):
    pair(tenants, "ann", starts=100.0, ends=200.0)
    now = SimpleNamespace(value=0.0)
    monkeypatch.setattr(gate, "time", SimpleNamespace(time=lambda: now.value))
    told = []
    for now.value in (99.9, 100.0, 199.9, 200.0):
        told.append(keeper.by_api_key("key of ann") is not None)
    assert told == [False, True, True, False]


def test_a_domain_is_named_by_its_own_id(tenants, keeper):
    for id in ("eng", "9" * 18, "9" * 30, "", NOTHING):
        assert keeper.sign_in("ann", PASSWORD, "/eng/", id) is None, id
    for id in (str(tenants.fresh("ann").domain_id), tenants.domains["eng"]):
        assert keeper.sign_in("ann", PASSWORD, "/nowhere/", id).caller.username == "ann"


def test_a_user_made_at_its_first_sign_in_is_signed_in_and_nobody_is_not(tenants, keeper, monkeypatch, caplog):
    said = []
    monkeypatch.setattr(source, "_newcomers", [lambda db, domain, name, given: said[0]])
    for said[:] in ([Judgement(Verdict.NO, "it is not in the directory")], [Judgement(Verdict.YES)]):
        assert keeper.sign_in("new", PASSWORD, "/", tenants.domains["eng"]) is None
    assert "user 'new' of domain /eng/ is not signed in: it is not in the directory" in caplog.text
    assert tenants.cloud.db.read().count(Event, Event.c.kind_of == "USER.LOGIN") == 0
    said[:] = [Judgement(Verdict.YES, user=user(tenants, "abe"))]
    assert keeper.sign_in("new", PASSWORD, "/eng/", None).caller.username == "abe"


def test_a_no_that_is_no_wrong_password_is_not_counted(tenants, keeper):
    put(tenants, User, tenants.fresh("ann").user_id, source="saml2")
    assert keeper.sign_in("ann", PASSWORD, "/eng/", None) is None
    assert user(tenants, "ann").failed_logins == 0
    (event,) = tenants.cloud.db.read().all(Event, Event.c.kind_of == "USER.LOGIN")
    assert (event.level, "was not signed in: users of its SAML identity provider" in event.description) == ("WARN", True)


def test_too_many_wrong_passwords_disable_once_and_only_who_is_enabled(tenants, keeper):
    tenants.call(tenants.root, "lockUser", id=tenants.fresh("abe").user_uuid)
    for _ in range(7):
        keeper.sign_in("ann", "wrong", "/eng/", None)
        keeper.sign_in("abe", "wrong", "/eng/", None)
    assert (user(tenants, "ann").state, user(tenants, "abe").state) == ("disabled", "locked")
    told = tenants.cloud.db.read().all(Event, Event.c.kind_of == "USER.DISABLE")
    assert [(event.level, event.instance_uuid) for event in told] == [("WARN", user(tenants, "ann").uuid)]


def test_who_signs_in_is_told_what_there_is_to_tell(tenants, keeper):
    put(tenants, User, tenants.fresh("ann").user_id, timezone="Etc/GMT-3")
    put(tenants, User, tenants.fresh("abe").user_id, timezone="Nowhere/Else")
    put(tenants, User, tenants.fresh("eva").user_id, password_due=True)
    told = {name: keeper.sign_in(name, PASSWORD, "/eng/", None).fields for name in ("ann", "abe", "eva")}
    assert [fields.get("timezoneoffset") for fields in told.values()] == ["3.0", None, None]
    assert [fields.get("passwordchangerequired", "") for fields in told.values()] == ["", "", True]
    assert all(value is not None for fields in told.values() for value in fields.values())


def test_root_is_told_its_server(tenants, keeper):
    assert "managementserverid" not in keeper.welcome(user(tenants, "admin")).fields
    keeper.server = lambda: "here"
    told = [keeper.welcome(user(tenants, name)).fields for name in ("admin", "ann")]
    assert [fields.get("managementserverid") for fields in told] == ["here", None]


def test_the_system_calls_as_itself(keeper):
    assert (keeper.system().username, keeper.system().kind) == ("system", Kind.ROOT)


@pytest.mark.parametrize(("own", "mandated"), [(False, False), (True, False), (False, True)])
def test_a_second_factor_is_due_where_the_user_or_an_administrator_says_so(tenants, keeper, own, mandated):
    ann = tenants.fresh("ann")
    put(tenants, User, ann.user_id, two_factor=own, two_factor_mandated=mandated)
    assert keeper.by_uuid(ann.user_uuid).two_factor is tenants.fresh("ann").two_factor is (own or mandated)
    told = keeper.welcome(user(tenants, "ann")).fields
    assert told["is2faenabled"] == str(own or mandated).lower()
