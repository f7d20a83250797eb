"""A small client of the API: signed requests, and waiting for jobs. It knows of a server only what any stranger knows."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from cloudwright.core import signature

POLL = 0.2
Told = Callable[[str], object]


class ApiError(Exception):
    """What the server refused, in its own words with reasons and remedies."""

    def __init__(self, command: str, code: int, answer: dict[str, Any]) -> None:
        self.command, self.code, self.answer = command, code, answer
        explain = answer.get("explain") or {}
        text = str(answer.get("errortext", "no reason was told"))
        parts = [text, *(why for why in explain.get("why", []) if why not in text)]
        parts += [f"To do: {fix}." for fix in explain.get("fix", [])]
        super().__init__(f"{command} was refused ({code}): {' '.join(parts)}")


class JobFailed(ApiError):
    """A job that did not succeed."""


class Api:
    """The API at `url` (http://host:port/client/api), with a user's keys or, after `login`, a session."""

    def __init__(self, url: str, key: str = "", secret: str = "", timeout: float = 60.0) -> None:
        self.url, self.key, self.secret = url, key, secret
        self._timeout = timeout
        self._session: dict[str, str] = {}
        self._cookies = ""

    def login(self, username: str, password: str, domain: str = "") -> dict[str, Any]:
        """Sign in for a session, as a user of a domain (by its path; ROOT's without). Raises ApiError."""
        who = {"username": username, "password": password, "domain": domain}
        answer, cookies = self._send({"command": "login", **who, "response": "json"})
        self._cookies = "; ".join(cookies)
        self._session = {"sessionkey": str(answer["sessionkey"])}
        return answer

    def call(self, command: str, **params: object) -> dict[str, Any]:
        """What is under the outer key of the answer. Lists and maps become what the wire wants. Raises ApiError, OSError."""
        sent = {"command": command, "response": "json", **_flat(params), **self._session}
        if self.key:
            sent["apiKey"] = self.key
            sent["signature"] = signature.sign(next(signature.texts(sent)), self.secret)
        return self._send(sent)[0]

    def one(self, command: str, **params: object) -> dict[str, Any]:
        """The single object in an answer."""
        answer = self.call(command, **params)
        found = next(value for value in answer.values() if isinstance(value, dict | list))
        row: dict[str, Any] = found[0] if isinstance(found, list) else found
        return row

    def all(self, command: str, **params: object) -> list[dict[str, Any]]:
        """The objects of a list."""
        rows = [value for value in self.call(command, **params).values() if isinstance(value, list)]
        return rows[0] if rows else []

    def job(self, command: str, tell: Told = lambda _: None, timeout: float = 600.0, **params: object) -> dict[str, Any]:
        """Run an asynchronous command to its end: the object it answers, {} when it answers none. Raises JobFailed."""
        job = str(self.call(command, **params)["jobid"])
        until = time.monotonic() + timeout
        while True:
            known = self.call("queryAsyncJobResult", jobid=job)
            if int(known["jobstatus"]) == 1:
                return _result(known.get("jobresult") or {})
            if int(known["jobstatus"]) > 1:
                failed = {**(known.get("jobresult") or {}), "explain": known.get("explain")}
                raise JobFailed(command, int(known.get("jobresultcode", 530)), failed)
            if time.monotonic() > until:
                waits = known.get("waitsfor") or "for nothing that it told"
                raise TimeoutError(f"{command} did not end within {timeout:g} s; it waits {waits}")
            tell(str(known.get("waitsfor") or known.get("step") or ""))
            time.sleep(POLL)

    def _send(self, sent: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
        where = urlsplit(self.url)
        kind = HTTPSConnection if where.scheme == "https" else HTTPConnection
        connection = kind(where.netloc, timeout=self._timeout)
        headers = {"Content-Type": "application/x-www-form-urlencoded"} | ({"Cookie": self._cookies} if self._cookies else {})
        try:
            connection.request("POST", where.path, urlencode(sent), headers)
            answer = connection.getresponse()
            body = answer.read()
        except HTTPException as error:
            raise OSError(f"{self.url} did not answer in HTTP: {error!r}") from error
        finally:
            connection.close()
        outer: dict[str, Any] = json.loads(body)
        inner = next(iter(outer.values()))
        if answer.status >= 400:
            raise ApiError(sent["command"], answer.status, inner)
        return inner, [value.partition(";")[0] for value in answer.headers.get_all("set-cookie", [])]


def _flat(params: dict[str, object]) -> dict[str, str]:
    """Lists by commas, maps as `name[0].key`, booleans in small letters."""
    flat: dict[str, str] = {}
    for name, value in params.items():
        if isinstance(value, dict):
            flat |= {f"{name}[0].{key}": str(part) for key, part in value.items()}
        elif isinstance(value, list):
            flat[name] = ",".join(map(str, value))
        elif value is not None:
            flat[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return flat


def _result(result: dict[str, Any]) -> dict[str, Any]:
    inner = next((value for value in result.values() if isinstance(value, dict)), None)
    return inner if inner is not None else result
