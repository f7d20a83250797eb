"""The HTTP face's joint with the house: identity's gatekeeper as its gate, the registered commands, the settings in force."""

from __future__ import annotations

from typing import Any

import msgspec

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller, Kind
from cloudwright.core.command import Api, Exchange, Verb
from cloudwright.core.db import Database
from cloudwright.core.run import Runner
from cloudwright.core.server import Server
from cloudwright.core.setting import Setting, bad_networks, setting
from cloudwright.core.wire import Parameters
from cloudwright.identity import session as sessions
from cloudwright.identity.entrance import Entrance
from cloudwright.identity.forgotten import ENABLED as FORGOTTEN
from cloudwright.identity.gate import Gatekeeper
from cloudwright.identity.model import LoginSession, OauthProvider
from cloudwright.identity.saml.command import ENABLED as SAML
from cloudwright.web.gate import Context, Declaration, Identity, Login, Outcome, Session
from cloudwright.web.handle import Face

setting("json.content.type", "application/json; charset=UTF-8", "the content type of JSON answers")
setting("encode.api.response", False, "whether texts in answers are URL-encoded")
setting(
    "enforce.post.requests.and.timestamps",
    False,
    "whether commands that change something must be sent by POST, and signed requests carry an expiry (signature version 3)",
)
setting("expose.cloudstack.version.api.xml.response", True, "whether XML answers tell the version")
setting("enable.secure.session.cookie", False, "whether the session's cookie is sent over TLS only")
setting(
    "api.sessionkey.check.locations", "CookieAndParameter", "where the session key must be shown",
    options=("CookieOrParameter", "ParameterOnly", "CookieAndParameter"),
)  # fmt: skip
setting(
    "api.sessionkey.cookie.samesite", "Lax", "which pages of other sites make browsers send the session's cookies",
    options=("Lax", "Strict", "NoneAndSecure", "Null"),
)  # fmt: skip
setting("proxy.header.verify", False, "whether proxy.header.names tell who calls, when a proxy of proxy.cidr says so")
setting(
    "proxy.header.names", "X-Forwarded-For,HTTP_CLIENT_IP,HTTP_X_FORWARDED_FOR", "headers in which a proxy tells who calls",
    category="Network",
)  # fmt: skip
setting("proxy.cidr", "", "networks of the proxies that are believed", category="Network", check=bad_networks)

NOBODY = Caller(
    user_id=0, user_uuid="", username="", account_id=0, account_uuid="", account="", domain_id=0, domain_uuid="",
    domain_path="/", kind=Kind.USER, role_id=0, role_type="",
)  # fmt: skip
"""Who calls a command that needs no credentials."""

SIGNING = {
    "login": Api(name="login", http_method="POST", pre_auth=True, resp_key="loginresponse", ok_resp_key="loginresponse"),
    "logout": Api(name="logout", pre_auth=True, resp_key="logoutresponse", ok_resp_key="logoutresponse"),
}
"""What the face itself does; no command runs."""


def face(cloud: Cloud) -> Face:
    """The HTTP face of a server. Call once per process."""
    keeper = Gatekeeper(cloud.db)
    cloud.member.each_beat.append(keeper.refresh)
    keeper.server = lambda: cloud.db.read().get(Server, cloud.member.id).uuid if cloud.member.id else None
    return Face(HouseGate(cloud.db, keeper), HouseCommands(cloud.runner, keeper), lambda name: setting_in_force(cloud.db, name))


def ways_in(db: Database) -> list[str]:
    """The ways in besides a password that a sign-in page shall ask about."""
    reader = db.read()
    provider = reader.find(OauthProvider, OauthProvider.c.enabled.is_(True)) is not None
    offered = {"oauth": provider, "saml": SAML.get(reader), "forgotten": FORGOTTEN.get(reader)}
    return [way for way, open_ in offered.items() if open_]


def setting_in_force(db: Database, name: str) -> Any:
    """The value of a global setting."""
    return Setting.by_name[name].get(db.read())


