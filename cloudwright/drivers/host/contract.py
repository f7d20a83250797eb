"""The host contract: what the agent of a host does about itself."""

from __future__ import annotations

from typing import Protocol


class HostAgent(Protocol):
    """About the agent of one host. Every verb may be called twice."""

    def request(self) -> str:
        """Make a new key, which never leaves the host, and answer a certificate request (PEM) for it."""

    def install(self, certificate: str, reconnect: bool) -> None:
        """Keep the certificate (PEM) of the last request; it serves from the next connection on, which with `reconnect` comes at
        once. Raises Refused when it is for another key."""
