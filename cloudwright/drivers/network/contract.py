"""The host network contract: segments on a host, and the appliances (routers) that live in namespaces there.

Every verb may be called twice. Appliances are named `r-<uuid>`. What an appliance shall do is one whole, numbered document
(`cloudwright.appliance.document`); there are no deltas.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from cloudwright.appliance.document import Document
from cloudwright.drivers.segment import Segment


class Port(Struct):
    """An interface of an appliance. The guest programme knows it by `device` (eth0, eth1 …)."""

    device: str
    mac: str
    segment: Segment


class ApplianceSpec(Struct):
    """An appliance as it shall be: its interfaces. What it does with them comes with the document."""

    name: str
    ports: list[Port]


class Applied(Struct):
    """What an appliance reports: the generation it runs, and per service what failed, in plain words."""

    generation: int
    problems: dict[str, str] = {}
    milliseconds: float = 0.0


class ApplianceSeen(Struct):
    """An appliance as it is."""

    name: str
    generation: int
    running: bool
    ports: list[str] = []  # MACs
    problems: dict[str, str] = {}
    leases: list[dict[str, str]] = []  # ip, mac, hostname, expires (Unix seconds)


class HostNetwork(Protocol):
    """About the network of one host."""

    def ensure(self, segment: Segment) -> str:
        """Make the segment usable on this host and answer the bridge to plug into. Raises Refused where the host cannot."""

    def release(self, segment: Segment) -> None:
        """Take away what `ensure` made, when nothing is plugged in any more. Gone is done, used is left."""

    def segments(self) -> list[str]:
        """The keys of all segments that `ensure` made and that still exist."""

    def start(self, appliance: ApplianceSpec) -> ApplianceSeen:
        """Create (or complete, adding and removing ports) an appliance and start its guest programme."""

    def apply(self, name: str, document: Document) -> Applied:
        """Bring the appliance to this document. An older generation than the running one is ignored. Raises NotThere."""

    def see(self, name: str) -> ApplianceSeen:
        """One appliance. Raises NotThere."""

    def appliances(self) -> list[ApplianceSeen]:
        """All appliances on this host."""

    def remove(self, name: str) -> None:
        """Stop an appliance and remove everything it had on this host. Gone is done."""
