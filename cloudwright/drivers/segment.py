"""What a network interface is plugged into: a segment of a physical network."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class SegmentKind(StrEnum):
    """How a segment is kept apart from its neighbours on the wire."""

    FLAT = "flat"
    VLAN = "vlan"
    VXLAN = "vxlan"


class Segment(Struct, frozen=True):
    """One layer-2 network. Two interfaces with equal segments hear each other, on any host."""

    kind: SegmentKind
    label: str  # the host's bridge of the physical network (CloudStack: kvmnetworklabel), e.g. "cloudbr0"
    tag: int = 0  # VLAN id 1-4094, VNI 1-16777214, 0 when flat
    mtu: int = 1500

    @property
    def key(self) -> str:
        """A short name, unique on a host, from which devices are named again after a restart."""
        return self.label if self.kind is SegmentKind.FLAT else f"{self.kind}-{self.label}-{self.tag}"
