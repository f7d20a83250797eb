"""Two servers on one PostgreSQL database, and an agent that hangs on one of them, then on the other."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cloudwright.agent.hub import Callbacks, Hub
from cloudwright.agent.state import State
from cloudwright.cli.remote import Remote
from cloudwright.cloud import Cloud
from cloudwright.core.server import Server
from cloudwright.core.task import TaskRow, start
from cloudwright.drivers.error import Unreachable
from cloudwright.drivers.host import pki
from cloudwright.drivers.hypervisor.contract import Hypervisor
from cloudwright.drivers.world import MemoryWorld
from cloudwright.infrastructure import authority
from cloudwright.infrastructure.host.update import ReachHost
from cloudwright.infrastructure.model import Host
from cloudwright.infrastructure.observe import Observer
from tests.conftest import KEY, finished
from tests.databases import drop, fresh
from tests.infrastructure.test_enrolment import RealSite
from tests.infrastructure.test_hosts import kvm_host
from tests.infrastructure.zone import simulated_zone

pytestmark = pytest.mark.real


class Node:
    """A server of the cloud with its hub; only the second runs tasks."""

    def __init__(self, url: str, name: str, directory: Path) -> None:
        self.cloud = Cloud(url, node=name, key=KEY, world=MemoryWorld())
        self.cloud.install()
        self.site = Site(directory, self.cloud)
        self.site.hub.start()
        address = self.site.address
        member = self.cloud.member.id
        self.cloud.db.write(lambda tx: tx.update(tx.get(Server, member), address=address))
        self.cloud.reach.remote = Remote(self.site.hub.call, self.cloud.db)

    def stop(self) -> None:
        self.site.hub.stop()
        self.cloud.stop()


class Site(RealSite):
    """A site whose hub forwards as a server's does."""

    def new_hub(self, port: int = 0) -> Hub:
        gate, seen = authority.Gatekeeper(self.cloud.db), Observer(self.cloud.db, self.cloud.member.id)
        callbacks = Callbacks(gate.redeem, gate.sign, gate.revoked, seen.connected, seen.gone, seen.pushed, seen.elsewhere)
        return Hub(authority.material(self.cloud.db, ["127.0.0.1"]), callbacks, "127.0.0.1", port, heartbeat=2.0)


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    url = fresh("postgresql", tmp_path)
    with ExitStack() as ending:
        ending.callback(gc.collect)
        ending.callback(drop, url)
        made = []
        for name in ("a", "b"):
            made.append(Node(url, name, tmp_path / name))
            ending.callback(made[-1].stop)
        yield made[0], made[1]


def test_a_task_of_one_server_reaches_a_host_of_the_other(nodes: tuple[Node, Node], tmp_path: Path) -> None:
    holding, working = nodes
    working.cloud.start()
    built = simulated_zone(working.cloud)
    told = kvm_host(working.cloud, built)
    uuid, state = told["id"], enrolled(holding, told["id"], tmp_path)
    reader = working.cloud.db.read()

    def row() -> Host:
        found = reader.find(Host, Host.c.uuid == uuid)
        assert found is not None
        return found

    def ask() -> TaskRow:
        host = row()
        return working.cloud.db.write(lambda tx: start(tx, ReachHost(host=host.id), host))

    with holding.site.agent(uuid, state):
        holding.site.until(lambda: row().state == "Up")
        assert row().server_id == holding.cloud.member.id
        job = finished(working.cloud, ask().uuid)
        assert job.state == "done", job.error
        began = time.monotonic()
        for _ in range(50):
            working.cloud.reach(Hypervisor, row()).facts()
        print(f"a call by the other server: {(time.monotonic() - began) * 20:.1f} ms")
    holding.site.until(lambda: row().state == "Disconnected")
    with pytest.raises(Unreachable, match=rf"host {told['name']} \(192.0.2.10\) is not connected; it is Disconnected since 20"):
        working.cloud.reach(Hypervisor, row()).facts()
    waits = ask()
    holding.site.until(lambda: reader.get(TaskRow, waits.id).awaits == f"host:{row().id}")
    began = time.monotonic()
    with working.site.agent(uuid, state):  # it comes back on the other server
        assert finished(working.cloud, waits.uuid).state == "done"
        print(f"{time.monotonic() - began:.2f} s from the agent's start to the end of the task that waited")
        assert row().server_id == working.cloud.member.id
        Observer(holding.cloud.db, holding.cloud.member.id).gone(uuid)  # the first server notices late
        assert row().state == "Up"
        assert holding.cloud.reach(Hypervisor, row()).facts().cpus == 8  # and now forwards itself


def enrolled(node: Node, uuid: str, directory: Path) -> State:
    """The state of a host that has its certificate."""
    key = pki.new_key()
    state = State(directory / "host")
    certificate = authority.Gatekeeper(node.cloud.db).sign(uuid, pki.request(key))
    state.keep_identity(pki.Identity(certificate, key))
    state.keep_trust(authority.trusted(node.cloud.db.read()))
    return state
