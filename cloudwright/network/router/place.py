"""Which host a router lives on. Routers reserve nothing, so any host will do that can have namespaces and reaches the segments;
a random one, so that they spread."""

from __future__ import annotations

import random
from collections.abc import Iterator

import sqlalchemy as sa

from cloudwright.core.error import NoCapacity
from cloudwright.core.tx import Reader
from cloudwright.drivers.segment import SegmentKind
from cloudwright.infrastructure import dedication
from cloudwright.infrastructure.model import Host
from cloudwright.network.model import Network
from cloudwright.network.segment import LABEL, label_of

AT_ONCE = 16
_SHOWN = 8

_EDGES = sa.select(sa.func.min(Host.c.id), sa.func.max(Host.c.id)).where(Host.c.zone_id == sa.bindparam("zone"), Host.c.gone == 0)
_SOME = (
    sa.select(Host.t)
    .where(Host.c.zone_id == sa.bindparam("zone"), Host.c.gone == 0, Host.c.id >= sa.bindparam("low"))
    .where(Host.c.id < sa.bindparam("high"))
    .order_by(Host.c.id)
    .limit(AT_ONCE)
)


def dead(host: Host) -> bool:
    """Whether nothing runs there any more, proven. A host that is merely silent may still serve its guests."""
    return bool(host.gone) or host.state == "Down"


def place_router(reader: Reader, network: Network) -> Host:
    """A host for the network's router. Raises NoCapacity that says of each host looked at why it will not do."""
    reasons: list[str] = []
    seen = 0
    for host in _hosts(reader, network.zone_id):
        seen += 1
        why = _unfit(reader, host, network) or _foreign(reader, host, network)
        if why is None:
            return host
        if len(reasons) < _SHOWN:
            reasons.append(f"{host.name}: {why}")
    raise NoCapacity(
        f"No host of the zone can have the router of network {network.name}",
        why=reasons or ["the zone has no hosts"],
        fix=["add a host, or enable one", "install what a host lacks and reconnect it"],
        param=None if seen else "zoneid",
    )


def _hosts(reader: Reader, zone_id: int) -> Iterator[Host]:
    """All hosts of the zone, from a random one on, without reading more than are asked for."""
    edges = reader.one(_EDGES, {"zone": zone_id})
    if edges is None or edges[0] is None:
        return
    first, last = (int(edge) for edge in edges)
    pivot = random.randint(first, last)  # noqa: S311 - nothing secret
    for low, high in ((pivot, last + 1), (first, pivot)):
        start = low
        while rows := reader.rows(_SOME, {"zone": zone_id, "low": start, "high": high}):
            yield from (Host.load(row) for row in rows)
            start = rows[-1].id + 1


def _unfit(reader: Reader, host: Host, network: Network) -> str | None:
    if host.state != "Up" or host.resource_state != "Enabled":
        return f"it is {host.state} and {host.resource_state}"
    if host.hypervisor == "Simulator":
        return None  # the simulated network refuses by itself what a test wants refused
    if "router" not in host.can:
        return f"it cannot have routers: {host.cannot.get('router', 'its agent does not report the ability router')}"
    if network.segment_kind == SegmentKind.VXLAN.upper() and "vxlan" not in host.can:
        return f"it cannot do VXLAN: {host.cannot.get('vxlan', 'its agent does not report it')}"
    wanted = {label_of(reader, network.physical_network_id, traffic, host.hypervisor) for traffic in _traffic(network)}
    missing = sorted(wanted - set(host.labels) - ({LABEL} if not host.labels else set()))
    return f"it has no bridge {', '.join(missing)}" if missing else None


def _foreign(reader: Reader, host: Host, network: Network) -> str | None:
    """Whether somebody else than the network's owner has the host to itself."""
    if not dedication.any_in(reader, host.zone_id):
        return None
    domains = dedication.domains_of(reader, network.domain_id)
    claims = dedication.claims_on(reader, [host]).get(host.id, ())
    return next((claim.said() for claim in claims if not claim.admits(network.account_id, domains)), None)


def _traffic(network: Network) -> list[str]:
    return ["Public"] if network.segment_kind == "VXLAN" else ["Guest", "Public"]
