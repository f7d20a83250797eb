"""Secrets are a type: encrypted at rest, never printed.

At rest a secret is a Fernet token (AES-128-CBC with HMAC-SHA256, the `cryptography` package) under the installation's master
key, which lives in a file of its own and never in the database.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet

PRINTED = "********"


class Secret:
    """A text that prints as asterisks wherever it is printed by mistake."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself. Say it only to whom it belongs."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and secrets.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return PRINTED

    __str__ = __repr__


class Vault:
    """Seals and opens secrets with the master key. One per process, set by `use`."""

    current: Vault | None = None

    def __init__(self, key: bytes) -> None:
        self._key, self._fernet = key, Fernet(key)

    @staticmethod
    def key_file(path: Path) -> bytes:
        """The master key in a file, made with mode 0600 where there is none. Two processes starting at once agree. The file is
        durable before anything is sealed: secrets whose key a power cut took are lost."""
        if not path.exists():
            fresh = path.with_name(f".{path.name}.{os.getpid()}")
            fresh.unlink(missing_ok=True)
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(Fernet.generate_key())
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)
            fresh.unlink()
            directory = os.open(path.parent, os.O_RDONLY)
            os.fsync(directory)
            os.close(directory)
        return path.read_bytes().strip()

    def seal(self, secret: Secret) -> str:
        """What rests in the database."""
        return self._fernet.encrypt(secret.reveal().encode()).decode()

    def open(self, sealed: str) -> Secret:
        """The secret again. Raises `cryptography.fernet.InvalidToken` under another master key."""
        return Secret(self._fernet.decrypt(sealed.encode()).decode())

    def derive(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose: the same on every server, and of no help to guess the master key."""
        return hmac.digest(self._key, purpose.encode(), "sha256")


def use(key: bytes) -> Vault:
    """Make this the process's vault."""
    Vault.current = Vault(key)
    return Vault.current


def vault() -> Vault:
    """The process's vault."""
    if Vault.current is None:
        raise RuntimeError("BUG: no master key was set before a secret was stored or read (NoVault)")
    return Vault.current
