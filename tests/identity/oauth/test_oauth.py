"""Signing in through an OpenID Connect provider that is a process of its own, over the real HTTP server."""

from __future__ import annotations

import http.client
import json
import pathlib
import subprocess
import sys
import urllib.request
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from cloudwright.core.error import ParamError
from cloudwright.core.setting import Setting
from cloudwright.identity.model import Attempt, LoginSession, OauthProvider, User
from tests.identity.test_http import Browser, served  # noqa: F401 - a fixture

PAGE = "http://localhost/client/verifyOauth"


@pytest.fixture(scope="module")
def op():
    """The provider's address."""
    program = str(pathlib.Path(__file__).with_name("op.py"))
    process = subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def spoil(op):
    def how(what):
        urllib.request.urlopen(f"{op}/spoil?{urlencode({'how': what})}").close()

    yield how
    urllib.request.urlopen(f"{op}/spoil?how=").close()
    how("none")


class Visitor(Browser):
    """A browser that follows where it is sent, to the provider and back."""

    def leave(self, **params):
        """Begin; answers where it is sent."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", f"/client/api?{urlencode({'command': 'oauthlogin', 'response': 'json', **params})}")
        answer = connection.getresponse()
        body = answer.read()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.split(";")[0]
        connection.close()
        return answer.status, answer.getheader("location") or json.loads(body)

    def comes_back(self, **params):
        """Begin, and sign in at the provider; answers (code, state)."""
        status, url = self.leave(**params)
        assert status == 303, url
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=20)
        connection.request("GET", f"{parts.path}?{parts.query}")
        back = connection.getresponse().getheader("location")
        connection.close()
        assert back.startswith(PAGE)
        told = parse_qs(urlsplit(back).query)
        return {"secretcode": told["code"][0], "state": told["state"][0]}


@pytest.fixture
def site(tenants, served, op, spoil):  # noqa: F811
    """The port, with a provider for domain eng; `spoil` is taken back at the end."""
    for name, value in (("oauth2.enabled", "true"), ("oauth2.plugins", "google,github,acme")):
        tenants.cloud.db.write(lambda tx, name=name, value=value: Setting.by_name[name].set(tx, value))
    about = {"clientid": "cloud", "secretkey": "client secret", "redirecturi": PAGE, "description": "Acme"}
    eng = tenants.domains["eng"]
    tenants.call(tenants.root, "registerOauthProvider", provider="acme", domainid=eng, **about, **{"details[0].issuer": op})
    github = {"authorizeurl": f"{op}/authorize", "tokenurl": f"{op}/token", "details[0].emailsurl": f"{op}/emails"}
    tenants.call(tenants.root, "registerOauthProvider", provider="github", **about, **github)
    return served[0]


WHERE = {"provider": "acme", "domain": "/eng"}


def test_the_whole_way(tenants, site):
    browser = Visitor(site)
    _, url = browser.leave(**WHERE)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert (asked["scope"], asked["code_challenge_method"], asked["redirect_uri"]) == ("openid email", "S256", PAGE)
    back = browser.comes_back(**WHERE)
    status, told = browser.ask("verifyOAuthCodeAndGetUser", method="GET", **WHERE, **back)
    assert (status, told["oauthemail"]["email"]) == (200, "Ann@example.org")
    status, told = browser.ask("oauthlogin", email="ann@example.org", **WHERE, **back)
    assert (status, told["username"], told["is2faverified"]) == (200, "ann", "true")
    browser.key = told["sessionkey"]
    assert browser.ask("listAccounts", method="GET")[1]["account"][0]["name"] == "ann"
    again = Visitor(site)
    again.cookies = {"signin": browser.cookies["signin"]}
    assert again.ask("oauthlogin", **WHERE, **back)[0] == 531  # once
    assert tenants.cloud.db.read().count(LoginSession) == 1


def test_githubs_way(tenants, site, spoil):
    browser = Visitor(site)
    where = {"provider": "github", "domain": "eng"}
    back = browser.comes_back(**where)
    assert browser.ask("oauthlogin", **where, **back)[1]["username"] == "ann"
    spoil("unverified")
    assert browser.ask("oauthlogin", **where, **Visitor.comes_back(browser, **where))[0] == 531


SPOILT = {
    "issuer": "Invalid issuer",
    "audience": "Audience doesn't match",
    "several audiences": "another client",
    "expired": "Signature has expired",
    "no expiry": 'missing the "exp" claim',
    "nonce": "answers another sign-in",
    "unverified": "does not vouch for an e-mail address",
    "verified in words": "does not vouch for an e-mail address",
    "nobody's": "0 users of domain /eng/",
    "unsigned": "alg",
    "signed by our secret": "alg",
    "another key": "Signature verification failed",
    "no such key": "which it does not publish",
    "altered": "Signature verification failed",
}


@pytest.mark.parametrize(("how", "why"), SPOILT.items())
def test_tokens_that_prove_nothing(tenants, site, spoil, caplog, how, why):
    browser = Visitor(site)
    back = browser.comes_back(**WHERE)
    spoil(how)
    status, told = browser.ask("oauthlogin", **WHERE, **back)
    assert (status, told["errortext"]) == (531, "Failed to authenticate user; please sign in anew")
    assert why in caplog.text
    assert tenants.cloud.db.read().count(LoginSession) == 0


def test_states_that_are_anothers(tenants, site):
    mine, theirs = Visitor(site), Visitor(site)
    back = mine.comes_back(**WHERE)
    assert theirs.ask("oauthlogin", **WHERE, **back)[0] == 531  # a browser that began nothing
    other = theirs.comes_back(**WHERE)
    assert theirs.ask("oauthlogin", **WHERE, **back)[0] == 531  # or began another
    assert theirs.ask("oauthlogin", **WHERE, secretcode=back["secretcode"], state=other["state"])[0] == 531  # a code slipped in
    assert theirs.ask("oauthlogin", **WHERE, secretcode=other["secretcode"])[0] == 531  # no state
    assert mine.ask("oauthlogin", provider="github", domain="eng", **back)[0] == 531  # another provider's answer
    row = tenants.cloud.db.read().all(Attempt)[0]
    tenants.cloud.db.write(lambda tx: tx.update(row, ends=1.0))
    assert mine.ask("oauthlogin", **WHERE, **back)[0] == 531  # too late


def test_whose_users_a_provider_vouches_for(tenants, site):
    browser = Visitor(site)
    assert browser.leave(provider="acme", domain="/ops")[0] == 531  # it is not that domain's
    assert browser.leave(provider="google", domain="/eng")[0] == 531
    back = browser.comes_back(**WHERE)
    assert browser.ask("oauthlogin", email="eva@example.org", **WHERE, **back)[0] == 531
    abe = tenants.cloud.db.read().find(User, User.c.username == "abe")
    tenants.cloud.db.write(lambda tx: tx.update(abe, email="ANN@example.org"))
    assert browser.ask("oauthlogin", **WHERE, **browser.comes_back(**WHERE))[0] == 531  # two have it
    tenants.cloud.db.write(lambda tx: tx.update(abe, source="ldap"))
    assert browser.ask("oauthlogin", **WHERE, **browser.comes_back(**WHERE))[1]["username"] == "ann"
    tenants.call(tenants.root, "lockUser", id=tenants.fresh("ann").user_uuid)
    assert browser.ask("oauthlogin", **WHERE, **browser.comes_back(**WHERE))[0] == 531


def test_a_provider_that_does_not_answer_refuses_nobody_for_good(tenants, site, spoil):
    browser = Visitor(site)
    back = browser.comes_back(**WHERE)
    spoil("broken")
    assert browser.ask("oauthlogin", **WHERE, **back)[0] == 534


def test_where_it_is_off(tenants, site):
    where = ("domain", tenants.fresh("ann").domain_id)
    tenants.cloud.db.write(lambda tx: Setting.by_name["oauth2.enabled"].set(tx, "false", *where))
    assert Visitor(site).leave(**WHERE)[0] == 432
    tenants.cloud.db.write(lambda tx: Setting.by_name["oauth2.enabled"].reset(tx, *where))
    id = tenants.cloud.db.read().find(OauthProvider, OauthProvider.c.provider == "acme").uuid
    tenants.call(tenants.root, "updateOauthProvider", id=id, enabled="false")
    assert Visitor(site).leave(**WHERE)[0] == 531
    for who, shown in ((tenants.root, ["acme", "github"]), ("ann", ["github"])):
        told = tenants.call(who, "listOauthProvider")["oauthprovider"]
        assert [row["provider"] for row in told] == shown, "one that is off is root's to see"
    tenants.call(tenants.root, "deleteOauthProvider", id=id)
    assert Visitor(site).leave(**WHERE)[0] == 531


def test_providers_are_told_to_login_pages_without_their_secrets(tenants, site):
    status, told = Browser(site).ask("listOauthProvider", method="GET")
    assert (status, [row["provider"] for row in told["oauthprovider"]]) == (200, ["acme", "github"])
    assert "client secret" not in str(told)
    (one,) = Browser(site).ask("listOauthProvider", method="GET", domain="ROOT/eng")[1]["oauthprovider"]
    assert (one["domainpath"], one["redirecturi"]) == ("ROOT/eng", PAGE)
    (one,) = tenants.call(tenants.root, "listOauthProvider", provider="github")["oauthprovider"]
    assert one["secretkey"] == "client secret"
    stored = tenants.cloud.db.read().rows(OauthProvider.t.select())
    assert all("client secret" not in str(dict(row._mapping)) for row in stored)


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"provider": "unheard-of"}, "provider"),
        ({"redirecturi": "http://evil.example.org/"}, "redirecturi"),
        ({"tokenurl": "ftp://x"}, "tokenurl"),
        ({"provider": "keycloak"}, "details"),
        ({"domain": "/nowhere"}, "domain"),
    ],
)
def test_providers_that_cannot_be(tenants, wrong, param):
    about = {"provider": "google", "clientid": "c", "secretkey": "s", "redirecturi": PAGE, "description": "d"}
    with pytest.raises(ParamError) as refused:
        tenants.call(tenants.root, "registerOauthProvider", **(about | wrong))
    assert refused.value.param == param


def test_keycloaks_issuer_is_read_from_its_token_address(tenants):
    about = {"provider": "keycloak", "clientid": "c", "secretkey": "s", "redirecturi": PAGE, "description": "d"}
    token = "https://sso.example.org/realms/x/protocol/openid-connect/token"
    told = tenants.call(tenants.root, "registerOauthProvider", tokenurl=token, **about)["oauthprovider"]
    assert (told["tokenurl"], told["enabled"]) == (token, True)
