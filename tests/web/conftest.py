"""A small house behind the face: users, sessions and commands in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from cloudwright.core import signature, wire
from cloudwright.core.wire import WireError
from cloudwright.web.gate import Login, Outcome, Request
from cloudwright.web.handle import Face
from cloudwright.web.throttle import Throttle


@dataclass
class User:
    user: str = "u-ann"
    two_factor: bool = False
    password_due: bool = False
    root: bool = False


@dataclass
class Verb:
    name: str
    http_method: str = ""
    pre_auth: bool = False
    knows_caller: bool = False
    anonymous: bool = False
    port_refused: tuple[str, ...] = ()
    resp_key: str = ""
    ok_resp_key: str = ""

    def __post_init__(self):
        self.resp_key = self.resp_key or self.name.lower() + "response"
        self.ok_resp_key = self.ok_resp_key or self.resp_key


class ThingsInUse(WireError):
    uuids = (("u1", "volume"),)


@dataclass
class House:
    """Both Gate and Commands, with a clock of its own."""

    clock: datetime = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
    ann: User = field(default_factory=User)
    enabled: bool = True
    stored: dict = field(default_factory=dict)
    denied: set = field(default_factory=set)
    peers: set = field(default_factory=set)
    rate: int = 1_000_000
    logins: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    settings: dict = field(
        default_factory=lambda: {
            "json.content.type": "application/json; charset=UTF-8",
            "encode.api.response": False,
            "enforce.post.requests.and.timestamps": False,
            "expose.cloudstack.version.api.xml.response": True,
            "expose.errors.to.user": False,
            "api.sessionkey.check.locations": "CookieAndParameter",
            "api.sessionkey.cookie.samesite": "Lax",
            "enable.secure.session.cookie": False,
            "proxy.header.verify": False,
            "proxy.header.names": "X-Forwarded-For",
            "proxy.cidr": "",
        }
    )

    def __post_init__(self):
        verbs = [
            Verb("listZones"),
            Verb("createZone"),
            Verb("listGuiThemes", anonymous=True),
            Verb("restoreVirtualMachine", resp_key="restorevmresponse"),
            Verb("queryAsyncJobResult"),
            Verb("quotaStatement", http_method="GET"),
            Verb("login", pre_auth=True),
            Verb("logout", pre_auth=True),
            Verb("listIdps", pre_auth=True),
            Verb("validateUserTwoFactorAuthenticationCode", pre_auth=True, knows_caller=True),
            Verb("registerTemplate", port_refused=("url",)),
            Verb("crash"),
            Verb("refuse"),
            Verb("full"),
            Verb("switch", ok_resp_key="switchedresponse"),
        ]
        self.verbs = {verb.name: verb for verb in verbs}
        self.face = Face(self, self, self.settings.__getitem__, Throttle(clock=self.now), now=lambda: self.clock)

    def now(self):
        return self.clock.timestamp()

    # Gate

    def user_by_api_key(self, key):
        return ("secret", self.ann) if key == "KEY" and self.enabled else None

    def identity(self, user):
        return self.ann if user == self.ann.user and self.enabled else None

    def system(self):
        return User("system", root=True)

    def login(self, username, password, domain_path, domain_id):
        self.logins.append((username, domain_path, domain_id))
        if (username, password) != ("ann", "pass"):
            return None
        return Login(self.ann, {"username": "ann", "userid": self.ann.user, "type": "1", "is2faenabled": "false"})

    def session_get(self, digest):
        return self.stored.get(digest)

    def session_add(self, digest, session):
        self.stored[digest] = session

    def session_update(self, digest, session):
        if digest not in self.stored:
            return False
        self.stored[digest] = session
        return True

    def session_drop(self, digest):
        self.stored.pop(digest, None)

    def admitted(self, identity, peer):
        return not self.peers or peer in self.peers

    def permitted(self, identity, command):
        return command not in self.denied

    def lacking(self, identity, command):
        return [f"Nothing allows {command}"], ["ask somebody"]

    def within_rate(self, identity):
        self.rate -= 1
        return self.rate >= 0

    # Commands

    def find(self, name):
        return self.verbs.get(name)

    def find_pre_auth(self, name):
        return next((verb for verb in self.verbs.values() if verb.pre_auth and verb.name.lower() == name.lower()), None)

    def run(self, command, identity, params, context):
        self.calls.append((command.name, identity, params, context))
        if command.name == "crash":
            raise ZeroDivisionError("secret inside")
        if command.name == "refuse":
            raise ThingsInUse(536, "zone alpha is in use by 3 hosts", cs_code=4375)
        if command.name == "full":
            raise WireError(533, "host h1 has 2 of 8 cores", cs_code=4325)
        if command.name == "listZones":
            return Outcome(wire.list_body("zone", [{"id": "0b7e", "name": "alpha"}], 1))
        return Outcome({"success": True})

    # The client's side

    def signed(self, command="listZones", method="GET", **params):
        sent = {"command": command, "response": "json", "apikey": "KEY", **params}
        sent = {name: value for name, value in sent.items() if value is not None}
        sent["signature"] = signature.sign(next(signature.texts(sent)), "secret")
        text = urlencode(sent)
        if method == "POST":
            return self.post(text)
        return self.face.handle(Request(method, "/client/api", text))

    def post(self, text, headers=None, peer="192.0.2.7"):
        form = {"content-type": "application/x-www-form-urlencoded", "host": "cloud.example", **(headers or {})}
        return self.face.handle(Request("POST", "/client/api", "", text.encode(), form, peer))

    def get(self, query, headers=None):
        return self.face.handle(Request("GET", "/client/api", query, headers={"host": "cloud.example", **(headers or {})}))

    def sign_in(self, password="pass", headers=None, peer="192.0.2.7", user="ann"):
        return self.post(f"command=login&username={user}&password={password}&response=json", headers, peer)

    def later(self, seconds):
        self.clock += timedelta(seconds=seconds)


@pytest.fixture
def house():
    return House()


def once():
    """What spends each console token once, as the database does for all servers."""
    used = set()

    def spend(claims, peer):
        fresh = claims.nonce not in used
        used.add(claims.nonce)
        return fresh

    return spend
