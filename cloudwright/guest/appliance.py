"""One appliance: its services, and the document that they run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

from cloudwright.guest.dnsmasq import Dnsmasq
from cloudwright.guest.document import Json
from cloudwright.guest.failure import Failed
from cloudwright.guest.interfaces import Interfaces
from cloudwright.guest.netfilter import Netfilter
from cloudwright.guest.text import read, write
from cloudwright.guest.userdata import UserData


class Service(Protocol):
    """A function that the appliance performs."""

    def apply(self, document: Json) -> None:
        """Come to this document, changing only what differs. Raises Failed."""

    def watch(self) -> None:
        """Called every few seconds: mend what died. Raises Failed."""


class Appliance:
    """Applies documents and remembers the last one in its directory."""

    def __init__(self, directory: str) -> None:
        self._path = f"{directory}/document.json"
        self._dnsmasq = Dnsmasq(f"{directory}/dnsmasq")
        self._services: dict[str, Service] = {
            "interfaces": Interfaces(),
            "firewall": Netfilter(directory),
            "dhcp": self._dnsmasq,
            "userdata": UserData(directory),
        }
        self._problems: dict[str, str] = {}
        self._milliseconds = 0.0
        self._document: Json | None = None
        try:
            self.apply(json.loads(read(self._path)))
        except ValueError:  # nothing was remembered, or a power cut spoilt it: the server sends it again
            self._document = None

    def apply(self, document: Json) -> Json:
        """Bring every service to the document, unless a newer one runs already, and report as `see` does."""
        if self._document is not None and document["generation"] < self._document["generation"]:
            return self.see()
        begun = time.perf_counter()
        for name, service in self._services.items():
            self._try(name, partial(service.apply, document))
        self._milliseconds = (time.perf_counter() - begun) * 1000
        self._document = document
        write(self._path, json.dumps(document), 0o600)  # it holds passwords
        return self.see()

    def watch(self) -> None:
        """Mend what died, and try again what failed."""
        if self._document is None:
            return
        for name, service in self._services.items():
            if name in self._problems:
                self._try(name, partial(service.apply, self._document))
            else:
                self._try(name, service.watch)

    def see(self) -> Json:
        """generation, problems by service, milliseconds of the last apply, and the DHCP leases."""
        generation = self._document["generation"] if self._document else 0
        return {
            "generation": generation,
            "problems": dict(self._problems),
            "milliseconds": round(self._milliseconds, 2),
            "leases": self._dnsmasq.leases(),
        }

    def _try(self, name: str, act: Callable[[], None]) -> None:
        self._problems.pop(name, None)
        try:
            act()
        except (Failed, OSError, KeyError, ValueError) as error:
            sentence = str(error) if isinstance(error, Failed) else f"{type(error).__name__}: {error}"
            self._problems[name] = sentence
