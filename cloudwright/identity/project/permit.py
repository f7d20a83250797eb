"""What a member may do in a project: what the role that it has there says beside its account's role. Both must allow.

The rules of a role are asked in their order, the first that matches decides; what none speaks of is allowed. Administrators of a
project are asked for none, nor are members without a role.
"""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from cloudwright.core.access import Caller, judges, projects_of_caller
from cloudwright.core.error import Unsupported, WrongState
from cloudwright.core.resource import Resource
from cloudwright.core.tx import Reader
from cloudwright.identity.permission import pattern
from cloudwright.identity.project.model import DISABLED, SUSPENDED, Project, ProjectMember, ProjectRole, ProjectRule

LIFE = frozenset({"activateProject", "deleteProject", "suspendProject", "updateProject"})
"""What may be done to a project that is not active."""


class Ruling(msgspec.Struct, frozen=True):
    """What a role says of a command, by which rule (None: none speaks of it) at which position, from 1."""

    role: ProjectRole
    rule: ProjectRule | None
    position: int
    allow: bool


_mine: Any = sa.and_(
    ProjectMember.c.account_id == sa.bindparam("caller_account"),
    sa.or_(ProjectMember.c.user_id == sa.literal_column("0"), ProjectMember.c.user_id == sa.bindparam("caller_user")),
    ProjectMember.c.gone == 0,
)
_MEMBERSHIPS = sa.select(ProjectMember.c.project_account_id).where(_mine)
_ROLES = (
    sa.select(ProjectMember.c.project_account_id, ProjectMember.c.role_id)
    .where(_mine, ProjectMember.c.admin.is_(False), ProjectMember.c.role_id != 0)
)  # fmt: skip
_PROJECTS = sa.select(Project.t).where(
    Project.c.account_id.in_(sa.bindparam("owners", expanding=True)), Project.c.account_id.in_(projects_of_caller())
)


def ruling(reader: Reader, role: ProjectRole, command: str) -> Ruling:
    """What a role says of a command."""
    rules = sorted(reader.all(ProjectRule, ProjectRule.c.role_id == role.id), key=lambda rule: (rule.sort, rule.id))
    for position, rule in enumerate(rules, 1):
        if pattern(rule.rule).fullmatch(command):
            return Ruling(role, rule, position, rule.allow)
    return Ruling(role, None, 0, True)


def rulings(reader: Reader, caller: Caller, command: str) -> dict[int, Ruling]:
    """What the roles of the caller in its projects say of a command, by the account of the project."""
    rows = reader.rows(_ROLES, caller.binds())
    return {row.project_account_id: ruling(reader, reader.get(ProjectRole, row.role_id), command) for row in rows}


def barred(reader: Reader, caller: Caller, command: str) -> list[int]:
    """The accounts of the projects in which the caller's role there does not allow a command."""
    return [account for account, said in rulings(reader, caller, command).items() if not said.allow]


def permitted(reader: Reader, caller: Caller, command: str) -> list[int]:
    """The accounts of the projects in which the caller is, and its role there allows a command."""
    mine = {row.project_account_id for row in reader.rows(_MEMBERSHIPS, caller.binds())}
    return sorted(mine - set(barred(reader, caller, command))) if mine else []


def judge(reader: Reader, caller: Caller, command: str, changes: bool, rows: list[Resource]) -> None:
    """Refuse what a command names when a project owns it whose rules, or whose state, do not allow the command.

    Raises Unsupported or WrongState.
    """
    owners = sorted({row.__dict__["account_id"] for row in rows})
    projects = [Project.load(row) for row in reader.rows(_PROJECTS, {"owners": owners, **caller.binds()})]
    said = rulings(reader, caller, command) if projects else {}
    for project in projects:
        word = said.get(project.account_id)
        if word is not None and not word.allow:
            rule = f"rule {word.position} of it is deny {word.rule.rule}" if word.rule else ""
            text = f"The API command {command} is not allowed in project {project.name} for members with role {word.role.name}"
            raise Unsupported(text, why=[rule], fix=["ask an administrator of the project"])
        if changes and project.state in (SUSPENDED, DISABLED) and command not in LIFE:
            raise WrongState(
                f"Project {project.name} is {project.state}: what it owns cannot be used",
                fix=["activate it first (activateProject)"],
            )


judges.append(judge)
