"""The servers of this cloud: which there are, how they are, and forgetting one that is gone."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller
from cloudwright.core.command import Command, Success, Told
from cloudwright.core.error import InUse
from cloudwright.core.listing import List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.server import Server
from cloudwright.core.task import TaskRow
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, computed, date, field, many
from cloudwright.infrastructure.model import Host

_c = Server.c
_jobs = sa.select(sa.func.count()).where(TaskRow.c.owner == _c.id, TaskRow.c.live == 1, TaskRow.c.command != "")
_agents = sa.select(sa.func.count()).where(Host.c.server_id == _c.id, Host.c.gone == 0)


def fact(name: str) -> Any:
    """What the server said of itself when it started."""
    return lambda row, caller: (row.get("_facts") or {}).get(name)


def _booted(row: dict[str, Any], caller: Caller) -> str | None:
    at = fact("booted")(row, caller)
    return date(float(at)) if at else None


class ManagementServerView(View, of=Server, key="managementserver"):
    """A server of this cloud."""

    _facts = field(_c.facts, "what it said of itself")
    _alive = field(_c.alive, "whether it beats")
    id = field(_c.uuid, "the server's id")
    name = field(_c.node, "its name")
    state = computed(lambda row, caller: "Up" if row.get("_alive") else "Down", "Up or Down")
    version = computed(fact("version"), "the version of this software that it runs")
    osdistribution = computed(fact("system"), "the operating system it runs on")
    kernelversion = computed(fact("kernel"), "the kernel of that")
    lastserverstart = field(_c.started, "when it started last", "date", convert=lambda at: date(at) if at else None)
    lastboottime = computed(_booted, "when the machine it runs on was booted", "date")
    lastserverstop = field(_c.stopped, "when it left last, or was found dead", "date")
    ipaddress = field(_c.address, "where others reach it", convert=lambda address: address.rpartition(":")[0] or None)
    serviceip = field(_c.address, "the same", convert=lambda address: address.rpartition(":")[0] or None)
    agents = many(Host, Host.c.server_id == _c.id, {"id": Host.c.uuid}, "the hosts whose agents hang on it")
    agentscount = field(_agents.scalar_subquery(), "how many there are", "long")
    pendingjobscount = field(_jobs.scalar_subquery(), "how many jobs it works on", "long")


PEERS = {"peers": ("list", "with peers: the other servers, and how it sees each")}


class ListManagementServers(List, answers=ManagementServerView, keywords=[_c.node], response=PEERS):
    """Lists the servers of this cloud."""

    id: str | None = where(_c.uuid, "only this one", kind="uuid")
    name: str | None = where(_c.node, "only the one of this name")
    peers: bool = param("with how each sees the others", default=False, since="4.20.1.0")
    version: str | None = where(
        lambda b: sa.type_coerce(_c.facts, sa.Text).like(sa.literal('%"version":"').concat(b).concat('"%')),
        "only those that run this version", since="4.20.3",
    )  # fmt: skip

    def run(self, reader: Reader, caller: Caller) -> Told:
        told = super().run(reader, caller)
        for row in told.rows:
            row["agents"] = [agent["id"] for agent in row.get("agents", [])]
            if self.peers:
                row["peers"] = [_peer(other) for other in self._all(reader, caller) if other["id"] != row["id"]]
        return told

    @staticmethod
    def _all(reader: Reader, caller: Caller) -> list[dict[str, Any]]:
        return ManagementServerView.tell(reader, [server.id for server in reader.all(Server)], caller)


def _peer(row: dict[str, Any]) -> dict[str, Any]:
    """Another server, as this one sees it: by its beats in their database, which all see alike."""
    seen = {"peerid": row["id"], "peername": row["name"], "peerstate": row["state"], "state": row["state"]}
    return seen | ({"peerserviceip": row["serviceip"]} if "serviceip" in row else {})


class RemoveManagementServer(Command, authorized=("Admin",)):
    """Forgets a server that is gone for good. Should it start again, it joins as a new one."""

    id: Ref[Server] = param("the server; it must be Down")

    def run(self, tx: Tx, caller: Caller) -> Success:
        server = tx.lock(self.id)
        if server.alive:
            text = f"Server {server.node} is Up; only one that is Down can be removed"
            raise InUse(text, param="id", fix=["stop it first"])
        tx.remove(server)
        return Success()
