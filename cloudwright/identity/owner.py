"""Whose: the parameters by which a caller names an owner, the fields that tell one, the scope of lists of owned resources.

`account` with `domainid` names an owner, `projectid` a project; without them it is the caller. Lists take `listall` and
`isrecursive` beside them, by CloudStack's rules that clients rely on: an administrator sees its own account's resources unless it
asks for all it may see, and nobody sees what projects own unless it asks for that: of one project, or by -1 of all.
"""

from __future__ import annotations

from typing import Any, ClassVar

import sqlalchemy as sa

from cloudwright.core.access import Caller, Kind, Use, binds_of, binds_within, lookup, prepared_lookup, within_bound
from cloudwright.core.command import Verb
from cloudwright.core.error import ParamError, WrongState
from cloudwright.core.listing import Condition, List
from cloudwright.core.param import Ref, param
from cloudwright.core.resource import Resource
from cloudwright.core.tx import Reader
from cloudwright.core.view import View, field
from cloudwright.identity.model import PROJECT, Account, Domain
from cloudwright.identity.project.model import ACTIVE, Project
from cloudwright.identity.project.permit import barred, permitted

ALL_PROJECTS = "-1"
Narrowed = list[tuple[str, Condition, dict[str, Any]]]


class OwnedBy(Verb):
    """What a command that makes something for an owner takes."""

    account: str | None = param("the account that shall own it, given with domainid; without, the caller's own")
    domain: Ref[Domain] | None = param("the domain of the account")
    project: Ref[Project] | None = param("the project that shall own it, instead of an account")


def owner(reader: Reader, caller: Caller, command: OwnedBy) -> Account:
    """The account a command is for; a project's own for a project. Raises ParamError when the caller may not act for it, or there
    is none, WrongState when the project is not active."""
    if command.project is not None:
        return _of_project(reader, command, command.project)
    if command.account is None:
        return reader.get(Account, caller.account_id)
    domain_id = command.domain.id if command.domain else caller.domain_id
    return account_named(reader, caller, command.account, domain_id)


def _of_project(reader: Reader, command: OwnedBy, project: Project) -> Account:
    if command.account is not None:
        raise ParamError("Parameters account and projectid name two owners: give one of them", param="projectid")
    if command.domain is not None and command.domain.id != project.domain_id:
        raise ParamError(f"Parameter domainid: project {project.name} is not in that domain", param="domainid")
    if project.state != ACTIVE:
        text = f"Project {project.name} is {project.state}: nothing can be added to it"
        raise WrongState(
            text, param="projectid", fix=["activate it first (activateProject)"] if project.state == "Suspended" else []
        )
    return reader.get(Account, project.account_id)


def naming(reader: Reader, account: Account) -> dict[str, str]:
    """The parameters by which a command names this owner."""
    if account.type_ == PROJECT:
        return {"projectid": _project_of(reader, account).uuid}
    return {"account": account.name, "domainid": reader.get(Domain, account.domain_id).uuid}


def _project_of(reader: Reader, account: Account) -> Project:
    project = reader.find(Project, Project.c.account_id == account.id)
    if project is None:
        raise LookupError(f"BUG: {account!r} is a project's, and there is none (AccountWithoutProject)")
    return project


def account_named(reader: Reader, caller: Caller, name: str, domain_id: int, use: Use = Use.USE) -> Account:
    """An account of a domain by its name, if the caller may. Those of projects have names only for answers."""
    statement = lookup(Account, caller.kind, use, "name").where(Account.c.domain_id == sa.bindparam("domain"))
    row = reader.one(statement, {"value": name, "domain": domain_id, **caller.binds()})
    if row is None or row.type_ == PROJECT:
        raise ParamError(f"Parameter account: there is no account {name!r} in that domain that you may {use}", param="account")
    return Account.load(row)


def check_for(reader: Reader, account: Account, row: Resource, param: str) -> None:
    """Refuse to give an account's thing a part in what the account itself may not use: another's, be it of a project that the
    account is in. Whoever asks, be it an administrator, asks for the owner. What is removed but in use still counts.

    Raises ParamError.
    """
    binds = binds_of(account.id, account.domain_id, reader.get(Domain, account.domain_id).path)
    found = prepared_lookup(type(row), Kind.USER, Use.USE, "id", gone_too=True)
    if reader.one(found, {"value": row.id, **binds}) is None:
        what = f"{row.kind.replace('_', ' ')} {getattr(row, 'name', row.uuid)}"
        owner_ = "the project" if account.type_ == PROJECT else f"account {account.name}"
        raise ParamError(f"Parameter {param}: {owner_} may not use {what}", param=param, fix=["share it", "name another"])


def of_all_projects(reader: Reader, caller: Caller, command: str, list_all: bool) -> list[int]:
    """The accounts that a user means by projectid=-1: of the projects that it is in; with listall, or if there are none, its own,
    too."""
    owners = permitted(reader, caller, command)
    return [caller.account_id, *owners] if list_all or not owners else owners


def closed(reader: Reader, caller: Caller, command: str) -> list[int]:
    """The accounts of projects that a user is in, whose role for it does not allow a command. Administrators are asked for no
    role in a project."""
    return barred(reader, caller, command) if caller.kind is Kind.USER else []


