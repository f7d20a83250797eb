"""Affinity groups: instances that shall run on different hosts, on the same, or on what is dedicated to their owner alone."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller, Kind, Use, above_caller, binds_of, lookup, owned_by_caller
from cloudwright.core.command import Command, Query, Told
from cloudwright.core.error import Denied, InUse, ParamError
from cloudwright.core.listing import Condition, where
from cloudwright.core.param import Ref, param
from cloudwright.core.record import Record, changed, created
from cloudwright.core.resource import Owned, Resource
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import computed, field, many
from cloudwright.identity.belongings import belongs
from cloudwright.identity.model import SYSTEM_ACCOUNT, Account, Domain
from cloudwright.identity.owner import OwnedBy, OwnedList, OwnedView, check_for, owner
from cloudwright.infrastructure.model import Cluster, Dedication, Host, Pod, Zone
from cloudwright.operations.paging import Paged, cut

APART, BESIDE = "host anti-affinity", "host affinity"
RATHER_APART, RATHER_BESIDE = f"non-strict {APART}", f"non-strict {BESIDE}"
DEDICATED = "ExplicitDedication"
TYPES = (APART, BESIDE, RATHER_APART, RATHER_BESIDE, DEDICATED)


class AffinityGroup(Owned, table="affinity_group", unique=[("account_id", "name")]):
    """A group of one of the types above. One of what is dedicated to a domain is the system's, in that domain, and for all
    accounts there and below (`acl_type` Domain)."""

    name: str
    description: str = ""
    type: str
    acl_type: str = "Account"  # Account, Domain

    @classmethod
    def access(cls, kind: Kind, use: Use) -> Any:
        """An account's own; and those of the caller's domain and the ones above it."""
        own = owned_by_caller(cls, kind)
        return own if use is Use.CHANGE else sa.or_(own, sa.and_(cls.c.acl_type == "Domain", above_caller(cls.c.domain_id)))


class AffinityMember(Resource, table="affinity_member", unique=[("vm_id", "group_id")], indexes=[("group_id", "id")]):
    """An instance is in a group."""

    vm_id: int
    group_id: int


belongs(AffinityGroup)


def _leave(tx: Tx, vm: Resource) -> None:
    for member in tx.all(AffinityMember, AffinityMember.c.vm_id == vm.id):
        tx.remove(member)


def _with_domain(tx: Tx, domain: Resource) -> None:
    for group in tx.all(AffinityGroup, AffinityGroup.c.domain_id == domain.id, AffinityGroup.c.acl_type == "Domain"):
        tx.remove(group)


def others_under(reader: Reader, row: Dedication) -> int:
    """How many other places are dedicated under the same affinity group."""
    return reader.count(Dedication, Dedication.c.group_id == row.group_id, Dedication.c.id != row.id)


def _with_last(tx: Tx, row: Resource) -> None:
    """A group under which nothing is left goes, unless machines are in it."""
    assert isinstance(row, Dedication)
    group = tx.find(AffinityGroup, AffinityGroup.c.id == row.group_id)
    if group is not None and not others_under(tx, row) and not tx.count(AffinityMember, AffinityMember.c.group_id == group.id):
        tx.remove(group)


Vm.with_it = (*Vm.with_it, _leave)
Dedication.with_it = (*Dedication.with_it, _with_last)
Domain.with_it = (*Domain.with_it, _with_domain)


_PLACES: dict[str, Any] = {"zone": Zone, "pod": Pod, "cluster": Cluster, "host": Host}


class AffinityGroupView(OwnedView, of=AffinityGroup, key="affinitygroup"):
    """An affinity group."""

    id = field(AffinityGroup.c.uuid, "the group's id")
    name = field(AffinityGroup.c.name, "its name, unique in the account")
    description = field(AffinityGroup.c.description, "what it is for", convert=lambda text: text or None)
    type = field(AffinityGroup.c.type, f"one of {', '.join(TYPES)}")
    _members = many(
        AffinityMember, AffinityMember.c.group_id == AffinityGroup.c.id,
        {"id": Vm.c.uuid, "account": Vm.c.account_id, "path": Domain.c.path}, "",
        joins=[(Vm, Vm.c.id == AffinityMember.c.vm_id), (Domain, Domain.c.id == Vm.c.domain_id)],
    )  # fmt: skip
    _acl = field(AffinityGroup.c.acl_type, "")
    virtualmachineIds = computed(  # noqa: N815 - the API's name
        lambda row, caller: _shown(row, caller) or None, "the instances in it", "list"
    )
    _places = many(
        Dedication, Dedication.c.group_id == AffinityGroup.c.id,
        {
            "resourceid": sa.func.coalesce(*(place.c.uuid for place in _PLACES.values())),
            "resourcename": sa.func.coalesce(*(place.c.name for place in _PLACES.values())),
            "resourcetype": field(Dedication.c.of_kind, "", convert=str.capitalize),
        },
        "", joins=[
            (place, sa.and_(Dedication.c.of_kind == kind, place.c.id == Dedication.c.of_id)) for kind, place in _PLACES.items()
        ],
    )  # fmt: skip
    dedicatedresources = computed(
        lambda row, caller: row.get("_places") or None, "what is dedicated under it: resourceid, resourcename, resourcetype",
        "list", admin=True,
    )  # fmt: skip


def _shown(row: dict[str, Any], caller: Caller) -> list[str]:
    """The members that the caller may see: of a group for a whole domain they are not all its own."""
    members = row.get("_members") or ()
    if row["_acl"] == "Account" or caller.root:
        return [one["id"] for one in members]
    wide = caller.kind is Kind.DOMAIN
    return [
        one["id"] for one in members
        if one["account"] == caller.account_id or (wide and one["path"].startswith(caller.domain_path))
    ]  # fmt: skip


class CreateAffinityGroup(OwnedBy, Command, answers=AffinityGroupView, creates=AffinityGroup, starts=Record, event="AG.CREATE"):
    """Makes an affinity group."""

    name: str = param("its name, unique in the account")
    type: str = param("whether its instances run apart, beside each other, or on what is dedicated to their owner", choices=TYPES)
    description: str | None = param("what it is for")

    def run(self, tx: Tx, caller: Caller) -> AffinityGroup:
        type_ = next(known for known in TYPES if known.lower() == self.type.lower())
        row = self._dedicated(tx, caller) if type_ == DEDICATED else self._plain(tx, owner(tx, caller, self), type_)
        self.start(tx, created(row, f"made affinity group {row.name}"), row, caller)
        return row

    def _plain(self, tx: Tx, account: Account, type_: str) -> AffinityGroup:
        about: dict[str, Any] = {"account_id": account.id, "domain_id": account.domain_id, "type": type_}
        return tx.insert(AffinityGroup(name=self.name, description=self.description or "", **about))

    def _dedicated(self, tx: Tx, caller: Caller) -> AffinityGroup:
        """Before anything is dedicated: what will be to this account, or without one to this domain, is then under it."""
        _check_root(caller, "made")
        whole = self.domain is not None and self.account is None and self.project is None
        account = None if whole else owner(tx, caller, self)
        domain = self.domain if whole and self.domain else tx.get(Domain, account.domain_id if account else 0)
        have = group_of_dedications(tx, domain, account)
        if have is not None:
            text = f"What is dedicated to {account.name if account else domain.path} is under affinity group {have.name} already"
            raise ParamError(text, param="type", fix=["use that one"])
        return make_group(tx, domain, account, self.name, self.description)


class DeleteAffinityGroup(OwnedBy, Command, starts=Record, event="AG.DELETE", form="success"):
    """Deletes an affinity group. Its instances stay, and run where they run."""

    id: Ref[AffinityGroup] | None = param("the group", use=Use.CHANGE)
    name: str | None = param("its name, instead of id")

    def run(self, tx: Tx, caller: Caller) -> AffinityGroup:
        if (self.id is None) == (self.name is None):
            raise ParamError("Give one of the parameters id and name", param="id")
        row = self.id or group_named(tx, owner(tx, caller, self), self.name or "", "name")
        if row.type == DEDICATED:
            _check_root(caller, "deleted")
            if places := tx.count(Dedication, Dedication.c.group_id == row.id):
                text = f"{places} {'place is' if places == 1 else 'places are'} dedicated under affinity group {row.name}"
                raise InUse(text, param="id", fix=["release them first; the group goes with the last of them"])
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
    type: str | None = where(lambda bind: sa.func.lower(AffinityGroup.c.type) == sa.func.lower(bind), "only those of this type")
    virtual_machine: Ref[Vm] | None = where(_with, "only those that this instance is in")


class ListAffinityGroupTypes(Paged, Query, response={"type": ("string", "the type")}):
    """Lists the types of affinity groups there are."""

    keyword: str | None = param("only those in which this occurs")

    def run(self, reader: Reader, caller: Caller) -> Told:
        known = [{"type": type_} for type_ in TYPES if (self.keyword or "").lower() in type_.lower()]
        return Told("affinityGroupType", list(cut(self, known, reader)), len(known))


def group_named(reader: Reader, account: Account, name: str, param_: str) -> AffinityGroup:
    """An account's group, or one that its domain or one above shares, by its name. Raises ParamError."""
    statement = lookup(AffinityGroup, Kind.USER, Use.USE, "name").order_by(AffinityGroup.c.acl_type, AffinityGroup.c.id)
    binds = binds_of(account.id, account.domain_id, reader.get(Domain, account.domain_id).path)
    row = reader.one(statement, {"value": name, **binds})
    if row is None:
        raise ParamError(f"Parameter {param_}: account {account.name} has no affinity group {name[:64]!r}", param=param_)
    return AffinityGroup.load(row)


