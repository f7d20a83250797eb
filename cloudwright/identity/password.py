"""Passwords: kept as argon2id hashes, checked with the same effort whether or not there is such a user."""

from __future__ import annotations

import functools
import re
import secrets
import threading
from collections.abc import Callable

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from cloudwright.core.error import ParamError
from cloudwright.core.secret import Secret
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader

_COUNTED: list[tuple[str, str, Callable[[str], bool]]] = [
    ("password.policy.minimum.length", "characters", lambda c: True),
    ("password.policy.minimum.uppercase.letters", "upper-case letters", str.isupper),
    ("password.policy.minimum.lowercase.letters", "lower-case letters", str.islower),
    ("password.policy.minimum.digits", "digits", str.isdigit),
    ("password.policy.minimum.special.characters", "special characters", lambda c: not c.isalnum()),
]
_LEAST = [
    (setting(name, 0, f"how many {what} a password must have", scopes=("domain",), minimum=0), what, counts)
    for name, what, counts in _COUNTED
]
NAME_INSIDE = setting(
    "password.policy.allowPasswordToContainUsername", True, "whether a password may contain the user's name", scopes=("domain",)
)


def _bad_regex(text: str, scope: str) -> str | None:
    try:
        re.compile(text)
    except re.error as error:
        return f"takes a regular expression: {error}"
    return None


REGEX = setting("password.policy.regex", ".+", "what a password must match as a whole", scopes=("domain",), check=_bad_regex)

_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_AT_ONCE = threading.BoundedSemaphore(4)  # each takes 19 MiB and a core: a crowd of logins shall not starve other calls


class Password(Secret):
    """A password that was given, with the hash that is stored of it. Made before the transaction: hashing takes a core for tens
    of milliseconds, and the writer is one."""

    __slots__ = ("hash",)

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.hash = Secret(hashed(text))


def hashed(text: str) -> str:
    """The argon2id hash of a password."""
    with _AT_ONCE:
        return _HASHER.hash(text)


def matches(stored: Secret, text: str) -> bool:
    """Whether the password is the one of a stored hash. "" is nobody's hash, and costs as much to refuse as any."""
    with _AT_ONCE:
        try:
            known = stored.reveal()
            return _HASHER.verify(known or _nobody(), text) and known != ""
        except (VerificationError, InvalidHashError):
            return False


def generated() -> str:
    """A new password: 144 random bits."""
    return secrets.token_urlsafe(18)


def check_policy(reader: Reader, username: str, text: str, domain_id: int) -> None:
    """Refuse a password that the domain's policy does not allow. Raises ParamError, which does not repeat the password."""
    why = []
    for least, what, counts in _LEAST:
        wanted, have = least.get(reader, domain=domain_id), sum(map(counts, text))
        if have < wanted:
            why.append(f"it has {have} {what}, {wanted} are wanted")
    if not NAME_INSIDE.get(reader, domain=domain_id) and username and username.lower() in text.lower():
        why.append("it contains the user's name")
    if not re.fullmatch(REGEX.get(reader, domain=domain_id), text, re.DOTALL):
        why.append("it does not match password.policy.regex")
    if why:
        raise ParamError(f"Parameter password: the password policy refuses it: {'; '.join(why)}", param="password", why=why)


@functools.cache
def _nobody() -> str:
    return _HASHER.hash(secrets.token_urlsafe(32))
