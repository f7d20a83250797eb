import threading
import time

import pytest

from cloudwright.core.event import Event
from cloudwright.core.secret import Secret
from cloudwright.core.setting import Setting
from cloudwright.core.wire import WireError
from cloudwright.identity import password, rate
from cloudwright.identity.gate import Gatekeeper
from cloudwright.identity.model import KeyPair, User
from tests.conftest import done
from tests.identity.conftest import PASSWORD


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def keeper(tenants):
    rate.rates(tenants.cloud.db.read()).clock = Clock()
    return Gatekeeper(tenants.cloud.db)


def put(tenants, name, value, **scope):
    where = {"scope": next(iter(scope)), "scope_id": next(iter(scope.values()))} if scope else {}
    tenants.cloud.db.write(lambda tx: Setting.by_name[name].set(tx, value, **where))


def user(tenants, name):
    return tenants.cloud.db.read().find(User, User.c.username == name)


def close(tenants, what, name):
    if what == "role":
        role = tenants.call(tenants.root, "createRole", name="r", type="User")["role"]["id"]
        tenants.call(tenants.root, "updateAccount", id=tenants.fresh(name).account_uuid, roleid=role)
        tenants.call(tenants.root, "disableRole", id=role)
    elif what == "account":
        done(tenants.cloud, tenants.root, "disableAccount", id=tenants.fresh(name).account_uuid, lock="true")
    else:
        tenants.call(tenants.root, "lockUser", id=tenants.fresh(name).user_uuid)


@pytest.mark.parametrize(
    ("path", "id"), [("/eng/", None), ("/", "uuid"), ("/", "number")], ids=["by path", "by uuid", "by number"]
)
def test_the_right_password_signs_in(tenants, keeper, path, id):
    domain = {"uuid": tenants.domains["eng"], "number": str(tenants.fresh("ann").domain_id), None: None}[id]
    signed = keeper.sign_in("ann", PASSWORD, path, domain)
    assert signed.caller == tenants.fresh("ann")
    assert {k: signed.fields[k] for k in ("username", "account", "type", "registered")} == {
        "username": "ann", "account": "ann", "type": "0", "registered": "false",
    }  # fmt: skip
    assert tenants.cloud.db.read().count(Event, Event.c.kind_of == "USER.LOGIN") == 1


@pytest.mark.parametrize(
    ("name", "given", "path"),
    [("ann", "wrong", "/eng/"), ("ann", PASSWORD, "/ops/"), ("nobody", PASSWORD, "/eng/"), ("system", "", "/")],
)
def test_anything_else_does_not(keeper, name, given, path):
    assert keeper.sign_in(name, given, path, None) is None


def test_an_unknown_user_costs_as_much_as_a_known_one(keeper, monkeypatch):
    asked = []
    monkeypatch.setattr(password, "matches", lambda stored, given: asked.append(stored.reveal()) or False)
    keeper.sign_in("ann", "x", "/eng/", None)
    keeper.sign_in("nobody", "x", "/eng/", None)
    keeper.sign_in("ann", "x", "/no/such/domain/", None)
    assert [bool(stored) for stored in asked] == [True, False, False]


def test_refusing_nobody_costs_a_hash_as_refusing_somebody_does(monkeypatch):
    """A name that does not exist must not be told by the time its refusal takes: one hash is checked for it, too."""
    checked = []
    hasher = password._HASHER

    class Counting:
        def verify(self, hashed, given):
            checked.append(hashed)
            return hasher.verify(hashed, given)

        def __getattr__(self, name):
            return getattr(hasher, name)

    stored = Secret(password.hashed("one"))
    monkeypatch.setattr(password, "_HASHER", Counting())
    assert not password.matches(stored, "two")
    assert not password.matches(Secret(""), "two")
    assert len(checked) == 2


@pytest.mark.parametrize("what", ["user", "account", "role"])
def test_whoever_is_closed_is_out_by_every_way(tenants, keeper, what):
    done(tenants.cloud, tenants.root, "registerUserKeys", id=tenants.fresh("dan").user_uuid)
    key = tenants.cloud.db.read().find(KeyPair).api_key
    assert keeper.by_api_key(key) is not None
    close(tenants, what, "dan")
    assert keeper.by_api_key(key) is None
    assert keeper.by_uuid(user(tenants, "dan").uuid) is None
    with pytest.raises(WireError, match="locked or disabled"):
        keeper.sign_in("dan", PASSWORD, "/eng/dev/", None)
    assert keeper.sign_in("dan", "wrong", "/eng/dev/", None) is None


