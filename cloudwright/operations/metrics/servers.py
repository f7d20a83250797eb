"""Figures of the servers, the database and the whole infrastructure."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller
from cloudwright.core.command import Query, Told
from cloudwright.core.param import param
from cloudwright.core.server import Server
from cloudwright.core.tx import Reader
from cloudwright.core.view import computed, date
from cloudwright.identity.model import LoginSession
from cloudwright.infrastructure.model import Cluster, Host, Pod, Zone
from cloudwright.network.model import Router
from cloudwright.operations.management import PEERS, ListManagementServers, ManagementServerView, fact
from cloudwright.operations.model import Alert
from cloudwright.storage.model import ImageStore, StoragePool

_ADMIN: dict[str, Any] = {"since": "4.17.0", "authorized": ("Admin",)}


class ManagementServerMetricsView(ManagementServerView):
    """A server with its figures."""

    availableprocessors = computed(lambda row, caller: int(fact("processors")(row, caller) or 0) or None, "processors", "integer")
    agentcount = computed(lambda row, caller: row["agentscount"], "how many agents hang on it", "integer")


_LIVE: dict[str, tuple[str, str]] = {
    **PEERS,
    "collectiontime": ("date", "when the figures were taken"),
    "sessions": ("long", "how many sessions there are, in the whole cloud"),
    "dbislocal": ("boolean", "whether its database is a file of its own"),
    "systemloadaverages": ("list", "the load of its machine in the last 1, 5 and 15 minutes; where there is but one server"),
    "systemmemorytotal": ("string", "the memory of its machine; where there is but one server"),
    "systemmemoryfree": ("string", "how much of that is free; where there is but one server"),
    "systemmemoryused": ("string", "how much is used; where there is but one server"),
    "systemmemoryvirtualsize": ("string", "the addresses that it has mapped; where there is but one server"),
    "systemcycleusage": (
        "list",
        "ticks that the processors of its machine spent in programs, in the kernel and idle since it was booted; where "
        "there is but one server",
    ),
    "systemtotalcpucycles": ("double", "the MHz of all its processors together; where there is but one server"),
    "threadstotalcount": ("integer", "its threads; where there is but one server"),
    "threadsdaemoncount": ("integer", "of them those that do not keep it alive; where there is but one server"),
}


class ListManagementServersMetrics(ListManagementServers, answers=ManagementServerMetricsView, response=_LIVE, **_ADMIN):
    """Lists the servers of this cloud with their figures. Some are told only where there is but one server."""

    system: bool = param("with figures of the machine that it runs on", default=False)

    def run(self, reader: Reader, caller: Caller) -> Told:
        answer = super().run(reader, caller)
        sessions = reader.count(LoginSession)
        for row in answer.rows:
            row |= {"collectiontime": date(time.time()), "sessions": sessions}
            row["dbislocal"] = reader.connection.dialect.name == "sqlite"
        up = [row for row in answer.rows if row["state"] == "Up"]
        if len(up) == 1:  # then it is the one that answers
            up[0] |= _process() | (_machine() if self.system else {})
        return answer


def _process() -> dict[str, Any]:
    threads = threading.enumerate()
    return {"threadstotalcount": len(threads), "threadsdaemoncount": sum(thread.daemon for thread in threads)}


def _machine() -> dict[str, Any]:
    lines = Path("/proc/meminfo").read_text().splitlines()
    kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    total, free = kib["MemTotal"], kib["MemAvailable"]
    shown = {"total": total, "free": free, "used": total - free, "virtualsize": _mapped()}
    user, nice, system, idle = map(int, Path("/proc/stat").read_text().split()[1:5])
    speeds = [line.rpartition(":")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("cpu MHz")]
    return {
        "systemloadaverages": list(os.getloadavg()),
        "systemcycleusage": [user + nice, system, idle],
        **({"systemtotalcpucycles": round(sum(map(float, speeds)), 1)} if speeds else {}),  # some processors do not tell
        **{f"systemmemory{name}": f"{value / (1 << 20):.2f} GB" for name, value in shown.items()},
    }


def _mapped() -> int:
    """KiB of addresses that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * (os.sysconf("SC_PAGE_SIZE") >> 10)


