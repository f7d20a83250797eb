"""Limits and counts as the API tells and changes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from cloudwright.core.access import Caller, Kind, Use, within
from cloudwright.core.command import Command, Query, Told, Verb
from cloudwright.core.error import Denied, ParamError
from cloudwright.core.param import Ref, param
from cloudwright.core.tally import Counted
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity import ledger, limit
from cloudwright.identity.ledger import ACCOUNT, DOMAIN, Tally
from cloudwright.identity.limit import ALL, NONE, Held, Limited
from cloudwright.identity.model import PROJECT, ROOT_DOMAIN, Account, Domain
from cloudwright.identity.owner import ALL_PROJECTS, account_named, of_all_projects, shown_path
from cloudwright.identity.project.model import Project
from cloudwright.identity.recount import counting, recount
from cloudwright.operations.paging import Paged, cut

_OWNER = {
    "account": ("string", "the account, if it is one's"),
    "projectid": ("string", "the project, if it is one's"),
    "project": ("string", "the name of that project"),
    "domainid": ("string", "the domain, or that of the account or project"),
    "domain": ("string", "the name of that domain"),
    "domainpath": ("string", "the path of that domain"),
    "resourcetype": ("string", "the number of what is limited"),
    "resourcetypename": ("string", "the name of what is limited"),
    "tag": ("string", "the tag under which it is limited"),
}
_LIMIT = _OWNER | {"max": ("long", "how many there may be, storage in GiB, memory in MiB; -1 for any number")}
_COUNT = _OWNER | {"resourcecount": ("long", "how many there are, storage in GiB, memory in MiB")}


class Owner(Struct):
    """An account (also a project's) or a domain, with its domain."""

    domain: Domain
    account: Account | None = None

    @property
    def key(self) -> tuple[str, int]:
        return (DOMAIN, self.domain.id) if self.account is None else (ACCOUNT, self.account.id)

    @property
    def words(self) -> str:
        return f"domain {self.domain.path}" if self.account is None else f"account {self.account.name}"

    def told(self, reader: Reader) -> dict[str, Any]:
        """The fields that name it."""
        told = {"domainid": self.domain.uuid, "domain": self.domain.name, "domainpath": shown_path(self.domain.path)}
        if self.account is None:
            return told
        project = reader.find(Project, Project.c.account_id == self.account.id) if self.account.type_ == PROJECT else None
        if project is not None:
            return told | {"projectid": project.uuid, "project": project.name}
        return told | {"account": self.account.name}


class NamesOwner(Verb):
    """How commands name whose limits or counts they are about."""

    account: str | None = param("the account, given with domainid")
    domain: Ref[Domain] | None = param("the domain; with account, the account's")
    project: Ref[Project] | None = param("the project, instead of an account")


def named(reader: Reader, caller: Caller, command: NamesOwner, use: Use) -> Owner | None:
    """The owner that a command names, if its caller may; None where it names none. Raises ParamError."""
    if command.project is not None and command.account is not None:
        raise ParamError("Parameters account and projectid name two owners: give one of them", param="projectid")
    if isinstance(command.project, Project):
        return of_account(reader, reader.get(Account, command.project.account_id))
    if command.account is not None:
        domain_id = command.domain.id if command.domain else caller.domain_id
        return of_account(reader, account_named(reader, caller, command.account, domain_id, use))
    return Owner(command.domain) if command.domain is not None else None


def of_account(reader: Reader, account: Account) -> Owner:
    """An account as an owner."""
    return Owner(reader.get(Domain, account.domain_id), account)


def held_by(reader: Reader, owner: Owner) -> dict[str, Held]:
    """The tallies of an owner, by tag; that without a tag is always there."""
    kind, id = owner.key
    type_ = owner.account.type_ if owner.account else 0
    rows = reader.all(Tally, Tally.c.owner_kind == kind, Tally.c.owner_id == id)
    none: dict[str, Any] = {"tag": "", "limits": {}, **dict.fromkeys(Counted, 0)}
    every = [none, *(row.__dict__ for row in rows)]
    return {row["tag"]: ledger.held({**row, "owner_kind": kind, "owner_id": id, "account_type": type_}) for row in every}


def most(reader: Reader, owner: Owner, held: dict[str, Held], one: Limited, tag: str = "") -> int:
    """The limit in force, in the API's unit. Without one under the tag it is that without."""
    if owner.key == (DOMAIN, ROOT_DOMAIN):
        return NONE
    own = held[tag].limits.get(one.kind) if tag in held else None
    value = own if tag and own is not None and held[""].whose else limit.in_force(reader, held[""], one)
    return NONE if value < 0 else value // one.unit


def told_limit(reader: Reader, owner: Owner, held: dict[str, Held], one: Limited, tag: str = "") -> dict[str, Any]:
    """A limit as answers tell it."""
    told = {**owner.told(reader), "resourcetype": str(one.number), "resourcetypename": one.name}
    return told | {"max": most(reader, owner, held, one, tag)} | ({"tag": tag} if tag else {})


def typed(number: int | None, name: str | None = None) -> Limited | None:
    """What a caller names by number or name. Raises ParamError."""
    if number is not None and not 0 <= number < len(ALL):
        raise ParamError(f"Parameter resourcetype: {number} is not between 0 and {len(ALL) - 1}", param="resourcetype")
    by_name = limit.BY_NAME.get(name.lower()) if name is not None else None
    if name is not None and by_name is None:
        text = f"Parameter resourcetypename: {name[:64]!r} is not one of {', '.join(limit.BY_NAME)}"
        raise ParamError(text, param="resourcetypename")
    by_number = ALL[number] if number is not None else None
    if by_name is not None and by_number is not None and by_name is not by_number:
        text = f"Parameter resourcetypename: {by_name.name} is number {by_name.number}, not {by_number.number}"
        raise ParamError(text, param="resourcetypename")
    return by_name or by_number


def check_tag(reader: Reader, one: Limited | None, tag: str | None) -> None:
    """Refuse a tag under which nothing is limited. Raises ParamError."""
    kinds = [one] if one is not None else ALL
    if tag is None or any(tag in limit.limited_tags(reader, each.kind) for each in kinds):
        return
    what = one.words if one is not None else "nothing"
    text = f"Parameter tag: {what} {'have' if one else 'has'} no limits under tag {tag[:64]!r}"
    fix = [f"add it to setting {limit.HOST_TAGS.name} (instances) or {limit.STORAGE_TAGS.name} (volumes)"]
    raise ParamError(text, param="tag", fix=fix)


class UpdateResourceLimit(NamesOwner, Command, response=_LIMIT, form="object"):
    """Sets how many of something an account, a project or a domain may have."""

    domain: Ref[Domain] | None = param("the domain; with account, the account's", use=Use.CHANGE)
    project: Ref[Project] | None = param("the project, instead of an account", use=Use.CHANGE)
    resource_type: int = param("the number of what is limited, as listResourceLimits tells")
    max: int | None = param("how many, storage in GiB, memory in MiB; -1, as without it, for any number", kind="long")
    tag: str | None = param("the host or storage tag under which it is limited", since="4.20.0")

    def run(self, tx: Tx, caller: Caller) -> Told:
        one = typed(self.resource_type)
        owner = named(tx, caller, self, Use.CHANGE)
        if one is None or owner is None:
            raise ParamError("One of the parameters account, projectid and domainid is needed", param="account")
        check_tag(tx, one, self.tag)
        _check_caller(caller, owner)
        asked = NONE if self.max is None or self.max < 0 else self.max
        self._check(tx, owner, one, asked)
        _set(tx, owner, one, self.tag or "", NONE if asked == NONE else asked * one.unit)
        return Told("resourcelimit", [told_limit(tx, owner, held_by(tx, owner), one, self.tag or "")], one=True)

    def _check(self, tx: Tx, owner: Owner, one: Limited, asked: int) -> None:
        if asked * one.unit >= 1 << 62:
            raise ParamError(f"Parameter max: {asked} is more than can be counted; -1 is any number", param="max")
        if owner.account is not None:
            if not held_by(tx, owner)[""].whose and asked != NONE:
                text = f"Parameter max: account {owner.account.name} is a root administrator's: it is not limited"
                raise ParamError(text, param="max", fix=["give max=-1"])
            return
        parent = Owner(tx.get(Domain, owner.domain.parent_id))
        above = most(tx, parent, held_by(tx, parent), one, self.tag or "")
        if asked > above >= 0:
            text = f"Parameter max: domain {parent.domain.path} above may have {above} {one.words}, this one cannot have more"
            raise ParamError(text, param="max", fix=[f"give at most {above}", "raise the limit above first"])


def _check_caller(caller: Caller, owner: Owner) -> None:
    """Limits are set from above: not by users, not by administrators for themselves. Raises Denied or ParamError."""
    if caller.kind is Kind.USER:
        raise Denied(f"Only administrators set the limits of {owner.words}")
    if owner.key == (DOMAIN, ROOT_DOMAIN):
        raise ParamError("Parameter domainid: the domain ROOT is not limited", param="domainid")
    own = owner.key in ((DOMAIN, caller.domain_id), (ACCOUNT, caller.account_id))
    if own and not caller.root:
        raise Denied(f"The limits of {owner.words} are set by an administrator above it")


def _set(tx: Tx, owner: Owner, one: Limited, tag: str, value: int) -> None:
    kind, id = owner.key
    if owner.account is not None:
        ledger.hold(tx, id, [tag])
    name = ledger.named(kind, id, tag)
    if not ledger.locked(tx, [name]):
        ledger.open_tally(tx, kind, id, tag)
        ledger.locked(tx, [name])
    row = tx.find(Tally, Tally.c.name == name)
    if row is None:
        raise LookupError(f"BUG: tally {name} was made and is not there (TallyVanished)")
    tx.execute(Tally.t.update().where(Tally.c.name == name).values(limits={**row.limits, one.kind.value: value}))


class ListResourceLimits(NamesOwner, Paged, Query, response=_LIMIT, form="list"):
    """Lists the limits in force of an account, a project or a domain: the caller's own account, if none is named. With listall or
    isrecursive, those that owners below have of their own."""

    project: Ref[Project] | None = param(
        "the project, instead of an account; -1 for all: a user's own, or those that have limits of their own",
        passed=ALL_PROJECTS,
    )
    id: int | None = param("only the limit of this number, as resourcetype", kind="long")
    resource_type: int | None = param("only this: its number")
    resource_type_name: str | None = param("only this: its name", wire_name="resourcetypename")
    tag: str | None = param("only limits under this tag", since="4.20.0")
    list_all: bool = param("own limits of all owners that the caller may see", default=False)
    is_recursive: bool = param("with domainid: own limits of owners in that domain and those below, too", default=False)
    keyword: str | None = param("only those in whose name this occurs")

    def run(self, reader: Reader, caller: Caller) -> Told:
        number = self.resource_type if self.resource_type is not None else self.__dict__["id"]
        one = typed(number, self.resource_type_name)
        check_tag(reader, one, self.tag)
        wanted = [each for each in ALL if one in (None, each) and (self.keyword or "").lower() in each.name]
        owner = named(reader, caller, self, Use.USE)
        of_projects = self.project is not None and not isinstance(self.project, Project)
        several = self.list_all or of_projects or (self.is_recursive and self.domain is not None)
        if of_projects and caller.kind is Kind.USER:
            owners = of_all_projects(reader, caller, self.api.name, self.list_all)
            rows = [row for id in owners for row in self._in_force(reader, of_account(reader, reader.get(Account, id)), wanted)]
        elif several and (owner is None or owner.account is None):
            rows = self._own_limits(reader, caller, owner, wanted)
        else:
            rows = self._in_force(reader, owner or of_account(reader, reader.get(Account, caller.account_id)), wanted)
        return Told("resourcelimit", list(cut(self, rows, reader)), len(rows))

    def _in_force(self, reader: Reader, owner: Owner, wanted: Sequence[Limited]) -> list[dict[str, Any]]:
        held = held_by(reader, owner)
        told = [] if self.tag else [told_limit(reader, owner, held, one) for one in wanted]
        for one in wanted:
            tags = [tag for tag in limit.limited_tags(reader, one.kind) if self.tag in (None, tag)]
            told += [told_limit(reader, owner, held, one, tag) for tag in tags]
        return told

    def _own_limits(self, reader: Reader, caller: Caller, owner: Owner | None, wanted: Sequence[Limited]) -> list[dict[str, Any]]:
        path = owner.domain.path if owner is not None else caller.domain_path
        told = []
        projects_only = self.project is not None and not self.list_all
        for found in _limited_below(reader, caller, path):
            if projects_only and (found.account is None or found.account.type_ != PROJECT):
                continue
            held = held_by(reader, found)
            for tag in held:
                own = [one for one in wanted if one.kind in held[tag].limits and (self.tag is None or tag == self.tag)]
                told += [told_limit(reader, found, held, one, tag) for one in own]
        return told


def _limited_below(reader: Reader, caller: Caller, path: str) -> list[Owner]:
    """The owners that have limits of their own: of a user its account, else those in a domain and below."""
    if caller.kind is Kind.USER:
        return [of_account(reader, reader.get(Account, caller.account_id))]
    ids = sa.select(Domain.c.id).where(within(Domain.c.path, path), Domain.c.gone == 0)
    own = sa.select(Tally.c.owner_id).where(Tally.c.gone == 0, Tally.c.limits != {})
    accounts = reader.all(Account, Account.c.domain_id.in_(ids), Account.c.id.in_(own.where(Tally.c.owner_kind == ACCOUNT)))
    domains = reader.all(Domain, Domain.c.id.in_(ids), Domain.c.id.in_(own.where(Tally.c.owner_kind == DOMAIN)))
    return [*(Owner(domain) for domain in domains), *(of_account(reader, account) for account in accounts)]


class UpdateResourceCount(NamesOwner, Command, response=_COUNT, form="list"):
    """Counts again what an account, a project or a domain with all below it has, and mends the counts that are wrong."""

    domain: Ref[Domain] = param("the domain, or that of the account")
    resource_type: int | None = param("only this: its number")
    tag: str | None = param("tell the count under this tag", since="4.20.0")

    def run(self, tx: Tx, caller: Caller) -> Told:
        one = typed(self.resource_type)
        check_tag(tx, one, self.tag)
        owner = named(tx, caller, self, Use.USE)
        if owner is None:
            raise RuntimeError("BUG: updateResourceCount without its domain (RequiredParameterMissing)")
        wanted = ALL if one is None else [one]
        only = {kind for each in wanted for kind in (each.kind, limit.RUNNING.get(each.kind, each.kind))}
        if owner.account is not None:
            recount(tx, [owner.account.id], [], only)
        else:
            below = tx.all(Domain, within(Domain.c.path, owner.domain.path), Domain.c.id != ROOT_DOMAIN)
            recount(tx, counting(tx, owner.domain), [domain.id for domain in below], only)
        return Told("resourcecount", [self._told(tx, owner, each) for each in wanted])

    def _told(self, tx: Tx, owner: Owner, one: Limited) -> dict[str, Any]:
        kind = limit.counted(tx, one.kind)
        tag = self.tag or ""
        if owner.key == (DOMAIN, ROOT_DOMAIN):
            mine = (Tally.c.owner_kind == ACCOUNT, Tally.c.tag == tag, Tally.c.gone == 0)
            number = int(tx.value(sa.select(sa.func.sum(Tally.c[kind])).where(*mine)) or 0)
        else:
            held = held_by(tx, owner)
            number = held[tag].used[kind] if tag in held else 0
        told = {**owner.told(tx), "resourcetype": str(one.number), "resourcetypename": one.name}
        return told | {"resourcecount": number // one.unit} | ({"tag": tag} if tag else {})
