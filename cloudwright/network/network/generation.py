"""A network's generation: it grows with every change that the network's appliance must know."""

from __future__ import annotations

import sqlalchemy as sa

from cloudwright.core.tx import Tx
from cloudwright.network.model import FirewallRule, Network, PublicIp


def bump(tx: Tx, network: Network) -> int:
    """The next generation, which the caller's change belongs to. Others who change this network wait until this is committed, so
    whoever bumps first and then reads decides upon the truth."""
    tx.lock(network)
    tx.update(network, generation=network.generation + 1)
    return network.generation


_OF: sa.BindParameter[int] = sa.bindparam("network")
_UPTO: sa.BindParameter[int] = sa.bindparam("upto")


def _promote(kind: type[FirewallRule] | type[PublicIp], before: str, after: str) -> sa.Update:
    mine = (kind.c.network_id == _OF, kind.c.state == before, kind.c.generation <= _UPTO, kind.c.gone == 0)
    return kind.t.update().where(*mine).values(state=after, version=kind.c.version + 1)


_IN_FORCE = (_promote(FirewallRule, "Add", "Active"), _promote(PublicIp, "Allocating", "Allocated"))


def in_force(tx: Tx, network_id: int, generation: int) -> None:
    """All up to this generation is done: what was added is active, what was revoked is gone."""
    for statement in _IN_FORCE:
        tx.execute(statement, {"network": network_id, "upto": generation})
    _bury(tx, FirewallRule, "Revoke", network_id, generation)
    _bury(tx, PublicIp, "Releasing", network_id, generation)


def _bury(tx: Tx, kind: type[FirewallRule] | type[PublicIp], state: str, network_id: int, generation: int) -> None:
    """One by one: the words on a row go with it."""
    for row in tx.all(kind, kind.c.network_id == network_id, kind.c.state == state, kind.c.generation <= generation):
        tx.remove(row)


def record(tx: Tx, network: Network, generation: int) -> None:
    """The network's appliance runs this generation. `applied` never goes back."""
    in_force(tx, network.id, generation)
    tx.lock(network)
    values: dict[str, object] = {"applied": max(network.applied, generation), "problems": {}}
    if network.state == "Implementing":
        values |= {"state": "Implemented", "restart_required": False, "idle_since": None}
    tx.update(network, **values)
