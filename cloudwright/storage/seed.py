"""What a new installation has of storage: operating systems and disk offerings."""

from __future__ import annotations

from cloudwright.core.tx import Tx
from cloudwright.storage.model import DiskOffering
from cloudwright.storage.os_type import seed_os_types
from cloudwright.storage.size import GIB

DISKS = [("Small", 5), ("Medium", 20), ("Large", 100), ("Custom", 0)]


def seed(tx: Tx) -> None:
    """Store what was never there: an offering that an operator deleted stays away."""
    seed_os_types(tx)
    for name, gib in DISKS:
        ever = DiskOffering.t.select().where(DiskOffering.c.name == name).limit(1)
        if tx.one(ever) is None:
            text = f"{name} Disk, {gib} GB" if gib else "Custom Disk"
            tx.insert(DiskOffering(name=name, display_text=text, size=gib * GIB, custom=not gib))
