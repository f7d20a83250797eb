"""Domains: the tree that accounts live in."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Kind, Use, binds_within, within, within_bound
from cloudwright.core.command import Command
from cloudwright.core.error import ParamError, WrongState
from cloudwright.core.listing import Condition, List, where
from cloudwright.core.param import Ref, bad_uuid, param
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, field
from cloudwright.identity.limit_view import ByTag
from cloudwright.identity.model import ROOT_DOMAIN, Domain
from cloudwright.identity.owner import ALL_PROJECTS, account_named, shown_path
from cloudwright.identity.project.model import Project

_parent = Domain.t.alias("parent")
_child = Domain.t.alias("child")
_DNS = re.compile(r"(?=.{1,190}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", re.IGNORECASE)
PATH_LENGTH = 512


class DomainView(View, of=Domain, key="domain", joins=[(_parent, _parent.c.id == Domain.c.parent_id)]):
    """A domain."""

    id = field(Domain.c.uuid, "the domain's id")
    name = field(Domain.c.name, "its name, unique among its siblings")
    level = field(Domain.c.level, "how far it is below ROOT")
    parentdomainid = field(_parent.c.uuid, "the domain above it")
    parentdomainname = field(_parent.c.name, "the name of the domain above it")
    haschild = field(sa.exists().where(_child.c.parent_id == Domain.c.id, _child.c.gone == 0), "whether there are domains below")
    networkdomain = field(Domain.c.network_domain, "the DNS suffix of its networks")
    path = field(Domain.c.path, "its path from ROOT", convert=shown_path)
    state = field(Domain.c.state, "Active, or Inactive while it is being deleted")
    created = field(Domain.c.created, "when it was made", "date")


def _bad_name(name: str) -> str | None:
    return "must have 1 to 190 characters, none of them a slash" if "/" in name or not 0 < len(name.strip()) <= 190 else None


def bad_suffix(name: str) -> str | None:
    """What is wrong with a DNS suffix."""
    return None if _DNS.fullmatch(name) else "is not a DNS name such as eng.example.org"


class CreateDomain(Command, answers=DomainView, event="DOMAIN.CREATE", authorized=("Admin", "DomainAdmin")):
    """Makes a domain."""

    name: str = param("its name, unique among its siblings", check=_bad_name)
    parent_domain: Ref[Domain] | None = param("the domain above it; without, the caller's own", use=Use.CHANGE)
    network_domain: str | None = param("the DNS suffix of its networks", check=bad_suffix)
    domain: str | None = param("an id (UUID) for it", wire_name="domainid", check=bad_uuid)

    def run(self, tx: Tx, caller: Caller) -> Domain:
        parent = tx.lock(self.parent_domain or tx.get(Domain, caller.domain_id))
        if parent.gone or parent.state != "Active":
            raise WrongState(f"Domain {parent.path} is being deleted: nothing can be made below it", param="parentdomainid")
        check_free(tx, parent.id, self.name)
        path = f"{parent.path}{self.name}/"
        if len(path) > PATH_LENGTH:
            text = f"Parameter name: the path would have {len(path)} characters; {PATH_LENGTH} are possible"
            raise ParamError(text, param="name")
        about: dict[str, Any] = {"network_domain": self.network_domain, "uuid": self.domain or ""}
        return tx.insert(Domain(name=self.name, parent_id=parent.id, path=path, level=parent.level + 1, **about))


class UpdateDomain(Command, answers=DomainView, event="DOMAIN.UPDATE"):
    """Renames a domain, or changes the DNS suffix of its networks."""

    id: Ref[Domain] = param("the domain", use=Use.CHANGE)
    name: str | None = param("its new name", check=_bad_name)
    network_domain: str | None = param("the DNS suffix of its networks; empty: none of its own", check=bad_suffix, clears=True)

    def run(self, tx: Tx, caller: Caller) -> Domain:
        if self.name is not None and self.name != self.id.name:
            _rename(tx, self.id, self.name)
        if self.network_domain is not None:
            tx.update(self.id, network_domain=self.network_domain or None)
        return self.id


def check_free(tx: Tx, parent_id: int, name: str, but: int = 0) -> None:
    """Siblings differ in more than case, because paths are compared by LIKE, which does not tell case on every engine."""
    same = (Domain.c.parent_id == parent_id, sa.func.lower(Domain.c.name) == sa.func.lower(name), Domain.c.id != but)
    other = tx.find(Domain, *same)
    if other is not None:
        raise ParamError(f"Parameter name: there is already a domain {other.path}", param="name")


def _rename(tx: Tx, domain: Domain, name: str) -> None:
    """A new name, and new paths for it and all below it."""
    if domain.id == ROOT_DOMAIN:
        raise ParamError("Parameter id: the domain ROOT cannot be renamed", param="id")
    parent = tx.lock(tx.get(Domain, domain.parent_id))
    check_free(tx, parent.id, name, domain.id)
    above = domain.path[: -len(domain.name) - 1]
    longest = int(tx.value(sa.select(sa.func.max(sa.func.char_length(Domain.c.path))).where(_below(domain))) or 0)
    if longest + len(name) - len(domain.name) > PATH_LENGTH:
        raise ParamError(f"Parameter name: a path below would have more than {PATH_LENGTH} characters", param="name")
    rest = sa.func.substr(Domain.c.path, len(domain.path) + 1)
    moved = {"path": sa.literal(f"{above}{name}/").concat(rest), "version": Domain.c.version + 1}
    tx.execute(Domain.t.update().where(_below(domain), Domain.c.id != domain.id).values(moved))
    tx.update(domain, name=name, path=f"{above}{name}/")


def _below(domain: Domain) -> Condition:
    """The domain and those below it."""
    return within(Domain.c.path, domain.path)


def below(reader: Reader, domain: Domain) -> list[Domain]:
    """The domain and those below it, the deepest first."""
    return sorted(reader.all(Domain, _below(domain)), key=lambda d: d.level, reverse=True)


class ListDomains(ByTag, answers=DomainView, keywords=[Domain.c.name]):
    """Lists domains: all that root's administrators have; for others their own, with listall those below it too."""

    id: str | None = where(Domain.c.uuid, "only this one", kind="uuid")
    name: str | None = where(Domain.c.name, "only those of this name")
    level: int | None = where(Domain.c.level, "only those so far below ROOT")
    domain: Ref[Domain] | None = param("only this one, with isrecursive those below it, too")
    is_recursive: bool = param("with domainid: those below it, too", default=False)
    list_all: bool = param("all that the caller may see", default=False)
    account: str | None = param("only the domain of this account, given with domainid")
    project: Ref[Project] | None = param("only the domain of this project; -1 does not narrow the list", passed=ALL_PROJECTS)

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        if self.account is not None:  # allowed, or refused
            account_named(reader, caller, self.account, self.domain.id if self.domain else caller.domain_id)
        if isinstance(self.project, Project):
            return [_of(reader.get(Domain, self.project.domain_id), False)]
        if self.domain is not None:
            return [_of(self.domain, self.is_recursive)]
        if self.account is not None:
            return [("own", Domain.c.id == sa.bindparam("caller_domain"), {})]
        if self.__dict__["id"] or self.list_all or caller.kind is Kind.ROOT:
            return []
        return [("own", Domain.c.id == sa.bindparam("caller_domain"), {})]


class ListDomainChildren(List, answers=DomainView, keywords=[Domain.c.name]):
    """Lists the domains directly below one, or all below it."""

    id: Ref[Domain] | None = param("the domain above; without, the caller's own")
    name: str | None = where(Domain.c.name, "only those of this name")
    is_recursive: bool = param("all below, not only directly", default=False)
    list_all: bool = param("without id: all below", default=False)

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        above = self.id or reader.get(Domain, caller.domain_id)
        if self.is_recursive or (self.id is None and self.list_all):
            shape, condition, binds = _of(above, True)
            return [(shape, condition, binds), ("not itself", Domain.c.id != sa.bindparam("above"), {"above": above.id})]
        return [("children", Domain.c.parent_id == sa.bindparam("above"), {"above": above.id})]


def _of(domain: Domain, recursive: bool) -> tuple[str, Condition, dict[str, Any]]:
    if recursive:
        return "below", within_bound(Domain.c.path, "listed"), binds_within("listed", domain.path)
    return "only", Domain.c.id == sa.bindparam("only"), {"only": domain.id}