def test_five_wrong_passwords_disable_a_user(tenants, keeper):
    for _ in range(4):
        assert keeper.sign_in("ann", "wrong", "/eng/", None) is None
    assert keeper.sign_in("ann", PASSWORD, "/eng/", None) is not None
    for _ in range(5):
        assert user(tenants, "ann").state == "enabled"
        keeper.sign_in("ann", "wrong", "/eng/", None)
    assert user(tenants, "ann").state == "disabled"
    with pytest.raises(WireError, match="locked or disabled"):
        keeper.sign_in("ann", PASSWORD, "/eng/", None)
    tenants.call("eva", "enableUser", id=user(tenants, "ann").uuid)
    assert keeper.sign_in("ann", PASSWORD, "/eng/", None) is not None


def test_guesses_side_by_side_are_all_counted(tenants, keeper):
    put(tenants, "incorrect.login.attempts.allowed", "0")
    threads = [threading.Thread(target=keeper.sign_in, args=("ann", "wrong", "/eng/", None)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (user(tenants, "ann").failed_logins, user(tenants, "ann").state) == (12, "enabled")


def test_nobody_can_lock_out_root(tenants, keeper):
    for _ in range(7):
        keeper.sign_in("admin", "wrong", "/", None)
    assert user(tenants, "admin").state == "enabled"


def test_keys_are_accepted_in_their_time_only(tenants, keeper):
    now = time.time()
    cases = [("past", None, now - 1), ("future", now + 60, None), ("now", now - 1, now + 60), ("not yet", None, None)]
    for key, starts, ends in cases:
        pair = KeyPair(
            user_id=tenants.fresh("ann").user_id, api_key=key, secret_key=password.Secret("s"), starts=starts, ends=ends
        )
        pair.in_force = key != "not yet"
        tenants.cloud.db.write(lambda tx, pair=pair: tx.insert(pair))
    assert [key for key, _, _ in cases if keeper.by_api_key(key)] == ["now"]
    secret, caller = keeper.by_api_key("now")
    assert (secret, caller.username, caller.api_key) == ("s", "ann", "now")


def test_the_narrowest_word_on_key_access_holds(tenants, keeper):
    ann = tenants.fresh("ann")
    pair = KeyPair(user_id=ann.user_id, api_key="k", secret_key=password.Secret("s"))
    tenants.cloud.db.write(lambda tx: tx.insert(pair))
    put(tenants, "api.key.access", "false", domain=ann.domain_id)
    assert keeper.by_api_key("k") is None
    tenants.call(tenants.root, "updateAccount", id=ann.account_uuid, apikeyaccess="ENABLED")
    assert keeper.by_api_key("k") is not None
    tenants.call(tenants.root, "updateUser", id=ann.user_uuid, apikeyaccess="DISABLED")
    assert keeper.by_api_key("k") is None
    tenants.call(tenants.root, "updateUser", id=ann.user_uuid, apikeyaccess="INHERIT")
    assert keeper.by_api_key("k") is not None


@pytest.mark.parametrize(
    ("networks", "peer", "admitted"),
    [
        ("0.0.0.0/0,::/0", "192.0.2.1", True),
        ("0.0.0.0/0,::/0", "2001:db8::1", True),
        ("192.0.2.0/24", "192.0.2.7", True),
        ("192.0.2.0/24", "::ffff:192.0.2.7", True),
        ("192.0.2.0/24", "198.51.100.7", False),
        ("192.0.2.0/24", "2001:db8::1", False),
        ("", "192.0.2.7", False),
        ("0.0.0.0/0", "not an address", False),
    ],
)
def test_addresses(tenants, keeper, networks, peer, admitted):
    ann = tenants.fresh("ann")
    put(tenants, "api.allowed.source.cidr.list", networks, account=ann.account_id)
    assert keeper.admitted(ann, peer) is admitted
    assert keeper.admitted(tenants.fresh("dan"), "192.0.2.7")
    put(tenants, "api.source.cidr.checks.enabled", "false")
    assert keeper.admitted(ann, peer)


def test_an_accounts_calls_are_limited_together(tenants, keeper):
    for name, value in (("enabled", "true"), ("interval", "2"), ("max", "4"), ("cachesize", "2")):
        put(tenants, f"api.throttling.{name}", value)
    ann, abe, dan, eva = (tenants.fresh(name) for name in ("ann", "abe", "dan", "eva"))
    assert [keeper.within_rate(who) for who in (ann, abe, ann, abe, ann, abe)] == [True] * 4 + [False] * 2
    assert keeper.within_rate(dan)
    assert all(keeper.within_rate(tenants.root) for _ in range(20))
    rate.rates(tenants.cloud.db.read()).clock.now += 0.5  # half a second at two a second
    assert [keeper.within_rate(ann), keeper.within_rate(abe)] == [True, False]
    for who in (dan, eva, ann, dan, eva):
        keeper.within_rate(who)
    assert len(rate.rates(tenants.cloud.db.read())._buckets) == 2