def groups_given(
    reader: Reader, account: Account, groups: list[AffinityGroup] | None, names: list[str] | None
) -> list[AffinityGroup]:
    """The groups that a command names by id or by name; the owner of the instance must be one to use them. Raises ParamError."""
    if groups and names:
        raise ParamError(
            "Parameter affinitygroupids: give affinitygroupids or affinitygroupnames, not both", param="affinitygroupids"
        )
    for group in groups or []:
        check_for(reader, account, group, "affinitygroupids")
    return list(groups or []) + [group_named(reader, account, name, "affinitygroupnames") for name in dict.fromkeys(names or [])]


def _check_root(caller: Caller, what: str) -> None:
    if not caller.root:
        raise Denied(f"Affinity groups of type {DEDICATED} are {what} by root administrators", fix=["ask one of them"])


def group_of_dedications(reader: Reader, domain: Domain, account: Account | None) -> AffinityGroup | None:
    """The group under which is what is dedicated to this account, or without one to this domain."""
    own = (AffinityGroup.c.domain_id == domain.id, AffinityGroup.c.account_id == (account.id if account else SYSTEM_ACCOUNT))
    wide = AffinityGroup.c.acl_type == ("Account" if account else "Domain")
    return reader.find(AffinityGroup, AffinityGroup.c.type == DEDICATED, *own, wide)


