"""Who has what to itself: zones, pods, clusters and hosts dedicated to a domain with those below it, or to one account.

What is dedicated takes machines of those it is dedicated to and of nobody else. The innermost dedication does not lift an outer
one: a host in a dedicated cluster is the cluster's. All that one account, or one domain, has to itself is under one affinity
group, whose machines go there alone; it goes with the last of it. A dedication goes with its account or domain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from cloudwright.core.prepared import Prepared
from cloudwright.core.resource import Resource
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.model import Account, Domain
from cloudwright.infrastructure.model import Cluster, Dedication, Host, Pod, Zone
from cloudwright.infrastructure.placement import Claim

_d = Dedication.c
PLACES: dict[str, Any] = {"zone": Zone, "pod": Pod, "cluster": Cluster, "host": Host}
OF_HOST = {"zone": Host.c.zone_id, "pod": Host.c.pod_id, "cluster": Host.c.cluster_id, "host": Host.c.id}
LIVING = _d.gone == 0
_IN_ZONES = sa.select(Dedication.t).where(LIVING, _d.zone_id.in_(sa.bindparam("zones", expanding=True)))
_ANY = Prepared(sa.select(_d.id).where(LIVING, _d.zone_id == sa.bindparam("zone")).limit(1))
_foreign = sa.and_(
    LIVING,
    sa.or_(
        sa.and_(_d.account_id.is_not(None), _d.account_id != sa.bindparam("owner")),
        sa.and_(_d.account_id.is_(None), _d.domain_id.not_in(sa.bindparam("owner_domains", expanding=True))),
    ),
)
OPEN_TO_OWNER = sa.and_(
    *(column.not_in(sa.select(_d.of_id).where(_foreign, _d.of_kind == kind)) for kind, column in OF_HOST.items())
)
"""The condition on hosts that binds `owner` and `owner_domains`: none of its places is somebody else's."""
_grouped = sa.and_(LIVING, _d.group_id.in_(sa.bindparam("groups", expanding=True)))
UNDER_GROUPS = sa.or_(*(column.in_(sa.select(_d.of_id).where(_grouped, _d.of_kind == kind)) for kind, column in OF_HOST.items()))
"""The same that binds `groups`: it, or what it is in, is dedicated under one of these affinity groups."""


def any_in(reader: Reader, zone_id: int) -> bool:
    """Whether anything of a zone is dedicated."""
    return reader.one(_ANY, {"zone": zone_id}) is not None


def domains_of(reader: Reader, domain_id: int) -> frozenset[int]:
    """A domain and those above it: what is dedicated to one of them is also for it."""
    found = {domain_id}
    while (above := reader.get(Domain, domain_id).parent_id) != domain_id and above:
        domain_id = above
        found.add(above)
    return frozenset(found)


def claims_on(reader: Reader, hosts: Sequence[Host]) -> dict[int, tuple[Claim, ...]]:
    """By host id: who claims the host, its cluster, pod or zone."""
    zones = sorted({host.zone_id for host in hosts})
    rows = [Dedication.load(row) for row in reader.rows(_IN_ZONES, {"zones": zones})] if zones else []
    by_place: dict[tuple[str, int], Claim] = {(row.of_kind, row.of_id): claim_of(reader, row) for row in rows}
    found: dict[int, tuple[Claim, ...]] = defaultdict(tuple)
    for host in hosts if rows else ():
        at = (("zone", host.zone_id), ("pod", host.pod_id), ("cluster", host.cluster_id), ("host", host.id))
        found[host.id] = tuple(by_place[place] for place in at if place in by_place)
    return found


def claim_of(reader: Reader, row: Dedication) -> Claim:
    """A dedication as placement sees it."""
    place = reader.get(PLACES[row.of_kind], row.of_id)
    whose = f"domain {reader.get(Domain, row.domain_id).path}"
    if row.account_id is not None:
        whose = f"account {reader.get(Account, row.account_id).name} of {whose}"
    what = "it" if row.of_kind == "host" else f"{row.of_kind} {place.name}"
    return Claim(what=what, whose=whose, domain=row.domain_id, account=row.account_id, group=row.group_id)


def _with_owner(tx: Tx, owner: Resource) -> None:
    column = _d.account_id if owner.kind == Account.kind else _d.domain_id
    for row in tx.all(Dedication, column == owner.id):
        tx.remove(row)


Account.with_it = (*Account.with_it, _with_owner)
Domain.with_it = (*Domain.with_it, _with_owner)


def forget(tx: Tx, kind: str, id: int) -> None:
    """The place is gone: nobody has it to itself."""
    for row in tx.all(Dedication, _d.of_kind == kind, _d.of_id == id):
        tx.remove(row)
