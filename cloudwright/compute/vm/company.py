"""Where an instance may run, as its affinity groups say."""

from __future__ import annotations

from collections import Counter, defaultdict

import msgspec
import sqlalchemy as sa

from cloudwright.compute.affinity import APART, BESIDE, DEDICATED, RATHER_APART, RATHER_BESIDE, AffinityGroup, AffinityMember
from cloudwright.compute.model import Vm
from cloudwright.core.error import counted
from cloudwright.core.tx import Reader, Tx
from cloudwright.infrastructure.model import Dedication, Host


class Company(msgspec.Struct):
    """What an instance's groups say of hosts, by id. `apart` says why not there; `beside`, where it is not None, where alone and
    why; `leaning`: the smaller the better; `groups`: under one of these, in words, must what it goes to be dedicated."""

    apart: dict[int, str] = {}
    beside: dict[int, str] | None = None
    leaning: dict[int, int] = {}
    groups: dict[int, str] = {}


_goes_to = Host.t.alias("goes_to")
_OTHERS = (
    sa.select(Vm.c.name, Vm.c.host_id, Host.c.name.label("host"), Vm.c.target_id, _goes_to.c.name.label("target"))
    .join_from(AffinityMember.t, Vm.t, Vm.c.id == AffinityMember.c.vm_id)
    .join(Host.t, Host.c.id == Vm.c.host_id)
    .outerjoin(_goes_to, _goes_to.c.id == Vm.c.target_id)
    .where(AffinityMember.c.group_id == sa.bindparam("group"), AffinityMember.c.gone == 0, Vm.c.id != sa.bindparam("vm"))
    .order_by(Vm.c.id)
)


def company(reader: Reader, vm: Vm) -> Company:
    """Where an instance may run, as its groups and their other instances say. In a transaction the groups are locked: two
    of a group that are placed or moved at once must not miss each other."""
    ids = sorted(member.group_id for member in reader.all(AffinityMember, AffinityMember.c.vm_id == vm.id))
    told, leaning = Company(), defaultdict[int, int](int)
    for group in (reader.get(AffinityGroup, id) for id in ids):
        if group.type == DEDICATED:
            told.groups[group.id] = _extent(reader, group, vm.zone_id)
            continue  # its instances need not know of each other
        if isinstance(reader, Tx):
            reader.lock(group)
        others = reader.rows(_OTHERS, {"group": group.id, "vm": vm.id})
        if group.type == APART:
            told.apart |= {row.host_id: f"{row.name} of anti-affinity group {group.name} is there" for row in others}
            told.apart |= {
                row.target_id: f"{row.name} of anti-affinity group {group.name} is moving there"
                for row in others
                if row.target_id is not None
            }
        ends = [(row.target_id or row.host_id, row.target or row.host) for row in others]
        if group.type == BESIDE and others:
            why = f"affinity group {group.name} keeps it beside {others[0].name} on {ends[0][1]}"
            here = {host_id: why for host_id, _ in ends}
            told.beside = here if told.beside is None else dict.fromkeys(told.beside.keys() & here.keys(), why)
        for host_id, _ in ends:
            leaning[host_id] += {RATHER_APART: 1, RATHER_BESIDE: -1}.get(group.type, 0)
    told.leaning = dict(leaning)
    return told


def _extent(reader: Reader, group: AffinityGroup, zone_id: int) -> str:
    """What a group has in a zone, in words."""
    places = Counter(
        row.of_kind for row in reader.all(Dedication, Dedication.c.group_id == group.id, Dedication.c.zone_id == zone_id)
    )
    return f"affinity group {group.name}, which has {counted(places) or 'nothing'} in this zone"
