"""The API over HTTP: signatures (with and without expiry), sessions, answers. Every call is a POST: no secret is in a URL."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from cloudwright.cw.failure import SIGN_IN, Refused, Unreachable, Unsigned, Wrong
from cloudwright.cw.profile import NO, Profile, owned

if TYPE_CHECKING:
    from http.client import HTTPConnection
    from ssl import SSLContext

EXPIRES = 600  # seconds that a signed request is good for
CONNECTING = 15.0  # seconds until a server that says nothing counts as away
TRUST = "cw set verifycert FILE: believe the authorities whose certificates are in FILE"


def signature(params: dict[str, str], secret: str) -> str:
    """HMAC-SHA1 in Base64 of the sorted parameters, in small letters."""
    import base64
    import hmac

    pairs = sorted(params.items(), key=lambda pair: pair[0].lower())
    text = "&".join(f"{name}={quote(value, safe='*').replace('~', '%7E')}" for name, value in pairs).lower()
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha1")).decode()


def flat(params: dict[str, Any]) -> dict[str, str]:
    """Lists by commas, maps as `name[0].key`, lists of maps numbered, booleans in small letters; None is left out."""
    found: dict[str, str] = {}
    for name, value in params.items():
        maps = [value] if isinstance(value, dict) else value
        if isinstance(maps, list) and maps and all(isinstance(entry, dict) for entry in maps):
            found |= {f"{name}[{i}].{key}": _text(part) for i, entry in enumerate(maps) for key, part in entry.items()}
        elif isinstance(value, list | tuple):
            found[name] = ",".join(map(_text, value))
        elif value is not None and value != {}:
            found[name] = _text(value)
    return found


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Wire:
    """A server's API as one user: by keys where the profile has some, else by a session that is kept in `kept`."""

    def __init__(self, profile: Profile, kept: Path | None = None) -> None:
        self.profile, self.kept = profile, kept
        self.session: dict[str, str] = {}
        self.ask_password = _nobody_to_ask

    def call(self, command: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """What is under the outer key of the answer. Raises Refused, Unreachable."""
        sent = {"command": command, "response": "json", **flat(params or {})}
        if self.profile["apikey"]:
            return self._send(self._signed(sent))[0]
        if not self.session:
            self.session = self._remembered() or self.login()
        try:
            return self._send(sent | {"sessionkey": self.session["sessionkey"]})[0]
        except Refused as refused:
            if refused.number != SIGN_IN:
                raise
        self.session = self.login()  # the session has ended: a new one
        return self._send(sent | {"sessionkey": self.session["sessionkey"]})[0]

    def login(self) -> dict[str, str]:
        """Sign in with name and password, and keep the session. Raises Unsigned, Refused, Unreachable."""
        profile = self.profile
        if not profile["username"]:
            fix = ["cw login URL --user NAME", "or set apikey and secretkey, or CLOUDSTACK_KEY and CLOUDSTACK_SECRET"]
            raise Unsigned(f"Profile {profile.name} has neither keys nor a user's name", fix=fix)
        password = profile["password"] or self.ask_password(f"Password of {profile['username']} at {profile['url']}: ")
        asked = {"username": profile["username"], "password": password, "domain": profile["domain"]}
        self.session = {}
        answer, cookies = self._send({"command": "login", "response": "json", **asked})
        self.session = {"sessionkey": str(answer["sessionkey"]), "cookies": "; ".join(cookies)}
        if self.kept is not None:
            owned(self.kept).write_text(json.dumps(self.session))
        return self.session

    def logout(self) -> bool:
        """End the session that is kept, here and at the server; False where none was. Raises Unreachable."""
        self.session = self._remembered()
        if not self.session:
            return False
        with contextlib.suppress(Refused):  # it had ended already
            self._send({"command": "logout", "response": "json", "sessionkey": self.session["sessionkey"]})
        self.session = {}
        if self.kept is not None:
            self.kept.unlink(missing_ok=True)
        return True

    def _remembered(self) -> dict[str, str]:
        try:
            found = json.loads(self.kept.read_text()) if self.kept is not None else {}
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) and "sessionkey" in found else {}

    def _signed(self, sent: dict[str, str]) -> dict[str, str]:
        sent = sent | {"apiKey": self.profile["apikey"]}
        if self.profile["signatureversion"] == "3":
            expires = time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime(time.time() + EXPIRES))
            sent |= {"signatureversion": "3", "expires": expires}
        return sent | {"signature": signature(sent, self.profile["secretkey"])}

    def _send(self, sent: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
        from http.client import HTTPException

        where = urlsplit(self.profile["url"])
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if self.session.get("cookies"):
            headers["Cookie"] = self.session["cookies"]
        connection = self._connection(where.scheme, where.netloc)
        try:
            connection.connect()
            connection.sock.settimeout(self.profile.timeout)
            connection.request("POST", where.path or "/client/api", urlencode(sent, quote_via=quote), headers)
            answer = connection.getresponse()
            body, status = answer.read(), answer.status
            elsewhere = answer.headers.get("location", "") if 300 <= status < 400 else ""
            cookies = [value.partition(";")[0] for value in answer.headers.get_all("set-cookie", [])]
        except (OSError, HTTPException) as error:
            raise unreachable(self.profile["url"], error) from error
        finally:
            connection.close()
        if elsewhere:
            raise Unreachable(f"{self.profile['url']} sends its callers to {elsewhere}", fix=[f"cw set url {elsewhere}"])
        inner = self._inner(body, status)
        if status >= 400 or "errorcode" in inner:
            raise Refused(sent["command"], int(inner.get("errorcode", status)), inner)
        return inner, cookies

    def _inner(self, body: bytes, status: int) -> dict[str, Any]:
        try:
            inner = next(iter(json.loads(body).values()))
        except (ValueError, AttributeError, StopIteration):
            inner = None
        if not isinstance(inner, dict):
            raise Unreachable(f"{self.profile['url']} answered {status}, not as this API does", fix=["its path is /client/api"])
        return inner

    def _connection(self, scheme: str, host: str) -> HTTPConnection:
        from http.client import HTTPConnection, HTTPSConnection

        if scheme not in ("http", "https") or not host:
            raise Unreachable(f"{self.profile['url']!r} is no URL of a server", fix=["cw set url http://HOST:8080/client/api"])
        patience = min(self.profile.timeout, CONNECTING)
        if scheme == "http":
            return HTTPConnection(host, timeout=patience)
        return HTTPSConnection(host, timeout=patience, context=self._trust())

    def _trust(self) -> SSLContext:
        """Whose certificates are believed: those of the system's authorities, those of a file, or anybody's. Raises Wrong."""
        import ssl

        if self.profile["verifycert"].lower() in NO:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            return context
        file = None if self.profile.true("verifycert") else self.profile["verifycert"]
        try:
            return ssl.create_default_context(cafile=file)
        except (OSError, ssl.SSLError) as error:
            reason = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
            raise Wrong(f"verifycert is {file}, a file of certificates; it cannot be read: {reason}", fix=[TRUST]) from None


def unreachable(url: str, error: Exception) -> Unreachable:
    """What went wrong on the way to a server, and what helps."""
    text, fix = f"{url} cannot be reached: {error}", ["cw set url URL"]
    if not url.startswith("https:"):
        secure = (
            [] if isinstance(error, ConnectionRefusedError | TimeoutError) else ["if it speaks TLS, its URL begins with https:"]
        )
        return Unreachable(text, fix=[*fix, *secure])
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        said = error.verify_message.rstrip(".")
        return Unreachable(
            f"The certificate of {url} is not believed: {said}", fix=[TRUST, "cw set verifycert false: believe any"]
        )
    if isinstance(error, ssl.SSLError) and error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST"):
        return Unreachable(f"{url} answers, but not by TLS", fix=[f"cw set url {url.replace('https:', 'http:', 1)}"])
    return Unreachable(text, fix=fix)


def _nobody_to_ask(prompt: str) -> str:
    asked = prompt.rstrip(": ")
    raise Unsigned(f"{asked} is needed, and there is no terminal to ask at", fix=["use keys, or CLOUDSTACK_PASSWORD"])
