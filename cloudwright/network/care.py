"""The reconciler of networks: what is behind is applied again, what nobody uses is shut down. It takes no input but the rows."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from cloudwright.compute.model import Vm
from cloudwright.core.loop import Loop
from cloudwright.core.setting import setting
from cloudwright.core.task import TaskRow, start
from cloudwright.core.tx import Tx
from cloudwright.drivers.network.contract import ApplianceSeen
from cloudwright.infrastructure.model import Host
from cloudwright.infrastructure.observe import on_appliances
from cloudwright.network.model import Network, NetworkOffering, Nic, Router
from cloudwright.network.network.apply import ApplyNetwork
from cloudwright.network.network.shutdown import ShutdownNetwork

INTERVAL = setting("router.check.interval", 30, "seconds between two looks at all routers", minimum=1)
IDLE = setting("network.gc.wait", 600, "seconds after which a network that no machine runs on is shut down", minimum=0)
AT_ONCE = 200  # networks a look sets to work; the others wait for the next

_busy = sa.exists().where(TaskRow.c.subject == sa.literal("network:") + sa.cast(Network.c.id, sa.String(20)), TaskRow.c.live == 1)
_lost = sa.and_(Router.c.state != "Stopped", sa.or_(Host.c.state == "Down", Host.c.gone != 0))
_BEHIND = (
    sa.select(Network.t)
    .join(Router.t, Router.c.id == Network.c.router_id)
    .outerjoin(Host.t, Host.c.id == Router.c.host_id)
    .where(Network.c.gone == 0, Network.c.state == "Implemented", Router.c.state != "Stopped", ~_busy)
    .where(sa.or_(Network.c.applied < Network.c.generation, Router.c.observed_generation < Network.c.applied, _lost))
    .order_by(Network.c.id)
    .limit(AT_ONCE)
)
_used = sa.exists().where(Nic.c.network_id == Network.c.id, Nic.c.gone == 0, Vm.c.id == Nic.c.vm_id, Vm.c.host_id.is_not(None))
_persistent = sa.select(NetworkOffering.c.id).where(NetworkOffering.c.persistent.is_(True))
_WITHOUT_MACHINES = (Network.c.gone == 0, Network.c.state == "Implemented", Network.c.offering_id.not_in(_persistent), ~_used)
_NOTED = (
    Network.t.update()
    .where(*_WITHOUT_MACHINES, Network.c.idle_since.is_(None))
    .values(idle_since=sa.bindparam("now"), version=Network.c.version + 1)
)
_USED_AGAIN = (
    Network.t.update()
    .where(Network.c.idle_since.is_not(None), sa.or_(_used, Network.c.state != "Implemented"))
    .values(idle_since=None, version=Network.c.version + 1)
)
_IDLE = (
    sa.select(Network.t)
    .where(*_WITHOUT_MACHINES, Network.c.idle_since < sa.bindparam("before"), ~_busy)
    .order_by(Network.c.id)
    .limit(AT_ONCE)
)


class CareForNetworks(Loop, every=30.0):
    """Looks at all networks; it does nothing to any of them itself, but starts what does."""

    def turn(self) -> float | None:
        self.write(self._look)
        return float(INTERVAL.get(self.read))

    def _look(self, tx: Tx) -> None:
        behind, idle = repair(tx), shut_down_idle(tx)
        if behind or idle:
            self.say(f"{behind} networks are brought up to date, {idle} shut down because nobody uses them")


def repair(tx: Tx) -> int:
    """Start what brings networks up to date that are behind, by their own word or by what was seen of their routers."""
    rows = [Network.load(row) for row in tx.rows(_BEHIND)]
    for network in rows:
        start(tx, ApplyNetwork(network=network.id, wake=False), network)
    return len(rows)


def shut_down_idle(tx: Tx) -> int:
    """Shut down networks that no machine has run on for a while."""
    tx.execute(_USED_AGAIN)
    tx.execute(_NOTED, {"now": tx.now})
    rows = [Network.load(row) for row in tx.rows(_IDLE, {"before": tx.now - IDLE.get(tx)})]
    for network in rows:
        start(tx, ShutdownNetwork(network=network.id), network)
    return len(rows)


def appliances_seen(tx: Tx, host: Host, seen: Sequence[ApplianceSeen]) -> None:
    """Note what a host's agent saw of all its appliances. One that is missing or stopped runs generation 0."""
    reported = {one.name: one for one in seen}
    for router in tx.all(Router, Router.c.host_id == host.id, Router.c.state.in_(["Running", "Unknown"])):
        one = reported.get(router.appliance_name)
        generation = one.generation if one is not None and one.running else 0
        problems = one.problems if one is not None else {}
        state = "Running" if generation else "Unknown"
        if (generation, problems, state) != (router.observed_generation, router.problems, router.state):
            values = {"observed_generation": generation, "problems": problems, "state": state}
            tx.update(router, **values, observed_at=tx.now)


on_appliances.append(appliances_seen)
