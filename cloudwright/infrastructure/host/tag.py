"""The tags of a host."""

from __future__ import annotations

from collections.abc import Iterable

from cloudwright.core.tx import Tx
from cloudwright.infrastructure.model import Host, HostTag


def set_tags(tx: Tx, host: Host, names: Iterable[str]) -> None:
    """Give a host these tags and no others."""
    wanted = dict.fromkeys(name.strip() for name in names if name.strip())
    for row in tx.all(HostTag, HostTag.c.host_id == host.id):
        if row.name in wanted:
            del wanted[row.name]
        else:
            tx.remove(row)
    for name in wanted:
        tx.insert(HostTag(host_id=host.id, name=name))
