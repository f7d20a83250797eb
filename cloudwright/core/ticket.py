"""Tickets to machines' screens: short-lived, signed, for one use. Commands make them, the HTTP face takes them."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets

import msgspec
from msgspec import Struct

TOKEN_SECONDS = 60


class Claims(Struct, frozen=True):
    """Who may look at which machine until when (seconds since the epoch), once; its screen (vnc) or serial port."""

    vm: str
    user: str
    expires: int
    nonce: str
    protocol: str = "vnc"


class TokenRefused(Exception):
    """The token is forged, expired or used up."""


def mint(key: bytes, vm: str, user: str, now: float, nonce: str = "", protocol: str = "vnc") -> str:
    """A token that opens the console of `vm` once, within a minute. `nonce`: what it is known by when it is used."""
    claims = Claims(vm, user, int(now) + TOKEN_SECONDS, nonce or secrets.token_urlsafe(16), protocol)
    text = _base64(msgspec.json.encode(claims))
    return f"{text}.{_mark(key, text)}"


def read_token(key: bytes, token: str, now: float) -> Claims:
    """The claims of a token that `key` signed and that has not expired. Raises TokenRefused."""
    text, _, mark = token.partition(".")
    if not hmac.compare_digest(_mark(key, text).encode(), mark.encode("utf-8", "replace")):
        raise TokenRefused("the console token is not genuine")
    try:
        claims = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=Claims)
    except (binascii.Error, msgspec.DecodeError, ValueError):
        raise TokenRefused("the console token is not readable") from None
    if claims.expires < now:
        raise TokenRefused(f"the console token expired {now - claims.expires:.0f} seconds ago")
    return claims


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _mark(key: bytes, text: str) -> str:
    return _base64(hmac.digest(key, b"console " + text.encode("utf-8", "replace"), "sha256"))
