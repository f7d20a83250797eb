"""Invitations to projects: of an account or user by name, or by mail to whoever then shows the token."""

from __future__ import annotations

import hmac
import secrets
import time
from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Kind, Use
from cloudwright.core.command import Command
from cloudwright.core.error import ParamError
from cloudwright.core.listing import Condition, List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.record import Record, changed
from cloudwright.core.resource import Seconds
from cloudwright.core.secret import Secret
from cloudwright.core.setting import setting
from cloudwright.core.task import Task
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, computed, field
from cloudwright.identity.model import Account, Domain, User
from cloudwright.identity.owner import ALL_PROJECTS, account_named, of_domain, shown_path
from cloudwright.identity.project import letter
from cloudwright.identity.project.command import check_active
from cloudwright.identity.project.membership import Wanted, join
from cloudwright.identity.project.model import (
    COMPLETED,
    DECLINED,
    EXPIRED,
    PENDING,
    Project,
    ProjectInvitation,
    ProjectRole,
    invites_caller,
)

REQUIRED = setting(
    "project.invite.required", False, "whether accounts and users join a project only by accepting an invitation",
    category="Project Defaults",
)  # fmt: skip
TIMEOUT = setting(
    "project.invite.timeout", 86400, "seconds in which an invitation can be accepted", minimum=1, category="Project Defaults"
)
_c = ProjectInvitation.c


def invite(tx: Tx, project: Project, who: Wanted, email: str | None) -> Task:
    """Store an invitation in the place of one to the same that is no longer open. Answers the task that is left: to mail its
    token, where it goes by mail. Raises ParamError when one is open, Unavailable when mail is not set up."""
    about: dict[str, Any] = {"member_id": who.account.id if who.account else 0, "user_id": who.user.id if who.user else 0}
    _make_way(tx, project, about, email)
    token = Secret(secrets.token_urlsafe(24)) if email is not None else None
    whose: dict[str, Any] = {"account_id": project.account_id, "domain_id": project.domain_id, "project_id": project.id}
    row = ProjectInvitation(
        **whose, **about, email=email, token=token, admin=who.admin, role_id=who.role.id if who.role else 0,
        expires=tx.now + TIMEOUT.get(tx),
    )  # fmt: skip
    tx.insert(row)
    if email is None:
        return changed(f"an invitation to project {project.name} waits to be accepted")
    letter.post(tx)  # refuses now what could not be sent later
    return letter.MailInvitation(invitation=row.id)


def _make_way(tx: Tx, project: Project, about: dict[str, Any], email: str | None) -> None:
    same = [_c.project_id == project.id, *(_c[name] == value for name, value in about.items())]
    same.append(_c.email.is_(None) if email is None else _c.email == email)
    for old in tx.all(ProjectInvitation, *same):
        if old.open:
            text = f"An invitation of the same to project {project.name} is open already"
            raise ParamError(
                text, param="email" if email else "account", fix=["delete that one to invite anew (deleteProjectInvitation)"]
            )
        tx.remove(old)


def _told_state(row: dict[str, Any], caller: Caller) -> str:
    return EXPIRED if row["_state"] == PENDING and row["_expires"] <= time.time() else str(row["_state"])


class InvitationView(
    View,
    of=ProjectInvitation,
    key="projectinvitation",
    joins=[
        (Project, Project.c.id == _c.project_id),
        (Account, Account.c.id == _c.member_id),
        (User, User.c.id == _c.user_id),
        (Domain, Domain.c.id == _c.domain_id),
    ],
):
    """An invitation, without its token."""

    id = field(_c.uuid, "the invitation's id")
    projectid = field(Project.c.uuid, "the project")
    project = field(Project.c.name, "its name")
    account = field(Account.c.name, "the account that is invited")
    userid = field(User.c.uuid, "the user who is invited alone")
    email = field(_c.email, "the address that the token was mailed to")
    domainid = field(Domain.c.uuid, "the domain of the project")
    domain = field(Domain.c.name, "the name of that domain")
    domainpath = field(Domain.c.path, "the path of that domain", convert=shown_path)
    _state = field(_c.state, "")
    _expires = field(_c.expires, "", "double")
    state = computed(_told_state, "Pending, Completed (accepted), Declined or Expired")


_STATES: dict[str, Condition] = {
    PENDING: sa.and_(_c.state == PENDING, _c.expires > sa.bindparam("now", type_=Seconds)),
    EXPIRED: sa.and_(_c.state == PENDING, _c.expires <= sa.bindparam("now", type_=Seconds)),
    COMPLETED: _c.state == COMPLETED,
    DECLINED: _c.state == DECLINED,
}


