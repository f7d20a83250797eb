"""Dedicating zones, pods, clusters and hosts, and giving them back to everybody."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.compute.affinity import AffinityGroup, AffinityMember, group_of_dedications, make_group, others_under
from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Success, Verb, spoken
from cloudwright.core.error import InUse, ParamError, counted
from cloudwright.core.listing import Condition, List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.record import Record, changed, created
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, field
from cloudwright.identity.model import Account, Domain
from cloudwright.identity.owner import account_named
from cloudwright.infrastructure.dedication import LIVING, OF_HOST, PLACES, claim_of, claims_on, domains_of
from cloudwright.infrastructure.model import Cluster, Dedication, Host, Pod, Zone

_d = Dedication.c
_OWNER = [
    (Domain, Domain.c.id == _d.domain_id),
    (Account, Account.c.id == _d.account_id),
    (AffinityGroup, AffinityGroup.c.id == _d.group_id),
]


class DedicationView(View):
    """Who has something to itself."""

    id = field(_d.uuid, "the dedication's id")
    domainid = field(Domain.c.uuid, "the domain that may use it, with those below")
    accountid = field(Account.c.uuid, "the only account that may use it")
    affinitygroupid = field(
        AffinityGroup.c.uuid, "the affinity group whose instances go to what is dedicated so, and nowhere else"
    )


class DedicatedZoneView(
    DedicationView, of=Dedication, key="dedicatedzone", joins=[*_OWNER, (Zone, Zone.c.id == _d.of_id)]
):  # fmt: skip
    """A zone that somebody has to itself."""

    zoneid = field(Zone.c.uuid, "the zone")
    zonename = field(Zone.c.name, "its name")


class DedicatedPodView(DedicationView, of=Dedication, key="dedicatedpod", joins=[*_OWNER, (Pod, Pod.c.id == _d.of_id)]):
    """A pod that somebody has to itself."""

    podid = field(Pod.c.uuid, "the pod")
    podname = field(Pod.c.name, "its name")


class DedicatedClusterView(
    DedicationView, of=Dedication, key="dedicatedcluster", joins=[*_OWNER, (Cluster, Cluster.c.id == _d.of_id)]
):
    """A cluster that somebody has to itself."""

    clusterid = field(Cluster.c.uuid, "the cluster")
    clustername = field(Cluster.c.name, "its name")


class DedicatedHostView(DedicationView, of=Dedication, key="dedicatedhost", joins=[*_OWNER, (Host, Host.c.id == _d.of_id)]):
    """A host that somebody has to itself."""

    hostid = field(Host.c.uuid, "the host")
    hostname = field(Host.c.name, "its name")


class Dedicating(Verb):
    """To whom."""

    domain: Ref[Domain] = param("the domain that may use it, with those below")
    account: str | None = param("only this account of the domain")

    def describe(self, about: Any) -> str:
        """`Dedicate host: h1 to account ann of domain /`."""
        place = next(self.__dict__[kind] for kind in PLACES if kind in self.__dict__)
        whose = f"account {self.account} of domain" if self.account else "domain"
        return f"{spoken(self.api.name)}: {place.name} to {whose} {self.domain.path}"


def dedicate(command: Any, tx: Tx, caller: Caller, place: Any) -> Dedication:
    """Give a place to somebody alone. Raises InUse where others are there."""
    kind, domain = place.kind, command.domain
    account = account_named(tx, caller, command.account, domain.id) if command.account is not None else None
    held = tx.find(Dedication, LIVING, _d.of_kind == kind, _d.of_id == place.id)
    if held is not None:
        whose = tx.get(Account, held.account_id).name if held.account_id else tx.get(Domain, held.domain_id).path
        raise InUse(
            f"{place.name} is dedicated to {whose} already",
            param=f"{kind}id",
            fix=[f"release it first (releaseDedicated{kind.title()})"],
        )
    whose = f"account {account.name}" if account else f"domain {domain.path}"
    zone_id, account_id = place.id if kind == "zone" else place.zone_id, account.id if account else None
    row = Dedication(of_kind=kind, of_id=place.id, zone_id=zone_id, domain_id=domain.id, account_id=account_id)
    _check_nested(tx, place, row)
    _hold(tx, place)
    strangers = _strangers(tx, place, domain, account)
    if strangers:
        there = f"{counted({'instance': strangers})} of others {'is' if strangers == 1 else 'are'} there"
        text = f"{place.name} cannot be dedicated to {whose}: {there}"
        raise InUse(text, param=f"{kind}id", fix=["migrate them elsewhere, or stop them, first"])
    row.group_id = (group_of_dedications(tx, domain, account) or make_group(tx, domain, account)).id
    tx.insert(row)
    command.start(tx, created(row, f"{kind} {place.name} is dedicated to {whose}"), row, caller)
    return row


def _around(place: Any) -> dict[str, int]:
    """What a place is in, and itself: ids by kind."""
    outer = {kind: place.__dict__.get(f"{kind}_id") for kind in PLACES}
    return {kind: id for kind, id in outer.items() if id is not None and kind != place.kind} | {place.kind: place.id}


def _check_nested(tx: Tx, place: Any, row: Dedication) -> None:
    """Refuse what would shut somebody out of what is theirs: of two places, one in the other, the outer must admit whom the
    inner is for. Raises InUse."""
    here = _around(place)
    for other in tx.all(Dedication, _d.zone_id == row.zone_id):
        there = tx.get(PLACES[other.of_kind], other.of_id)
        around = here.get(other.of_kind) == other.of_id
        if not around and _around(there).get(place.kind) != place.id:
            continue
        outer, inner = (other, row) if around else (row, other)
        if not claim_of(tx, outer).admits(inner.account_id or 0, domains_of(tx, inner.domain_id)):
            what = f"{other.of_kind} {there.name}, {'which it is in' if around else 'which is in it'}"
            text = f"{place.name} cannot be dedicated to {claim_of(tx, row).whose}: {what}, is for {claim_of(tx, other).whose}"
            raise InUse(
                text, param=f"{place.kind}id", fix=[f"release {there.name} first (releaseDedicated{other.of_kind.title()})"]
            )


def _hold(tx: Tx, place: Any) -> None:
    """Let nobody else place a machine there until this is decided: who does, holds its host, and then looks again."""
    hosts = sa.select(Host.c.id).where(Host.c.gone == 0, OF_HOST[place.kind] == place.id)
    tx.rows(hosts.order_by(Host.c.id).with_for_update())


def _running(tx: Tx, place: Any, *which: Condition) -> int:
    """How many machines, of those meant, run there or are on their way."""
    here = sa.select(Host.c.id).where(Host.c.gone == 0, OF_HOST[place.kind] == place.id)
    coming = tx.count(Vm, Vm.c.state == "Migrating", Vm.c.target_id.in_(here), Vm.c.host_id.not_in(here), *which)
    return tx.count(Vm, Vm.c.host_id.in_(here), *which) + coming


def _strangers(tx: Tx, place: Any, domain: Domain, account: Account | None) -> int:
    """How many machines of others run there."""
    below = sa.select(Domain.c.id).where(Domain.c.path.startswith(domain.path, autoescape=True))
    foreign = Vm.c.account_id != account.id if account else Vm.c.domain_id.not_in(below)
    return _running(tx, place, foreign)


def release(command: Any, tx: Tx, caller: Caller, place: Any) -> Success:
    """Give a place back to everybody."""
    row = tx.find(Dedication, _d.of_kind == place.kind, _d.of_id == place.id)
    if row is None:
        raise ParamError(f"Parameter {place.kind}id: {place.name} is dedicated to nobody", param=f"{place.kind}id")
    _hold(tx, place)
    tx.remove(row)
    _check_group(tx, row, place)
    command.start(tx, changed(f"{place.kind} {place.name} is for everybody"), row, caller)
    return Success()


def _check_group(tx: Tx, row: Dedication, place: Any) -> None:
    """Refuse to have taken from an affinity group where its machines run, or all that it had. Raises InUse."""
    group = tx.find(AffinityGroup, AffinityGroup.c.id == row.group_id)
    if group is None:
        return
    ids = sa.select(AffinityMember.c.vm_id).where(AffinityMember.c.group_id == group.id, AffinityMember.c.gone == 0)
    members = tx.all(Vm, Vm.c.id.in_(ids), Vm.c.state != "Destroyed")
    at = {id for vm in members for id in (vm.host_id, vm.target_id)}
    here = tx.all(Host, OF_HOST[place.kind] == place.id, Host.c.id.in_(at - {None})) if at - {None} else []
    claims = claims_on(tx, here)
    bare = {host.id for host in here if all(claim.group != group.id for claim in claims[host.id])}
    stay = f"{place.name} stays dedicated: {{}} of affinity group {group.name} {{}}"
    if stranded := sum(bool({vm.host_id, vm.target_id} & bare) for vm in members):
        what = stay.format(counted({"instance": stranded}), "runs there" if stranded == 1 else "run there")
        raise InUse(what, param=f"{place.kind}id", fix=["stop or move them first"])
    if members and not others_under(tx, row):
        fix = ["take them out of the group by updateVMAffinityGroup", "or dedicate another place to the same first"]
        raise InUse(stay.format(counted({"instance": len(members)}), "could start nowhere"), param=f"{place.kind}id", fix=fix)


class DedicateZone(Dedicating, Command, answers=DedicatedZoneView, starts=Record, event="DEDICATE.RESOURCE"):
    """Dedicates a zone to a domain or an account: nobody else sees it or places machines there."""

    zone: Ref[Zone] = param("the zone", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Dedication:
        return dedicate(self, tx, caller, self.zone)


class DedicatePod(Dedicating, Command, answers=DedicatedPodView, starts=Record, event="DEDICATE.RESOURCE"):
    """Dedicates a pod to a domain or an account."""

    pod: Ref[Pod] = param("the pod", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Dedication:
        return dedicate(self, tx, caller, self.pod)


class DedicateCluster(Dedicating, Command, answers=DedicatedClusterView, starts=Record, event="DEDICATE.RESOURCE"):
    """Dedicates a cluster to a domain or an account."""

    cluster: Ref[Cluster] = param("the cluster", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Dedication:
        return dedicate(self, tx, caller, self.cluster)


class DedicateHost(Dedicating, Command, answers=DedicatedHostView, starts=Record, event="DEDICATE.RESOURCE"):
    """Dedicates a host to a domain or an account."""

    host: Ref[Host] = param("the host", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Dedication:
        return dedicate(self, tx, caller, self.host)


class ReleaseDedicatedZone(Command, starts=Record, event="DEDICATE.RESOURCE.RELEASE"):
    """Gives a dedicated zone back to everybody."""

    zone: Ref[Zone] = param("the zone", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        return release(self, tx, caller, self.zone)


class ReleaseDedicatedPod(Command, starts=Record, event="DEDICATE.RESOURCE.RELEASE"):
    """Gives a dedicated pod back to everybody."""

    pod: Ref[Pod] = param("the pod", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        return release(self, tx, caller, self.pod)


class ReleaseDedicatedCluster(Command, starts=Record, event="DEDICATE.RESOURCE.RELEASE"):
    """Gives a dedicated cluster back to everybody."""

    cluster: Ref[Cluster] = param("the cluster", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        return release(self, tx, caller, self.cluster)


class ReleaseDedicatedHost(Command, starts=Record, event="DEDICATE.RESOURCE.RELEASE"):
    """Gives a dedicated host back to everybody."""

    host: Ref[Host] = param("the host", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        return release(self, tx, caller, self.host)


class ListDedications(List, ancestor=True):
    """Dedications of one kind of place."""

    domain: Ref[Domain] | None = where(_d.domain_id, "only those dedicated to this domain")
    account: str | None = param("only those dedicated to this account, given with domainid")
    affinity_group: Ref[AffinityGroup] | None = where(_d.group_id, "only those under this affinity group")

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        kind = {DedicatedZoneView: "zone", DedicatedPodView: "pod", DedicatedClusterView: "cluster"}.get(self._view(), "host")
        conditions: list[tuple[str, Condition, dict[str, Any]]] = [(kind, sa.and_(LIVING, _d.of_kind == kind), {})]
        if self.account is not None:
            account = account_named(reader, caller, self.account, self.domain.id if self.domain else caller.domain_id)
            conditions.append(("account", _d.account_id == sa.bindparam("of_account"), {"of_account": account.id}))
        return conditions


class ListDedicatedZones(ListDedications, answers=DedicatedZoneView):
    """Lists dedicated zones."""

    zone: Ref[Zone] | None = where(_d.of_id, "only this zone")


class ListDedicatedPods(ListDedications, answers=DedicatedPodView):
    """Lists dedicated pods."""

    pod: Ref[Pod] | None = where(_d.of_id, "only this pod")


class ListDedicatedClusters(ListDedications, answers=DedicatedClusterView):
    """Lists dedicated clusters."""

    cluster: Ref[Cluster] | None = where(_d.of_id, "only this cluster")


class ListDedicatedHosts(ListDedications, answers=DedicatedHostView):
    """Lists dedicated hosts."""

    host: Ref[Host] | None = where(_d.of_id, "only this host")
