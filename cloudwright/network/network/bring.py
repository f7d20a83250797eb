"""Bringing a router to its network's generation: the one place where documents reach hosts."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from cloudwright.compute.model import Vm
from cloudwright.core.error import Unavailable
from cloudwright.core.task import Again, Task
from cloudwright.core.tx import Tx
from cloudwright.drivers.error import DriverFault, NotThere, Unreachable
from cloudwright.drivers.network.contract import Applied, HostNetwork
from cloudwright.infrastructure.model import Host
from cloudwright.network.model import Network, Nic, Router
from cloudwright.network.network.document import Wish, ports_of, wish
from cloudwright.network.network.generation import record
from cloudwright.network.router.place import dead
from cloudwright.network.segment import segment_of


def router_of(task: Task, network: Network) -> tuple[Router, Host]:
    """The network's router and the host it lives on."""
    if network.router_id is None:
        raise RuntimeError(f"BUG: network {network.name} has no router (NoRouter)")
    router = task.read.get(Router, network.router_id)
    if router.host_id is None:
        raise RuntimeError(f"BUG: router {router.name} has no host (RouterWithoutHost)")
    return router, task.read.get(Host, router.host_id)


def bring(task: Task, network: Network) -> None:
    """Have the router run the network's generation, started first where it does not run. For an acting step.

    Raises Unavailable when the appliance reports problems, Unreachable when its host is silent: until that is proven dead the
    router is not started elsewhere, or two would answer for one gateway.
    """
    router, host = router_of(task, network)
    wished = wish(task.read, network)
    applied = _apply(task.reach(HostNetwork, host), router, wished)
    if applied.generation > wished.document.generation:
        task.write(lambda tx: _overtake(tx, network, applied.generation))
        raise Again(0.0, f"{router.name} runs generation {applied.generation}, which is newer than {network.generation}")
    if applied.problems:
        why = [f"{service}: {problem}" for service, problem in sorted(applied.problems.items())]
        raise Unavailable(f"Router {router.name} could not do all that network {network.name} asks of it", why=why)
    task.write(lambda tx: _recorded(tx, network, router, wished, applied))
    task.say(
        f"router {router.name} on {host.name} runs generation {applied.generation}",
        host=host.name, generation=applied.generation, milliseconds=round(applied.milliseconds, 1),
        machines=sum(len(dhcp.hosts) for dhcp in wished.document.dhcp),
    )  # fmt: skip


def halt(task: Task, network: Network) -> None:
    """Take the network's router from its host, and the segments that nobody else uses there. For an acting step.

    Nothing there is done; a dead host holds nothing.
    """
    if network.router_id is None:
        return
    router = task.read.get(Router, network.router_id)
    host = task.read.get(Host, router.host_id) if router.host_id is not None else None
    if host is None or dead(host):
        task.say(f"router {router.name} was on no host that lives")
        return
    driver = task.reach(HostNetwork, host)
    driver.remove(router.appliance_name)
    for port in ports_of(task.read, network):
        driver.release(port.segment)
    task.say(f"removed router {router.name}", host=host.name)


_WHERE = (
    sa.select(Vm.c.host_id, Vm.c.last_host_id)
    .join(Nic.t, Nic.c.vm_id == Vm.c.id)
    .where(Nic.c.network_id == sa.bindparam("network"), Nic.c.gone == 0)
)


def clear(task: Task, network: Network) -> None:
    """Take the network's segment from the hosts that its machines are or were on. A segment still used
    there stays; on a silent host it stays until the next network with this number, which finds it as it wants it."""
    if network.segment_number is None and network.segment_kind != "FLAT":
        return
    segment = segment_of(task.read, network)
    ids = {id for row in task.read.rows(_WHERE, {"network": network.id}) for id in row if id is not None}
    for host in (task.read.get(Host, id) for id in sorted(ids)):
        if host.state == "Up" and not host.gone:
            try:
                task.reach(HostNetwork, host).release(segment)
            except Unreachable:
                task.say("a host does not answer; an unused segment stays there", host=host.name)


def _apply(driver: HostNetwork, router: Router, wished: Wish) -> Applied:
    ports = _ports(wished)
    if router.state != "Running" or router.ports != ports:
        driver.start(wished.spec)
    try:
        return driver.apply(wished.spec.name, wished.document)
    except Unreachable:
        raise
    except (NotThere, DriverFault):  # the host was started anew, or someone took the appliance away
        driver.start(wished.spec)
        return driver.apply(wished.spec.name, wished.document)


def _ports(wished: Wish) -> str:
    return msgspec.json.encode(wished.spec).decode()


def _recorded(tx: Tx, network: Network, router: Router, wished: Wish, applied: Applied) -> None:
    tx.lock(router)
    values = {"state": "Running", "ports": _ports(wished), "problems": {}, "observed_generation": applied.generation}
    tx.update(router, **values, observed_at=tx.now)
    record(tx, network, wished.document.generation)


def _overtake(tx: Tx, network: Network, running: int) -> None:
    """The database was put back to an earlier time: go beyond what runs, so that the truth is heard again."""
    tx.lock(network)
    tx.update(network, generation=max(network.generation, running + 1))
