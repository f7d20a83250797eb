"""How a host replaces its certificate before it ends, and follows the authorities as they change."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from cloudwright.agent.frame import Renew, Renewed, Welcome
from cloudwright.agent.state import State
from cloudwright.drivers.host import pki

log = logging.getLogger(__name__)

AGAIN = 300.0  # seconds before an unanswered or refused request is repeated


class Renewal:
    """Asks for a new certificate when it is time, with a new key that never leaves the host."""

    def __init__(self, state: State, renewed: Callable[[], None]) -> None:
        self._state, self._renewed = state, renewed
        self._key = ""
        self._not_before = 0.0

    def welcome(self, frame: Welcome) -> None:
        """Trust from now on whom the server says."""
        if frame.trust and frame.trust != self._state.trust():
            self._state.keep_trust(frame.trust)
            self._renewed()
            log.info("authorities changed", extra={"trust": [pki.fingerprint(one) for one in frame.trust]})

    def due(self) -> Renew | None:
        """What to send now, if anything."""
        identity, now = self._state.identity(), time.monotonic()
        if identity is None or now < self._not_before or not pki.renewal_due(identity.certificate, self._state.trust()):
            return None
        self._key, self._not_before = pki.new_key(), now + AGAIN
        return Renew(pki.request(self._key))

    def answered(self, frame: Renewed) -> None:
        """Keep the new certificate with its key; it serves from the next connection on."""
        if frame.refusal or not self._key or not pki.matches(frame.certificate, self._key):
            log.error("no new certificate", extra={"why": frame.refusal or "it is for another key"})
            return
        self._state.keep_identity(pki.Identity(frame.certificate, self._key))
        self._key, self._not_before = "", 0.0
        self._renewed()
        log.info("certificate renewed", extra={"until": pki.expires(frame.certificate).isoformat()})