class HouseGate:
    """The gate (see cloudwright.web.gate.Gate) over identity."""

    def __init__(self, db: Database, keeper: Gatekeeper) -> None:
        self._db, self._keeper = db, keeper
        self.user_by_api_key = keeper.by_api_key
        self.identity = keeper.by_uuid
        self.system = keeper.system

    def login(self, username: str, password: str, domain_path: str, domain_id: str | None) -> Login | None:
        """The user with that password."""
        signed = self._keeper.sign_in(username, password, domain_path, domain_id)
        return None if signed is None else Login(signed.caller, signed.fields)

    def session_get(self, digest: str) -> Session | None:
        """The session stored under a digest of its id."""
        row = sessions.find(self._db.read(), digest)
        if row is None:
            return None
        return Session(row.user_uuid, row.key_digest, row.began, row.seen, row.verified, row.origin, row.told)

    def session_add(self, digest: str, session: Session) -> None:
        """Store a new session."""
        row = LoginSession(
            digest=digest, user_uuid=session.user, key_digest=session.key_digest, began=session.created, seen=session.seen,
            origin=session.origin, told=session.told,
        )  # fmt: skip
        self._db.write(lambda tx: sessions.add(tx, row))

    def session_update(self, digest: str, session: Session) -> bool:
        """Note its use. False when it is gone."""
        return self._db.write(lambda tx: sessions.seen(tx, digest, session.seen, session.verified))

    def session_drop(self, digest: str) -> None:
        """Forget a session."""
        self._db.write(lambda tx: sessions.drop(tx, digest))

    def admitted(self, identity: Identity, peer: str) -> bool:
        """Whether this user may call from that address."""
        return self._keeper.admitted(_caller(identity), peer)

    def permitted(self, identity: Identity, command: str) -> bool:
        """Whether the caller's role allows the command."""
        return self._keeper.permitted(_caller(identity), command)

    def lacking(self, identity: Identity, command: str) -> tuple[list[str], list[str]]:
        """Which right is missing, and what would give it."""
        return self._keeper.lacking(_caller(identity), command)

    def within_rate(self, identity: Identity) -> bool:
        """Count a call."""
        return self._keeper.within_rate(_caller(identity))


class HouseCommands:
    """The registered commands (see cloudwright.web.gate.Commands)."""

    def __init__(self, runner: Runner, keeper: Gatekeeper) -> None:
        self._runner, self._keeper = runner, keeper
        self._pre_auth = {name.lower(): api for name, api in SIGNING.items()}
        self._pre_auth |= {name.lower(): verb.api for name, verb in Verb.by_name.items() if verb.api.pre_auth}

    def find(self, name: str) -> Declaration | None:
        """The command of exactly that name."""
        verb = Verb.by_name.get(name)
        return verb.api if verb else SIGNING.get(name)

    def find_pre_auth(self, name: str) -> Declaration | None:
        """The pre-login command of that name in any case."""
        return self._pre_auth.get(name.lower())

    def run(self, command: Declaration, identity: Identity | None, params: Parameters, context: Context) -> Outcome:
        """Run it."""
        caller = NOBODY if identity is None else _caller(identity)
        here: dict[str, Any] = {"peer": context.peer, "session": context.digest, "browser": context.browser}
        caller = msgspec.structs.replace(caller, **here, two_factor=caller.two_factor and context.due)
        verb = Verb.by_name[command.name]
        if issubclass(verb, Exchange):
            result = self._runner.exchange(verb, caller, params)
            if isinstance(result, Entrance):
                return self._entered(result)
            return Outcome(self._runner.body(verb, caller, result))
        return Outcome(self._runner.run(verb, caller, params))

    def _entered(self, entrance: Entrance) -> Outcome:
        signed = self._keeper.welcome(entrance.user) if entrance.user else None
        return Outcome(entrance.body, entrance=entrance, login=Login(signed.caller, signed.fields) if signed else None)


def _caller(identity: Identity) -> Caller:
    if not isinstance(identity, Caller):
        raise TypeError(f"BUG: {identity!r} does not come from this gate (ForeignIdentity)")
    return identity
