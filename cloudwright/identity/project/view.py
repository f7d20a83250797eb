"""What projects look like in answers."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.view import View, field, many
from cloudwright.identity.model import Account, Domain, User
from cloudwright.identity.project.model import Project, ProjectMember

_vm: Any = sa.table("vm", sa.column("account_id"), sa.column("state"), sa.column("gone"))
_member = ProjectMember.c


def _machines(*states: str) -> Any:
    count = sa.select(sa.func.count()).select_from(_vm)
    mine = count.where(_vm.c.account_id == Project.c.account_id, _vm.c.state.in_(states), _vm.c.gone == 0)
    return mine.correlate(Project.t).scalar_subquery()


class ProjectView(
    View,
    of=Project,
    key="project",
    joins=[(Domain, Domain.c.id == Project.c.domain_id), (Account, Account.c.id == Project.c.account_id)],
):
    """A project with its administrators."""

    id = field(Project.c.uuid, "the project's id")
    name = field(Project.c.name, "its name, unique in its domain")
    displaytext = field(Project.c.display_text, "what it is for")
    domainid = field(Domain.c.uuid, "its domain")
    domain = field(Domain.c.name, "the name of its domain")
    projectaccountname = field(Account.c.name, "the name of the account that owns what is the project's")
    state = field(Project.c.state, "Active, Suspended, or Disabled while it is being deleted")
    created = field(Project.c.created, "when it was made", "date")
    owner = many(
        ProjectMember, sa.and_(_member.project_id == Project.c.id, _member.admin.is_(True)),
        {"account": Account.c.name, "user": User.c.username, "userid": User.c.uuid}, "its administrators",
        joins=[(Account, Account.c.id == _member.account_id), (User, User.c.id == _member.user_id)],
    )  # fmt: skip
    vmrunning = field(_machines("Running"), "how many of its instances run", "integer")
    vmstopped = field(_machines("Stopped"), "how many of its instances are stopped", "integer")
