"""addHost: a simulated host is up at once; a KVM host enrols itself with the command that is in the answer.

Nobody signs in to a host: its agent dials this server with a certificate, which it gets once for a one-time token.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from msgspec.structs import replace

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Told
from cloudwright.core.error import ParamError
from cloudwright.core.param import Ref, param
from cloudwright.core.secret import Secret
from cloudwright.core.tx import Reader, Tx
from cloudwright.drivers.hypervisor.contract import HostFacts
from cloudwright.drivers.hypervisor.fake import FakeHypervisor
from cloudwright.drivers.world import MemoryWorld
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.authority import enrol_command
from cloudwright.infrastructure.host.tag import set_tags
from cloudwright.infrastructure.host.view import HostView
from cloudwright.infrastructure.hypervisor import HYPERVISORS, capabilities
from cloudwright.infrastructure.model import Cluster, Host, Pod, Zone
from cloudwright.infrastructure.observe import known
from cloudwright.storage.pool.open import host_connected

_SIZES = {"cpus": "cpus", "mhz": "cpu_mhz", "memory": "memory"}
_SIMULATED = FakeHypervisor(MemoryWorld(), "").facts()


class AddHost(Command, answers=HostView):
    """Adds a host to a cluster. For a KVM host, `enrolcommand` in the answer is what to run there, once and soon."""

    url: str = param("http://<address of the host>; for a simulated one http://sim/<name>?cpus=8&mhz=2000&memory=16384")
    hypervisor: str = param("what it runs", choices=HYPERVISORS)
    zone: Ref[Zone] = param("the zone")
    pod: Ref[Pod] = param("the pod")
    cluster: Ref[Cluster] | None = param("the cluster", use=Use.CHANGE)
    cluster_name: str | None = param("the cluster, by its name")
    username: str | None = param("taken from clients that send it and not used: nobody signs in to a host")
    password: Secret | None = param("taken from clients that send it and not used: nobody signs in to a host")
    allocation_state: str = param("Enabled or Disabled", default="Enabled", choices=["Enabled", "Disabled"])
    host_tags: list[str] = param("tags by which offerings choose it", default=[])
    storage_access_groups: list[str] | None = param("storage access groups", check=not_built("storage access groups"))
    external_details: dict[str, str] | None = param("details of extensions", check=not_built("extensions"))

    def run(self, tx: Tx, caller: Caller) -> Told:
        cluster = self._cluster(tx)
        name, address = host_name(self.url)
        host = tx.find(Host, Host.c.zone_id == self.zone.id, Host.c.name == name)
        if host is None:
            host = tx.insert(Host(
                name=name, address=address, url=self.url, zone_id=self.zone.id, pod_id=self.pod.id, cluster_id=cluster.id,
                hypervisor=cluster.hypervisor, architecture=cluster.architecture,
                resource_state=self.allocation_state.capitalize(),
            ))  # fmt: skip
        elif host.state != "Creating" or host.cluster_id != cluster.id or host.hypervisor == "Simulator":
            has = f"zone {self.zone.name} has a host {name} already, with the address {host.address}"
            text = f"Parameter url: {has}; it is {host.state}"
            raise ParamError(
                text, param="url", fix=["add it by another name or address", "or delete that host first (deleteHost)"]
            )
        set_tags(tx, host, self.host_tags)
        extra = {}
        if host.hypervisor == "Simulator":
            tx.update(host, **known(simulated_facts(self.url)), state="Up", last_seen=tx.now)
            host_connected(tx, host)
        elif caller.root:
            extra["enrolcommand"] = enrol_command(tx, host)
        return Told("host", [{**HostView.tell_one(tx, host.id, caller), **extra}])

    def _cluster(self, reader: Reader) -> Cluster:
        """The cluster, if all fits together. Raises ParamError."""
        cluster = self.cluster
        if cluster is None and self.cluster_name is not None:
            cluster = reader.find(Cluster, Cluster.c.pod_id == self.pod.id, Cluster.c.name == self.cluster_name)
        if cluster is None:
            raise ParamError("Parameter clusterid: a host belongs to a cluster; give clusterid or clustername", param="clusterid")
        if (cluster.zone_id, cluster.pod_id) != (self.zone.id, self.pod.id):
            what = f"cluster {cluster.name} is not in pod {self.pod.name} of zone {self.zone.name}"
            raise ParamError(f"Parameter clusterid: {what}", param="clusterid")
        if cluster.hypervisor.lower() != self.hypervisor.lower():
            text = f"Parameter hypervisor: cluster {cluster.name} is of {cluster.hypervisor}, not {self.hypervisor}"
            raise ParamError(text, param="hypervisor")
        able, hosts = capabilities(reader, cluster.hypervisor), reader.count(Host, Host.c.cluster_id == cluster.id)
        if able is not None and able.max_hosts is not None and hosts >= able.max_hosts:
            text = f"Cluster {cluster.name} has {hosts} hosts; {cluster.hypervisor} allows {able.max_hosts} (maxhostspercluster)"
            raise ParamError(
                text, param="clusterid", fix=["add it to another cluster", "or allow more (updateHypervisorCapabilities)"]
            )
        return cluster


def host_name(url: str) -> tuple[str, str]:
    """(name, address) of a host from its URL: `http://sim/a/b` -> ("a-b", "sim"). Raises ParamError."""
    parts = urlsplit(url if "//" in url else f"//{url}")
    address = parts.hostname or ""
    name = parts.path.strip("/").replace("/", "-") or address
    if not name or not address:
        raise ParamError(f"Parameter url: {url!r} names no host; one is http://192.168.1.10 or http://sim/h1", param="url")
    return name, address


def simulated_facts(url: str) -> HostFacts:
    """What a simulated host is: as large as its URL says. Raises ParamError."""
    given = parse_qs(urlsplit(url).query)
    wrong = [text for name, texts in given.items() for text in texts if name in _SIZES and not 0 < _whole(text) < 1 << 31]
    if wrong or given.keys() - _SIZES.keys():
        text = f"Parameter url: after ? come cpus=, mhz= and memory= (MiB), whole numbers; not {wrong or sorted(given)}"
        raise ParamError(text, param="url")
    return replace(_SIMULATED, **{_SIZES[name]: int(texts[-1]) for name, texts in given.items()})


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() else 0
