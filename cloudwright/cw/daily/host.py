"""`cw host`: hosts, and taking them out of service."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from cloudwright.cw.daily.word import Given, Option, Word, change, dispatch, rows_told
from cloudwright.cw.failure import Failure, Late

if TYPE_CHECKING:
    from cloudwright.cw.main import Invocation

HOSTS = "listHosts"
COLUMNS = ["name", "state", "resourcestate", "type", "hypervisor", "ipaddress", "cpuallocated", "zonename", "clustername", "id"]
DRAINED = "Maintenance"
MOVING = "PrepareForMaintenance"
LOOK = 1.0  # seconds between two looks at a host


def run(doing: Invocation) -> None:
    """Run a word of `cw host`."""
    dispatch(doing, WORDS)


def listed(doing: Invocation, given: Given) -> None:
    """List hosts that run instances."""
    params = {"type": "Routing"} | given.options
    if given.things:
        params["keyword"] = given.things[0]
    rows_told(doing, "host", doing.session.rows(HOSTS, params), COLUMNS)


def drain(doing: Invocation, given: Given) -> None:
    """Move all instances off a host, and tell where each went. Raises Failure where some stayed, Late."""
    session, options = doing.session, doing.options
    host = session.one(HOSTS, {"id": given.things[0]})
    before = session.rows("listVirtualMachines", {"hostid": host["id"], "listall": "true"})
    change(doing, "prepareHostForMaintenance", {"id": host["id"]}, COLUMNS)
    if not options.dry_run and options.waits(session.profile):
        _tell_where(doing, _emptied(doing, host), before)


def _emptied(doing: Invocation, host: dict[str, Any]) -> dict[str, Any]:
    """The host when it has come to rest: some servers go on after their job has ended. Raises Late."""
    until = time.monotonic() + doing.session.profile.timeout
    while True:
        host = doing.session.one(HOSTS, {"id": host["id"]})
        if host.get("resourcestate") != MOVING:
            return host
        if time.monotonic() > until:
            raise Late(f"{host['name']} is {host['resourcestate']} still", fix=["cw host list tells how it stands"])
        time.sleep(LOOK)


def _tell_where(doing: Invocation, host: dict[str, Any], before: list[dict[str, Any]]) -> None:
    machines = {row["id"]: row for row in doing.session.rows("listVirtualMachines", {"listall": "true"})}
    stayed = []
    for machine in before:
        now = machines.get(machine["id"], {})
        if now.get("hostid") == host["id"]:
            stayed.append(str(machine["name"]))
        else:
            doing.terminal.note(f"  {machine['name']} is on {now.get('hostname') or 'no host: ' + str(now.get('state', 'gone'))}")
    state = host.get("resourcestate")
    if stayed or state != DRAINED:
        left = f"; {', '.join(stayed)} stayed on it" if stayed else ""
        raise Failure(f"{host['name']} is {state}, not {DRAINED}{left}", fix=["cw job list tells what goes on"])
    doing.terminal.note(f"{host['name']} is {state}")


def resume(doing: Invocation, given: Given) -> None:
    """Take a host back into service."""
    change(doing, "cancelHostMaintenance", {"id": given.things[0]}, COLUMNS)


WORDS = {
    "list": Word("hosts, or those with a word in their names", listed, "[WORD]", most=1, options={
        "--zone": Option("zoneid", "only of this zone", "listZones"),
        "--cluster": Option("clusterid", "only of this cluster", "listClusters"),
        "--state": Option("state", "only in this state"),
    }),
    "drain": Word("move everything off a host, for maintenance", drain, "NAME", HOSTS, 1, 1),
    "resume": Word("take a host back into service", resume, "NAME", HOSTS, 1, 1),
}  # fmt: skip