def shown_path(path: str) -> str:
    """A domain's path as answers tell it: `ROOT/eng/dev`."""
    return "ROOT" + path.rstrip("/")


def of_domain(column: Any, domain: Domain, recursive: bool) -> Narrowed:
    """What a list of a domain leaves: what is in it, or (recursive) in those below, too."""
    if recursive:
        below = sa.select(Domain.c.id).where(within_bound(Domain.c.path, "listed"))
        return [("below", column.in_(below), binds_within("listed", domain.path))]
    return [("domain", column == sa.bindparam("domain"), {"domain": domain.id})]


class OwnedView(View):
    """The fields that tell an owner. `of` must be an owned resource."""

    def __init_subclass__(cls, *, of: Any = None, key: str = "", joins: Any = ()) -> None:
        if of is not None and not cls.joins:  # a view of an owned view has them already
            whose = [(Account, Account.c.id == of.c.account_id), (Project, Project.c.account_id == of.c.account_id)]
            joins = [*whose, (Domain, Domain.c.id == of.c.domain_id), *joins]
        super().__init_subclass__(of=of, key=key, joins=joins)

    account = field(sa.case((Account.c.type_ != PROJECT, Account.c.name)), "the account that owns it, if no project does")
    projectid = field(Project.c.uuid, "the project that owns it")
    project = field(Project.c.name, "the name of that project")
    domainid = field(Domain.c.uuid, "the domain of that account or project")
    domain = field(Domain.c.name, "the name of that domain")
    domainpath = field(Domain.c.path, "the path of that domain", convert=shown_path)


class OwnedList(List):
    """A list of owned resources."""

    of_projects: ClassVar[bool] = True  # whether projects own some of them

    account: str | None = param("only those of this account, given with domainid")
    domain: Ref[Domain] | None = param("only those of this domain")
    list_all: bool = param("all that the caller may see, not only its own", default=False)
    is_recursive: bool = param("with domainid or listall: those of the domains below, too", default=False)
    project: Ref[Project] | None = param(
        "only those of this project; -1 for those of all projects, with listall those of accounts, too", passed=ALL_PROJECTS
    )

    def owner_columns(self) -> tuple[Any, Any]:
        """The columns of the owning account and its domain."""
        of: Any = self._view().of
        if "account_id" not in of.c:
            raise RuntimeError(f"BUG: {self.api.name} lists {of.kind}, which nobody owns (OwnedListOfUnowned)")
        return of.c.account_id, of.c.domain_id

    def narrow(self, reader: Reader, caller: Caller) -> Narrowed:
        return self.of_owner(reader, caller)

    def of_owner(self, reader: Reader, caller: Caller) -> Narrowed:
        """What the parameters that name an owner leave."""
        account_id, domain_id = self.owner_columns()
        project: Any = self.project
        if self.account is not None:
            if project is not None:
                raise ParamError("Parameters account and projectid name two owners: give one of them", param="projectid")
            account = account_named(reader, caller, self.account, self.domain.id if self.domain else caller.domain_id)
            return [("account", account_id == sa.bindparam("account"), {"account": account.id})]
        if isinstance(project, Project):
            return [("account", account_id == sa.bindparam("account"), {"account": project.account_id})]
        named = self.__dict__.get("id") or self.__dict__.get("ids")  # who names one means it, whoever owns it
        if named and project is None:
            return self._open(reader, caller)
        within = of_domain(domain_id, self.domain, self.is_recursive) if self.domain else []
        if project == ALL_PROJECTS:
            return [*within, *self._of_projects(reader, caller)]
        return [*within, *self._of_accounts(caller)]

    def left_out(self, shapes: tuple[str, ...]) -> Any:
        """What projects own."""
        return self.owner_columns()[0].in_(sa.select(Project.c.account_id)) if shapes == ("of accounts",) else None

    def _of_projects(self, reader: Reader, caller: Caller) -> Narrowed:
        """Those of all projects; with listall those of accounts, too."""
        account_id, _ = self.owner_columns()
        if caller.kind is Kind.USER:
            owners = of_all_projects(reader, caller, self.api.name, self.list_all)
            among: Any = sa.bindparam("owners", expanding=True)
            return [("owners", account_id.in_(among), {"owners": owners})]
        return [] if self.list_all else [("projects", account_id.in_(sa.select(Project.c.account_id)), {})]

    def _of_accounts(self, caller: Caller) -> Narrowed:
        """Those of the caller's account, or of all; not those of projects."""
        account_id, _ = self.owner_columns()
        user = caller.kind is Kind.USER
        plain = not hasattr(self._view().of, "access")  # others show also what is shared with the caller
        if (user and plain) or not (user or self.domain or self.list_all):
            return [("own", account_id == sa.bindparam("caller_account"), {})]
        return [("of accounts", account_id.not_in(sa.select(Project.c.account_id)), {})] if self.of_projects else []

    def _open(self, reader: Reader, caller: Caller) -> Narrowed:
        """Not those of projects in which the caller's role does not allow this list."""
        accounts = closed(reader, caller, self.api.name)
        among: Any = sa.bindparam("closed", expanding=True)
        return [("open", self.owner_columns()[0].not_in(among), {"closed": accounts})] if accounts else []
