"""Loading the ruleset, and forgetting the connections that it refused."""

from __future__ import annotations

from cloudwright.guest import conntrack
from cloudwright.guest.document import Json
from cloudwright.guest.failure import Failed
from cloudwright.guest.firewall import REFUSED, ruleset
from cloudwright.guest.process import run
from cloudwright.guest.text import write


class Netfilter:
    """NAT and firewall: one table, replaced in one transaction."""

    def __init__(self, directory: str) -> None:
        self._path = f"{directory}/ruleset.nft"
        self._loaded = ""

    def apply(self, document: Json) -> None:
        """Load the document's ruleset when it is another than the loaded one. Raises Failed; the old one then stays."""
        text = ruleset(document)
        if text == self._loaded:
            return
        write(self._path, text, 0o600)
        run(["nft", "-f", self._path])
        self._loaded = text

    def watch(self) -> None:
        """A refused flow that never pauses would stay refused after it is allowed elsewhere: forget it."""
        try:
            conntrack.forget(REFUSED)
        except OSError as error:
            raise Failed(f"the kernel did not forget refused connections: {error.strerror or error}") from None
