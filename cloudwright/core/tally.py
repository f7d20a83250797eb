"""What rows count as towards the limits of their owners.

    class Volume(Owned, …):
        def tally(self) -> Counts:
            return {Counted.VOLUME: 1, Counted.PRIMARY_STORAGE: self.size}

A transaction works out what each row that it wrote counts for more or less, and when its closure is done has that entered in the
ledger (`identity/ledger.py`): a thing is counted exactly while its row lives, and there is no other reservation than the row. A
row that carries tags in `tally_tags` is counted under each of them as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Counted(StrEnum):
    """What is counted, in the order in which the API numbers them, and after those what only the ledger tells apart."""

    INSTANCE = "instance"
    IP = "ip"
    VOLUME = "volume"
    SNAPSHOT = "snapshot"
    TEMPLATE = "template"
    PROJECT = "project"
    NETWORK = "network"
    VPC = "vpc"
    CPU = "cpu"
    MEMORY = "memory"  # MiB
    PRIMARY_STORAGE = "primary_storage"  # bytes
    SECONDARY_STORAGE = "secondary_storage"  # bytes
    BACKUP = "backup"
    BACKUP_STORAGE = "backup_storage"  # bytes
    BUCKET = "bucket"
    OBJECT_STORAGE = "object_storage"  # bytes
    GPU = "gpu"
    RUNNING = "running"  # of the instances those that run; then what these have
    RUNNING_CPU = "running_cpu"
    RUNNING_MEMORY = "running_memory"


Counts = Mapping[Counted, int]
Owed = dict[tuple[int, str], dict[Counted, int]]
"""Differences by account and tag; the tag "" is for what is counted at all."""


def note(owed: Owed, row: object, sign: int) -> None:
    """Add to the differences what a row counts for (or, with sign -1, counted for). Nothing, once it is gone."""
    values = row.__dict__
    if values["gone"] or not values["account_id"]:  # the system's own belong to nobody
        return
    counts: Counts = row.tally()  # type: ignore[attr-defined] # only rows that declare it come here
    for tag in ("", *(values.get("tally_tags") or ())):
        into = owed.setdefault((values["account_id"], tag), {})
        for kind, number in counts.items():
            into[kind] = into.get(kind, 0) + sign * number


def settled(owed: Owed) -> Owed:
    """The differences that are any."""
    some = {key: {kind: number for kind, number in counts.items() if number} for key, counts in owed.items()}
    return {key: counts for key, counts in some.items() if counts}
