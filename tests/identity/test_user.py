import logging

import msgspec
import pytest
import sqlalchemy as sa

from cloudwright.core import wire
from cloudwright.core.command import Verb
from cloudwright.core.error import CloudError, Denied, ParamError
from cloudwright.core.event import Event
from cloudwright.core.resource import metadata
from cloudwright.core.secret import Secret
from cloudwright.core.setting import Setting
from cloudwright.identity import password
from cloudwright.identity.keys import NewKeyView
from cloudwright.identity.model import KeyPair, LoginSession, User
from tests.conftest import done
from tests.identity.conftest import PASSWORD, PEOPLE, account


def user(tenants, name):
    return tenants.cloud.db.read().find(User, User.c.username == name)


def id_of(tenants, name):
    return tenants.fresh(name).user_uuid


def test_a_hash_matches_its_password_only():
    stored = Secret(password.hashed("one"))
    assert stored.reveal().startswith("$argon2id$")
    assert password.matches(stored, "one")
    assert not password.matches(stored, "two")
    assert not password.matches(Secret(""), "")
    assert not password.matches(Secret("not a hash"), "one")


@pytest.mark.parametrize(
    ("who", "whose", "current", "right"),
    [
        ("ann", "ann", PASSWORD, True),
        ("ann", "ann", None, False),
        ("ann", "ann", "wrong", False),
        ("eva", "ann", None, True),
        ("eva", "eva", None, False),
        ("eva", "eva", PASSWORD, True),
    ],
)
def test_who_must_give_the_current_password(tenants, who, whose, current, right):
    given = {} if current is None else {"currentpassword": current}
    change = lambda: tenants.call(who, "updateUser", id=id_of(tenants, whose), password="brand new", **given)  # noqa: E731
    if right:
        change()
    else:
        with pytest.raises(ParamError, match="currentpassword"):
            change()
    assert password.matches(user(tenants, whose).password, "brand new") is right


def test_a_new_password_ends_the_sessions(tenants):
    row = LoginSession(digest="d", user_uuid=id_of(tenants, "ann"), key_digest="k", began=0.0, seen=9e9)
    tenants.cloud.db.write(lambda tx: tx.insert(row))
    tenants.call(tenants.root, "updateUser", id=id_of(tenants, "ann"), password="brand new")
    assert tenants.cloud.db.read().count(LoginSession) == 0


def test_a_retry_with_a_token_answers_the_same(tenants):
    params = {"username": "neo", "account": "ann", "password": "pw", "email": "e", "firstname": "n", "lastname": "o"}
    params |= {"domainid": tenants.domains["eng"], "clienttoken": "t1"}
    first = tenants.call(tenants.root, "createUser", **params)
    assert tenants.call(tenants.root, "createUser", **params) == first


def test_the_password_policy_is_kept(tenants):
    settings = {"password.policy.minimum.length": "9", "password.policy.minimum.digits": "1"}
    for name, value in settings.items():
        tenants.cloud.db.write(lambda tx, name=name, value=value: Setting.by_name[name].set(tx, value))
    with pytest.raises(ParamError) as refused:
        tenants.call(tenants.root, "updateUser", id=id_of(tenants, "ann"), password="shorty!")
    assert refused.value.why == ["it has 7 characters, 9 are wanted", "it has 0 digits, 1 are wanted"]
    assert "shorty" not in refused.value.text
    tenants.call(tenants.root, "updateUser", id=id_of(tenants, "ann"), password="longer than 9")


def test_states(tenants):
    ann = id_of(tenants, "ann")
    assert tenants.call("eva", "lockUser", id=ann)["user"]["state"] == "locked"
    assert tenants.call("eva", "enableUser", id=ann)["user"]["state"] == "enabled"
    done(tenants.cloud, tenants.fresh("eva"), "disableUser", id=ann)
    assert user(tenants, "ann").state == "disabled"
    tenants.call("eva", "deleteUser", id=ann)
    assert user(tenants, "ann") is None
    assert tenants.call(tenants.root, "listUsers", listall="true", id=ann) == {}


@pytest.mark.parametrize("command", ["deleteUser", "lockUser", "disableUser"])
def test_oneself_and_the_installations_users_stay(tenants, command):
    with pytest.raises(Denied):
        tenants.call("eva", command, id=id_of(tenants, "eva"))
    for name in ("admin", "system"):
        with pytest.raises(Denied):
            tenants.call(tenants.root, command, id=id_of(tenants, name))


