"""Time-based one-time passwords (RFC 6238): HMAC-SHA1, six digits, steps of 30 seconds, as authenticator apps make them."""

from __future__ import annotations

import base64
import hmac
import secrets
import struct
from urllib.parse import quote, urlencode

STEP = 30  # seconds
AROUND = 1  # steps that a clock may be off, either way
DIGITS = 6


def new_key() -> str:
    """160 random bits in Base32, the form in which people type them."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def code(key: str, step: int) -> str:
    """The code of a step (of 30 s since the epoch)."""
    digest = hmac.digest(base64.b32decode(key), struct.pack(">Q", step), "sha1")
    at = digest[-1] & 0x0F
    number: int = struct.unpack(">I", digest[at : at + 4])[0] & 0x7FFF_FFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def step_of(key: str, given: str, now: float, after: int) -> int | None:
    """The step around `now` whose code was given, if it is later than `after`: no code is good twice. None: a wrong code."""
    present, found = int(now // STEP), None
    for step in range(present - AROUND, present + AROUND + 1):
        if hmac.compare_digest(code(key, step).encode(), given.encode("utf-8", "replace")) and step > after:
            found = step
    return found


def uri(key: str, issuer: str, name: str) -> str:
    """What the QR code of an authenticator app says."""
    asked = {"secret": key, "issuer": issuer, "digits": DIGITS, "period": STEP}
    return f"otpauth://totp/{quote(issuer)}:{quote(name)}?{urlencode(asked)}"
