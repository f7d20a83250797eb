"""One API request in, one answer out: who calls, may they, run it, write it down. Blocking; called on any thread."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from cloudwright import __version__
from cloudwright.core import signature, wire
from cloudwright.core.wire import Parameters, WireError
from cloudwright.identity.entrance import Entrance
from cloudwright.web.gate import (
    Answer,
    Commands,
    Context,
    Declaration,
    Gate,
    Identity,
    Login,
    Outcome,
    Request,
    Settings,
    Told,
    ToldOfThings,
)
from cloudwright.web.peer import peer_of
from cloudwright.web.session import BROWSER, IDLE_SECONDS, Present, Sessions, emptied, read_cookies
from cloudwright.web.throttle import Throttle

log = logging.getLogger(__name__)

UNVERIFIED = "unable to verify user credentials and/or request signature"
_NO_SECOND_FACTOR = frozenset(
    {
        "listUserTwoFactorAuthenticatorProviders",
        "setupUserTwoFactorAuthentication",
        "listApis",
        "listIdps",
        "validateUserTwoFactorAuthenticationCode",
    }
)
_PASSWORD_DUE = _NO_SECOND_FACTOR | {"updateUser"}
_VALIDATE = "validateUserTwoFactorAuthenticationCode"
_SIGNING = frozenset({"login", "logout"})
_BY_PROVIDER = frozenset({"oauthlogin", "samlSso", "samlSlo"})  # browsers are sent to these, and sent on by them
_SIGN_IN = "/client/"  # the page
_READING = ("get", "list", "query", "find")
_HEADERS = [
    ("x-content-type-options", "nosniff"),
    ("x-xss-protection", "1;mode=block"),
    *(("content-security-policy", f"{part}-src 'self'") for part in ("script", "connect", "img", "style")),
    ("cache-control", "no-store"),
]


def refuse(code: int, text: str, param: str | None = None, cs_code: int | None = None) -> NoReturn:
    """Raise the refusal of a request before any command is dispatched."""
    raise WireError(code, text, param, cs_code)


class Call(Struct):
    """What is known of a request while it is being answered."""

    request: Request
    params: Parameters
    style: wire.Style
    peer: str
    cookies: dict[str, str]
    system: bool = False
    command: Declaration | None = None
    key: str = "errorresponse"  # outer key of an error
    present: Present | None = None  # the live session, when that is how the caller was recognised
    identity: Identity | None = None
    headers: list[tuple[str, str]] = []


class Face:
    """The CloudStack face of a server. `version` is told in XML answers to authenticated callers."""

    def __init__(
        self,
        gate: Gate,
        commands: Commands,
        setting: Settings,
        throttle: Throttle | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._gate = gate
        self._commands = commands
        self._setting = setting
        self._throttle = throttle if throttle is not None else Throttle()
        self._now = now
        self.sessions = Sessions(gate, setting, lambda: now().timestamp())
        self.version = __version__

    def handle(self, request: Request, system: bool = False) -> Answer:
        """Answer a request; never raises. `system`: it came through the unauthenticated port."""
        call = Call(request, Parameters({}), wire.Style(), request.peer, {}, system)
        try:
            if request.method not in ("GET", "POST"):
                return Answer(405, [("allow", "GET, POST"), ("content-type", "text/plain")], b"Use GET or POST.\n")
            self._read(call)
            outcome = self._answer(call)
            key = call.command.ok_resp_key if call.command else call.key
            return self._write(call, outcome.status, key, outcome.body)
        except Exception as error:
            return self._tell(call, error)

    def caller(self, request: Request) -> Identity | None:
        """The user of the browser session that sent a request which is no command; None when there is no valid one.
        Does not keep the session from falling idle."""
        call = Call(request, Parameters({}), wire.Style(), request.peer, {})
        try:
            self._read(call)
            call.present = self.sessions.find(call.cookies, touch=False)
            if call.present is not None:
                self._by_session(call, call.present)
        except WireError:
            return None
        return call.identity

    # -- reading -------------------------------------------------------------------------------------------------------

    def _read(self, call: Call) -> None:
        request = call.request
        call.style = self._style(Parameters({}))
        form = request.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded")
        call.params = wire.parse(request.query, request.body if form else b"")
        call.style = self._style(call.params)
        call.peer = peer_of(request, self._setting)
        call.cookies = read_cookies(request.headers.get("cookie", ""))
        name = call.params.get("command")
        call.command = self._commands.find(name) or self._commands.find_pre_auth(name)
        if call.command is not None:
            call.key = call.command.resp_key

    def _style(self, params: Parameters) -> wire.Style:
        return wire.Style(json=params.get("response").lower() == "json", url_encoded=bool(self._setting("encode.api.response")))

    # -- the order of checks -------------------------------------------------------------------------------------------

    def _answer(self, call: Call) -> Outcome:
        command = call.command
        if not call.system and command is not None and command.pre_auth:
            return self._before_login(call, command)
        self._check_post(call)
        self._authenticate(call)
        identity, command = call.identity, call.command
        if command is None:
            if not call.params.get("command"):
                refuse(400, "The request names no command")
            refuse(
                432, f"The given command '{call.params.get('command')}' either does not exist or is not available", cs_code=9999
            )
        if identity is not None and not call.system:
            self._authorize(call, command, identity)
        call.params.check_maps()
        if call.system:
            _check_port(call, command)
        return self._commands.run(command, identity, call.params, self._context(call))

    def _context(self, call: Call) -> Context:
        host = call.request.headers.get("host", "")
        present = call.present
        return Context(
            call.peer, host.rsplit(":", 1)[0], call.style.json, present is not None, call.system,
            present.digest if present else "", call.cookies.get(BROWSER, ""), bool(present and not present.session.verified),
        )  # fmt: skip

    def _check_post(self, call: Call) -> None:
        command = call.command
        if command is None or call.system or call.request.method == "POST" or not self._enforced():
            return
        if not command.name.startswith(_READING) and command.http_method != "GET":
            refuse(400, f"State changing command {command.name} needs to be sent using POST request")

    def _enforced(self) -> bool:
        return bool(self._setting("enforce.post.requests.and.timestamps"))

    def _authenticate(self, call: Call) -> None:
        """Find the caller, or raise 401 (511 when the second factor is due)."""
        if call.system:
            call.identity = self._gate.system()
        elif call.params.get("apikey"):
            self._by_signature(call)
        else:
            call.present = self.sessions.find(call.cookies)
            if call.present is not None:
                self._by_session(call, call.present)
            elif not (call.command is not None and call.command.anonymous):
                refuse(401, UNVERIFIED)
        call.style = msgspec.structs.replace(call.style, version=self._told_version(call))

    def _told_version(self, call: Call) -> str | None:
        if call.identity is None or call.style.json:
            return None
        return self.version if self._setting("expose.cloudstack.version.api.xml.response") else None

    def _by_signature(self, call: Call) -> Identity:
        known = self._gate.user_by_api_key(call.params.get("apikey")) if call.command is not None else None
        if known is None or not signature.signed_by(call.params, known[0]):
            refuse(401, UNVERIFIED)
        fault = signature.expiry_fault(call.params, self._now(), self._enforced())
        if fault:
            refuse(401, f"{UNVERIFIED}: {fault}")
        call.identity = known[1]
        return known[1]

    def _by_session(self, call: Call, present: Present) -> None:
        if not same_origin(call.request):
            refuse(401, "The request comes from a page of another site")
        if not self.sessions.holds_key(present, call.cookies, call.params.get("sessionkey")):
            self.sessions.drop(present.digest)
            refuse(401, UNVERIFIED)
        if present.identity.two_factor and not present.session.verified and _name(call) not in _NO_SECOND_FACTOR:
            self.sessions.drop(present.digest)
            refuse(511, "Two factor authentication has not been verified in this session")
        call.identity = present.identity

    def _authorize(self, call: Call, command: Declaration, identity: Identity) -> None:
        if call.present is not None and identity.password_due and command.name not in _PASSWORD_DUE:
            refuse(531, "The password must be changed first, by updateUser")
        self._check_address(call, identity)
        if not self._gate.permitted(identity, command.name):
            refusal = WireError(432, f"The user is not allowed to request the API command {command.name}", cs_code=9999)
            refusal.why, refusal.fix = self._gate.lacking(identity, command.name)
            raise refusal
        if not self._gate.within_rate(identity):
            refuse(429, "The caller has sent too many requests; try again later", cs_code=9999)

    def _check_address(self, call: Call, identity: Identity) -> None:
        if not self._gate.admitted(identity, call.peer):
            refuse(401, f"Requests of this user from address {call.peer} are not allowed")

    # -- commands before login -----------------------------------------------------------------------------------------

    def _before_login(self, call: Call, command: Declaration) -> Outcome:
        if command.name == "login":
            return self._login(call)
        if command.name == "logout":
            return self._logout(call)
        call.present = self.sessions.find(call.cookies)
        if command.knows_caller:
            self._recognize(call, command)
        call.params.check_maps()
        outcome = self._commands.run(command, call.identity, call.params, self._context(call))
        if command.name == _VALIDATE and call.present is not None:
            self.sessions.verify(call.present)
        return self._passed(call, outcome, outcome.entrance) if outcome.entrance else outcome

    def _recognize(self, call: Call, command: Declaration) -> None:
        """Who calls a command before login, if anybody is signed in. Sessions need no rule for it; keys are asked."""
        if call.present is not None:
            self._by_session(call, call.present)
            self._check_address(call, call.present.identity)
        elif call.params.get("apikey"):
            self._authorize(call, command, self._by_signature(call))
        elif command.name == _VALIDATE:
            refuse(401, UNVERIFIED)

    def _passed(self, call: Call, outcome: Outcome, entrance: Entrance) -> Outcome:
        """Open or end a session, and send the browser on, as a command said."""
        if entrance.leaves and call.present is not None:
            self.sessions.drop(call.present.digest)
            call.headers = emptied(call.cookies)
        if outcome.login is not None:
            outcome.body = self._opened(call, outcome.login, entrance)
        if entrance.browser:
            call.headers = [*call.headers, self.sessions.kept(BROWSER, entrance.browser)]
        if entrance.redirect:
            call.headers = [*call.headers, ("location", entrance.redirect)]
            outcome.status = 303
        return outcome

    def _opened(self, call: Call, login: Login, entrance: Entrance | None = None) -> wire.Body:
        """Begin a session instead of the browser's present one, and answer as `login` does."""
        self._check_address(call, login.identity)
        old = self.sessions.find(call.cookies)
        if old is not None:
            self.sessions.drop(old.digest)
        origin, told = (entrance.origin, entrance.told) if entrance else ("", "")
        sid, key = self.sessions.open(login.identity, origin, told)
        call.headers = self.sessions.cookies(sid, key)
        verified = "false" if login.identity.two_factor else "true"
        body: dict[str, Any] = {**login.fields, "is2faverified": verified, "timeout": IDLE_SECONDS, "sessionkey": key}
        if entrance is not None and entrance.shown:
            call.headers = self.sessions.shown(sid, key, body, entrance.key_path)
        return body

    def _login(self, call: Call) -> Outcome:
        params = call.params
        if call.request.method != "POST":
            refuse(405, "Login must be sent with POST")
        if not same_origin(call.request):
            refuse(401, "The request comes from a page of another site")
        for name in ("username", "password"):
            if not params.get(name):
                raise wire.missing("login", name)
        domain_id = params.get("domainid") or None
        if domain_id is not None and not isinstance(_domain_id(domain_id), str | int):
            refuse(401, "The domain id is neither a UUID nor a number")
        path = "/" + params.get("domain").strip("/") + "/" if params.get("domain").strip("/") else "/"
        account = f"{domain_id or path} {params.get('username')}"
        self._slow_down(call, account)
        login = self._gate.login(params.get("username"), params.get("password"), path, domain_id)
        if login is None:
            refuse(531, "Failed to authenticate user; please check the user name, password and domain")
        self._throttle.succeeded(call.peer, account)
        return Outcome(self._opened(call, login))

    def _slow_down(self, call: Call, account: str) -> None:
        wait = self._throttle.wait(call.peer, account)
        if wait > 0:
            seconds = math.ceil(round(wait, 3))
            call.headers = [("retry-after", str(seconds))]
            refuse(531, f"Failed to authenticate user: too many failed logins; try again in {seconds} seconds")

    def _logout(self, call: Call) -> Outcome:
        present = self.sessions.find(call.cookies)
        if present is None:
            refuse(431, "There is no session to log out of")
        self._by_logout_key(call, present)
        self.sessions.drop(present.digest)
        call.headers = emptied(call.cookies)
        return Outcome({"description": "success"})

    def _by_logout_key(self, call: Call, present: Present) -> None:
        """Another site may not sign the user out; a page of ours may, even when it lost the session key."""
        if not same_origin(call.request):
            refuse(401, "The request comes from a page of another site")
        given = call.params.get("sessionkey")
        if given and not self.sessions.holds_key(present, {**call.cookies, "sessionkey": given}, given):
            self.sessions.drop(present.digest)
            refuse(401, UNVERIFIED)

    # -- writing -------------------------------------------------------------------------------------------------------

    def _may_read(self, identity: Identity | None) -> bool:
        return (identity is not None and identity.root) or bool(self._setting("expose.errors.to.user"))

    def _write(self, call: Call, status: int, key: str, body: wire.Body) -> Answer:
        kind = str(self._setting("json.content.type")) if call.style.json else "text/xml; charset=UTF-8"
        headers = [("content-type", kind), *_HEADERS, *call.headers]
        return Answer(status, headers, wire.encode(key, body, call.style))

    def _tell(self, call: Call, error: Exception) -> Answer:
        told: Told
        if isinstance(error, Told):
            told = error
        else:
            log.error("Command %s failed unexpectedly", _name(call) or "unknown", exc_info=error)
            told = WireError(530, "Internal error; the server's log tells more", cs_code=4250)
        if told.code in _INTERNAL and not self._may_read(call.identity):
            told = WireError(told.code, _INTERNAL[told.code], told.param, told.cs_code)
        if told.code == 432:
            call.key = "errorresponse"
        uuids = error.uuids if isinstance(error, ToldOfThings) else ()
        explained = told.explain() if told.cs_code is not None else {}
        explain = explained if explained.get("why") or explained.get("fix") else None
        if _name(call) in _BY_PROVIDER and "text/html" in call.request.headers.get("accept", ""):
            return self._shown(call, told)
        body = wire.error_body(told.code, told.text, told.cs_code, uuids, told.param, explain)
        call.headers = [*call.headers, ("x-description", _header_text(told.text))]
        return self._write(call, told.code, call.key, body)

    def _shown(self, call: Call, told: Told) -> Answer:
        """A refusal that would fill the window of somebody who came with a browser: the sign-in page tells it instead."""
        refused = self.sessions.refused(_name(call), told.code, told.text)
        return Answer(303, [*_HEADERS, *call.headers, refused, ("location", _SIGN_IN)])


