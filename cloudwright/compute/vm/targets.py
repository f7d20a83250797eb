"""Where a running instance could move, and why not elsewhere."""

from __future__ import annotations

from cloudwright.compute.model import Vm
from cloudwright.compute.vm.placing import request_of
from cloudwright.core.access import Caller
from cloudwright.core.command import Query, Told
from cloudwright.core.error import WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader
from cloudwright.infrastructure.candidates import asked
from cloudwright.infrastructure.host.view import HostView
from cloudwright.infrastructure.model import Host
from cloudwright.operations.paging import Paged, cut
from cloudwright.storage.model import Volume


class FindHostsForMigration(
    Paged, Query, answers=HostView, form="list",
    response={
        "requiresStorageMotion": ("boolean", "whether its volumes would have to move, too: never, they are shared"),
        "suitableformigration": ("boolean", "whether it can move there"),
        "hasenoughcapacity": ("boolean", "whether the host has the processors and the memory for it"),
        "whynot": ("list", "why it cannot move there, in sentences"),
    },
):  # fmt: skip
    """Lists the other hosts of an instance's cluster, and whether it can move there; if not, why."""

    virtual_machine: Ref[Vm] = param("the instance; it must run")
    keyword: str | None = param("only hosts in whose name this occurs")

    def run(self, reader: Reader, caller: Caller) -> Told:
        vm = self.virtual_machine
        if vm.state != "Running" or vm.host_id is None:
            raise WrongState(f"{vm.name} is {vm.state}; only a running instance is moved", param="virtualmachineid")
        here = reader.get(Host, vm.host_id)
        hosts = reader.all(Host, Host.c.cluster_id == here.cluster_id, Host.c.id != here.id)
        hosts = [host for host in hosts if (self.keyword or "").lower() in host.name.lower()]
        shown = cut(self, hosts, reader)
        request = request_of(reader, vm, reader.all(Volume, Volume.c.vm_id == vm.id), {}, [here.id])
        refused = {refusal.host: refusal.why for refusal in asked(reader, request, shown)}
        rows = HostView.tell(reader, [host.id for host in shown], caller)
        ids = {host.uuid: host.id for host in shown}
        return Told("host", [{**row, **_fitness(refused.get(ids[row["id"]], {}))} for row in rows], len(hosts))


_CAPACITY = {"with such processors", "with the CPU", "with the memory", "below its cluster's threshold"}


def _fitness(why: dict[str, str]) -> dict[str, object]:
    return {
        "requiresStorageMotion": False, "suitableformigration": not why, "hasenoughcapacity": not why.keys() & _CAPACITY,
        "whynot": list(why.values()),
    }  # fmt: skip
