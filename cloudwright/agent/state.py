"""What an agent keeps on its host: its key and certificate, whom it trusts, and where the servers are."""

from __future__ import annotations

import os
from pathlib import Path

from cloudwright.drivers.host import pki

IDENTITY, TRUST, SERVERS = "identity.pem", "trust.pem", "servers"
KEY_END = "-----END PRIVATE KEY-----\n"


class State:
    """A directory with files of mode 0600, each replaced at once. Others may pass through it: below lie files of appliances,
    whose services give up root."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        directory.chmod(0o711)

    def identity(self) -> pki.Identity | None:
        """The host's certificate and key; None before it was enrolled."""
        text = self._read(IDENTITY)
        key, end, certificate = text.partition(KEY_END)
        return pki.Identity(certificate, key + end) if certificate else None

    def trust(self) -> list[str]:
        """The CA certificates (PEM), the one that signs now first. Empty before the host was enrolled."""
        text = self._read(TRUST)
        return pki.split(text) if text else []

    def servers(self) -> list[str]:
        """host:port of each known server, the one to dial first at the head."""
        return self._read(SERVERS).split()

    def keep_identity(self, identity: pki.Identity) -> None:
        """Replace key and certificate, both at once."""
        self._write(IDENTITY, identity.pem)

    def keep_trust(self, trust: list[str]) -> None:
        """Replace the CA certificates."""
        self._write(TRUST, "".join(trust))

    def keep_servers(self, servers: list[str]) -> None:
        """Remember where the servers are."""
        self._write(SERVERS, "\n".join(servers) + "\n")

    def _read(self, name: str) -> str:
        path = self.directory / name
        return path.read_text() if path.exists() else ""

    def _write(self, name: str, text: str) -> None:
        fresh = self.directory / f".{name}.new"
        fresh.unlink(missing_ok=True)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.directory / name)
        directory = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
