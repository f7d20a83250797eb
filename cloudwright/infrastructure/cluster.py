"""Clusters: hosts of one hypervisor between which machines can move."""

from __future__ import annotations

from collections.abc import Sequence

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Success
from cloudwright.core.error import InUse, ParamError, counted
from cloudwright.core.listing import where
from cloudwright.core.param import Ref, param
from cloudwright.core.secret import Secret
from cloudwright.core.tx import Tx
from cloudwright.core.view import View, computed, field
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.capacity import CPU_FACTOR, MEMORY_FACTOR, factor_of
from cloudwright.infrastructure.dedication import forget
from cloudwright.infrastructure.hypervisor import HYPERVISORS, hypervisor_named
from cloudwright.infrastructure.model import Cluster, Host, Pod, Zone
from cloudwright.infrastructure.usage import ListWithCapacity
from cloudwright.infrastructure.zone import STATES
from cloudwright.storage.model import StoragePool

_FOREIGN, _VMWARE, _ORACLE = (
    not_built(what) for what in ("clusters that something else manages", "clusters of VMware", "clusters of Oracle VM")
)
ARCHITECTURES = ("x86_64", "aarch64")


class ClusterView(
    View, of=Cluster, key="cluster", joins=[(Zone, Zone.c.id == Cluster.c.zone_id), (Pod, Pod.c.id == Cluster.c.pod_id)]
):
    """A cluster."""

    id = field(Cluster.c.uuid, "the cluster's id")
    name = field(Cluster.c.name, "its name")
    podid = field(Pod.c.uuid, "its pod")
    podname = field(Pod.c.name, "the name of its pod")
    zoneid = field(Zone.c.uuid, "its zone")
    zonename = field(Zone.c.name, "the name of its zone")
    hypervisortype = field(Cluster.c.hypervisor, "what its hosts run")
    clustertype = field(Cluster.c.cluster_type, "CloudManaged")
    allocationstate = field(Cluster.c.allocation_state, "whether machines are placed there")
    managedstate = field(Cluster.c.managed_state, "whether its hosts are managed")
    arch = field(Cluster.c.architecture, "the architecture of its hosts")
    cpuovercommitratio = field(factor_of(CPU_FACTOR, Cluster.c.id), "how many times its CPU is given out", "string")
    memoryovercommitratio = field(factor_of(MEMORY_FACTOR, Cluster.c.id), "how many times its memory is given out", "string")
    resourcedetails = computed(
        lambda row, caller: {
            "cpuOvercommitRatio": row["cpuovercommitratio"], "memoryOvercommitRatio": row["memoryovercommitratio"],
        },
        "its ratios once more, by the names of details", "map",
    )  # fmt: skip


class ListClusters(ListWithCapacity, answers=ClusterView, keywords=[Cluster.c.name, Cluster.c.hypervisor], level="cluster"):
    """Lists clusters."""

    id: str | None = where(Cluster.c.uuid, "only this one", kind="uuid")
    name: str | None = where(Cluster.c.name, "only the one of this name")
    pod: Ref[Pod] | None = where(Cluster.c.pod_id, "only those of this pod")
    zone: Ref[Zone] | None = where(Cluster.c.zone_id, "only those of this zone")
    hypervisor: str | None = where(Cluster.c.hypervisor, "only those of this hypervisor")
    cluster_type: str | None = where(Cluster.c.cluster_type, "only those of this type")
    allocation_state: str | None = where(Cluster.c.allocation_state, "only those in this state: Enabled or Disabled")
    managed_state: str | None = where(Cluster.c.managed_state, "only those in this state")
    arch: str | None = where(Cluster.c.architecture, "only those of this architecture")


