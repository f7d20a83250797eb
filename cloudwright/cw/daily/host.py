"""`cw host`: hosts, and taking them out of service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudwright.cw.daily.word import Given, Option, Word, dispatch, rows_told
from cloudwright.cw.failure import Failure

if TYPE_CHECKING:
    from cloudwright.cw.main import Invocation

HOSTS = "listHosts"
COLUMNS = ["name", "state", "resourcestate", "type", "hypervisor", "ipaddress", "cpuallocated", "zonename", "clustername", "id"]
DRAINED = "Maintenance"


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
    """Move all instances off a host, and tell where each went. Raises Failure where some stayed."""
    session = doing.session
    host = session.one(HOSTS, {"id": given.things[0]})
    before = session.rows("listVirtualMachines", {"hostid": host["id"], "listall": "true"})
    params: dict[str, Any] = {"id": host["id"]}
    if doing.options.dry_run:
        doing.answer(session.call("prepareHostForMaintenance", params | {"dryrun": "true"}))
        return
    if not doing.options.waits(session.profile):
        answer = session.call("prepareHostForMaintenance", params)
        doing.answer(answer)
        doing.terminal.note(f"The job goes on. Follow it: cw job follow {answer.get('jobid')}")
        return
    answer = session.run("prepareHostForMaintenance", params)
    doing.answer(answer)
    _tell_where(doing, host, before)


def _tell_where(doing: Invocation, host: dict[str, Any], before: list[dict[str, Any]]) -> None:
    machines = {row["id"]: row for row in doing.session.rows("listVirtualMachines", {"listall": "true"})}
    stayed = []
    for machine in before:
        now = machines.get(machine["id"], {})
        if now.get("hostid") == host["id"]:
            stayed.append(str(machine["name"]))
        else:
            doing.terminal.note(f"  {machine['name']} is on {now.get('hostname') or 'no host: ' + str(now.get('state', 'gone'))}")
    state = doing.session.one(HOSTS, {"id": host["id"]}).get("resourcestate")
    if stayed:
        raise Failure(f"{host['name']} is {state}; {', '.join(stayed)} stayed on it", fix=["cw job list tells what goes on"])
    doing.terminal.note(f"{host['name']} is {state}" + ("" if state == DRAINED else "; it is drained when it is Maintenance"))


def resume(doing: Invocation, given: Given) -> None:
    """Take a host back into service."""
    params = {"id": given.things[0]} | ({"dryrun": "true"} if doing.options.dry_run else {})
    waits = doing.options.waits(doing.session.profile) and not doing.options.dry_run
    doing.answer((doing.session.run if waits else doing.session.call)("cancelHostMaintenance", params))


WORDS = {
    "list": Word("hosts, or those with a word in their names", listed, "[WORD]", most=1, options={
        "--zone": Option("zoneid", "only of this zone", "listZones"),
        "--cluster": Option("clusterid", "only of this cluster", "listClusters"),
        "--state": Option("state", "only in this state"),
    }),
    "drain": Word("move everything off a host, for maintenance", drain, "NAME", HOSTS, 1, 1),
    "resume": Word("take a host back into service", resume, "NAME", HOSTS, 1, 1),
}  # fmt: skip
