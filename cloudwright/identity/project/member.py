"""Adding, removing and listing the members of projects."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Use, like_prefix
from cloudwright.core.command import Command
from cloudwright.core.error import Denied, ParamError
from cloudwright.core.listing import Condition, List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.record import Record, changed
from cloudwright.core.task import Task
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, field, many
from cloudwright.identity.model import STATE_SHOWN, Account, Domain, User
from cloudwright.identity.owner import shown_path
from cloudwright.identity.project import invitation
from cloudwright.identity.project.command import ROLES, check_active
from cloudwright.identity.project.membership import Wanted, administers, check_new, join, known_member, leave
from cloudwright.identity.project.model import Project, ProjectMember, ProjectRole

EVERYBODY = ("Admin", "ResourceAdmin", "DomainAdmin", "User")
_c = ProjectMember.c
_alone = User.t.alias("alone")


class Adding(Command):
    """What adding an account and a user have alike."""

    project: Ref[Project] = param("the project", use=Use.CHANGE)
    email: str | None = param("the address that an invitation with a token is mailed to")
    project_role: Ref[ProjectRole] | None = param("its role in the project; without, its account's role alone decides")
    role_type: str | None = param("what it shall be; Regular where nothing is said", choices=ROLES)

    def admit(self, tx: Tx, caller: Caller, account: Account | None, user: User | None) -> Task:
        """Make the account or user a member, or invite it."""
        project, role = self.project, self.project_role
        check_active(project, "nobody can be added to it")
        if role is not None and role.project_id != project.id:
            raise ParamError(f"Parameter projectroleid: it is no role of project {project.name}", param="projectroleid")
        if account is not None:
            check_new(tx, project, account, user)
        wanted = Wanted(account, user, (self.role_type or "").lower() == "admin", role)
        if self.email is not None or invitation.REQUIRED.get(tx):
            return invitation.invite(tx, project, wanted, self.email)
        join(tx, project, wanted)
        name = user.username if user else account.name if account else ""
        return changed(f"{name} is in project {project.name}")

    def account_in(self, tx: Tx, name: str) -> Account:
        """The account of that name in the project's domain."""
        account = tx.find(Account, Account.c.domain_id == self.project.domain_id, Account.c.name == name)
        if account is None or account.id == self.project.account_id:
            text = f"Parameter account: there is no account {name!r} in the domain of project {self.project.name}"
            raise ParamError(text, param="account")
        return account


class AddAccountToProject(Adding, starts=Record, event="PROJECT.ACCOUNT.ADD", form="success", since="3.0.0"):
    """Makes an account a member of a project, or invites it: where invitations are asked for, and to an e-mail address."""

    account: str | None = param("the account, of the project's domain")

    def run(self, tx: Tx, caller: Caller) -> Project:
        if self.account is None and self.email is None:
            raise ParamError("addAccountToProject needs one of the parameters account and email", param="account")
        account = self.account_in(tx, self.account) if self.account is not None else None
        self.start(tx, self.admit(tx, caller, account, None), self.project, caller)
        return self.project


class AddUserToProject(Adding, starts=Record, event="PROJECT.USER.ADD", form="success", since="4.14", authorized=EVERYBODY):
    """Makes one user of an account a member of a project, or invites it."""

    username: str = param("the user, of the project's domain")

    def run(self, tx: Tx, caller: Caller) -> Project:
        users = tx.all(User, User.c.domain_id == self.project.domain_id, User.c.username == self.username)
        if len(users) != 1:
            number = f"there are {len(users)} users" if users else "there is no user"
            text = f"Parameter username: {number} {self.username!r} in the domain of project {self.project.name}"
            raise ParamError(text, param="username", fix=["add the account of the one you mean"] if users else [])
        user = users[0]
        self.start(tx, self.admit(tx, caller, tx.get(Account, user.account_id), user), self.project, caller)
        return self.project


class Leaving(Command):
    """What removing an account and a user have alike."""

    project: Ref[Project] = param("the project", use=Use.SEE)

    def end(self, tx: Tx, caller: Caller, one: ProjectMember) -> None:
        """End a membership: one's own, or any for administrators."""
        own = one.account_id == caller.account_id and one.user_id in (0, caller.user_id)
        if not own and not administers(tx, caller, self.project):
            raise Denied(f"Only administrators of project {self.project.name} remove others from it")
        leave(tx, self.project, one)


