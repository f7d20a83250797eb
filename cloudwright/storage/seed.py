"""What a new installation has of storage: operating systems, disk offerings, and the loops that look after storage."""

from __future__ import annotations

from cloudwright.core import task as tasks
from cloudwright.core.tx import Tx
from cloudwright.storage.model import DiskOffering
from cloudwright.storage.os_type import seed_os_types
from cloudwright.storage.size import GIB
from cloudwright.storage.upkeep import LOOPS, Upkeep

DISKS = [("Small", 5), ("Medium", 20), ("Large", 100), ("Custom", 0)]


def seed(tx: Tx) -> None:
    """Store what was never there: an offering that an operator deleted stays away."""
    seed_os_types(tx)
    for name, gib in DISKS:
        ever = DiskOffering.t.select().where(DiskOffering.c.name == name).limit(1)
        if tx.one(ever) is None:
            text = f"{name} Disk, {gib} GB" if gib else "Custom Disk"
            tx.insert(DiskOffering(name=name, display_text=text, size=gib * GIB, custom=not gib))
    for loop in LOOPS:
        name = type(loop).__name__
        if tx.find(Upkeep, Upkeep.c.name == name) is None:
            tasks.start(tx, loop, tx.insert(Upkeep(name=name)))
