"""A forgotten password, with a mail server that is spoken to."""

from __future__ import annotations

import queue
import re
import threading
from urllib.parse import parse_qs, urlsplit

import pytest

from cloudwright.core.error import ParamError, Unavailable, Unsupported
from cloudwright.core.setting import Setting
from cloudwright.identity.forgotten import PasswordReset
from cloudwright.identity.gate import Gatekeeper
from cloudwright.identity.model import LoginSession, User
from cloudwright.web.door import NOBODY
from tests.conftest import done
from tests.identity.conftest import PASSWORD
from tests.identity.mailbox import mailbox

PAGE = "https://console.example.org/client"


def put(tenants, name, value):
    tenants.cloud.db.write(lambda tx: Setting.by_name[f"user.password.reset.{name}"].set(tx, str(value)))


@pytest.fixture
def box(tenants):
    with mailbox(needs_login=True) as server:
        settings = {"enabled": "true", "smtp.host": "127.0.0.1", "smtp.port": server.port, "mail.domain.url": PAGE}
        settings |= {"email.sender": "cloud@example.org", "smtp.useAuth": "true", "smtp.username": "clerk"}
        for name, value in (settings | {"smtp.password": "mail secret"}).items():
            put(tenants, name, value)
        yield server


def ask(tenants, **params):
    return tenants.call(NOBODY, "forgotPassword", **params)


def link(letter):
    text = letter.message.get_content()
    (url,) = re.findall(r"https://\S+", text)
    return url, {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def wait_for_clerks():
    for thread in threading.enumerate():
        if thread.name == "password-reset":
            thread.join(10)


def signs_in(tenants, name, password):
    return Gatekeeper(tenants.cloud.db).sign_in(name, password, "/eng/", None) is not None


def test_a_letter_sets_a_new_password_once(tenants, box):
    id = tenants.fresh("ann").user_uuid
    row = LoginSession(digest="d", user_uuid=id, key_digest="k", began=0.0, seen=9e9)
    tenants.cloud.db.write(lambda tx: tx.insert(row))
    assert ask(tenants, username="ann", domain="eng") == {"success": True}
    letter = box.next()
    assert (letter.sender, letter.to, letter.login) == ("cloud@example.org", ["ann@example.org"], "clerk:mail secret")
    assert (letter.message["From"], letter.message["To"]) == ("cloud@example.org", "ann@example.org")
    url, told = link(letter)
    assert url.startswith(PAGE + "/user/resetPassword?")
    assert (told["username"], told["domain"]) == ("ann", "eng")
    assert all(told["token"] not in str(row.__dict__) for row in tenants.cloud.db.read().all(PasswordReset))

    put_policy = lambda tx: Setting.by_name["password.policy.minimum.length"].set(tx, "8")  # noqa: E731
    tenants.cloud.db.write(put_policy)
    with pytest.raises(ParamError, match="password policy"):
        tenants.call(NOBODY, "resetPassword", **told, password="short")
    assert tenants.call(NOBODY, "resetPassword", **told, password="remembered now") == {"success": True}
    assert signs_in(tenants, "ann", "remembered now")
    assert not signs_in(tenants, "ann", PASSWORD)
    assert tenants.cloud.db.read().count(LoginSession) == 0
    with pytest.raises(ParamError, match="was used"):
        tenants.call(NOBODY, "resetPassword", **told, password="and once more")


def test_the_answer_tells_nobody_whether_there_is_such_a_user(tenants, box):
    answers = [ask(tenants, username=name, domain="eng") for name in ("ann", "nobody", "dan")]
    assert answers == [{"success": True}] * 3
    wait_for_clerks()
    assert box.next().to == ["ann@example.org"]
    with pytest.raises(queue.Empty):
        box.letters.get_nowait()


def test_a_letter_a_minute(tenants, box):
    for _ in range(3):
        ask(tenants, username="ann", domain="/eng/")
        wait_for_clerks()
    assert box.letters.qsize() == 1


def test_who_gets_none(tenants, box):
    done(tenants.cloud, tenants.root, "disableUser", id=tenants.fresh("abe").user_uuid)
    for name, values in {"eva": {"source": "ldap"}, "ann": {"email": "ann@x, eve@y"}}.items():
        row = tenants.cloud.db.read().find(User, User.c.username == name)
        tenants.cloud.db.write(lambda tx, row=row, values=values: tx.update(row, **values))
    for name in ("abe", "eva", "ann"):
        assert ask(tenants, username=name, domain="eng") == {"success": True}
    wait_for_clerks()
    assert box.letters.qsize() == 0


@pytest.mark.parametrize("what", ["another's", "too old", "overtaken by a change", "wrong"])
def test_tokens_that_open_nothing(tenants, box, what):
    ask(tenants, username="ann", domain="eng")
    _, told = link(box.next())
    if what == "another's":
        told["username"] = "abe"
    elif what == "too old":
        row = tenants.cloud.db.read().find(PasswordReset)
        tenants.cloud.db.write(lambda tx: tx.update(row, ends=1.0))
    elif what == "wrong":
        told["token"] += "x"
    else:
        tenants.call(tenants.root, "updateUser", id=tenants.fresh("ann").user_uuid, password="brand new")
    with pytest.raises(ParamError, match="token"):
        tenants.call(NOBODY, "resetPassword", **told, password="remembered now")
    assert not signs_in(tenants, "ann", "remembered now")


def test_what_is_not_set_up_is_told_to_all_alike(tenants):
    with pytest.raises(Unsupported, match=r"user\.password\.reset\.enabled"):
        ask(tenants, username="ann")
    with pytest.raises(Unsupported):
        tenants.call(NOBODY, "resetPassword", username="ann", token="t", password="p")
    put(tenants, "enabled", "true")
    with pytest.raises(Unavailable) as refused:
        ask(tenants, username="nobody")
    assert refused.value.why == [
        "setting user.password.reset.smtp.host is empty",
        "setting user.password.reset.email.sender is empty",
    ]
