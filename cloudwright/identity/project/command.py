"""Making, changing and listing projects."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Kind, Use, projects_of_caller
from cloudwright.core.command import Command
from cloudwright.core.error import Denied, ParamError, WrongState
from cloudwright.core.listing import Condition, where
from cloudwright.core.param import Ref, param
from cloudwright.core.record import Record, changed, created
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity import model
from cloudwright.identity.belongings import belongs
from cloudwright.identity.limit_view import Brief
from cloudwright.identity.model import Account, Domain, User
from cloudwright.identity.owner import account_named, of_domain
from cloudwright.identity.project.membership import Wanted, check_other_admin, join, known_member
from cloudwright.identity.project.model import (
    ACTIVE,
    Project,
    ProjectInvitation,
    ProjectMember,
    ProjectRole,
    ProjectRule,
)
from cloudwright.identity.project.view import ProjectView

BY_USERS = setting("allow.user.create.projects", True, "whether users may make projects", category="Project Defaults")
ROLES = ("Admin", "Regular")
"""What a member is."""

OF_PROJECTS = (Project, ProjectMember, ProjectRole, ProjectRule, ProjectInvitation)
"""Kinds that make up a project."""
for _kind in OF_PROJECTS:
    belongs(_kind)


class CreateProject(Command, answers=ProjectView, creates=Project, starts=Record, event="PROJECT.CREATE", since="3.0.0"):
    """Makes a project. Its owner is the caller, or whom an administrator names."""

    name: str = param("its name, unique in its domain")
    display_text: str | None = param("what it is for; without, its name")
    account: str | None = param("the account that shall administer it, given with domainid; without, the caller's own")
    domain: Ref[Domain] | None = param("the domain of that account, and of the project")
    account_: Ref[Account] | None = param("the account that shall administer it, by its id", wire_name="accountid")
    user: Ref[User] | None = param("the user of that account who shall administer it alone", since="4.15.0")

    def run(self, tx: Tx, caller: Caller) -> Project:
        if caller.kind is Kind.USER and not BY_USERS.get(tx):
            raise Denied("Users may not make projects here", why=["setting allow.user.create.projects is false"])
        account = self._owner(tx, caller)
        if self.user is not None and self.user.account_id != account.id:
            raise ParamError(f"Parameter userid: user {self.user.username} is not of account {account.name}", param="userid")
        domain = tx.lock(tx.get(Domain, account.domain_id))
        if domain.gone or domain.state != "Active":
            raise WrongState(f"Domain {domain.path} is being deleted: no project can be made in it", param="domainid")
        if tx.find(Project, Project.c.domain_id == domain.id, Project.c.name == self.name) is not None:
            raise ParamError(f"Parameter name: there is already a project {self.name!r} in domain {domain.path}", param="name")
        project = make(tx, self.name, self.display_text or self.name, domain)
        join(tx, project, Wanted(account, self.user, admin=True))
        self.start(tx, created(project, f"project {project.name} is there"), project, caller)
        return project

    def _owner(self, tx: Tx, caller: Caller) -> Account:
        if self.account_ is not None:
            if self.account is not None and self.account != self.account_.name:
                raise ParamError("Parameters account and accountid name two accounts: give one of them", param="accountid")
            return self.account_
        if self.account is not None:
            return account_named(tx, caller, self.account, self.domain.id if self.domain else caller.domain_id)
        return tx.get(Account, self.user.account_id if self.user else caller.account_id)


def make(tx: Tx, name: str, text: str, domain: Domain) -> Project:
    """Store a project and the account that owns what is its."""
    role = 4  # of users; nobody calls as this account
    about: dict[str, Any] = {"role_id": role, "type_": model.PROJECT, "network_domain": domain.network_domain}
    account = tx.insert(Account(name=f"PrjAcct-{name[:200]}-{domain.id}", domain_id=domain.id, **about))
    return tx.insert(Project(account_id=account.id, domain_id=domain.id, name=name, display_text=text))


class UpdateProject(Command, answers=ProjectView, starts=Record, event="PROJECT.UPDATE", since="3.0.0"):
    """Changes a project, or what a member is in it."""

    id: Ref[Project] = param("the project", use=Use.CHANGE)
    name: str | None = param("its new name", since="4.19.0")
    display_text: str | None = param("what it is for")
    account: str | None = param("the member that becomes an administrator, or what roletype says")
    user: str | None = param("the member, where it is a user alone", wire_name="userid", kind="uuid")
    role_type: str | None = param("what that member shall be", choices=ROLES)
    swap_owner: bool | None = param("true, the default without roletype: the administrators of before become regular")

    def run(self, tx: Tx, caller: Caller) -> Project:
        values = {"name": self.name, "display_text": self.display_text}
        values = {name: value for name, value in values.items() if value is not None}
        if values:
            tx.update(self.id, **values)
        if self.account is not None or self.user is not None:
            self._appoint(tx)
        elif self.role_type is not None:
            raise ParamError("Parameter roletype was given without account or userid: whom does it mean?", param="account")
        self.start(tx, changed(f"project {self.id.name} is changed"), self.id, caller)
        return self.id

    def _appoint(self, tx: Tx) -> None:
        one = known_member(tx, self.id, self.account, self.user)
        swap = self.swap_owner if self.swap_owner is not None else self.role_type is None
        admin = (self.role_type or "Admin").lower() == "admin"
        if not admin and swap:
            text = "Parameter swapowner: whoever becomes a regular member takes no administrator's place"
            raise ParamError(text, param="swapowner", fix=["give swapowner=false"])
        if not admin and one.admin:
            check_other_admin(tx, self.id, one, "become a regular member")
        if one.admin != admin:
            tx.update(one, admin=admin)
        others = (ProjectMember.c.project_id == self.id.id, ProjectMember.c.admin.is_(True), ProjectMember.c.id != one.id)
        for other in tx.all(ProjectMember, *others) if swap else []:
            tx.update(other, admin=False)


def _of_user(bind: Any) -> Condition:
    named = sa.select(User.c.id, User.c.account_id).where(User.c.username == bind, User.c.gone == 0).subquery()
    itself = sa.or_(ProjectMember.c.user_id == 0, ProjectMember.c.user_id == named.c.id)
    theirs = sa.select(ProjectMember.c.project_id).join(named, named.c.account_id == ProjectMember.c.account_id)
    return Project.c.id.in_(theirs.where(itself, ProjectMember.c.gone == 0))


class ListProjects(Brief, answers=ProjectView, keywords=[Project.c.name, Project.c.display_text], since="3.0.0"):
    """Lists projects: those that the caller is in; with listall, for administrators, all of their domains."""

    id: Ref[Project] | None = where(Project.c.id, "only this one")
    name: str | None = where(Project.c.name, "only the one of this name")
    display_text: str | None = where(Project.c.display_text, "only those with this text")
    state: str | None = where(lambda bind: sa.func.lower(Project.c.state) == sa.func.lower(bind), "only those in this state")
    username: str | None = where(_of_user, "only those that a user of this name is in")
    account: str | None = param("only those that this account is in, given with domainid")
    domain: Ref[Domain] | None = param("only those of this domain")
    list_all: bool = param("all that the caller may see, not only those it is in", default=False)
    is_recursive: bool = param("with domainid: those of the domains below, too", default=False)

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        if self.account is not None:
            account = account_named(reader, caller, self.account, self.domain.id if self.domain else caller.domain_id)
            theirs = sa.select(ProjectMember.c.project_id).where(
                ProjectMember.c.account_id == sa.bindparam("account"), ProjectMember.c.gone == 0
            )
            return [("account", Project.c.id.in_(theirs), {"account": account.id})]
        if self.domain is not None:
            return of_domain(Project.c.domain_id, self.domain, self.is_recursive)
        if self.id is not None or self.list_all:
            return []
        return [("mine", Project.c.account_id.in_(projects_of_caller()), {})]


def check_active(project: Project, what: str) -> None:
    """Refuse for a project that is not active. Raises WrongState."""
    if project.state != ACTIVE:
        raise WrongState(
            f"Project {project.name} is {project.state}: {what}", param="projectid", fix=["activate it first (activateProject)"]
        )
