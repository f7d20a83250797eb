"""The rows of projects: the project, its members, their roles and the rules of those, invitations.

A project has an account of its own (type PROJECT): what that account owns is the project's. All rows here but members belong to
that account; a membership belongs to the member's.
"""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Kind, Use, below_caller, owned_by_caller, projects_of_caller
from cloudwright.core.resource import Owned, column
from cloudwright.core.secret import Secret
from cloudwright.core.tally import Counted, Counts

ACTIVE, SUSPENDED, DISABLED = "Active", "Suspended", "Disabled"
"""States: Disabled while it is being deleted."""
PENDING, COMPLETED, EXPIRED, DECLINED = "Pending", "Completed", "Expired", "Declined"
"""States of invitations. Pending ones expire by the clock."""


class Project(Owned, table="project", unique=[("domain_id", "name"), ("account_id",)]):
    """A project. `account_id` is the account that owns what is the project's."""

    name: str
    display_text: str
    state: str = ACTIVE

    @classmethod
    def access(cls, kind: Kind, use: Use) -> sa.ColumnElement[bool]:
        """Its members, and the administrators of its domain and above; only its administrators and those change it."""
        return managed_by_caller(cls, kind) if use is Use.CHANGE else owned_by_caller(cls, kind)


class ProjectMember(
    Owned,
    table="project_member",
    unique=[("project_id", "account_id", "user_id")],
    indexes=[("account_id", "project_account_id", "user_id", "admin")],
):
    """An account that is in a project; or, with `user_id`, one user of it alone."""

    project_id: int
    project_account_id: int = column(refers="account")
    user_id: int = column(refers="user_", default=0)
    admin: bool = False
    role_id: int = column(refers="project_role", default=0)

    def tally(self) -> Counts:
        """An administrator's account has the project, as its limit of projects counts."""
        return {Counted.PROJECT: 1} if self.admin else {}


class ProjectRole(Owned, table="project_role", unique=[("project_id", "name")]):
    """A named set of rules that say what members with it may do in the project, beside their account's role."""

    project_id: int
    name: str
    description: str = ""

    @classmethod
    def access(cls, kind: Kind, use: Use) -> sa.ColumnElement[bool]:
        """Looked at by members, changed by those who may change the project."""
        return managed_by_caller(cls, kind) if use is Use.CHANGE else owned_by_caller(cls, kind)


class ProjectRule(Owned, table="project_role_rule", indexes=[("role_id", "sort")]):
    """A rule of a project's role: an API name, `*` matching any run of word characters. The first that matches decides."""

    role_id: int
    rule: str
    allow: bool
    sort: int
    description: str = ""

    @classmethod
    def access(cls, kind: Kind, use: Use) -> sa.ColumnElement[bool]:
        """As its role."""
        return managed_by_caller(cls, kind) if use is Use.CHANGE else owned_by_caller(cls, kind)


class ProjectInvitation(Owned, table="project_invitation", indexes=[("project_id", "id"), ("member_id",)]):
    """An invitation of an account (`member_id`), of one user of it (`user_id`), or by mail to whoever has the token."""

    project_id: int
    member_id: int = 0
    user_id: int = column(refers="user_", default=0)
    email: str | None = None
    token: Secret | None = None
    admin: bool = False
    role_id: int = 0
    state: str = PENDING
    expires: float = 0.0

    @classmethod
    def access(cls, kind: Kind, use: Use) -> sa.ColumnElement[bool]:
        """The project's administrators; and, to look at, whoever is invited."""
        managed = managed_by_caller(cls, kind)
        return managed if use is Use.CHANGE else sa.or_(managed, invites_caller())

    @property
    def open(self) -> bool:
        """Whether it can be accepted still."""
        return self.state == PENDING and self.expires > time.time()


def invites_caller() -> sa.ColumnElement[bool]:
    """The invitation is for the caller's account, or for the caller alone."""
    of: Any = ProjectInvitation.c
    itself = sa.or_(of.user_id == sa.literal_column("0"), of.user_id == sa.bindparam("caller_user"))
    return sa.and_(of.member_id == sa.bindparam("caller_account"), itself)


def managed_by_caller(of: Any, kind: Kind) -> sa.ColumnElement[bool]:
    """What is a project's may be changed by its administrators, and by those of its domain and above."""
    if kind is Kind.DOMAIN:
        return below_caller(of.c.domain_id)
    managed: sa.ColumnElement[bool] = of.c.account_id.in_(projects_of_caller(admin=True))
    return managed
