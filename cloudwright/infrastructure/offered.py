"""To whom an offering is offered: everybody, or some domains with those below them; in all zones, or in some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import sqlalchemy as sa

from cloudwright.core.access import Caller, Kind, Use, binds_of, lookup, within_bound
from cloudwright.core.error import Denied, ParamError
from cloudwright.core.listing import List
from cloudwright.core.param import Ref, param
from cloudwright.core.resource import Resource, column
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, computed, many
from cloudwright.identity.model import Domain
from cloudwright.identity.owner import ALL_PROJECTS, Narrowed, account_named
from cloudwright.identity.project.model import Project
from cloudwright.infrastructure.dedication import domains_of
from cloudwright.infrastructure.model import Zone


class Offered(Resource, table="offered", indexes=[("offering_id", "offering_kind"), ("domain_id",)]):
    """A domain in which an offering may be had, and below which."""

    offering_kind: str  # the offering's table
    offering_id: int
    domain_id: int


class Offering(Resource):
    """The ancestor of offerings."""

    public: bool = True  # False: only where `Offered` says
    zone_ids: list[str] = column(default=[])  # none: in all zones


O_ = TypeVar("O_", bound=Offering)
_o = Offered.c


def _somewhere(of: Any, *where: Any) -> Any:
    """A condition on offerings: it is offered in a domain that is so."""
    its = (_o.offering_id == of.c.id, _o.offering_kind == of.kind, _o.gone == 0)
    return sa.select(_o.id).join(Domain.t, Domain.c.id == _o.domain_id).where(*its, *where).correlate(of.t).exists()


def offered_to_caller(of: Any) -> Any:
    """The offering is for everybody, or for the caller's domain or one above it."""
    return _offered_above(of, "caller_above")


def _offered_above(of: Any, paths: str) -> Any:
    return sa.or_(of.c.public.is_(True), _somewhere(of, Domain.c.path.in_(sa.bindparam(paths, expanding=True))))


def changed_by_caller(of: Any, kind: Kind) -> Any:
    """All domains that the offering is for are those of an administrator: the caller's and those below."""
    if kind is not Kind.DOMAIN:
        return sa.false()
    foreign = sa.not_(within_bound(Domain.c.path, "caller"))
    return sa.and_(_somewhere(of), ~_somewhere(of, foreign))


def in_domain(of: Any) -> Any:
    """A condition maker: the offering is for the domain whose id is bound."""
    return lambda bind: _somewhere(of, _o.domain_id == bind)


def in_zone(of: Any) -> Any:
    """A condition maker: the offering is for all zones, or for the one whose id is bound."""

    def condition(bind: Any) -> sa.ColumnElement[bool]:
        uuid = sa.select(Zone.c.uuid).where(Zone.c.id == bind).scalar_subquery()
        text = sa.cast(of.c.zone_ids, sa.Text)
        return sa.or_(text == "[]", text.like(sa.literal('%"').concat(uuid).concat('"%')))

    return condition


def _rows(reader: Reader, offering: Offering) -> list[Offered]:
    return reader.all(Offered, _o.offering_id == offering.id, _o.offering_kind == offering.kind)


def offered_in(reader: Reader, offering: Offering) -> list[Domain]:
    """The domains that an offering is for; none: everybody."""
    return [reader.get(Domain, row.domain_id) for row in _rows(reader, offering)]


def offer(tx: Tx, offering: O_, domains: Sequence[Domain]) -> O_:
    """Have an offering be for these domains alone, or for everybody where there are none. A domain below another of them is
    left out: what is offered in that is offered in it."""
    paths = {domain.path for domain in domains}
    wanted = {d.id for d in domains if not any(d.path != path and d.path.startswith(path) for path in paths)}
    rows = _rows(tx, offering)
    for row in rows:
        if row.domain_id not in wanted:
            tx.remove(row)
    for domain_id in sorted(wanted - {row.domain_id for row in rows}):
        tx.insert(Offered(offering_kind=offering.kind, offering_id=offering.id, domain_id=domain_id))
    if offering.public is bool(wanted):
        tx.update(offering, public=not wanted)
    return offering


def reoffer(tx: Tx, caller: Caller, offering: Offering, domains: str | None, zones: str | None) -> None:
    """What an update says by `domainid` (ids, or "public") and `zoneid` (ids, or "all"). Raises Denied or ParamError."""
    if domains is not None:
        public = domains.lower() == "public"
        if public and not caller.root:
            raise Denied("Parameter domainid: only administrators of root make an offering public", param="domainid")
        offer(tx, offering, [] if public else _named(tx, caller, Domain, domains, "domainid"))
    if zones is not None:
        chosen = [] if zones.lower() == "all" else _named(tx, caller, Zone, zones, "zoneid")
        tx.update(offering, zone_ids=[zone.uuid for zone in chosen])


