"""Hosts as answers tell them, and their list."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller
from cloudwright.core.command import Told
from cloudwright.core.listing import List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.server import Server
from cloudwright.core.tx import Reader
from cloudwright.core.view import View, computed, field, many
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.capacity import CPU_FACTOR, MEMORY_FACTOR, factor_of
from cloudwright.infrastructure.model import Cluster, Host, HostTag, Pod, Zone
from cloudwright.storage.model import StoragePool

_local = sa.exists().where(StoragePool.c.host_id == Host.c.id, StoragePool.c.gone == 0)


def _own(column: Any) -> Any:
    """The sum over the pools on a host's own disks; none where it has no such pool."""
    mine = (StoragePool.c.host_id == Host.c.id, StoragePool.c.gone == 0)
    return sa.select(sa.func.sum(column)).where(*mine).scalar_subquery()


def _cpu(row: dict[str, Any]) -> tuple[int, float]:
    """(MHz there are, MHz that may be given out)."""
    mhz = row["cpunumber"] * row["cpuspeed"]
    return mhz, mhz * float(row["_cpu_factor"])


def _while_up(measured: Any) -> Any:
    """What was measured last, while it is not old."""
    return sa.case((Host.c.state == "Up", measured))


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.2f}%" if whole else "0%"


class HostView(
    View, of=Host, key="host",
    joins=[
        (Zone, Zone.c.id == Host.c.zone_id), (Pod, Pod.c.id == Host.c.pod_id), (Cluster, Cluster.c.id == Host.c.cluster_id),
        (Server, Server.c.id == Host.c.server_id),
    ],
):  # fmt: skip
    """A host."""

    id = field(Host.c.uuid, "the host's id")
    name = field(Host.c.name, "its name")
    state = field(Host.c.state, "what is known of it: Creating, Up, Disconnected, Alert, Down")
    resourcestate = field(Host.c.resource_state, "what is wanted of it: Enabled, Disabled, PrepareForMaintenance, Maintenance")
    type = computed(lambda row, caller: "Routing", "Routing: machines run there")
    ipaddress = field(Host.c.address, "its address")
    zoneid = field(Zone.c.uuid, "its zone")
    zonename = field(Zone.c.name, "the name of its zone")
    podid = field(Pod.c.uuid, "its pod")
    podname = field(Pod.c.name, "the name of its pod")
    clusterid = field(Cluster.c.uuid, "its cluster")
    clustername = field(Cluster.c.name, "the name of its cluster")
    clustertype = field(Cluster.c.cluster_type, "the type of its cluster")
    hypervisor = field(Host.c.hypervisor, "what it runs")
    hypervisorversion = field(Host.c.software, "the version of that", convert=lambda version: version or None)
    arch = field(Host.c.architecture, "its architecture")
    created = field(Host.c.created, "when it was added")
    removed = field(Host.c.removed, "when it was removed")
    lastpinged = field(Host.c.last_seen, "when it was last heard of")
    disconnected = field(Host.c.disconnected, "since when it is silent")
    capabilities = field(Host.c.can, "what it can", "string", convert=lambda can: ",".join(["hvm", *can]))
    details = field(Host.c.details, "its details", convert=lambda details: details or None)
    disksizetotal = field(_own(StoragePool.c.capacity), "bytes of the pools on its own disks", "long", convert=int)
    disksizeallocated = field(_own(StoragePool.c.reserved), "how much of that volumes may grow to", "long", convert=int)
    islocalstorageactive = field(_local, "whether volumes rest on its own disks", "boolean")
    _tags = many(HostTag, HostTag.c.host_id == Host.c.id, {"name": HostTag.c.name}, "its tags")
    hosttags = computed(lambda row, caller: _names(row) or None, "its tags, comma separated")
    explicithosttags = computed(lambda row, caller: _names(row) or None, "those that were given to it")
    istagarule = computed(lambda row, caller: False, "whether its tags are a rule", "boolean")
    _cpu_factor = field(factor_of(CPU_FACTOR, Host.c.cluster_id), "how many times its CPU is given out")
    _memory_factor = field(factor_of(MEMORY_FACTOR, Host.c.cluster_id), "how many times its memory is given out")
    cpunumber = field(Host.c.cpus, "how many processors it has", "integer")
    cpuspeed = field(Host.c.cpu_mhz, "MHz of each")
    _busy = field(_while_up(Host.c.busy), "the share of its processors in use", "double")
    cpuused = computed(
        lambda row, caller: _percent(row["_busy"], 1) if "_busy" in row else None, "how busy they are, as measured"
    )
    cpuloadaverage = field(_while_up(Host.c.load_average), "its load over a minute, as measured", "double")
    memoryused = field(_while_up(Host.c.memory_used), "bytes in use, as measured")
    cpuallocatedvalue = field(Host.c.cpu_reserved, "MHz given out")
    cpuallocated = computed(lambda row, caller: _percent(row["cpuallocatedvalue"], _cpu(row)[1]), "the part of its CPU given out")
    cpuallocatedpercentage = computed(lambda row, caller: row["cpuallocated"], "the same")
    cpuallocatedwithoverprovisioning = computed(
        lambda row, caller: _percent(row["cpuallocatedvalue"], _cpu(row)[1]), "the part of its overcommitted CPU given out"
    )
    cpuwithoverprovisioning = computed(lambda row, caller: f"{_cpu(row)[1]:.1f}", "MHz that may be given out")
    memorytotal = field(Host.c.memory, "bytes of memory")
    memoryallocated = field(Host.c.memory_reserved, "bytes given out")
    memoryallocatedbytes = field(Host.c.memory_reserved, "the same")
    memoryallocatedpercentage = computed(
        lambda row, caller: _percent(row["memoryallocated"], row["memorytotal"] * float(row["_memory_factor"])),
        "the part given out",
    )
    memorywithoverprovisioning = computed(
        lambda row, caller: f"{row['memorytotal'] * float(row['_memory_factor']):.0f}", "bytes that may be given out"
    )
    managementserverid = field(Server.c.uuid, "the server that its agent hangs on")
    msid = field(Host.c.server_id, "the number of that server", "long")
    managementservername = field(Server.c.node, "the name of that server")
    ueficapability = computed(lambda row, caller: False, "whether machines there may boot by UEFI", "boolean")
    encryptionsupported = computed(lambda row, caller: False, "whether volumes there may be encrypted", "boolean")
    instanceconversionsupported = computed(lambda row, caller: False, "whether it converts foreign machines", "boolean")
    hahost = computed(lambda row, caller: False, "whether it is kept free for machines of dead hosts", "boolean")


