"""Which hypervisors there are, and what each can."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

import sqlalchemy as sa

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Query, Told
from cloudwright.core.error import ParamError
from cloudwright.core.listing import List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, field
from cloudwright.drivers.hypervisor.check import DISK_SLOTS
from cloudwright.infrastructure.model import Cluster, HypervisorCapability, Zone
from cloudwright.infrastructure.placement import PLANNERS
from cloudwright.operations.paging import Paged, cut

HYPERVISORS = ("KVM", "Simulator")
"""Those for which there is a driver."""


def hypervisor_named(name: str) -> str:
    """The name as it is stored, from any case."""
    return next(known for known in HYPERVISORS if known.lower() == name.lower())


class ListHypervisors(Query, response={"name": ("string", "the hypervisor's name")}):
    """Lists the hypervisors for which there are drivers, or those of a zone's clusters."""

    zone: Ref[Zone] | None = param("only those of this zone")

    def run(self, reader: Reader, caller: Caller) -> Told:
        names = list(HYPERVISORS)
        if self.zone is not None:
            here = {cluster.hypervisor for cluster in reader.all(Cluster, Cluster.c.zone_id == self.zone.id)}
            names = [name for name in names if name in here]
        return Told("hypervisor", [{"name": name} for name in names])


_c = HypervisorCapability.c
DATA_DISKS = DISK_SLOTS - 1  # one is the root disk's
_CANNOT = {
    "security_groups": ("securitygroupenabled", "security groups"),
    "storage_motion": ("storagemotionenabled", "moving a machine with its storage"),
    "vm_snapshots": ("vmsnapshotenabled", "snapshots of whole machines"),
}


class HypervisorCapabilitiesView(View, of=HypervisorCapability, key="hypervisorcapabilities"):
    """What a hypervisor can do, and how much of it is allowed."""

    id = field(_c.uuid, "the id")
    hypervisor = field(_c.hypervisor, "the hypervisor")
    hypervisorversion = field(_c.hypervisor_version, "the version, or default")
    maxguestslimit = field(_c.max_guests, "how many machines a host may run; absent: as many as fit", "long")
    maxdatavolumeslimit = field(_c.max_data_volumes, "how many data disks a machine may have", "integer")
    maxhostspercluster = field(_c.max_hosts, "how many hosts a cluster may have; absent: any number", "integer")
    securitygroupenabled = field(_c.security_groups, "whether it keeps guests apart by security groups")
    storagemotionenabled = field(_c.storage_motion, "whether a machine can move to a host that does not share its storage")
    vmsnapshotenabled = field(_c.vm_snapshots, "whether snapshots of whole machines can be made")


class ListedCapabilitiesView(HypervisorCapabilitiesView, key="hypervisorCapabilities"):
    """The same, as the list tells it."""


class ListHypervisorCapabilities(List, answers=ListedCapabilitiesView, keywords=[_c.hypervisor]):
    """Lists what each hypervisor can do."""

    id: str | None = where(_c.uuid, "only the one of this id", kind="uuid")
    hypervisor: str | None = where(lambda b: sa.func.lower(_c.hypervisor) == sa.func.lower(b), "only those of this hypervisor")


class UpdateHypervisorCapabilities(Command, answers=HypervisorCapabilitiesView, since="3.0.0"):
    """Changes how much of a hypervisor is allowed. It cannot be told to do what its driver does not."""

    id: Ref[HypervisorCapability] | None = param("whose", use=Use.CHANGE)
    hypervisor: str | None = param("or the hypervisor", choices=HYPERVISORS, since="4.19.1")
    hypervisor_version: str | None = param("and its version, or default", since="4.19.1")
    security_group_enabled: bool | None = param("whether it keeps guests apart by security groups")
    max_guests_limit: int | None = param("how many machines a host may run", kind="long", minimum=1)
    max_data_volumes_limit: int | None = param("data disks of a machine", minimum=0, maximum=DATA_DISKS, since="4.16.0")
    storage_motion_enabled: bool | None = param("whether machines move with their storage", since="4.16.0")
    max_hosts_per_cluster: int | None = param("how many hosts a cluster may have", minimum=1, since="4.16.0")
    vm_snapshot_enabled: bool | None = param("whether snapshots of whole machines can be made", since="4.16.0")

    def run(self, tx: Tx, caller: Caller) -> HypervisorCapability:
        row = self._named(tx)
        given = {
            "max_guests": self.max_guests_limit, "max_data_volumes": self.max_data_volumes_limit,
            "max_hosts": self.max_hosts_per_cluster, "security_groups": self.security_group_enabled,
            "storage_motion": self.storage_motion_enabled, "vm_snapshots": self.vm_snapshot_enabled,
        }  # fmt: skip
        for name, (wire_name, what) in _CANNOT.items():
            if given[name]:
                text = f"Parameter {wire_name}: the driver of {row.hypervisor} cannot do {what} yet"
                raise ParamError(text, param=wire_name)
        tx.update(row, **{name: value for name, value in given.items() if value is not None})
        return row

    def _named(self, tx: Tx) -> HypervisorCapability:
        if (self.id is None) == (self.hypervisor is None):
            raise ParamError("Either id or hypervisor must be given, and one of them only", param="id")
        row = self.id or capabilities(tx, hypervisor_named(self.hypervisor or ""), self.hypervisor_version or "default")
        if row is None:
            text = f"Parameter hypervisorversion: nothing is known of {self.hypervisor} {self.hypervisor_version}"
            raise ParamError(text, param="hypervisorversion", fix=["take default"])
        return row


def capabilities(reader: Reader, hypervisor: str, version: str = "default") -> HypervisorCapability | None:
    """What a hypervisor may do."""
    return reader.find(HypervisorCapability, _c.hypervisor == hypervisor, _c.hypervisor_version == version)


def seed_capabilities(tx: Tx) -> None:
    """Insert what is missing."""
    for name in HYPERVISORS:
        if capabilities(tx, name) is None:
            uuid = str(uuid5(NAMESPACE_URL, f"cloudwright/hypervisor/{name}"))
            known: dict[str, Any] = {"hypervisor": name, "max_data_volumes": DATA_DISKS, "uuid": uuid}
            tx.insert(HypervisorCapability(**known))


class ListDeploymentPlanners(Paged, Query, response={"name": ("string", "the planner")}):
    """Lists the ways in which a place for a machine is chosen; a service offering may name one."""

    keyword: str | None = param("only those in whose name this occurs")

    def run(self, reader: Reader, caller: Caller) -> Told:
        names = [name for name in PLANNERS if (self.keyword or "").lower() in name.lower()]
        return Told("deploymentPlanner", [{"name": name} for name in cut(self, names, reader)], len(names))
