"""Signed calls as a client keeps making them."""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

from cloudwright.cli.client import Api
from cloudwright.core import signature


def signed(api: Api, params: dict[str, str], key: str) -> Callable[[], bytes]:
    """A call on one connection that is kept. Each answer must be good, and have rows under its inner key."""
    sent = {"response": "json", "apiKey": api.key, **params}
    sent["signature"] = signature.sign(next(signature.texts(sent)), api.secret)
    where = urlsplit(api.url)
    connection = HTTPConnection(where.netloc, timeout=120)
    path, holds = f"{where.path}?{urlencode(sent)}", f'"{key}"'.encode()

    def get() -> bytes:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body[:500]
        assert holds in body, body[:500]
        return body

    return get
