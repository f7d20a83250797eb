"""Each single reason for which a user, a key or an account may not call: by every way in, and no longer than it holds."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from cloudwright.core.secret import Secret
from cloudwright.core.wire import WireError
from cloudwright.identity import gate
from cloudwright.identity.gate import Gatekeeper
from cloudwright.identity.model import Account, Domain, KeyPair, Role, User
from tests.identity.conftest import PASSWORD

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
        assert keeper.by_uuid(dan.user_uuid) is None, (kind, values)
        assert keeper.by_api_key("key of dan") is None, (kind, values)
        with pytest.raises(WireError, match=r"dan in domain /eng/dev/ .* is locked or disabled"):
            keeper.welcome(known)
        assert keeper.by_uuid(eva.user_uuid) == eva
        assert keeper.by_api_key("key of eva")[1].user_id == eva.user_id
        put(tenants, kind, row.id, **{name: getattr(row, name) for name in values})
        assert keeper.by_uuid(dan.user_uuid) == dan, (kind, values)
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
