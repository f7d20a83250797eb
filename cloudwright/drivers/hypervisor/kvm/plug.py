"""What this driver needs to know from the host's network driver to plug an interface in."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from cloudwright.drivers.segment import Segment


class Binding(Protocol):
    """Where interfaces of one segment are plugged in on this host."""

    @property
    def bridge(self) -> str: ...

    @property
    def openvswitch(self) -> bool:
        """Whether the bridge is Open vSwitch's, or else the kernel's."""

    @property
    def tag(self) -> int:
        """The VLAN that the port gets on an Open vSwitch bridge; 0 for none."""


class Plug(Protocol):
    """The host network driver, as far as machines need it."""

    def ensure(self, segment: Segment) -> str:
        """Make the segment usable on this host and answer its bridge."""

    def binding(self, segment: Segment) -> Binding:
        """How to plug into a segment that `ensure` made."""


class Wire(Struct, frozen=True):
    """A binding as domain XML needs it. `offloads` is off where checksums would be left to nobody."""

    bridge: str
    openvswitch: bool = False
    tag: int = 0
    mtu: int = 1500
    offloads: bool = True