class ListProjectInvitations(List, answers=InvitationView, keywords=[_c.email], since="3.0.0"):
    """Lists invitations: the caller's own, or with projectid those to a project that the caller administers; for administrators
    of domains with listall all."""

    id: str | None = where(_c.uuid, "only this one", kind="uuid")
    project: Ref[Project] | None = where(
        _c.project_id, "only those to this project; -1 for all that the caller may see", use=Use.SEE, passed=ALL_PROJECTS
    )
    user: str | None = where(
        lambda bind: _c.user_id.in_(sa.select(User.c.id).where(User.c.uuid == bind)), "only those of this user",
        wire_name="userid", kind="uuid",
    )  # fmt: skip
    account: str | None = param("only those of this account, given with domainid")
    domain: Ref[Domain] | None = param("only those to projects of this domain")
    state: str | None = param("only those in this state", choices=tuple(_STATES))
    active_only: bool = param("only those that can be accepted now", default=False)
    list_all: bool = param("all that the caller may see, not only its own", default=False)
    is_recursive: bool = param("with domainid: those of the domains below, too", default=False)

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        chosen = self._whose(reader, caller)
        for state in {PENDING} if self.active_only else set():
            chosen.append(("active", _STATES[state], {"now": time.time()}))
        if self.state is not None:
            state = self.state.capitalize()
            chosen.append((state, _STATES[state], {"now": time.time()} if state in (PENDING, EXPIRED) else {}))
        return chosen

    def _whose(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        if self.account is not None:
            account = account_named(reader, caller, self.account, self.domain.id if self.domain else caller.domain_id)
            return [("account", _c.member_id == sa.bindparam("account"), {"account": account.id})]
        if self.project is not None or self.id is not None:
            return []
        if self.domain is not None and caller.kind is not Kind.USER:
            return of_domain(_c.domain_id, self.domain, self.is_recursive)
        if self.list_all and caller.kind is not Kind.USER:
            return []
        return [("mine", invites_caller(), {})]


class UpdateProjectInvitation(Command, starts=Record, event="PROJECT.INVITATION.UPDATE", form="success", since="3.0.0"):
    """Accepts or declines an invitation: of an account or user to whom it was made, or by the token that was mailed."""

    project: str = param("the project", wire_name="projectid", kind="uuid")
    account: str | None = param("the account that shall be in it; without, the caller's own")
    user: Ref[User] | None = param("the user of it who is invited alone")
    token: str | None = param("the token that was mailed")
    accept: bool = param("false: decline", default=True)

    def run(self, tx: Tx, caller: Caller) -> Account:
        project = tx.find(Project, Project.c.uuid == self.project)
        account = self._account(tx, caller)
        found = self._invitation(tx, caller, project, account) if project is not None else None
        if project is None or found is None or account.domain_id != project.domain_id:
            text = f"Parameter projectid: there is no open invitation to project {self.project} for account {account.name}"
            raise ParamError(
                text, param="projectid", fix=["see which are open (listProjectInvitations)", "ask to be invited again"]
            )
        if self.accept:
            check_active(project, "nobody can be added to it")
            user = tx.get(User, found.user_id) if found.user_id else None
            role = tx.find(ProjectRole, ProjectRole.c.id == found.role_id)
            join(tx, project, Wanted(account, user, found.admin, role))
        tx.update(found, state=COMPLETED if self.accept else DECLINED, token=None)
        did = "accepted" if self.accept else "declined"
        self.start(tx, changed(f"account {account.name} {did} the invitation to project {project.name}"), account, caller)
        return account

    def _account(self, tx: Tx, caller: Caller) -> Account:
        if self.account is not None:
            return account_named(tx, caller, self.account, caller.domain_id)
        return tx.get(Account, self.user.account_id if self.user else caller.account_id)

    def _invitation(self, tx: Tx, caller: Caller, project: Project, account: Account) -> ProjectInvitation | None:
        rows = [row for row in tx.all(ProjectInvitation, _c.project_id == project.id, _c.state == PENDING) if row.open]
        if self.token is not None:
            given = self.token.encode()
            rows = [row for row in rows if row.token and hmac.compare_digest(row.token.reveal().encode(), given)]
            return next((row for row in rows if row.member_id in (0, account.id)), None)
        user = self.user.id if self.user else caller.user_id
        mine = [row for row in rows if row.member_id == account.id and row.email is None]
        return next((row for row in mine if row.user_id in (0, user)), None)


class DeleteProjectInvitation(Command, starts=Record, event="PROJECT.INVITATION.REMOVE", form="success", since="3.0.0"):
    """Takes an invitation back."""

    id: Ref[ProjectInvitation] = param("the invitation", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Project:
        project = tx.get(Project, self.id.project_id)
        tx.remove(self.id)
        self.start(tx, changed(f"an invitation to project {project.name} was taken back"), project, caller)
        return project
