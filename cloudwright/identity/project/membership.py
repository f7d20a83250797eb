"""Who is in a project, as what."""

from __future__ import annotations

import sqlalchemy as sa

from cloudwright.core.access import Caller, Kind
from cloudwright.core.error import ParamError
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.model import Account, User
from cloudwright.identity.project.model import Project, ProjectMember, ProjectRole


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


def join(
    tx: Tx, project: Project, account: Account, user: User | None = None, admin: bool = False, role: ProjectRole | None = None
) -> ProjectMember:
    """Make an account a member, or one user of it. An account takes the place of its users. Raises ParamError if it is one."""
    check_new(tx, project, account, user)
    if user is None:
        for one in tx.all(ProjectMember, ProjectMember.c.project_id == project.id, ProjectMember.c.account_id == account.id):
            tx.remove(one)
    about = {"project_id": project.id, "project_account_id": project.account_id, "user_id": user.id if user else 0}
    whose = {"account_id": account.id, "domain_id": account.domain_id}
    return tx.insert(ProjectMember(**about, **whose, admin=admin, role_id=role.id if role else 0))


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