# What callers read who may not see inside, by error number.
_INTERNAL = {
    530: "The request failed inside the server; an administrator finds the cause in the server's log",
    533: "There is not enough capacity for the request; an administrator finds the cause in the server's log",
    534: "Something that the request needs is not reachable; an administrator finds the cause in the server's log",
}


def _name(call: Call) -> str:
    return call.command.name if call.command else ""


def _check_port(call: Call, command: Declaration) -> None:
    if command.name in _SIGNING:
        refuse(432, f"Command {command.name} is not available on the unauthenticated port: it has no sessions", cs_code=9999)
    for name in command.port_refused:
        if name in call.params.plain:
            raise WireError(531, f"Parameter {name} of {command.name} is not accepted on the unauthenticated port", name)


def _domain_id(text: str) -> str | int | None:
    try:
        found: str | int | None = wire.decode(wire.Rule("domainid", "uuid"), text)
    except WireError:
        return None
    return found


def same_origin(request: Request) -> bool:
    """False when a browser says that a page of another site sent this."""
    origin = request.headers.get("origin")
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower() != ""
    except ValueError:
        return False


def _header_text(text: str) -> str:
    """`text` as a header may carry it: printable ASCII, one line."""
    line = " ".join(text.split())
    return "".join(char if " " <= char <= "~" else "?" for char in line)[:1024]