def _names(row: dict[str, Any]) -> str:
    return ",".join(tag["name"] for tag in row.get("_tags", []))


_STATS = {"cpuused", "cpuloadaverage", "memoryused"}
_GROUPS = {"stats": _STATS, "capacity": {name for name in HostView.fields if name.startswith(("cpu", "memory"))} - _STATS}


class ListHosts(List, answers=HostView, keywords=[Host.c.name, Host.c.address]):
    """Lists hosts."""

    id: str | None = where(Host.c.uuid, "only this one", kind="uuid")
    name: str | None = where(Host.c.name, "only the one of this name")
    zone: Ref[Zone] | None = where(Host.c.zone_id, "only those of this zone")
    pod: Ref[Pod] | None = where(Host.c.pod_id, "only those of this pod")
    cluster: Ref[Cluster] | None = where(Host.c.cluster_id, "only those of this cluster")
    hypervisor: str | None = where(Host.c.hypervisor, "only those that run this")
    state: str | None = where(Host.c.state, "only those in this state")
    resource_state: str | None = where(Host.c.resource_state, "only those of which this is wanted")
    type: str | None = where(lambda bind: sa.func.lower(bind) == "routing", "only those of this type; all are Routing")
    arch: str | None = where(Host.c.architecture, "only those of this architecture")
    version: str | None = where(Host.c.software, "only those with this version of their hypervisor")
    details: list[str] = param("what to tell", default=[], choices=["all", "min", "capacity", "events", "stats"])
    virtual_machine: str | None = param(
        "mark where this machine can go",
        wire_name="virtualmachineid",
        kind="uuid",
        check=not_built("migrations in this list"),
    )
    ha_host: bool | None = where(sa.not_, "true: only those kept free for machines of dead hosts; there are none", default=None)
    out_of_band: bool | None = param(
        "only those with it",
        wire_name="outofbandmanagementenabled",
        default=None,
        check=not_built("power switches of hosts"),
    )
    out_of_band_power: str | None = param(
        "only those in this power state", wire_name="outofbandmanagementpowerstate", check=not_built("power states of hosts")
    )
    management_server: Ref[Server] | None = where(Host.c.server_id, "only those whose agents hang on this server")
    storage_access_group: str | None = param("only those of this group", check=not_built("storage access groups"))

    def run(self, reader: Reader, caller: Caller) -> Told:
        answer = super().run(reader, caller)
        wanted = {detail.lower() for detail in self.details}
        for group, names in _GROUPS.items():
            if wanted and not wanted & {"all", group}:
                for row in answer.rows:
                    for name in names & row.keys():
                        del row[name]
        return answer


class HostTagView(View, of=HostTag, key="hosttag", joins=[(Host, Host.c.id == HostTag.c.host_id)]):
    """A tag of a host."""

    id = field(HostTag.c.uuid, "the tag's id")
    name = field(HostTag.c.name, "the tag")
    hostid = field(HostTag.c.host_id, "the host's number")
    hostname = field(Host.c.name, "the host's name")
    isimplicit = computed(lambda row, caller: False, "whether the host said it itself", "boolean")


class ListHostTags(List, answers=HostTagView, keywords=[HostTag.c.name]):
    """Lists the tags of all hosts."""
