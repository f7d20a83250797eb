"""Who calls a command that needs no sign-in, if anybody is signed in; and whose password must be changed first."""

from __future__ import annotations

import pytest

from tests.web.conftest import House, Verb
from tests.web.test_session import ask, jar


@pytest.fixture
def house():
    made = House()
    for verb in (Verb("listEntrances", pre_auth=True, knows_caller=True), Verb("updateUser", http_method="POST")):
        made.verbs[verb.name] = verb
    return made


@pytest.fixture
def signed_in(house):
    cookies = jar(house.sign_in())
    return cookies, cookies["sessionkey"]


def last(house):
    """The command run last, and as whom."""
    return house.calls[-1][:2]


def test_a_session_is_recognized_before_login_where_the_command_wants_it(house, signed_in):
    assert ask(house, *signed_in, command="listEntrances").status == 200
    assert last(house) == ("listEntrances", house.ann)
    assert ask(house, *signed_in, command="listIdps").status == 200
    assert last(house) == ("listIdps", None)


def test_a_session_that_is_wrong_is_not_taken_for_none(house, signed_in):
    assert ask(house, signed_in[0], "another", command="listEntrances").status == 401
    assert house.calls == []


def test_a_session_from_a_wrong_address_calls_nothing(house, signed_in):
    house.peers = {"198.51.100.1"}
    assert ask(house, *signed_in, command="listEntrances").status == 401
    assert house.calls == []


def test_a_key_is_recognized_before_login_and_asked_for_its_rules(house, monkeypatch):
    monkeypatch.setattr(house, "permitted", lambda identity, command: identity is house.ann and command not in house.denied)
    assert house.signed("listEntrances").status == 200
    assert last(house) == ("listEntrances", house.ann)
    house.denied = {"listEntrances"}
    assert house.signed("listEntrances").status == 432
    assert house.get("command=listEntrances&response=json&apikey=KEY&signature=x").status == 401
    assert len(house.calls) == 1


def test_who_is_nobody_calls_as_nobody(house):
    assert house.get("command=listEntrances&response=json").status == 200
    assert last(house) == ("listEntrances", None)
    assert house.get("command=validateUserTwoFactorAuthenticationCode&response=json").status == 401
    assert len(house.calls) == 1


def test_a_password_that_is_due_is_changed_before_anything_else(house, signed_in):
    house.ann.password_due = True
    assert ask(house, *signed_in).status == 531
    assert house.calls == []
    assert ask(house, *signed_in, command="updateUser").status == 200
    assert house.signed().status == 200  # keys are no password
    house.ann.password_due = False
    assert ask(house, *signed_in).status == 200
