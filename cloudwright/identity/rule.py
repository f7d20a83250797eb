"""The rules of roles and their order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Use
from cloudwright.core.access import rule as rule_of
from cloudwright.core.command import Command, Query, Success, Told
from cloudwright.core.error import Conflict, Denied, ParamError
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, field
from cloudwright.identity.model import Role, RoleRule
from cloudwright.identity.permission import guard

WORDS = {True: "allow", False: "deny"}
_RULE = re.compile(r"[\w*]+")


class RoleRuleView(View, of=RoleRule, key="rolepermission", joins=[(Role, Role.c.id == RoleRule.c.role_id)]):
    """A rule of a role."""

    id = field(RoleRule.c.uuid, "the rule's id")
    roleid = field(Role.c.uuid, "its role")
    rolename = field(Role.c.name, "the name of its role")
    rule = field(RoleRule.c.rule, "an API name; * stands for any run of word characters")
    permission = field(RoleRule.c.allow, "allow or deny", "string", convert=WORDS.__getitem__)
    description = field(RoleRule.c.description, "what it is for")


def bad_rule(text: str) -> str | None:
    """What is wrong with a rule."""
    return None if _RULE.fullmatch(text) else "is not an API name; it may have letters, digits, _ and *"


def rules_of(tx: Tx, role: Role) -> list[RoleRule]:
    """The rules of a role in their order."""
    return sorted(tx.all(RoleRule, RoleRule.c.role_id == role.id), key=lambda rule: (rule.sort, rule.id))


def changeable(tx: Tx, caller: Caller, role: Role) -> None:
    """Refuse for the roles of the installation, the caller's own, and those that may do more. Raises Denied."""
    guard(tx, caller, role)
    if role.id == caller.role_id:
        raise Denied(f"Role {role.name} is the caller's own: it cannot be changed by itself", fix=["ask another administrator"])
    if role.is_default:
        raise Denied(f"Role {role.name} came with the installation: it cannot be changed", fix=["make a copy and change that"])


def from_entry(role: Role, sort: int, entry: dict[str, str]) -> RoleRule:
    """A rule as importRole takes it."""
    text, allow, description = read_entry(sort, entry)
    return RoleRule(role_id=role.id, rule=text, allow=allow, sort=sort, description=description)


def read_entry(sort: int, entry: dict[str, str]) -> tuple[str, bool, str]:
    """(rule, whether it allows, description) of an entry of a map `rules`. Raises ParamError."""
    text, permission = entry.get("rule", ""), entry.get("permission", "").lower()
    wrong = bad_rule(text) or (None if permission in WORDS.values() else "needs permission allow or deny")
    if wrong:
        raise ParamError(f"Parameter rules: rule {sort} {text[:64]!r} {wrong}", param="rules")
    return text, permission == "allow", entry.get("description", "")


def reorder(tx: Tx, role: Any, rules: Sequence[Any], wanted: Sequence[Any]) -> None:
    """Put the rules of a role in the wanted order. Raises Conflict where that names others than it has."""
    if {rule.id for rule in wanted} != {rule.id for rule in rules}:
        raise Conflict(
            f"Parameter ruleorder names {len(wanted)} rules: not the {len(rules)} that role {role.name} has now",
            fix=["list the rules again, they may have changed meanwhile"],
        )
    for sort, rule in enumerate(wanted):
        tx.update(rule, sort=sort)


def _changed(tx: Tx, caller: Caller, role: Role) -> None:
    """After a change of rules: nobody may give a role more than its own may. All servers read the rules again."""
    guard(tx, caller, role)
    tx.update(role)
    tx.signal("role")


class ListRolePermissions(Query, answers=RoleRuleView, since="4.9.0", authorized=("Admin",), form="list"):
    """Lists the rules of a role, or of all, in their order."""

    role: Ref[Role] | None = param("only those of this role", use=Use.SEE)

    def run(self, reader: Reader, caller: Caller) -> Told:
        visible = rule_of(Role, caller.kind, Use.SEE)
        page = sa.select(RoleRule.t).where(RoleRule.c.gone == 0).order_by(RoleRule.c.role_id, RoleRule.c.sort, RoleRule.c.id)
        if visible is not None:
            page = page.where(RoleRule.c.role_id.in_(sa.select(Role.c.id).where(visible)))
        if self.role is not None:
            page = page.where(RoleRule.c.role_id == sa.bindparam("role"))
        binds = {"role": self.role.id if self.role else 0, **caller.binds()}
        statement = RoleRuleView.statement(caller.kind, page, ("in order", caller.kind, self.role is None))
        return Told(RoleRuleView.key, RoleRuleView.answer(reader.rows(statement, binds), caller))


class CreateRolePermission(Command, answers=RoleRuleView, event="ROLE.PERMISSION.CREATE", since="4.9.0", authorized=("Admin",)):
    """Adds a rule after all others of a role."""

    role: Ref[Role] = param("the role", use=Use.CHANGE)
    rule: str = param("an API name; * stands for any run of word characters", check=bad_rule)
    permission: str = param("allow or deny", choices=tuple(WORDS.values()))
    description: str | None = param("what it is for")

    def run(self, tx: Tx, caller: Caller) -> RoleRule:
        changeable(tx, caller, self.role)
        last = max((rule.sort for rule in rules_of(tx, self.role)), default=-1)
        allow = self.permission.lower() == "allow"
        made = tx.insert(
            RoleRule(role_id=self.role.id, rule=self.rule, allow=allow, sort=last + 1, description=self.description or "")
        )
        _changed(tx, caller, self.role)
        return made


class UpdateRolePermission(Command, event="ROLE.PERMISSION.UPDATE", form="success", since="4.9.0", authorized=("Admin",)):
    """Puts the rules of a role in another order, or lets one allow or deny."""

    role: Ref[Role] = param("the role", use=Use.CHANGE)
    rule_order: list[Ref[RoleRule]] | None = param("all rules of the role, as they shall come", wire_name="ruleorder")
    rule: Ref[RoleRule] | None = param("one rule, given with permission", since="4.11")
    permission: str | None = param("allow or deny", choices=tuple(WORDS.values()), since="4.11")

    def run(self, tx: Tx, caller: Caller) -> Success:
        changeable(tx, caller, self.role)
        if self.rule_order and self.rule is None and self.permission is None:
            reorder(tx, self.role, rules_of(tx, self.role), self.rule_order)
        elif self.rule is not None and self.permission is not None and not self.rule_order:
            if self.rule.role_id != self.role.id:
                raise ParamError(f"Parameter ruleid: it is no rule of role {self.role.name}", param="ruleid")
            tx.update(self.rule, allow=self.permission.lower() == "allow")
        else:
            raise ParamError("updateRolePermission needs ruleorder alone, or ruleid with permission", param="ruleorder")
        _changed(tx, caller, self.role)
        return Success()


class DeleteRolePermission(Command, event="ROLE.PERMISSION.DELETE", form="success", since="4.9.0", authorized=("Admin",)):
    """Removes a rule of a role."""

    id: Ref[RoleRule] = param("the rule", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        role = tx.get(Role, self.id.role_id)
        changeable(tx, caller, role)
        tx.remove(self.id)
        _changed(tx, caller, role)
        return Success()