_COUNTED = {
    "zones": Zone, "pods": Pod, "clusters": Cluster, "hosts": Host, "storagepools": StoragePool, "imagestores": ImageStore,
    "routers": Router, "managementservers": Server,
}  # fmt: skip


_NONE = ("backuprepositories", "ilbvms", "objectstores")  # there is no way to add one


class ListInfrastructure(
    Query, since="4.9.3", authorized=("Admin",),
    response={
        **{name: ("integer", f"how many {name} there are") for name in _COUNTED},
        **{name: ("integer", f"how many {name} there are") for name in _NONE},
        "systemvms": ("integer", "how many system machines there are beside routers"),
        "alerts": ("integer", "how many alerts are open"),
    },
):  # fmt: skip
    """Tells how much infrastructure there is."""

    def run(self, reader: Reader, caller: Caller) -> Told:
        told: dict[str, Any] = {name: reader.count(kind) for name, kind in _COUNTED.items()} | dict.fromkeys(_NONE, 0)
        told["systemvms"] = 0  # consoles and images are served by this process
        told["alerts"] = reader.count(Alert, Alert.c.archived.is_(False), Alert.c.settled.is_(None))
        return Told("infrastructure", [told], one=True)


class ListDbMetrics(
    Query, **_ADMIN,
    response={
        "collectiontime": ("date", "when the figures were taken"),
        "hostname": ("string", "the machine that the database runs on"),
        "version": ("string", "its version"),
        "versioncomment": ("string", "what it is"),
        "connections": ("integer", "how many connections it has"),
        "uptime": ("long", "seconds since it started"),
        "queries": ("long", "how many statements (PostgreSQL: transactions) it ran since then"),
        "tlsversions": ("string", "how connections may be encrypted"),
        "replicas": ("list", "its replicas"),
        "dbloadaverages": ("list", "statements a second since its start"),
    },
):  # fmt: skip
    """Tells figures of the database. What it does not tell is absent."""

    def run(self, reader: Reader, caller: Caller) -> Told:
        name = reader.connection.dialect.name
        told = {"sqlite": _sqlite, "postgresql": _postgresql}.get(name, _mariadb)(reader)
        if told.get("uptime") and "queries" in told:
            told["dbloadaverages"] = [round(told["queries"] / told["uptime"], 2)]
        told["collectiontime"] = date(time.time())
        return Told("dbMetrics", [{key: value for key, value in told.items() if value not in (None, "")}], one=True)


def _sqlite(reader: Reader) -> dict[str, Any]:
    return {
        "hostname": os.uname().nodename,
        "version": reader.value(sa.text("SELECT sqlite_version()")),
        "versioncomment": "SQLite",
    }


def _postgresql(reader: Reader) -> dict[str, Any]:
    row = reader.one(sa.text(
        "SELECT current_setting('server_version'), CAST(inet_server_addr() AS text),"
        " CAST(extract(epoch FROM now() - pg_postmaster_start_time()) AS bigint), (SELECT count(*) FROM pg_stat_activity),"
        " (SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database)"
    ))  # fmt: skip
    if row is None:
        return {}
    version, address, uptime, connections, transactions = tuple(row)
    return {
        "version": version, "hostname": (address or os.uname().nodename).partition("/")[0],
        "versioncomment": "PostgreSQL", "uptime": int(uptime),
        "connections": int(connections), "queries": int(transactions),
    }  # fmt: skip


def _mariadb(reader: Reader) -> dict[str, Any]:
    wanted = "('Uptime', 'Threads_connected', 'Queries')"
    status = dict(map(tuple, reader.rows(sa.text(f"SHOW GLOBAL STATUS WHERE Variable_name IN {wanted}"))))
    names = {"version": "version", "hostname": "hostname", "versioncomment": "version_comment", "tlsversions": "tls_version"}
    return {
        **{field: reader.value(sa.text(f"SELECT @@{name}")) for field, name in names.items()},
        "uptime": int(status["Uptime"]), "connections": int(status["Threads_connected"]), "queries": int(status["Queries"]),
    }  # fmt: skip
