"""Signing in and out, and what a session is worth."""

from __future__ import annotations

import json

import pytest

from cloudwright.web.session import read_cookies


def jar(answer):
    return {k: v for n, v in answer.headers if n == "set-cookie" for k, v in [v.split(";")[0].split("=", 1)]}


def header(cookies):
    return {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


def ask(house, cookies, key, command="listZones", **headers):
    return house.get(f"command={command}&response=json&sessionkey={key}", {**header(cookies), **headers})


@pytest.fixture
def signed_in(house):
    cookies = jar(house.sign_in())
    return cookies, cookies["sessionkey"]


def test_login_answers_the_documented_fields_and_cookies(house):
    answer = house.sign_in()
    body = json.loads(answer.body)["loginresponse"]
    assert body.items() >= {"username": "ann", "timeout": 1800, "is2faverified": "true", "type": "1"}.items()
    assert len(body["sessionkey"]) == 27
    cookies = [value for name, value in answer.headers if name == "set-cookie"]
    assert cookies[0].startswith("JSESSIONID=")
    assert ";HttpOnly;Path=/client" in cookies[0]
    assert cookies[1] == f"sessionkey={body['sessionkey']};HttpOnly;SameSite=Lax"


@pytest.mark.parametrize(
    ("value", "ending"),
    [("Strict", ";SameSite=Strict"), ("NoneAndSecure", ";SameSite=None;Secure"), ("Null", ";HttpOnly")],
)
def test_same_site_settings(house, value, ending):
    house.settings["api.sessionkey.cookie.samesite"] = value
    assert [value for name, value in house.sign_in().headers if name == "set-cookie"][1].endswith(ending)


def test_the_secure_cookie_setting(house):
    house.settings["enable.secure.session.cookie"] = True
    first = next(value for name, value in house.sign_in().headers if name == "set-cookie")
    assert first.split(";", 1)[1] == "Secure;HttpOnly;Path=/client"


def test_nobody_signs_in_from_where_it_may_not_call(house):
    house.peers = {"192.0.2.1"}
    answer = house.sign_in()
    assert (answer.status, house.stored) == (401, {})
    assert "set-cookie" not in dict(answer.headers)


def test_login_by_get_is_405(house):
    answer = house.get("command=login&username=ann&password=pass&response=json")
    assert (answer.status, list(json.loads(answer.body))) == (405, ["loginresponse"])


def test_login_matches_in_any_case_and_reads_the_domain(house):
    house.post("command=LOGIN&username=ann&password=pass&domain=eng/dev")
    house.post("command=login&username=ann&password=pass&domain=/eng/&domainId=7")
    assert house.logins == [("ann", "/eng/dev/", None), ("ann", "/eng/", "7")]
    assert house.post("command=login&username=ann&password=pass&domainid=x").status == 401


def test_wrong_credentials_are_531_without_a_cause_number(house):
    answer = house.sign_in("wrong")
    body = json.loads(answer.body)["loginresponse"]
    assert (answer.status, body["errorcode"], "cserrorcode" in body) == (531, 531, False)
    assert not jar(answer)
    assert not house.stored


def test_a_session_works_with_cookie_and_parameter(house, signed_in):
    assert ask(house, *signed_in).status == 200


def test_nothing_usable_is_stored(house, signed_in):
    cookies, key = signed_in
    text = repr(house.stored)
    assert key not in text
    assert cookies["JSESSIONID"] not in text
    assert len(cookies["JSESSIONID"]) == 43  # 256 bits


@pytest.mark.parametrize("key", ["", "wrong", "é"])
def test_a_wrong_key_is_401_and_destroys_the_session(house, signed_in, key):
    assert ask(house, signed_in[0], key).status == 401
    assert not house.stored
    assert ask(house, *signed_in).status == 401


@pytest.mark.parametrize(
    ("where", "cookie", "parameter", "status"),
    [
        ("CookieAndParameter", False, True, 401),
        ("CookieAndParameter", True, False, 401),
        ("CookieOrParameter", False, True, 200),
        ("CookieOrParameter", True, False, 200),
        ("CookieOrParameter", False, False, 401),
        ("ParameterOnly", False, True, 200),
        ("ParameterOnly", True, False, 401),
    ],
)
def test_where_the_key_is_looked_for(house, signed_in, where, cookie, parameter, status):
    house.settings["api.sessionkey.check.locations"] = where
    cookies, key = signed_in
    shown = cookies if cookie else {"JSESSIONID": cookies["JSESSIONID"]}
    assert ask(house, shown, key if parameter else "").status == status


def test_a_planted_session_id_is_never_used(house):
    planted = {"JSESSIONID": "A" * 43, "sessionkey": "B" * 27}
    cookies = jar(house.sign_in(headers=header(planted)))
    assert cookies["JSESSIONID"] != planted["JSESSIONID"]
    assert ask(house, planted, planted["sessionkey"]).status == 401


def test_a_new_login_destroys_the_old_session(house, signed_in):
    cookies, key = signed_in
    fresh = jar(house.sign_in(headers=header(cookies)))
    assert fresh["JSESSIONID"] != cookies["JSESSIONID"]
    assert ask(house, cookies, key).status == 401
    assert ask(house, fresh, fresh["sessionkey"]).status == 200


def test_another_sessions_key_does_not_fit(house, signed_in):
    other = jar(house.sign_in())
    assert ask(house, {**signed_in[0], "sessionkey": other["sessionkey"]}, other["sessionkey"]).status == 401


def test_an_idle_session_ends_and_a_used_one_lives(house, signed_in):
    for _ in range(4):
        house.later(1700)
        assert ask(house, *signed_in).status == 200
    house.later(1801)
    assert ask(house, *signed_in).status == 401
    assert not house.stored


def test_watching_events_does_not_keep_a_session_alive(house, signed_in):
    from cloudwright.web.gate import Request

    cookies, key = signed_in
    request = Request("GET", "/client/events", f"sessionkey={key}", headers=header(cookies))
    house.later(1700)
    assert house.face.caller(request) is house.ann
    house.later(200)
    assert house.face.caller(request) is None


def test_a_session_dropped_by_another_server_ends_soon_and_never_comes_back(house, signed_in):
    assert ask(house, *signed_in).status == 200
    house.stored.clear()
    house.later(61)
    assert ask(house, *signed_in).status == 401
    assert not house.stored


def test_a_disabled_user_loses_the_session(house, signed_in):
    house.enabled = False
    house.later(3)
    assert ask(house, *signed_in).status == 401
    assert not house.stored


def test_logout(house, signed_in):
    cookies, key = signed_in
    answer = ask(house, cookies, key, "logout")
    assert answer.body == b'{"logoutresponse":{"description":"success"}}'
    emptied = [value for name, value in answer.headers if name == "set-cookie"]
    assert sorted(value.split("=")[0] for value in emptied) == ["JSESSIONID", "sessionkey"]
    assert all("=;Max-Age=0" in value for value in emptied)
    assert ask(house, cookies, key).status == 401
    assert ask(house, cookies, key, "logout").status == 431


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://cloud.example.evil.example", "http://[bad"])
def test_pages_of_other_sites_may_use_no_session(house, signed_in, origin):
    assert ask(house, *signed_in, origin=origin).status == 401
    assert ask(house, *signed_in, command="logout", origin=origin).status == 401
    assert house.sign_in(headers={"origin": origin}).status == 401
    assert ask(house, *signed_in, origin="https://cloud.example").status == 200


def test_two_factor_comes_before_everything_else(house):
    house.ann.two_factor = True
    answer = house.sign_in()
    assert json.loads(answer.body)["loginresponse"]["is2faverified"] == "false"
    cookies = jar(answer)
    key = cookies["sessionkey"]
    assert ask(house, cookies, key, "validateUserTwoFactorAuthenticationCode").status == 200
    assert ask(house, cookies, key).status == 200
    house.later(10)
    assert ask(house, cookies, key).status == 200


def test_without_the_second_factor_511_and_the_session_is_destroyed(house):
    house.ann.two_factor = True
    cookies = jar(house.sign_in())
    assert ask(house, cookies, cookies["sessionkey"]).status == 511
    assert not house.stored


def test_a_signature_needs_no_session(house):
    house.ann.two_factor = True
    assert house.signed().status == 200


def test_guessing_is_slowed_by_address_and_by_account(house):
    for _ in range(6):
        assert "too many" not in house.sign_in("wrong").body.decode()
    answer = house.sign_in()
    assert answer.status == 531
    assert dict(answer.headers)["retry-after"] == "1"
    assert "too many failed logins" in answer.body.decode()
    assert house.sign_in(user="bob", peer="192.0.2.7").status == 531  # this address
    assert house.sign_in(peer="198.51.100.9").status == 531  # this account
    house.later(2)
    assert house.sign_in().status == 200


def test_cookies_are_read_like_browsers_send_them():
    assert read_cookies('a=1; b="2";c ; a=9;=x') == {"a": "1", "b": "2", "": "x"}
