"""What is seen of hosts: agents connect, report, and fall silent. Called by the hub, one after another.

A host that is silent is Disconnected, after a while Alert, and never Down: only a proof makes a host Down. What it reports of
machines and appliances goes to whoever asked for it by `on_machines` and `on_appliances`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from cloudwright.core.db import Database
from cloudwright.core.loop import Loop
from cloudwright.core.server import Server
from cloudwright.core.setting import setting
from cloudwright.core.task import arrived, poke
from cloudwright.core.tx import Tx
from cloudwright.drivers.host.contract import Stats
from cloudwright.drivers.hypervisor.contract import HostFacts, Seen
from cloudwright.drivers.network.contract import ApplianceSeen
from cloudwright.infrastructure.host import silence
from cloudwright.infrastructure.model import Host
from cloudwright.storage.model import StoragePool
from cloudwright.storage.pool.open import host_connected, pools_of

log = logging.getLogger(__name__)

PING_INTERVAL = setting("ping.interval", 60, "how often hosts are heard of at least, in seconds", minimum=1)
PING_TIMEOUT = setting("ping.timeout", 2.5, "after how many such intervals of silence a host counts as disconnected", minimum=1)
ALERT_WAIT = setting("alert.wait", 1800, "after how many seconds of silence a disconnected host is in Alert", minimum=1)

MOST = 1000  # hosts in one turn

MachinesSeen = Callable[[Tx, Host, Sequence[Seen], bool], object]
AppliancesSeen = Callable[[Tx, Host, Sequence[ApplianceSeen]], object]
on_machines: list[MachinesSeen] = []
"""Called with (tx, host, machines, all): `all` says that a machine not among them is not on this host."""
on_appliances: list[AppliancesSeen] = []
"""Called with (tx, host, appliances): an appliance not among them is not on this host."""


def known(facts: HostFacts) -> dict[str, Any]:
    """What a host's row takes of its facts."""
    return {
        "cpus": facts.cpus, "cpu_mhz": facts.cpu_mhz, "memory": facts.memory << 20, "architecture": facts.architecture,
        "software": facts.version, "can": facts.can, "cannot": facts.cannot, "labels": facts.labels,
    }  # fmt: skip


_ELSEWHERE = sa.select(Server.c.address).where(
    Host.c.uuid == sa.bindparam("host"), Host.c.gone == 0, Server.c.id == Host.c.server_id, Server.c.alive.is_(True),
    Server.c.id != sa.bindparam("me"),
)  # fmt: skip


@dataclass(frozen=True)
class Observer:
    """The hub's callbacks about hosts. Methods block for a write, and bear hosts that are gone. `server` is the id of this
    one: of a host that moved here, the server that held it before may speak later."""

    db: Database
    server: int | None = None

    def connected(self, uuid: str, facts: HostFacts) -> None:
        """A host is there, and this is what it is."""
        self._on(uuid, lambda tx, host: _connected(tx, host, facts, self.server))

    def gone(self, uuid: str) -> None:
        """A host's connection ended: nothing more is known."""
        self._on(uuid, lambda tx, host: _silent(tx, host) if host.server_id == self.server else None)

    def pushed(self, uuid: str, kind: str, payload: object) -> None:
        """A host reports: machines, appliances, seen or stats."""

        def take(tx: Tx, host: Host) -> None:
            if host.server_id != self.server:
                tx.update(host, server_id=self.server)  # whom it tells, there it hangs
            _pushed(tx, host, kind, payload)

        self._on(uuid, take)

    def elsewhere(self, uuid: str) -> str:
        """The address of the other living server on which a host hangs, or ""."""
        return str(self.db.read().value(_ELSEWHERE, {"host": uuid, "me": self.server}) or "")

    def _on(self, uuid: str, fn: Callable[[Tx, Host], None]) -> None:
        def write(tx: Tx) -> None:
            host = tx.find(Host, Host.c.uuid == uuid)
            if host is not None:
                fn(tx, host)

        self.db.write(write)


def overdue(tx: Tx) -> int:
    """Count hosts of agents as disconnected that nobody heard of for too long (their server may have died), and those that are
    long disconnected as in Alert. Answers how many changed. Simulated hosts have no agent and are left out."""
    silent = tx.now - PING_INTERVAL.get(tx) * PING_TIMEOUT.get(tx)
    remote = (Host.c.gone == 0, Host.c.hypervisor != "Simulator")
    up = Host.t.update().where(*remote, Host.c.state == "Up", Host.c.last_seen < silent)
    lost = tx.execute(up.values(state="Disconnected", disconnected=tx.now, version=Host.c.version + 1))
    late = tx.now - ALERT_WAIT.get(tx)
    long = tx.all(Host, *remote, Host.c.state == "Disconnected", Host.c.disconnected < late)[:MOST]
    silence.silent(tx, long)
    for host in long:
        tx.update(host, state="Alert")  # one by one: of one that is heard meanwhile nothing is told
    return lost + len(long)


class WatchForSilence(Loop, every=30.0):
    """Notices hosts that nobody hears of any more."""

    def turn(self) -> float | None:
        self.write(overdue)
        return None


def back(tx: Tx, host: Host) -> None:
    """Call in the transaction in which a host became Up: what waits for it, or for a pool that it reaches, goes on at once."""
    poke(tx, f"{host.kind}:{host.id}")
    pools = tx.all(StoragePool, pools_of(host))
    arrived(tx, f"{host.kind}:{host.id}", *(f"{pool.kind}:{pool.id}" for pool in pools))


def _connected(tx: Tx, host: Host, facts: HostFacts, server: int | None) -> None:
    if facts.hypervisor != host.hypervisor:
        log.error("host %s was added as %s and says it is %s", host.name, host.hypervisor, facts.hypervisor)
        silence.told(tx, host, f"Host {host.name} was added as {host.hypervisor} and says that it is {facts.hypervisor}")
        tx.update(host, state="Alert", last_seen=tx.now)
        return
    if host.state in ("Alert", "Down"):
        silence.heard(tx, host)
    tx.update(host, **known(facts), state="Up", last_seen=tx.now, connected=tx.now, disconnected=None, server_id=server)
    back(tx, host)
    host_connected(tx, host)
    tx.signal("host")


def _silent(tx: Tx, host: Host) -> None:
    if host.state == "Up":
        tx.update(host, state="Disconnected", disconnected=tx.now, server_id=None)
        tx.signal("host")


def _pushed(tx: Tx, host: Host, kind: str, payload: Any) -> None:
    values: dict[str, Any] = {"last_seen": tx.now}
    if host.state in ("Disconnected", "Alert") and kind != "seen":
        values |= {"state": "Up", "disconnected": None}  # it was thought silent, by this server or another
        if host.state == "Alert":
            silence.heard(tx, host)
    if isinstance(payload, Stats):
        values |= {"busy": payload.processor, "load_average": payload.load[0]}
        values["memory_used"] = (payload.memory - payload.memory_free) << 20
    tx.update(host, **values)
    if "state" in values:
        back(tx, host)
    if kind == "appliances":
        for tell in on_appliances:
            tell(tx, host, payload)
        return
    machines = payload.machines if isinstance(payload, Stats) else [payload] if isinstance(payload, Seen) else payload
    for report in on_machines:
        report(tx, host, machines, kind != "seen")
