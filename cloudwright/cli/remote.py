"""The drivers of real hosts, called through their agents. What goes wrong on the way is told with the host's name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from cloudwright.agent.remote import SERVED, proxy
from cloudwright.core.db import Database
from cloudwright.drivers.error import Busy, Unreachable
from cloudwright.infrastructure.reach import in_words

Call = Callable[..., bytes]
"""`agent.hub.Hub.call`: host uuid, kind, verb, arguments, timeout, order key."""
_KINDS = {contract: kind for kind, contract in SERVED.items()}


class Remote:
    """What `Reach.remote` is on a server with a hub."""

    def __init__(self, call: Call, db: Database) -> None:
        self._call, self._db = call, db

    def __call__(self, contract: type[Any], host: str) -> Any:
        """The driver of a contract at a host."""
        return proxy(contract, _KINDS[contract], partial(self._transport, host))

    def _transport(self, host: str, *call: Any) -> bytes:
        try:
            return self._call(host, *call)
        except (Unreachable, Busy) as error:
            raise in_words(self._db.read(), host, error) from None
