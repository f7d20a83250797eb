"""What a new installation has of infrastructure: its own region, and what hypervisors can."""

from __future__ import annotations

from cloudwright.core.tx import Tx
from cloudwright.infrastructure.hypervisor import seed_capabilities
from cloudwright.infrastructure.model import Region
from cloudwright.infrastructure.region import HERE


def seed(tx: Tx) -> None:
    """Insert what is missing."""
    seed_capabilities(tx)
    if tx.find(Region, Region.c.number == HERE) is None:
        tx.insert(Region(number=HERE, name="Local"))