class AddCluster(Command, answers=ClusterView):
    """Makes a cluster."""

    cluster_name: str = param("its name, unique in the zone")
    cluster_type: str = param("CloudManaged", choices=["CloudManaged", "ExternalManaged"])
    hypervisor: str = param("what its hosts run", choices=HYPERVISORS)
    pod: Ref[Pod] = param("the pod")
    zone: Ref[Zone] = param("the pod's zone")
    arch: str = param("the architecture of its hosts", default="x86_64", choices=ARCHITECTURES)
    allocation_state: str = param("Enabled or Disabled", default="Enabled", choices=STATES)
    storage_access_groups: list[str] | None = param("storage access groups", check=not_built("storage access groups"))
    extension: str | None = param("an extension", wire_name="extensionid", kind="uuid", check=not_built("extensions"))
    external_details: dict[str, str] | None = param("details of extensions", check=not_built("extensions"))
    url: str | None = param("the address of what manages it", check=_FOREIGN)
    username: str | None = param("the user there", check=_FOREIGN)
    password: Secret | None = param("the password there", check=_FOREIGN)
    guest_vswitch_name: str | None = param("the virtual switch of guests", wire_name="guestvswitchname", check=_VMWARE)
    guest_vswitch_type: str | None = param("its type", wire_name="guestvswitchtype", check=_VMWARE)
    public_vswitch_name: str | None = param("the virtual switch of public traffic", wire_name="publicvswitchname", check=_VMWARE)
    public_vswitch_type: str | None = param("its type", wire_name="publicvswitchtype", check=_VMWARE)
    vsm_ip_address: str | None = param("the virtual supervisor's address", wire_name="vsmipaddress", check=_VMWARE)
    vsm_username: str | None = param("the user there", wire_name="vsmusername", check=_VMWARE)
    vsm_password: Secret | None = param("the password there", wire_name="vsmpassword", check=_VMWARE)
    ovm3_pool: str | None = param("its pool", wire_name="ovm3pool", check=_ORACLE)
    ovm3_cluster: str | None = param("its cluster", wire_name="ovm3cluster", check=_ORACLE)
    ovm3_vip: str | None = param("its address", wire_name="ovm3vip", check=_ORACLE)

    def run(self, tx: Tx, caller: Caller) -> Sequence[Cluster]:
        if self.cluster_type.lower() == "externalmanaged":
            text = "Parameter clustertype: clusters that something else manages are not there yet"
            raise ParamError(text, param="clustertype", fix=["use CloudManaged"])
        if self.pod.zone_id != self.zone.id:
            raise ParamError(f"Parameter podid: pod {self.pod.name} is not in zone {self.zone.name}", param="podid")
        return [tx.insert(Cluster(
            name=self.cluster_name, zone_id=self.zone.id, pod_id=self.pod.id, hypervisor=hypervisor_named(self.hypervisor),
            architecture=self.arch, allocation_state=self.allocation_state.capitalize(),
        ))]  # fmt: skip


class UpdateCluster(Command, answers=ClusterView):
    """Changes a cluster."""

    id: Ref[Cluster] = param("the cluster", use=Use.CHANGE)
    cluster_name: str | None = param("its new name")
    hypervisor: str | None = param("what its hosts run; only while it has none", choices=HYPERVISORS)
    cluster_type: str | None = param("CloudManaged", choices=["CloudManaged"])
    allocation_state: str | None = param("Enabled or Disabled", choices=STATES)
    managed_state: str | None = param("Managed", choices=["Managed"])
    arch: str | None = param("the architecture of its hosts; only while it has none", choices=ARCHITECTURES)
    external_details: dict[str, str] | None = param("details of extensions", check=not_built("extensions"))

    def run(self, tx: Tx, caller: Caller) -> Cluster:
        cluster = self.id
        hosts = tx.count(Host, Host.c.cluster_id == cluster.id)
        for name, new, old in (("hypervisor", self.hypervisor, cluster.hypervisor), ("arch", self.arch, cluster.architecture)):
            if new is not None and new.lower() != old.lower() and hosts:
                text = f"Parameter {name}: cluster {cluster.name} has {hosts} hosts of {old}; it changes only while it has none"
                raise InUse(text, param=name)
        tx.update(
            cluster,
            name=self.cluster_name or cluster.name,
            hypervisor=hypervisor_named(self.hypervisor or cluster.hypervisor),
            architecture=self.arch or cluster.architecture,
            allocation_state=(self.allocation_state or cluster.allocation_state).capitalize(),
        )
        return cluster


class DeleteCluster(Command):
    """Deletes an empty cluster."""

    id: Ref[Cluster] = param("the cluster", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        hosts = tx.count(Host, Host.c.cluster_id == self.id.id)
        pools = tx.count(StoragePool, StoragePool.c.cluster_id == self.id.id)
        if hosts or pools:
            text = f"Cluster {self.id.name} is not empty: it has {counted({'host': hosts, 'storage pool': pools})}"
            raise InUse(text, param="id", fix=["delete its hosts and storage pools first (deleteHost, deleteStoragePool)"])
        forget(tx, "cluster", self.id.id)
        tx.remove(self.id)
        return Success()