def test_keys_are_told_to_the_user_and_its_administrators_only(tenants):
    abe = id_of(tenants, "abe")
    task = done(tenants.cloud, tenants.fresh("eva"), "registerUserKeys", id=abe, name="laptop")
    secret = tenants.cloud.db.read().find(KeyPair).secret_key.reveal()
    number = int(task.instance.split(":")[1])
    reader = tenants.cloud.db.read()

    def told(who):
        return NewKeyView.tell_one(reader, number, tenants.fresh(who)).get("secretkey")

    assert (told("abe"), told("eva"), told("ann"), told("admin")) == (secret, secret, None, None)
    for who in ("abe", "eva", "admin"):
        assert tenants.call(who, "getUserKeys", id=abe)["userkeys"]["secretkey"] == secret
    for who in ("ann", "dan", "ole"):
        with pytest.raises(ParamError, match="entity does not exist"):
            tenants.call(who, "getUserKeys", id=abe)
    key = tenants.call("abe", "listUserKeys")["userapikey"][0]
    assert (key["name"], key["state"], key.get("secretkey")) == ("laptop", "ENABLED", None)
    assert tenants.call("ann", "listUserKeys") == {}
    with pytest.raises(ParamError, match="entity does not exist"):
        tenants.call("ann", "deleteUserKeys", keypairid=key["id"])
    assert tenants.call("eva", "getUser", userapikey=key["apikey"])["user"]["username"] == "abe"
    assert "secretkey" not in tenants.call("eva", "getUser", userapikey=key["apikey"])["user"]
    assert key["hasannotations"] is False
    seen = {who: tenants.call(who, "listUsers", username="abe", listall="true")["user"][0] for who in ("eva", "admin", "abe")}
    assert {who: row["apikey"] for who, row in seen.items()} == dict.fromkeys(seen, key["apikey"])
    assert not any("secretkey" in row for row in seen.values())
    beside = tenants.call("ann", "listUsers", listall="true").get("user", [])
    assert not any("apikey" in row for row in beside if row["username"] != "ann"), "who may not change a user sees no keys"
    for who in ("ole", "ann"):
        with pytest.raises(ParamError, match="userapikey"):
            tenants.call(who, "getUser", userapikey=key["apikey"])
    assert tenants.call("abe", "listUserKeyRules", keypairid=key["id"]) == {}
    done(tenants.cloud, tenants.fresh("abe"), "deleteUserKeys", keypairid=key["id"])
    assert tenants.call("abe", "getUserKeys", id=abe)["userkeys"] == {}


def test_keys_of_roots_administrators_are_not_told_to_those_of_domains(tenants):
    boss = account(tenants.cloud, tenants.root, "boss", 1, tenants.domains["dev"])["account"]["user"][0]["id"]
    done(tenants.cloud, tenants.root, "registerUserKeys", id=boss)
    for who, tells in (("eva", False), ("admin", True), ("boss", True)):
        assert ("apikey" in tenants.call(who, "listUsers", id=boss)["user"][0]) is tells, who


def test_by_a_narrowed_key_nobody_is_told_keys(tenants):
    done(tenants.cloud, tenants.root, "registerUserKeys", id=id_of(tenants, "ann"))
    eva = tenants.fresh("eva")
    for key, tells in ((eva.key_id, True), (7, False)):
        row = tenants.call(msgspec.structs.replace(eva, key_id=key), "listUsers", username="ann", listall="true")["user"][0]
        assert ("apikey" in row) is tells


def test_whose_domain_is_below_the_callers(tenants):
    def below(who):
        rows = tenants.call(who, "listUsers", listall="true", pagesize="100", page="1")["user"]
        return {row["username"] for row in rows if row["iscallerchilddomain"]}

    assert below("eva") == {"dan"}
    assert below("admin") == set(PEOPLE)
    assert below("ann") == set()


def test_keys_given_replace_the_old_ones(tenants):
    ann = id_of(tenants, "ann")
    done(tenants.cloud, tenants.root, "registerUserKeys", id=ann)
    tenants.call(tenants.root, "updateUser", id=ann, userapikey="chosen", usersecretkey="and secret")
    assert tenants.call(tenants.root, "getUserKeys", id=ann)["userkeys"] == {"apikey": "chosen", "secretkey": "and secret"}
    with pytest.raises(ParamError, match="belong together"):
        tenants.call(tenants.root, "updateUser", id=ann, userapikey="alone")


def test_a_project_that_is_not_there_is_refused_by_name(tenants):
    with pytest.raises(ParamError, match="projectid"):
        tenants.call(tenants.root, "listUsers", projectid="0b0f8d5e-7b1c-4f0e-8f6b-6f4c3a8e0a11")


def test_no_secret_is_left_anywhere_it_could_be_read(tenants, caplog):
    caplog.set_level(logging.DEBUG)
    word = "a very secret word"
    ann = id_of(tenants, "ann")
    tenants.call(tenants.root, "updateUser", id=ann, password=word, clienttoken="c1")
    with pytest.raises(ParamError) as refused:
        tenants.call("ann", "updateUser", id=ann, password="x", currentpassword=word + "!")
    assert word not in str(refused.value)
    done(tenants.cloud, tenants.root, "registerUserKeys", id=ann)
    reader = tenants.cloud.db.read()
    secret = reader.find(KeyPair).secret_key.reveal()
    texts = [str(caplog.text), repr(reader.all(Event)), repr(reader.find(KeyPair).__dict__)]
    for table in metadata.sorted_tables:
        with tenants.cloud.db.engine.connect() as connection:
            texts.append(repr(connection.exec_driver_sql(f'SELECT * FROM "{table.name}"').all()))
    dry = tenants.call(tenants.root, "updateUser", id=ann, password=word, dryrun="true")
    assert "argon2" not in str(dry)
    assert "argon2" not in repr(reader.all(User)[-1].__dict__)
    texts.append(str(dry))
    lists = [n for n, v in Verb.by_name.items() if n.startswith("list") and v.__module__.startswith("cloudwright.identity.")]
    lists = [n for n in lists if {p.wire_name for p in Verb.by_name[n].api.params.values() if p.required} <= {"keypairid"}]
    for name in lists:
        sent = {"keypairid": reader.find(KeyPair).uuid} if name == "listUserKeyRules" else {"listall": "true", "keypairid": ""}
        try:
            body = tenants.cloud.runner.run(Verb.by_name[name], tenants.root, wire.Parameters(sent))
            texts.append(msgspec.json.encode(body).decode())
        except CloudError as refused:  # what is not configured
            texts.append(repr(refused))
    assert len(lists) > 6
    for text in texts:
        assert word not in text
        assert secret not in text
    assert sa.inspect(tenants.cloud.db.engine).has_table("user_")
