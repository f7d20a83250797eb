"""Passwords: kept as argon2id hashes, checked with the same effort whether or not there is such a user."""

from __future__ import annotations

import functools
import secrets
import threading

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from cloudwright.core.secret import Secret

_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_AT_ONCE = threading.BoundedSemaphore(4)  # each takes 19 MiB and a core: a crowd of logins shall not starve other calls


class Password(Secret):
    """A password that was given, with the hash that is stored of it. Made before the transaction: hashing takes a core for tens
    of milliseconds, and the writer is one."""

    __slots__ = ("hash",)

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.hash = hashed(text)


def hashed(text: str) -> str:
    """The argon2id hash of a password."""
    with _AT_ONCE:
        return _HASHER.hash(text)


def matches(stored: str, text: str) -> bool:
    """Whether the password is the one of a stored hash. "" is nobody's hash, and costs as much to refuse as any."""
    with _AT_ONCE:
        try:
            return _HASHER.verify(stored or _nobody(), text) and stored != ""
        except (VerificationError, InvalidHashError):
            return False


def generated() -> str:
    """A new password: 144 random bits."""
    return secrets.token_urlsafe(18)


@functools.cache
def _nobody() -> str:
    return _HASHER.hash(secrets.token_urlsafe(32))
