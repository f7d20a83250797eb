"""One request in, one answer out: the order of checks, the envelopes and headers."""

from __future__ import annotations

import json
import logging
import xml.etree.ElementTree as ET
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudwright.core import wire
from cloudwright.web.gate import Request

UNVERIFIED = "unable to verify user credentials and/or request signature"
BLOCKED = '{"%s":{"uuidList":[],"errorcode":401,"errortext":"' + UNVERIFIED + '"}}'


def told(answer):
    [(key, body)] = json.loads(answer.body).items()
    assert answer.status == body.get("errorcode", answer.status)
    return answer.status, key, body.get("errortext", ""), body.get("cserrorcode")


def test_a_signed_list(house):
    answer = house.signed()
    assert (answer.status, answer.body) == (200, b'{"listzonesresponse":{"count":1,"zone":[{"id":"0b7e","name":"alpha"}]}}')


def test_post_is_answered_by_the_same_code(house):
    assert house.signed(method="POST").body == house.signed().body


def test_headers_of_every_answer(house):
    for answer in (house.signed(), house.get("command=listZones&response=json")):
        headers = dict(answer.headers)
        assert headers["content-type"] == "application/json; charset=UTF-8"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-xss-protection"] == "1;mode=block"
        assert [name for name, _ in answer.headers].count("content-security-policy") > 1
    assert headers["x-description"] == UNVERIFIED


def test_xml_unless_json_is_asked_for_in_any_case(house):
    answer = house.signed(response=None)
    assert dict(answer.headers)["content-type"] == "text/xml; charset=UTF-8"
    assert answer.body.startswith(b'<?xml version="1.0" encoding="UTF-8"?><listzonesresponse cloud-stack-version="')
    assert house.signed(response="JSON").body.startswith(b"{")
    assert house.signed(response="yaml").body.startswith(b"<")


def test_the_version_is_told_only_to_the_authenticated_and_while_the_setting_says_so(house):
    assert b"cloud-stack-version" not in house.get("command=listZones").body
    house.settings["expose.cloudstack.version.api.xml.response"] = False
    assert b"cloud-stack-version" not in house.signed(response=None).body


def test_settings_are_effective_at_once(house):
    house.settings["json.content.type"] = "text/javascript; charset=UTF-8"
    house.settings["encode.api.response"] = True
    answer = house.signed("refuse")
    assert dict(answer.headers)["content-type"] == "text/javascript; charset=UTF-8"
    assert "zone+alpha" in told(answer)[2]


def test_other_methods_are_the_containers_405(house):
    assert house.face.handle(Request("PUT", "/client/api", "command=listZones")).status == 405


@pytest.mark.parametrize(
    "query",
    [
        "command=listZones&response=json",
        "command=listZones&response=json&apikey=KEY",
        "command=listZones&response=json&apikey=KEY&signature=AAAA",
        "command=listZones&response=json&apikey=OTHER&signature=AAAA",
    ],
)
def test_401_has_the_commands_own_key(house, query):
    answer = house.get(query)
    assert (answer.status, answer.body.decode()) == (401, BLOCKED % "listzonesresponse")


def test_an_unknown_command_is_401_to_strangers_and_signers_and_432_to_sessions(house):
    for answer in (house.get("command=nothing&response=json"), house.signed("nothing"), house.get("response=json")):
        assert (answer.status, answer.body.decode()) == (401, BLOCKED % "errorresponse")
    with_session = session(house)
    assert told(with_session("command=nothing"))[:2] == (432, "errorresponse")
    assert told(with_session("command=LISTZONES"))[:2] == (432, "errorresponse")
    assert told(with_session("a=1"))[:2] == (400, "errorresponse")


def session(house):
    answer = house.sign_in()
    cookies = "; ".join(value.split(";")[0] for name, value in answer.headers if name == "set-cookie")
    key = quote(json.loads(answer.body)["loginresponse"]["sessionkey"])
    return lambda query: house.get(f"{query}&response=json&sessionkey={key}", {"cookie": cookies})


def test_a_disabled_user_is_401(house):
    house.enabled = False
    assert house.signed().status == 401


def test_version_3_expiry(house):
    assert house.signed(signatureversion="3", expires="2026-03-01T10:10:00+0000").status == 200
    assert house.signed(signatureversion="3", expires="2026-03-01T09:10:00+0000").status == 401
    assert house.signed(signatureversion="3").status == 401
    house.settings["enforce.post.requests.and.timestamps"] = True
    assert house.signed().status == 401
    assert house.signed(signatureversion="3", expires="2026-03-01T10:16:00+0000").status == 401


def test_enforced_post(house):
    house.settings["enforce.post.requests.and.timestamps"] = True
    soon = {"signatureversion": "3", "expires": "2026-03-01T10:10:00+0000"}
    assert told(house.signed("createZone", **soon))[:2] == (400, "createzoneresponse")
    assert house.signed("createZone", "POST", **soon).status == 200
    for name in ("listZones", "queryAsyncJobResult", "quotaStatement"):
        assert house.signed(name, **soon).status == 200


