"""Who is in a project, as what."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from cloudwright.core.access import Caller, Kind
from cloudwright.core.error import InUse, ParamError
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.model import Account, User
from cloudwright.identity.project.model import Project, ProjectInvitation, ProjectMember, ProjectRole


class Wanted(msgspec.Struct, frozen=True):
    """Who shall be in a project, as what. `account` is None for whoever has an invitation's token; `user` of it alone."""

    account: Account | None
    user: User | None = None
    admin: bool = False
    role: ProjectRole | None = None


def members(reader: Reader, project: Project) -> list[ProjectMember]:
    """All members, the administrators among them."""
    return reader.all(ProjectMember, ProjectMember.c.project_id == project.id)


def member(reader: Reader, project: Project, account: Account, user: User | None = None) -> ProjectMember | None:
    """An account as a member of a project; or one user of it, if that alone is."""
    same = (ProjectMember.c.project_id == project.id, ProjectMember.c.account_id == account.id)
    return reader.find(ProjectMember, *same, ProjectMember.c.user_id == (user.id if user else 0))


def known_member(reader: Reader, project: Project, account: str | None, user: str | None) -> ProjectMember:
    """The member that a command names: an account by its name, or a user alone by its id. Raises ParamError, the same for what
    does not exist as for what is no member."""
    of = sa.select(ProjectMember.t).where(ProjectMember.c.project_id == project.id, ProjectMember.c.gone == 0)
    if user is not None:
        named = of.join(User.t, User.c.id == ProjectMember.c.user_id).where(User.c.uuid == user)
    else:
        named = of.join(Account.t, Account.c.id == ProjectMember.c.account_id)
        named = named.where(Account.c.name == account, ProjectMember.c.user_id == 0)
    row = reader.one(named)
    if row is None:
        param, text = ("userid", f"user {user}") if user is not None else ("account", f"account {account!r}")
        raise ParamError(f"Parameter {param}: there is no {text} in project {project.name}", param=param)
    return ProjectMember.load(row)


def join(tx: Tx, project: Project, who: Wanted) -> ProjectMember:
    """Make an account a member, or one user of it. An account takes the place of its users. Raises ParamError if it is one."""
    account, user = who.account, who.user
    if account is None:
        raise RuntimeError(f"BUG: nobody joins {project!r} (JoinWithoutAccount)")
    check_new(tx, project, account, user)
    if user is None:
        for one in tx.all(ProjectMember, ProjectMember.c.project_id == project.id, ProjectMember.c.account_id == account.id):
            tx.remove(one)
    about: dict[str, Any] = {"project_id": project.id, "project_account_id": project.account_id, "admin": who.admin}
    about |= {"user_id": user.id if user else 0, "role_id": who.role.id if who.role else 0}
    return tx.insert(ProjectMember(account_id=account.id, domain_id=account.domain_id, **about))


def check_new(reader: Reader, project: Project, account: Account, user: User | None) -> None:
    """Refuse who is a member already. Raises ParamError."""
    if member(reader, project, account) is not None:
        raise ParamError(f"Account {account.name} is in project {project.name} already", param="account")
    if user is not None and member(reader, project, account, user) is not None:
        raise ParamError(f"User {user.username} is in project {project.name} already", param="username")


def leave(tx: Tx, project: Project, one: ProjectMember) -> None:
    """End a membership. Raises ParamError for the last administrator."""
    if one.admin:
        check_other_admin(tx, project, one, "leave")
    tx.remove(one)


def check_other_admin(reader: Reader, project: Project, one: ProjectMember, what: str) -> None:
    """Refuse when nobody else administers a project. Raises ParamError."""
    if not any(other.admin and other.id != one.id for other in members(reader, project)):
        text = f"Project {project.name} has no other administrator: this one cannot {what}"
        raise ParamError(text, fix=["make another member an administrator first, with updateProject"])


def administers(reader: Reader, caller: Caller, project: Project) -> bool:
    """Whether the caller may change a project that it sees."""
    if caller.kind is not Kind.USER:
        return True
    mine = (ProjectMember.c.project_id == project.id, ProjectMember.c.account_id == caller.account_id)
    return any(one.admin for one in reader.all(ProjectMember, *mine, ProjectMember.c.user_id.in_([0, caller.user_id])))


def check_succeeded(reader: Reader, account: Account, user: User | None = None) -> None:
    """Refuse to let an account (or one user of it) go while it alone administers a project. Raises InUse naming the projects."""
    whose = (ProjectMember.c.account_id == account.id, *((ProjectMember.c.user_id == user.id,) if user else ()))
    mine = reader.all(ProjectMember, *whose, ProjectMember.c.admin.is_(True))
    leaving = {one.id for one in mine}
    projects = [reader.get(Project, id) for id in sorted({one.project_id for one in mine})]
    alone = [p.name for p in projects if not any(one.admin and one.id not in leaving for one in members(reader, p))]
    if alone:
        what, name = ("User", user.username) if user else ("Account", account.name)
        text = f"{what} {name} is the only administrator of {len(alone)} projects ({', '.join(alone[:3])})"
        raise InUse(text, fix=["make another member an administrator with updateProject", "or delete the projects first"])


def _dissolve(tx: Tx, project: Any) -> None:
    for one in members(tx, project):
        tx.remove(one)


def _uninvite(tx: Tx, account: Any) -> None:
    for one in tx.all(ProjectInvitation, ProjectInvitation.c.member_id == account.id):
        tx.remove(one)


def let_go(tx: Tx, user: Any) -> None:
    """End what a user has alone in projects: memberships and invitations."""
    for kind in (ProjectMember, ProjectInvitation):
        for one in tx.all(kind, kind.c.user_id == user.id):
            tx.remove(one)


Project.with_it = (*Project.with_it, _dissolve)
Account.with_it = (*Account.with_it, _uninvite)
User.with_it = (*User.with_it, let_go)