def _named(reader: Reader, caller: Caller, kind: Any, text: str, name: str) -> list[Any]:
    """The rows whose ids are told by comma. Raises ParamError where one is not there, or there is none at all."""
    uuids = list(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    if not uuids:
        raise ParamError(f"Parameter {name}: {text[:64]!r} names no {kind.kind}", param=name)
    rows = []
    for uuid in uuids:
        row = reader.one(lookup(kind, caller.kind, Use.USE), {"value": uuid, **caller.binds()})
        if row is None:
            raise ParamError(f"Parameter {name}: there is no {kind.kind} {uuid[:64]} that you may use", param=name)
        rows.append(kind.load(row))
    return rows


def check_fits(reader: Reader, offering: Offering, zone: Zone, domain_id: int, name: str) -> None:
    """Raises ParamError where an offering is for other zones, or for other domains than this and those above it."""
    label = getattr(offering, "name", "")
    if offering.zone_ids and zone.uuid not in offering.zone_ids:
        raise ParamError(f"Parameter {name}: {label} is not offered in zone {zone.name}", param=name)
    rows = [] if offering.public else _rows(reader, offering)
    if not offering.public and not domains_of(reader, domain_id) & {row.domain_id for row in rows}:
        paths = ", ".join(reader.get(Domain, row.domain_id).path for row in rows)
        what = f"domain {paths} and those below it" if len(rows) == 1 else f"domains {paths} and those below them"
        raise ParamError(f"Parameter {name}: {label} is for {what}", param=name)


def _with_domain(tx: Tx, domain: Resource) -> None:
    """What was offered in the domain alone goes with it. What was made by it stays."""
    for row in tx.all(Offered, _o.domain_id == domain.id):
        tx.remove(row)
        offering: Any = tx.get(Resource.by_name[row.offering_kind], row.offering_id)
        if not offering.gone and not _rows(tx, offering):
            tx.remove(offering)


Domain.with_it = (*Domain.with_it, _with_domain)


class OfferedList(List, ancestor=True):
    """A list of offerings. Nobody owns them: who names an owner asks for what that one may use."""

    domain: Ref[Domain] | None = param("only those of this domain; with account, the account's domain")
    account: str | None = param("only those that this account may use, given with domainid")
    project: Ref[Project] | None = param("only those that this project may use; -1 does not narrow the list", passed=ALL_PROJECTS)
    list_all: bool = param("for lists of what has owners; offerings have none: all that may be used are listed", default=False)
    is_recursive: bool = param("the same", default=False)

    def narrow(self, reader: Reader, caller: Caller) -> Narrowed:
        of: Any = self._view().of
        narrowed: Narrowed = []
        if self.domain is not None and self.account is None:
            narrowed.append(("of", in_domain(of)(sa.bindparam("of")), {"of": self.domain.id}))
        user = self._user(reader, caller)
        if user is not None:
            above = binds_of(0, 0, user.path)["caller_above"]
            narrowed.append(("used", _offered_above(of, "used_above"), {"used_above": above}))
        return narrowed

    def _user(self, reader: Reader, caller: Caller) -> Domain | None:
        """The domain of the owner that is named."""
        if self.account is not None and self.project is not None:
            raise ParamError("Parameters account and projectid name two owners: give one of them", param="projectid")
        if self.account is not None:
            domain_id = self.domain.id if self.domain else caller.domain_id
            return reader.get(Domain, account_named(reader, caller, self.account, domain_id).domain_id)
        return reader.get(Domain, self.project.domain_id) if isinstance(self.project, Project) else None


class OfferedView(View):
    """The fields of all offerings that tell where they are offered. Of its domains a caller is told those that are its own, above
    that or below."""

    def __init_subclass__(cls, *, of: Any = None, key: str = "", joins: Any = ()) -> None:
        if of is not None:
            cls._zones = _zones_of(of)
            its = sa.and_(_o.offering_id == of.c.id, _o.offering_kind == of.kind)
            known = {"id": Domain.c.uuid, "name": Domain.c.name, "path": Domain.c.path}
            cls._domains = many(Offered, its, known, "its domains", joins=[(Domain, Domain.c.id == _o.domain_id)])
        super().__init_subclass__(of=of, key=key, joins=joins)

    _zones: Any
    _domains: Any
    domainid = computed(lambda row, caller: told(row, caller, "id"), "the domains it is for, by comma; none: everybody")
    domain = computed(lambda row, caller: told(row, caller, "name"), "the names of those domains")
    zoneid = computed(lambda row, caller: _joined(row["_zones"], "id"), "the zones it is for, by comma; none: all")
    zone = computed(lambda row, caller: _joined(row["_zones"], "name"), "the names of those zones")


def told(row: dict[str, Any], caller: Caller, name: str) -> str | None:
    """What the offering's domains are called (id, name or path), by comma."""
    here = caller.domain_path
    return _joined([d for d in row["_domains"] if d["path"].startswith(here) or here.startswith(d["path"])], name)


def _joined(rows: list[dict[str, Any]], name: str) -> str | None:
    return ",".join(row[name] for row in rows) or None


def _zones_of(of: Any) -> Any:
    text = sa.cast(of.c.zone_ids, sa.Text)
    holds = sa.and_(text != "[]", text.like(sa.literal('%"').concat(Zone.c.uuid).concat('"%')))
    return many(Zone, holds, {"id": Zone.c.uuid, "name": Zone.c.name}, "its zones")
