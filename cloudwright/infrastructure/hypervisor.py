"""Which hypervisors there are, and what each can."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cloudwright.core.access import Caller
from cloudwright.core.command import Query, Told
from cloudwright.core.listing import PAGE_SIZE
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader
from cloudwright.drivers.hypervisor.check import DISK_SLOTS
from cloudwright.infrastructure.model import Cluster, Zone

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


_CAPABILITIES: dict[str, tuple[str, str]] = {
    "id": ("string", "an id"),
    "hypervisor": ("string", "the hypervisor"),
    "hypervisorversion": ("string", "the version, or default"),
    "maxdatavolumeslimit": ("integer", "how many data disks a machine may have"),
    "securitygroupenabled": ("boolean", "whether it keeps guests apart by security groups"),
    "storagemotionenabled": ("boolean", "whether a machine can move to a host that does not share its storage"),
    "vmsnapshotenabled": ("boolean", "whether snapshots of whole machines can be made"),
}


class ListHypervisorCapabilities(Query, response=_CAPABILITIES):
    """Lists what each hypervisor's driver can do."""

    id: str | None = param("only the one of this id")
    hypervisor: str | None = param("only those of this hypervisor")
    keyword: str | None = param("only those in whose name this occurs")
    page: int | None = param("which page, from 1", minimum=1)
    page_size: int | None = param("how many on a page", minimum=1)

    def run(self, reader: Reader, caller: Caller) -> Told:
        rows = [_capabilities(name) for name in HYPERVISORS]
        rows = [row for row in rows if self.id in (None, row["id"])]
        rows = [row for row in rows if self.hypervisor is None or row["hypervisor"].lower() == self.hypervisor.lower()]
        rows = [row for row in rows if (self.keyword or "").lower() in row["hypervisor"].lower()]
        size = self.page_size or PAGE_SIZE.get(reader)
        start = ((self.page or 1) - 1) * size
        return Told("hypervisorCapabilities", rows[start : start + size], len(rows))


def _capabilities(name: str) -> dict[str, Any]:
    return {
        "id": str(uuid5(NAMESPACE_URL, f"cloudwright/hypervisor/{name}")),
        "hypervisor": name,
        "hypervisorversion": "default",
        "maxdatavolumeslimit": DISK_SLOTS - 1,  # one is the root disk's
        "securitygroupenabled": False,
        "storagemotionenabled": False,
        "vmsnapshotenabled": False,
    }