def make_group(tx: Tx, domain: Domain, account: Account | None, name: str = "", description: str | None = None) -> AffinityGroup:
    """The same, new. Without a name it gets one that is free."""
    whose: dict[str, Any] = {"account_id": account.id if account else SYSTEM_ACCOUNT, "domain_id": domain.id}
    row = AffinityGroup(name=name, type=DEDICATED, acl_type="Account" if account else "Domain", **whose)
    row.description = description or f"what is dedicated to {f'account {account.name}' if account else f'domain {domain.path}'}"
    if not name:
        row.name = f"DedicatedGrp-{account.name if account else f'domain-{domain.name}'}"
        if tx.count(AffinityGroup, AffinityGroup.c.account_id == row.account_id, AffinityGroup.c.name == row.name):
            row.name += f"-{row.uuid[:8]}"
    return tx.insert(row)


def join_groups(tx: Tx, vm: Vm, groups: list[AffinityGroup]) -> None:
    """Have an instance be in these groups and in no other."""
    wanted = {group.id for group in groups}
    have = {member.group_id: member for member in tx.all(AffinityMember, AffinityMember.c.vm_id == vm.id)}
    for id in have.keys() - wanted:
        tx.remove(have[id])
    for id in sorted(wanted - have.keys()):
        tx.insert(AffinityMember(vm_id=vm.id, group_id=id))