class DeleteAccountFromProject(Leaving, starts=Record, event="PROJECT.ACCOUNT.REMOVE", form="success", since="3.0.0"):
    """Removes an account from a project."""

    account: str = param("the account")

    def run(self, tx: Tx, caller: Caller) -> Project:
        self.end(tx, caller, known_member(tx, self.project, self.account, None))
        self.start(tx, changed(f"account {self.account} is no longer in project {self.project.name}"), self.project, caller)
        return self.project


class DeleteUserFromProject(
    Leaving, starts=Record, event="PROJECT.USER.REMOVE", form="success", since="4.15.0", authorized=EVERYBODY
):
    """Removes a user from a project that is in it alone, not through its account."""

    user: str = param("the user", wire_name="userid", kind="uuid")

    def run(self, tx: Tx, caller: Caller) -> Project:
        self.end(tx, caller, known_member(tx, self.project, None, self.user))
        self.start(tx, changed(f"user {self.user} is no longer in project {self.project.name}"), self.project, caller)
        return self.project


class MemberView(
    View,
    of=ProjectMember,
    key="projectaccount",
    joins=[
        (Project, Project.c.id == _c.project_id),
        (Account, Account.c.id == _c.account_id),
        (_alone, _alone.c.id == _c.user_id),
        (ProjectRole, ProjectRole.c.id == _c.role_id),
        (Domain, Domain.c.id == _c.domain_id),
    ],
):
    """A member of a project."""

    projectid = field(Project.c.uuid, "the project")
    project = field(Project.c.name, "its name")
    accountid = field(Account.c.uuid, "the account that is in it")
    account = field(Account.c.name, "the name of that account")
    accounttype = field(Account.c.type_, "the type of that account", "integer")
    userid = field(_alone.c.uuid, "the user that is in it alone")
    username = field(_alone.c.username, "the name of that user")
    role = field(sa.case((_c.admin.is_(True), "Admin"), else_="Regular"), "Admin or Regular", "string")
    projectroleid = field(ProjectRole.c.uuid, "its role in the project")
    domainid = field(Domain.c.uuid, "the domain of the account")
    domain = field(Domain.c.name, "the name of that domain")
    domainpath = field(Domain.c.path, "the path of that domain", convert=shown_path)
    user = many(
        User, sa.and_(User.c.account_id == _c.account_id, sa.or_(_c.user_id == 0, _c.user_id == User.c.id)),
        {
            "id": User.c.uuid, "username": User.c.username, "firstname": User.c.first_name, "lastname": User.c.last_name,
            "email": User.c.email, "state": STATE_SHOWN,
        },
        "the users that are in it",
    )  # fmt: skip


def _account(bind: Any) -> Condition:
    return _c.account_id.in_(sa.select(Account.c.id).where(Account.c.name == bind))


def _user(bind: Any) -> Condition:
    named = sa.select(User.c.id).where(User.c.uuid == bind)
    theirs = sa.select(User.c.account_id).where(User.c.uuid == bind)
    return sa.or_(_c.user_id.in_(named), sa.and_(_c.user_id == 0, _c.account_id.in_(theirs)))


class ListProjectAccounts(List, answers=MemberView, since="3.0.0"):
    """Lists the members of a project."""

    project: Ref[Project] = param("the project", use=Use.SEE, where=_c.project_id)
    account: str | None = where(_account, "only this account and its users")
    user: str | None = where(_user, "only this user, or its account", wire_name="userid", kind="uuid")
    role: str | None = where(
        lambda bind: _c.admin == (sa.func.lower(bind) == "admin"), "only the administrators, or only the others", choices=ROLES
    )
    project_role: Ref[ProjectRole] | None = where(_c.role_id, "only those with this role", use=Use.SEE)

    def scope(self, caller: Caller) -> Condition | None:
        return None  # whoever may look at the project may look at its members

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        if not self.keyword:
            return []
        like = sa.func.lower(Account.c.name).like(sa.bindparam("named"), escape="!")
        theirs = _c.account_id.in_(sa.select(Account.c.id).where(like))
        return [("named", theirs, {"named": "%" + like_prefix(self.keyword.lower())})]
