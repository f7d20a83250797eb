"""The gate behind the real HTTP server: sessions by cookie, keys by signature."""

import http.client
import json
import socket
from urllib.parse import urlencode

import pytest

from cloudwright.core import signature
from cloudwright.core.event import Event
from cloudwright.identity.model import KeyPair, LoginSession
from cloudwright.web.door import face
from cloudwright.web.server import Options, Server
from tests.conftest import done, finished
from tests.identity.conftest import PASSWORD


class Browser:
    """Keeps cookies, as browsers do."""

    def __init__(self, port):
        self.port, self.cookies, self.key = port, {}, ""

    def ask(self, command, method="POST", sign=None, **params):
        sent = {"command": command, "response": "json", **params}
        if sign:
            sent["apikey"] = sign.api_key
            sent["signature"] = signature.sign(next(signature.texts(sent)), sign.secret_key.reveal())
        elif self.key:
            sent["sessionkey"] = self.key
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"content-type": "application/x-www-form-urlencoded"}
        if self.cookies and not sign:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        query = urlencode(sent)
        if method == "POST":
            connection.request("POST", "/client/api", query, headers)
        else:
            connection.request("GET", f"/client/api?{query}", headers=headers)
        answer = connection.getresponse()
        body = json.loads(answer.read())
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.split(";")[0]
        connection.close()
        return answer.status, next(iter(body.values()))

    def sign_in(self, name, domain, password=PASSWORD):
        status, body = self.ask("login", username=name, password=password, domain=domain)
        self.key = body.get("sessionkey", "")
        return status, body


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def served(tenants):
    port, back = free_port(), free_port()
    server = Server(face(tenants.cloud), Options(port=port, integration_port=back))
    server.start()
    yield port, back
    server.stop()


def test_a_browser_signs_in_works_and_signs_out(tenants, served):
    browser = Browser(served[0])
    status, told = browser.sign_in("ann", "/eng")
    assert status == 200
    assert (told["username"], told["account"], told["domainid"]) == ("ann", "ann", tenants.domains["eng"])
    assert browser.ask("listAccounts", method="GET", listall="true")[1]["account"][0]["name"] == "ann"
    assert browser.ask("createDomain", name="x")[0] == 432
    assert browser.ask("updateUser", id=told["userid"], email="new@example.org")[1]["user"]["email"] == "new@example.org"
    stored = tenants.cloud.db.read().find(LoginSession)
    assert browser.cookies["JSESSIONID"] not in repr(stored.__dict__)
    assert browser.key not in repr(stored.__dict__)
    kept = dict(browser.cookies)
    assert browser.ask("logout") == (200, {"description": "success"})
    assert tenants.cloud.db.read().count(LoginSession) == 0
    browser.cookies = kept
    assert browser.ask("listAccounts")[0] == 401


def test_a_session_needs_its_key(tenants, served):
    browser = Browser(served[0])
    browser.sign_in("ann", "/eng")
    browser.key = "wrong"
    assert browser.ask("listAccounts")[0] == 401


def test_wrong_passwords_and_closed_users_stay_out(tenants, served):
    browser = Browser(served[0])
    assert browser.sign_in("ann", "/eng", "wrong")[0] == 531
    assert browser.sign_in("ann", "/ops")[0] == 531
    tenants.call(tenants.root, "lockUser", id=tenants.fresh("ann").user_uuid)
    status, body = browser.sign_in("ann", "/eng")
    assert status == 531
    assert "locked or disabled" in body["errortext"]


def test_a_locked_account_loses_its_sessions(tenants, served):
    browser = Browser(served[0])
    browser.sign_in("ann", "/eng")
    assert browser.ask("listAccounts")[0] == 200
    done(tenants.cloud, tenants.root, "disableAccount", id=tenants.fresh("ann").account_uuid, lock="true")
    assert tenants.cloud.db.read().count(LoginSession) == 0
    fresh = Browser(served[0])
    fresh.cookies, fresh.key = browser.cookies, browser.key
    until = 40  # a session that was just used may be believed for two seconds more
    while fresh.ask("listAccounts")[0] == 200:
        until -= 1
        assert until, "the session outlived its account"
        __import__("time").sleep(0.1)


def test_signed_calls(tenants, served):
    done(tenants.cloud, tenants.root, "registerUserKeys", id=tenants.fresh("dan").user_uuid)
    pair = tenants.cloud.db.read().find(KeyPair)
    program = Browser(served[0])
    status, told = program.ask("listUsers", sign=pair, listall="true")
    assert (status, [user["username"] for user in told["user"]]) == (200, ["dan"])
    job = program.ask("registerUserKeys", sign=pair, id=tenants.fresh("dan").user_uuid)[1]["jobid"]
    assert finished(tenants.cloud, job).state == "done"
    event = tenants.cloud.db.read().all(Event, Event.c.kind_of == "REGISTER.USER.KEY")[-1]
    assert (event.username, event.api_key) == ("dan", pair.api_key[:8])
    tenants.call(tenants.root, "deleteUser", id=tenants.fresh("dan").user_uuid)
    assert program.ask("listUsers", sign=pair)[0] == 401


def test_a_changed_role_is_in_force_with_the_next_call(tenants, served):
    role = tenants.call(tenants.root, "createRole", name="r", type="User")["role"]["id"]
    tenants.call(tenants.root, "updateAccount", id=tenants.fresh("dan").account_uuid, roleid=role)
    browser = Browser(served[0])
    browser.sign_in("dan", "eng/dev")
    status, told = browser.ask("listUsers")
    assert (status, told["explain"]["why"]) == (432, ["Role r has no rule that allows listUsers"])
    rule = tenants.call(tenants.root, "createRolePermission", roleid=role, rule="list*", permission="allow")
    assert browser.ask("listUsers")[0] == 200
    tenants.call(tenants.root, "createRolePermission", roleid=role, rule="createU*", permission="deny")
    assert browser.ask("createUser")[1]["explain"]["why"] == ["Rule 2 of role r denies createU*"]
    tenants.call(tenants.root, "deleteRolePermission", id=rule["rolepermission"]["id"])
    assert browser.ask("listUsers")[0] == 432


def test_the_integration_port_is_the_system_account(tenants, served):
    back = Browser(served[1])
    assert len(back.ask("listAccounts", listall="true")[1]["account"]) == 7
    refused = back.ask("updateUser", id=tenants.fresh("ann").user_uuid, password="x")
    assert refused[0] == 531
    assert "not accepted" in refused[1]["errortext"]
