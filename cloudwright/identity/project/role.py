"""Roles of members in a project, and the rules of those: what a member may do there of what its account's role allows."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Query, Success, Told
from cloudwright.core.error import InUse, ParamError
from cloudwright.core.listing import List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, computed, field
from cloudwright.identity.project.member import EVERYBODY
from cloudwright.identity.project.model import Project, ProjectMember, ProjectRole, ProjectRule
from cloudwright.identity.rule import WORDS, bad_rule, reorder

_c, _rule = ProjectRole.c, ProjectRule.c


class ProjectRoleView(View, of=ProjectRole, key="projectrole", joins=[(Project, Project.c.id == _c.project_id)]):
    """A role of members of a project."""

    id = field(_c.uuid, "the role's id")
    name = field(_c.name, "its name, unique in the project")
    description = field(_c.description, "what it is for")
    projectid = field(Project.c.uuid, "its project")
    ispublic = computed(lambda row, _: True, "always true: all members see it", "boolean")


class ProjectRuleView(
    View,
    of=ProjectRule,
    key="projectrolepermission",
    joins=[(ProjectRole, _c.id == _rule.role_id), (Project, Project.c.account_id == _rule.account_id)],
):
    """A rule of a role of a project."""

    id = field(_rule.uuid, "the rule's id")
    projectid = field(Project.c.uuid, "its project")
    projectroleid = field(_c.uuid, "its role")
    projectrolename = field(_c.name, "the name of its role")
    rule = field(_rule.rule, "an API name; * stands for any run of word characters")
    permission = field(_rule.allow, "allow or deny", "string", convert=WORDS.__getitem__)
    description = field(_rule.description, "what it is for")


def _of(project: Project, role: ProjectRole, wire_name: str) -> None:
    if role.project_id != project.id:
        raise ParamError(f"Parameter {wire_name}: it is no role of project {project.name}", param=wire_name)


def _belongs(role: ProjectRole, rule: ProjectRule, wire_name: str) -> None:
    if rule.role_id != role.id:
        raise ParamError(f"Parameter {wire_name}: it is no rule of role {role.name}", param=wire_name)


class CreateProjectRole(Command, answers=ProjectRoleView, event="PROJECT.ROLE.CREATE", since="4.15.0", authorized=EVERYBODY):
    """Makes a role for members of a project. Without rules it allows all that their account's role does."""

    name: str = param("its name, unique in the project")
    project: Ref[Project] = param("the project", use=Use.CHANGE)
    description: str | None = param("what it is for")

    def run(self, tx: Tx, caller: Caller) -> ProjectRole:
        project = self.project
        whose: dict[str, Any] = {"project_id": project.id, "account_id": project.account_id, "domain_id": project.domain_id}
        return tx.insert(ProjectRole(name=self.name, description=self.description or "", **whose))


class UpdateProjectRole(Command, answers=ProjectRoleView, event="PROJECT.ROLE.UPDATE", since="4.15.0", authorized=EVERYBODY):
    """Changes a role of a project."""

    id: Ref[ProjectRole] = param("the role", use=Use.CHANGE)
    project: Ref[Project] = param("its project", use=Use.CHANGE)
    name: str | None = param("its new name")
    description: str | None = param("what it is for")

    def run(self, tx: Tx, caller: Caller) -> ProjectRole:
        _of(self.project, self.id, "id")
        wanted = {"name": self.name, "description": self.description}
        tx.update(self.id, **{name: value for name, value in wanted.items() if value is not None})
        return self.id


