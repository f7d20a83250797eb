"""What an agent does about itself when its server asks: it fetches another certificate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from cloudwright.agent import pki
from cloudwright.agent.state import State
from cloudwright.drivers.error import Refused


class HostAgent(Protocol):
    """About the agent of a host itself. Every verb may be called twice."""

    def request(self) -> str:
        """Make a new key, which never leaves the host, and answer a certificate request (PEM) for it."""

    def install(self, certificate: str, reconnect: bool) -> None:
        """Keep the certificate (PEM) of the last request; it serves from the next connection on, which with `reconnect` comes at
        once. Raises Refused when it is for another key."""


class Own:
    """The agent's side of it."""

    def __init__(self, state: State, renewed: Callable[[], None], leave: Callable[[], None]) -> None:
        self._state, self._renewed, self._leave, self._key = state, renewed, leave, ""

    def request(self) -> str:
        self._key = pki.new_key()
        return pki.request(self._key)

    def install(self, certificate: str, reconnect: bool) -> None:
        now = self._state.identity()
        if now is None or now.certificate != certificate:
            if not self._key or not pki.matches(certificate, self._key):
                raise Refused("the certificate is for another key than this host asked for last")
            self._state.keep_identity(pki.Identity(certificate, self._key))
            self._renewed()
        if reconnect:
            self._leave()


class FakeHostAgent:
    """The agent of a simulated host, which has none: it asks, and takes what it is given."""

    def request(self) -> str:
        return pki.request(pki.new_key())

    def install(self, certificate: str, reconnect: bool) -> None:
        pki.host(certificate)
