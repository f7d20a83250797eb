"""Alerts of hosts that nobody hears of: one of each host, or one of a cluster where many are lost at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from cloudwright.core.resource import Resource
from cloudwright.core.tx import Tx
from cloudwright.infrastructure.model import Cluster, Host
from cloudwright.operations.raising import TYPES, alert, settle

FEW = 5  # hosts of a cluster that are told one by one
SHOWN = 20  # names told of many
_HOST = TYPES["COMPUTE.HOST"]


def told(tx: Tx, host: Host, text: str) -> None:
    """Raise an alert of one host."""
    alert(tx, _HOST, f"host {host.uuid}", text, zone_id=host.zone_id, pod_id=host.pod_id, cluster_id=host.cluster_id)


def silent(tx: Tx, hosts: Sequence[Host]) -> None:
    """Raise alerts of hosts that have been silent for long."""
    by_cluster: dict[int, list[Host]] = defaultdict(list)
    for host in hosts:
        by_cluster[host.cluster_id].append(host)
    for id, lost in by_cluster.items():
        if len(lost) > FEW:
            cluster = tx.get(Cluster, id)
            names = ", ".join(host.name for host in lost[:SHOWN]) + (
                f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
            )
            about: dict[str, Any] = {"zone_id": cluster.zone_id, "pod_id": cluster.pod_id, "cluster_id": id}
            text = f"{len(lost)} hosts of cluster {cluster.name} have been silent for {_minutes(tx, lost[0])}: {names}"
            alert(tx, _HOST, f"hosts of cluster {cluster.uuid}", text, **about)
        else:
            for host in lost:
                told(tx, host, f"Host {host.name} ({host.address}) has been silent for {_minutes(tx, host)}")


def _minutes(tx: Tx, host: Host) -> str:
    return f"{(tx.now - (host.disconnected or tx.now)) / 60:.0f} minutes"


def heard(tx: Tx, host: Resource) -> None:
    """Note that a host is heard again, or gone; the alert of its cluster passes with the last that was silent."""
    assert isinstance(host, Host)
    settle(tx, _HOST, f"host {host.uuid}")
    if not tx.count(Host, Host.c.cluster_id == host.cluster_id, Host.c.state == "Alert", Host.c.id != host.id):
        settle(tx, _HOST, f"hosts of cluster {tx.get(Cluster, host.cluster_id).uuid}")


Host.with_it = (*Host.with_it, heard)