class DeleteProjectRole(Command, event="PROJECT.ROLE.DELETE", form="success", since="4.15.0", authorized=EVERYBODY):
    """Deletes a role of a project that no member has."""

    id: Ref[ProjectRole] = param("the role", use=Use.CHANGE)
    project: Ref[Project] = param("its project", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        _of(self.project, self.id, "id")
        having = tx.count(ProjectMember, ProjectMember.c.role_id == self.id.id)
        if having:
            text = f"Role {self.id.name} is the role of {having} members of project {self.project.name}: it cannot be deleted"
            raise InUse(text, fix=["remove them from the project first, and add them with another role"])
        for rule in _rules(tx, self.id):
            tx.remove(rule)
        tx.remove(self.id)
        return Success()


class ListProjectRoles(List, answers=ProjectRoleView, keywords=[_c.name], since="4.15.0", authorized=EVERYBODY):
    """Lists the roles of a project."""

    project: Ref[Project] = param("the project", use=Use.SEE, where=_c.project_id)
    project_role: str | None = where(_c.uuid, "only this one", kind="uuid", wire_name="projectroleid")
    name: str | None = where(_c.name, "only the one of this name")


def _rules(tx: Tx, role: ProjectRole) -> list[ProjectRule]:
    return sorted(tx.all(ProjectRule, _rule.role_id == role.id), key=lambda rule: (rule.sort, rule.id))


class ListProjectRolePermissions(Query, answers=ProjectRuleView, form="list", since="4.15.0", authorized=EVERYBODY):
    """Lists the rules of a role of a project, or of all its roles, in their order."""

    project: Ref[Project] = param("the project", use=Use.SEE)
    project_role: Ref[ProjectRole] | None = param("only those of this role", use=Use.SEE)

    def run(self, reader: Reader, caller: Caller) -> Told:
        page = sa.select(ProjectRule.t).where(_rule.gone == 0, _rule.account_id == sa.bindparam("owner"))
        page = page.order_by(_rule.role_id, _rule.sort, _rule.id)
        binds: dict[str, Any] = {"owner": self.project.account_id, **caller.binds()}
        if self.project_role is not None:
            _of(self.project, self.project_role, "projectroleid")
            page, binds = page.where(_rule.role_id == sa.bindparam("role")), {**binds, "role": self.project_role.id}
        statement = ProjectRuleView.statement(caller.kind, page, ("in order", self.project_role is None))
        return Told(ProjectRuleView.key, ProjectRuleView.answer(reader.rows(statement, binds), caller))


class CreateProjectRolePermission(
    Command, answers=ProjectRuleView, event="PROJECT.ROLE.PERMISSION.CREATE", since="4.15.0", authorized=EVERYBODY
):
    """Adds a rule after all others of a role."""

    project_role: Ref[ProjectRole] = param("the role", use=Use.CHANGE)
    project: Ref[Project] = param("its project", use=Use.CHANGE)
    rule: str = param("an API name; * stands for any run of word characters", check=bad_rule)
    permission: str = param("allow or deny", choices=tuple(WORDS.values()))
    description: str | None = param("what it is for")

    def run(self, tx: Tx, caller: Caller) -> ProjectRule:
        role, project = self.project_role, self.project
        _of(project, role, "projectroleid")
        last = max((rule.sort for rule in _rules(tx, role)), default=-1)
        whose: dict[str, Any] = {"role_id": role.id, "account_id": project.account_id, "domain_id": project.domain_id}
        says: dict[str, Any] = {
            "rule": self.rule,
            "allow": self.permission.lower() == "allow",
            "description": self.description or "",
        }
        return tx.insert(ProjectRule(sort=last + 1, **says, **whose))


class UpdateProjectRolePermission(
    Command, event="PROJECT.ROLE.PERMISSION.UPDATE", form="success", since="4.15.0", authorized=EVERYBODY
):
    """Puts the rules of a role in another order, or lets one allow or deny."""

    project_role: Ref[ProjectRole] = param("the role", use=Use.CHANGE)
    project: Ref[Project] = param("its project", use=Use.CHANGE)
    rule_order: list[Ref[ProjectRule]] | None = param("all rules of the role, as they shall come", wire_name="ruleorder")
    rule: Ref[ProjectRule] | None = param("one rule, given with permission", use=Use.CHANGE, wire_name="projectrolepermissionid")
    permission: str | None = param("allow or deny", choices=tuple(WORDS.values()))

    def run(self, tx: Tx, caller: Caller) -> Success:
        _of(self.project, self.project_role, "projectroleid")
        if self.rule_order and self.rule is None and self.permission is None:
            reorder(tx, self.project_role, _rules(tx, self.project_role), self.rule_order)
        elif self.rule is not None and self.permission is not None and not self.rule_order:
            _belongs(self.project_role, self.rule, "projectrolepermissionid")
            tx.update(self.rule, allow=self.permission.lower() == "allow")
        else:
            text = "updateProjectRolePermission needs ruleorder alone, or projectrolepermissionid with permission"
            raise ParamError(text, param="ruleorder")
        return Success()


class DeleteProjectRolePermission(
    Command, event="PROJECT.ROLE.PERMISSION.DELETE", form="success", since="4.15.0", authorized=EVERYBODY
):
    """Removes a rule of a role of a project."""

    project: Ref[Project] = param("the project", use=Use.CHANGE)
    id: Ref[ProjectRule] = param("the rule", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        if self.id.account_id != self.project.account_id:
            raise ParamError(f"Parameter id: it is no rule of project {self.project.name}", param="id")
        tx.remove(self.id)
        return Success()
