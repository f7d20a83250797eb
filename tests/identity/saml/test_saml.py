"""Signing in through a SAML identity provider that is a process of its own (pysaml2), over the real HTTP server."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.request
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import pytest

from cloudwright.core.error import ParamError, Unavailable
from cloudwright.identity.caller import caller_of
from cloudwright.identity.gate import Gatekeeper
from cloudwright.identity.model import Account, Attempt
from cloudwright.identity.saml import party, xml
from tests.conftest import call
from tests.identity.conftest import account
from tests.identity.saml.house import HOME, Visitor, sessions
from tests.identity.test_http import Browser


@pytest.mark.parametrize("signed", ["assertion", "response"])
def test_in_and_out(house, signed):
    house.idp_is(uid="ann", sign=signed)
    visitor = Visitor(house.port)
    visitor.enters(visitor.asked(idpid=f"{house.idp}/idp")["answer"])
    assert visitor.cookies["username"] == "ann"
    assert visitor.ask("listUsers", method="GET")[1]["user"][0]["usersource"] == "saml2"
    status, url, _ = visitor.go("GET", "command=samlSlo&response=json")
    assert (status, url.startswith(f"{house.idp}/slo?")) == (303, True)
    with urllib.request.urlopen(url) as told:
        assert json.loads(told.read())["name"] == "persistent-ann"
    assert sessions(house, "ann") == []
    assert visitor.go("GET", "command=samlSlo&SAMLResponse=whatever")[:2] == (303, HOME)


def test_who_signs_out_there_is_out_here(house):
    visitor, other = Visitor(house.port), Visitor(house.port)
    visitor.enters(visitor.asked()["answer"])
    house.idp_is(uid="eva")
    other.enters(other.asked()["answer"])
    asked = urlencode({"uid": "ann", "to": house.sso.replace("Sso", "Slo"), "sp": "our-cloud"})
    with urllib.request.urlopen(f"{house.idp}/leave?{asked}") as told:
        query = urlsplit(json.loads(told.read())["to"]).query
    said = {name: values[0] for name, values in parse_qs(query).items()}
    for spoilt in ({"Signature": base64.b64encode(b"x" * 256).decode()}, {"RelayState": "another"}, {"Signature": ""}):
        assert Visitor(house.port).go("GET", urlencode(said | spoilt | {"response": "json"}))[0] == 531
    assert len(sessions(house, "ann")) == 1
    status, url, _ = Visitor(house.port).go("GET", query)
    assert (status, url.startswith(f"{house.idp}/slo?SAMLResponse=")) == (303, True)
    assert "RelayState=where%20I%20was&" in url
    assert (sessions(house, "ann"), len(sessions(house, "eva"))) == ([], 1)


def test_who_came_in_so_gets_out_whatever_became_of_the_provider(house):
    for name, value in (("enabled", "false"), ("idp.metadata.url", f"{house.idp}/none")):
        visitor = Visitor(house.port)
        visitor.enters(visitor.asked()["answer"])
        house.put(f"saml2.{name}", value)
        try:
            assert visitor.go("GET", "command=samlSlo&response=json")[0] == 303
        finally:
            house.put("saml2.enabled", "true")
            house.put("saml2.idp.metadata.url", f"{house.idp}/metadata")
        assert sessions(house, "ann") == []


def test_a_browser_is_told_on_the_sign_in_page_and_a_program_is_not(house):
    house.idp_is(uid="nobody")
    packed = base64.b64encode(Visitor(house.port).asked()["answer"].encode()).decode()
    form = urlencode({"command": "samlSso", "SAMLResponse": packed}).encode()
    answers = {}
    for accept in ("text/html,*/*", "*/*"):
        connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=20)
        about = {"accept": accept, "content-type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/client/api?response=json", form, about)
        answers[accept] = connection.getresponse()
        answers[accept].read()
        connection.close()
    page, program = answers.values()
    assert (page.status, page.getheader("location"), program.status) == (303, "/client/", 531)
    value, _, about = page.getheader("set-cookie").removeprefix("refused=").partition(";")
    told = json.loads(unquote(value))
    assert (told["command"], told["errorcode"], about) == ("samlSso", 531, "SameSite=Lax;Path=/client;Max-Age=60")
    assert "'nobody' may not sign in through SAML identity provider Acme" in told["errortext"]


def test_one_answer_one_session_in_one_browser(house):
    visitor, thief = Visitor(house.port), Visitor(house.port)
    answer = visitor.asked()["answer"]
    status, url = visitor.shows(answer)
    assert status == 303
    assert visitor.shows(answer)[0] == 531  # shown before
    assert thief.fetches(url)[0] == 531
    thief.asked()  # now it has a cookie, of another sign-in
    assert thief.fetches(url)[0] == 531
    assert visitor.fetches(url)[0] == 303
    assert visitor.fetches(url)[0] == 531  # used
    assert len(sessions(house, "ann")) == 1


def test_an_assertion_is_good_for_one_request(house):
    """What was seen is remembered even when the request it answers is asked again under the same id."""
    visitor = Visitor(house.port)
    answer = visitor.asked()["answer"]
    assert visitor.shows(answer)[0] == 303
    row = house.cloud.db.read().all(Attempt)[-1]
    house.cloud.db.write(lambda tx: tx.update(row, proved=""))
    assert visitor.shows(answer)[0] == 531


def test_failures_are_sent_to_the_page_that_is_set(house):
    house.put("saml2.failed.login.redirect.url", "http://localhost/sorry")
    try:
        assert Visitor(house.port).shows(b"no xml") == (303, "http://localhost/sorry")
        assert Visitor(house.port).go("GET", "command=samlSso&idpid=unheard-of")[:2] == (303, "http://localhost/sorry")
    finally:
        house.put("saml2.failed.login.redirect.url", "")
    assert Visitor(house.port).go("GET", "command=samlSso&idpid=unheard-of")[0] == 531


def test_who_may_and_who_may_no_more(house):
    cloud, root = house.cloud, house.root
    gate = Gatekeeper(cloud.db)
    password = "correct horse battery"
    sign_in = lambda: gate.sign_in("eva", password, "/eng/", None)  # noqa: E731
    told = call(cloud, root, "listSamlAuthorization", userid=house.user("eva").uuid)["samlauthorization"]
    assert told == [{"userid": house.user("eva").uuid, "status": True, "idpid": f"{house.idp}/idp"}]
    assert sign_in() is None  # by SAML only
    house.authorize("eva", "false")
    assert call(cloud, root, "listSamlAuthorization", userid=house.user("eva").uuid)["samlauthorization"][0]["status"] is False
    assert sign_in() is None
    house.put("enable.login.with.disabled.saml", "true")
    assert sign_in() is not None
    house.idp_is(uid="eva")
    visitor = Visitor(house.port)
    assert visitor.shows(visitor.asked()["answer"])[0] == 531
    house.authorize("eva", entityid="https://another.example.org")
    assert visitor.shows(visitor.asked()["answer"])[0] == 531
    house.authorize("eva", entityid=f"{house.idp}/idp")
    visitor.enters(visitor.asked()["answer"])
    listed = call(cloud, root, "listSamlAuthorization")
    assert listed["count"] == 2
    row = house.user("eva")
    with pytest.raises(ParamError):
        call(cloud, caller_of(cloud.db.read(), house.user("ann")), "authorizeSamlSso", userid=row.uuid, enable="true")
    cloud.db.write(lambda tx: tx.update(row, source="ldap"))
    with pytest.raises(ParamError, match="ldap"):
        house.authorize("eva")
    cloud.db.write(lambda tx: tx.update(row, source="saml2"))


@pytest.fixture
def second(house):
    """A second account of ann, in another domain, and one of pat; they stay, as the house does."""
    if house.cloud.db.read().find(Account, Account.c.name == "ann2") is None:
        about = {"email": "e@x.org", "firstname": "n", "lastname": "l", "password": "p", "accounttype": 0}
        call(house.cloud, house.root, "createAccount", username="ann", account="ann2", domainid=house.other, **about)
        account(house.cloud, house.root, "pat", 0, house.domain)


@pytest.mark.usefixtures("second")
def test_one_person_with_users_in_two_domains_switches(house):
    house.authorize("ann", domain="ops")
    visitor = Visitor(house.port)
    visitor.enters(visitor.asked()["answer"])
    rows = visitor.ask("listAndSwitchSamlAccount", method="GET")[1]["samluseraccount"]
    assert [(row["accountName"], row["domainPath"]) for row in rows] == [("ann", "ROOT/eng"), ("ann2", "ROOT/ops")]
    eva = house.user("eva")
    assert visitor.ask("listAndSwitchSamlAccount", userid=eva.uuid, domainid=house.domain)[0] == 431
    status, _, _ = visitor.go(
        "POST", urlencode({"command": "listAndSwitchSamlAccount", "userid": rows[1]["userId"], "domainid": rows[1]["domainId"],
                           "sessionkey": visitor.key})
    )  # fmt: skip
    assert status == 303
    visitor.key = visitor.cookies["sessionkey"]
    assert visitor.ask("listAccounts", method="GET")[1]["account"][0]["name"] == "ann2"
    assert visitor.ask("listAndSwitchSamlAccount", method="GET")[0] == 200
    assert Browser(house.port).ask("listAndSwitchSamlAccount", method="GET")[0] == 401
    plain = Browser(house.port)
    assert plain.sign_in("pat", "/eng")[0] == 200
    assert plain.ask("listAndSwitchSamlAccount", method="GET")[0] == 531


def test_what_is_told_before_login(house):
    told = Browser(house.port).ask("listIdps", method="GET")[1]["idp"]
    assert told == [{"id": f"{house.idp}/idp", "orgName": "Acme", "orgUrl": "https://acme.example.org"}]
    metadata = xml.parse(Browser(house.port).ask("getSPMetadata", method="GET")[1]["metadata"].encode())
    assert metadata.get("entityID") == "our-cloud"
    assert metadata.find(".//md:AssertionConsumerService", xml.NAMES).get("Location") == house.sso
    assert xml.text_of(metadata.find(".//ds:X509Certificate", xml.NAMES)) == party.own_key(house.cloud.db).certificate
    house.put("saml2.enabled", "false")
    try:
        for command in ("listIdps", "getSPMetadata", "samlSso", "samlSlo", "listAndSwitchSamlAccount"):
            assert Browser(house.port).ask(command, method="GET")[0] == 432
    finally:
        house.put("saml2.enabled", "true")


def test_how_users_are_asked(house):
    for name, value in (("saml2.force.authn", "true"), ("saml2.require.password", "false"), ("saml2.sigalg", "SHA512")):
        house.put(name, value)
    try:
        assert Visitor(house.port).asked()["force"] == "true"
    finally:
        for name, value in (("saml2.force.authn", "false"), ("saml2.require.password", "true"), ("saml2.sigalg", "SHA256")):
            house.put(name, value)
    with pytest.raises(ParamError, match="one of true"):
        house.put("saml2.check.signature", "false")


def test_metadata_that_is_none(house, tmp_path):
    reader = house.cloud.db.read()
    good = (tmp_path / "idp.xml", urllib.request.urlopen(f"{house.idp}/metadata").read())
    good[0].write_bytes(good[1])
    try:
        house.put("saml2.idp.metadata.url", str(good[0]))
        assert list(party.idps(reader)) == [f"{house.idp}/idp"]
        past = tmp_path / "past.xml"
        past.write_bytes(good[1].replace(b" entityID=", b' validUntil="2020-01-01T00:00:00Z" entityID='))
        for url in (str(past), str(tmp_path / "none.xml"), "http://idp.example.org/", "ftp://127.0.0.1/", f"{house.idp}/none"):
            house.put("saml2.idp.metadata.url", url)
            with pytest.raises(Unavailable):
                party.idps(reader)
    finally:
        house.put("saml2.idp.metadata.url", f"{house.idp}/metadata")
