"""Affinity groups: instances that shall run on different hosts, or on the same."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec
import sqlalchemy as sa

from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Query, Told
from cloudwright.core.error import ParamError
from cloudwright.core.listing import Condition, where
from cloudwright.core.param import Ref, param
from cloudwright.core.record import Record, changed, created
from cloudwright.core.resource import Owned, Resource
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import computed, field, many
from cloudwright.identity.belongings import belongs
from cloudwright.identity.model import Account
from cloudwright.identity.owner import OwnedBy, OwnedList, OwnedView, owner
from cloudwright.infrastructure.model import Host
from cloudwright.operations.paging import Paged, cut

APART, BESIDE = "host anti-affinity", "host affinity"
RATHER_APART, RATHER_BESIDE = f"non-strict {APART}", f"non-strict {BESIDE}"
TYPES = (APART, BESIDE, RATHER_APART, RATHER_BESIDE)


class AffinityGroup(Owned, table="affinity_group", unique=[("account_id", "name")]):
    """A group of one of the types above."""

    name: str
    description: str = ""
    type: str


class AffinityMember(Resource, table="affinity_member", unique=[("vm_id", "group_id")], indexes=[("group_id", "id")]):
    """An instance is in a group."""

    vm_id: int
    group_id: int


belongs(AffinityGroup)


def _leave(tx: Tx, vm: Resource) -> None:
    for member in tx.all(AffinityMember, AffinityMember.c.vm_id == vm.id):
        tx.remove(member)


Vm.with_it = (*Vm.with_it, _leave)


class AffinityGroupView(OwnedView, of=AffinityGroup, key="affinitygroup"):
    """An affinity group."""

    id = field(AffinityGroup.c.uuid, "the group's id")
    name = field(AffinityGroup.c.name, "its name, unique in the account")
    description = field(AffinityGroup.c.description, "what it is for", convert=lambda text: text or None)
    type = field(AffinityGroup.c.type, f"one of {', '.join(TYPES)}")
    _members = many(
        AffinityMember, AffinityMember.c.group_id == AffinityGroup.c.id, {"id": Vm.c.uuid}, "",
        joins=[(Vm, Vm.c.id == AffinityMember.c.vm_id)],
    )  # fmt: skip
    virtualmachineIds = computed(  # noqa: N815 - the API's name
        lambda row, caller: [one["id"] for one in row.get("_members") or ()] or None, "the instances in it", "list"
    )


class CreateAffinityGroup(OwnedBy, Command, answers=AffinityGroupView, creates=AffinityGroup, starts=Record, event="AG.CREATE"):
    """Makes an affinity group."""

    name: str = param("its name, unique in the account")
    type: str = param("whether its instances run apart or beside each other", choices=TYPES)
    description: str | None = param("what it is for")

    def run(self, tx: Tx, caller: Caller) -> AffinityGroup:
        account = owner(tx, caller, self)
        about: dict[str, Any] = {"account_id": account.id, "domain_id": account.domain_id}
        type_ = self.type.lower()
        row = tx.insert(AffinityGroup(name=self.name, type=type_, description=self.description or "", **about))
        self.start(tx, created(row, f"made affinity group {row.name}"), row, caller)
        return row


class DeleteAffinityGroup(OwnedBy, Command, starts=Record, event="AG.DELETE", form="success"):
    """Deletes an affinity group. Its instances stay, and run where they run."""

    id: Ref[AffinityGroup] | None = param("the group", use=Use.CHANGE)
    name: str | None = param("its name, instead of id")

    def run(self, tx: Tx, caller: Caller) -> AffinityGroup:
        if (self.id is None) == (self.name is None):
            raise ParamError("Give one of the parameters id and name", param="id")
        row = self.id or group_named(tx, owner(tx, caller, self), self.name or "", "name")
        for member in tx.all(AffinityMember, AffinityMember.c.group_id == row.id):
            tx.remove(member)
        tx.remove(row)
        self.start(tx, changed(f"deleted affinity group {row.name}"), row, caller)
        return row


def _with(bind: Any) -> Condition:
    mine = (AffinityMember.c.vm_id == bind, AffinityMember.c.gone == 0)
    condition: Condition = AffinityGroup.c.id.in_(sa.select(AffinityMember.c.group_id).where(*mine))
    return condition


class ListAffinityGroups(OwnedList, answers=AffinityGroupView, keywords=[AffinityGroup.c.name, AffinityGroup.c.type]):
    """Lists affinity groups."""

    id: Ref[AffinityGroup] | None = where(AffinityGroup.c.id, "only this one")
    name: str | None = where(AffinityGroup.c.name, "only those of this name")
    type: str | None = where(lambda bind: AffinityGroup.c.type == sa.func.lower(bind), "only those of this type")
    virtual_machine: Ref[Vm] | None = where(_with, "only those that this instance is in")


class ListAffinityGroupTypes(Paged, Query, response={"type": ("string", "the type")}):
    """Lists the types of affinity groups there are."""

    keyword: str | None = param("only those in which this occurs")

    def run(self, reader: Reader, caller: Caller) -> Told:
        known = [{"type": type_} for type_ in TYPES if (self.keyword or "").lower() in type_]
        return Told("affinityGroupType", list(cut(self, known, reader)), len(known))


def group_named(reader: Reader, account: Account, name: str, param_: str) -> AffinityGroup:
    """An account's group by its name. Raises ParamError."""
    row = reader.find(AffinityGroup, AffinityGroup.c.account_id == account.id, AffinityGroup.c.name == name)
    if row is None:
        raise ParamError(f"Parameter {param_}: account {account.name} has no affinity group {name[:64]!r}", param=param_)
    return row


def groups_given(
    reader: Reader, account: Account, groups: list[AffinityGroup] | None, names: list[str] | None
) -> list[AffinityGroup]:
    """The groups that a command names by id or by name; all must be the owner's of the instance. Raises ParamError."""
    if groups and names:
        raise ParamError(
            "Parameter affinitygroupids: give affinitygroupids or affinitygroupnames, not both", param="affinitygroupids"
        )
    for group in groups or []:
        if group.account_id != account.id:
            text = f"Parameter affinitygroupids: group {group.name} is not of the instance's account {account.name}"
            raise ParamError(text, param="affinitygroupids")
    return list(groups or []) + [group_named(reader, account, name, "affinitygroupnames") for name in dict.fromkeys(names or [])]


def join_groups(tx: Tx, vm: Vm, groups: list[AffinityGroup]) -> None:
    """Have an instance be in these groups and in no other."""
    wanted = {group.id for group in groups}
    have = {member.group_id: member for member in tx.all(AffinityMember, AffinityMember.c.vm_id == vm.id)}
    for id in have.keys() - wanted:
        tx.remove(have[id])
    for id in sorted(wanted - have.keys()):
        tx.insert(AffinityMember(vm_id=vm.id, group_id=id))


class Company(msgspec.Struct):
    """What an instance's groups say of hosts, by id. `apart` says why not there; `beside`, where it is not None, where alone and
    why; `leaning`: the smaller the better."""

    apart: dict[int, str] = {}
    beside: dict[int, str] | None = None
    leaning: dict[int, int] = {}


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
