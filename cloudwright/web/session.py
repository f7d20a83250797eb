"""Browser sessions: their ids, their cookies and the key each request must show.

A session's id and key are random and stored only as SHA-256, so that a copy of the database signs nobody in. Sessions live
in the database, shared by all servers; each server keeps them a few seconds in memory, and that long a session dropped
by another server may still be honoured here.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from cloudwright.web.gate import Gate, Identity, Session, Settings

IDLE_SECONDS = 1800
BROWSER = "signin"  # the cookie of a sign-in on its way
_ON_ITS_WAY = 900  # seconds that such a cookie is kept
_REFUSED = 60  # seconds that a page of ours may take to read why nobody was signed in
_SHOWN = (
    "username",
    "userid",
    "domainid",
    "account",
    "firstname",
    "lastname",
    "type",
    "timezone",
    "is2faenabled",
    "is2faverified",
    "providerfor2fa",
)
_TOUCH_SECONDS = 60  # how stale the stored time of last use may be
_FRESH_SECONDS = 2.0  # how long a session is believed without asking the database
_CACHED = 10_000

_SENTENCE = 800  # characters of a refusal: browsers keep cookies of 4,096 bytes

_SAME_SITE = {"lax": ";SameSite=Lax", "strict": ";SameSite=Strict", "noneandsecure": ";SameSite=None;Secure"}


class Present(Struct, frozen=True):
    """A live session and its user."""

    digest: str
    session: Session
    identity: Identity


class Sessions:
    """Opens, finds and ends sessions. Thread-safe."""

    def __init__(self, gate: Gate, setting: Settings, clock: Callable[[], float] = time.time) -> None:
        self._gate = gate
        self._setting = setting
        self._clock = clock
        self._lock = threading.Lock()
        self._cache: OrderedDict[str, tuple[float, Present]] = OrderedDict()

    def open(self, identity: Identity, origin: str = "", told: str = "") -> tuple[str, str]:
        """Begin a session; answers (id, session key). Both are always new: a planted cookie is worth nothing."""
        sid, key = secrets.token_urlsafe(32), secrets.token_urlsafe(20)
        now = self._clock()
        self._gate.session_add(_digest(sid), Session(identity.user, _digest(key), now, now, origin=origin, told=told))
        return sid, key

    def find(self, cookies: Mapping[str, str], touch: bool = True) -> Present | None:
        """The live session that the request's cookie names. `touch`: this is a use that keeps it from falling idle."""
        sid = cookies.get("JSESSIONID")
        if not sid:
            return None
        digest, now = _digest(sid), self._clock()
        with self._lock:
            loaded, present = self._cache.get(digest, (0.0, None))
        if present is None or not loaded <= now < loaded + _FRESH_SECONDS:
            present = self._load(digest, now)
        if present is not None and now - present.session.seen > IDLE_SECONDS:
            self.drop(digest)
            return None
        return self._touched(present, now) if present and touch else present

    def holds_key(self, present: Present, cookies: Mapping[str, str], given: str) -> bool:
        """Whether the request shows the session's key where `api.sessionkey.check.locations` wants it."""
        by_cookie, by_parameter = (
            hmac.compare_digest(_digest(key), present.session.key_digest) for key in (cookies.get("sessionkey", ""), given)
        )
        where = str(self._setting("api.sessionkey.check.locations")).lower()
        if where == "parameteronly":
            return by_parameter
        if where == "cookieorparameter":
            return by_cookie or by_parameter
        return by_cookie and by_parameter

    def verify(self, present: Present) -> None:
        """Remember that the second factor was passed."""
        self._change(present, msgspec.structs.replace(present.session, verified=True))

    def drop(self, digest: str) -> None:
        """End a session."""
        with self._lock:
            self._cache.pop(digest, None)
        self._gate.session_drop(digest)

    def _load(self, digest: str, now: float) -> Present | None:
        session = self._gate.session_get(digest)
        if session is None:
            return None
        identity = self._gate.identity(session.user)
        if identity is None:
            self.drop(digest)
            return None
        return self._remember(Present(digest, session, identity), now)

    def _touched(self, present: Present, now: float) -> Present | None:
        if now - present.session.seen < _TOUCH_SECONDS:
            return present
        return self._change(present, msgspec.structs.replace(present.session, seen=now))

    def _change(self, present: Present, session: Session) -> Present | None:
        if not self._gate.session_update(present.digest, session):
            self.drop(present.digest)
            return None
        return self._remember(msgspec.structs.replace(present, session=session), self._clock())

    def _remember(self, present: Present, now: float) -> Present:
        with self._lock:
            self._cache[present.digest] = (now, present)
            self._cache.move_to_end(present.digest)
            while len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        return present

    def cookies(self, sid: str, key: str) -> list[tuple[str, str]]:
        """The Set-Cookie headers of a new session."""
        same_site = _SAME_SITE.get(str(self._setting("api.sessionkey.cookie.samesite")).lower(), "")
        secure = ";Secure" if self._setting("enable.secure.session.cookie") else ""
        return [
            ("set-cookie", f"JSESSIONID={sid}{secure};HttpOnly;Path=/client{same_site if not secure else ''}"),
            ("set-cookie", f"sessionkey={key};HttpOnly{same_site}"),
        ]

    def shown(self, sid: str, key: str, body: Mapping[str, Any], key_path: str) -> list[tuple[str, str]]:
        """The same for a page of ours that did not get the answer itself: it reads the session's key, and who signed in."""
        first, second = self.cookies(sid, key)
        path = f";Path={key_path}" if key_path.startswith("/") and ";" not in key_path else ""
        readable = second[1].replace(";HttpOnly", "") + path
        told = [("set-cookie", f"{name}={quote(str(body[name]))};SameSite=Lax") for name in _SHOWN if name in body]
        return [first, (second[0], readable), *told]

    def refused(self, command: str, code: int, text: str) -> tuple[str, str]:
        """The Set-Cookie header that tells a page of ours, and none of another site, why nobody was signed in."""
        told = quote(msgspec.json.encode({"command": command, "errorcode": code, "errortext": text[:_SENTENCE]}))
        return "set-cookie", f"refused={told};SameSite=Lax;Path=/client;Max-Age={_REFUSED}"

    def kept(self, name: str, value: str) -> tuple[str, str]:
        """The Set-Cookie header of something that comes back from another site, in the browser that it was given to."""
        secure = ";Secure" if self._setting("enable.secure.session.cookie") else ""
        return "set-cookie", f"{name}={value}{secure};HttpOnly;SameSite=Lax;Path=/client/api;Max-Age={_ON_ITS_WAY}"


def read_cookies(header: str) -> dict[str, str]:
    """The cookies of a Cookie header; the first of a repeated name wins (it has the more specific path)."""
    found: dict[str, str] = {}
    for pair in header.split(";"):
        name, equals, value = pair.strip().partition("=")
        if equals:
            found.setdefault(name, value.strip('"'))
    return found


def emptied(cookies: Mapping[str, str]) -> list[tuple[str, str]]:
    """Set-Cookie headers that make the browser forget every cookie it sent."""
    names = [name for name in cookies if name.isascii() and name.replace("_", "").replace("-", "").isalnum()]
    paths = {"JSESSIONID": "/client"}
    return [("set-cookie", f"{name}=;Max-Age=0" + (f";Path={paths[name]}" if name in paths else "")) for name in names]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
