"""What a new installation has of infrastructure: its own region."""

from __future__ import annotations

from cloudwright.core.tx import Tx
from cloudwright.infrastructure.model import Region
from cloudwright.infrastructure.region import HERE


def seed(tx: Tx) -> None:
    """Insert what is missing."""
    if tx.find(Region, Region.c.number == HERE) is None:
        tx.insert(Region(number=HERE, name="Local"))
