"""Which machines are on a host beside another: how many there are, whose, and which want no company."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from cloudwright.compute.model import ServiceOffering, Vm
from cloudwright.core.prepared import Prepared
from cloudwright.core.tx import Reader
from cloudwright.infrastructure.hypervisor import capabilities
from cloudwright.infrastructure.model import Host
from cloudwright.infrastructure.placement import Request

IMPLICIT = "ImplicitDedicationPlanner"
_MODE = "ImplicitDedicationMode"  # a detail of service offerings: Strict or Preferred
_OFFERED = Prepared(
    sa.select(ServiceOffering.c.id, ServiceOffering.c.details).where(
        ServiceOffering.c.deployment_planner == sa.bindparam("planner")
    )
)


def _there(at: sa.ColumnElement[int], *which: sa.ColumnElement[bool]) -> sa.Select[tuple[int, int, int, int]]:
    whose = (at, Vm.c.account_id, Vm.c.service_offering_id)
    here = at.in_(sa.bindparam("hosts", expanding=True))
    return sa.select(*whose, sa.func.count()).where(Vm.c.gone == 0, here, *which).group_by(*whose)


_GUESTS = sa.union_all(_there(Vm.c.host_id), _there(Vm.c.target_id, Vm.c.state == "Migrating"))  # and those on their way


def alone(offering: ServiceOffering) -> bool:
    """Whether machines of this offering share their host with no other account, whatever happens."""
    mode = {name.lower(): value.lower() for name, value in offering.details.items()}.get(_MODE.lower(), "strict")
    return offering.deployment_planner == IMPLICIT and mode == "strict"


def guests_on(reader: Reader, hosts: Sequence[Host], request: Request) -> dict[int, dict[str, Any]]:
    """By host id, what a candidate says of its guests. Nothing is asked where nobody wants to be alone or limits guests."""
    able = capabilities(reader, request.hypervisor)
    most = able.max_guests if able is not None else None
    reclusive = _reclusive(reader)
    if most is None and not reclusive and request.planner != IMPLICIT:
        return {}
    found: dict[int, dict[str, Any]] = defaultdict(lambda: {"guests": 0, "neighbours": 0, "reclusive": 0})
    for host in hosts:
        found[host.id]["most_guests"] = most
    for host_id, account, offering, count in map(tuple, reader.rows(_GUESTS, {"hosts": [host.id for host in hosts]})):
        of = found[host_id]
        of["guests"] += count
        of["neighbours"] += count if account != request.account else 0
        of["reclusive"] += count if account != request.account and offering in reclusive else 0
    return found


def _reclusive(reader: Reader) -> set[int]:
    """The offerings, living or not, whose machines want no company."""
    found = set()
    for row in reader.rows(_OFFERED, {"planner": IMPLICIT}):
        if alone(ServiceOffering.load({**row, "deployment_planner": IMPLICIT})):
            found.add(int(row["id"]))
    return found