def test_source_address_then_role_then_rate(house):
    house.denied.add("listZones")
    house.peers.add("198.51.100.1")
    house.rate = 0
    assert told(house.signed())[:2] == (401, "listzonesresponse")
    house.peers.clear()
    refused = house.signed()
    assert told(refused)[:2] == (432, "errorresponse")
    assert b'"why":["Nothing allows listZones"],"fix":["ask somebody"]' in refused.body
    house.denied.clear()
    assert told(house.signed())[:2] == (429, "listzonesresponse")


def test_malformed_maps_are_430_under_the_commands_key(house):
    answer = house.signed("restoreVirtualMachine", **{"details[x].a": "1"})
    assert told(answer)[:2] == (430, "restorevmresponse")
    assert told(answer)[3] == 9999


def test_refusals_of_commands(house):
    answer = house.signed("refuse")
    assert json.loads(answer.body) == {
        "refuseresponse": {
            "uuidList": [{"uuid": "u1", "description": "volume"}],
            "errorcode": 536,
            "cserrorcode": 4375,
            "errortext": "zone alpha is in use by 3 hosts",
        }
    }
    assert ET.fromstring(house.signed("refuse", response=None).body).findtext("uuidList/uuid") == "u1"


def test_a_crash_is_530_tells_nothing_and_is_logged(house, caplog):
    with caplog.at_level(logging.ERROR):
        answer = house.signed("crash")
    assert told(answer)[0::3] == (530, 4250)
    assert b"secret inside" not in answer.body
    assert "Command crash failed unexpectedly" in caplog.text


def test_internal_details_are_for_root_administrators(house):
    assert "cores" not in told(house.signed("full"))[2]
    house.ann.root = True
    assert told(house.signed("full"))[2] == "host h1 has 2 of 8 cores"


def test_a_success_may_have_another_key_than_errors(house):
    assert told(house.signed("switch"))[1] == "switchedresponse"
    assert told(house.get("command=switch&response=json"))[1] == "switchresponse"


def test_anonymous_and_pre_login_commands(house):
    assert house.get("command=listGuiThemes&response=json").status == 200
    assert house.get("command=LISTIDPS&response=json").status == 200
    assert house.calls[-1][1] is None
    assert house.get("command=validateUserTwoFactorAuthenticationCode&response=json").status == 401


def test_the_integration_port_acts_as_the_system(house):
    answer = house.face.handle(Request("GET", "/any/path", "command=listZones&response=json"), system=True)
    assert answer.status == 200
    assert house.calls[-1][1].user == "system"
    refused = house.face.handle(Request("GET", "/", "command=registerTemplate&URL=x&response=json"), system=True)
    assert told(refused)[:2] == (531, "registertemplateresponse")
    assert told(house.face.handle(Request("GET", "/", "command=nothing&response=json"), system=True))[0] == 432


def test_a_description_header_is_one_printable_line(house, monkeypatch):
    error = wire.WireError(431, "zoné\r\nset-cookie: a=b")
    monkeypatch.setattr(house, "run", lambda *_: (_ for _ in ()).throw(error))
    assert dict(house.signed().headers)["x-description"] == "zon? set-cookie: a=b"


def test_behind_a_trusted_proxy_the_forwarded_address_counts(house):
    house.settings |= {"proxy.header.verify": True, "proxy.cidr": "192.0.2.0/24"}

    def peer(forwarded, peer="192.0.2.7"):
        house.post("command=listGuiThemes", {"x-forwarded-for": forwarded}, peer)
        return house.calls[-1][3].peer

    assert peer("203.0.113.9, 192.0.2.1") == "203.0.113.9"
    assert peer("1.1.1.1, 203.0.113.9") == "203.0.113.9"
    assert peer("203.0.113.9", peer="198.51.100.3") == "198.51.100.3"
    assert peer("nonsense") == "192.0.2.7"


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.text() | st.sampled_from(["command=listZones", "command=login", "command=logout&response=json"]),
    body=st.binary(),
    cookie=st.text(),
    origin=st.none() | st.text(),
    method=st.sampled_from(["GET", "POST"]),
)
def test_no_request_of_a_stranger_gets_a_5xx(house, query, body, cookie, origin, method):
    headers = {"content-type": "application/x-www-form-urlencoded", "cookie": cookie, "host": "h"}
    if origin is not None:
        headers["origin"] = origin
    answer = house.face.handle(Request(method, "/client/api", query, body, headers))
    assert answer.status < 500 or answer.status == 531
    if dict(answer.headers)["content-type"].startswith("text/xml"):
        ET.fromstring(answer.body)
    else:
        json.loads(answer.body)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    params=st.dictionaries(st.text(st.characters(exclude_categories=("Cs",)), min_size=1), st.text()),
    command=st.sampled_from(["listZones", "createZone"]),
)
def test_no_signed_request_gets_a_5xx(house, params, command):
    reserved = {"command", "apikey", "response", "signature", "signatureversion", "expires", "sessionkey"}
    params = {name: value for name, value in params.items() if name.lower() not in reserved}
    assert house.signed(command, **{f"x{name}": value for name, value in params.items()}).status in (200, 401, 430, 431)
