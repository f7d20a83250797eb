"""Roles: named sets of rules that say which commands an account's users may call."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Success
from cloudwright.core.error import Denied, InUse, ParamError
from cloudwright.core.listing import List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Tx
from cloudwright.core.view import View, field
from cloudwright.identity import rule
from cloudwright.identity.model import Account, Role, RoleRule
from cloudwright.identity.permission import POWER, guard


class RoleView(View, of=Role, key="role"):
    """A role."""

    id = field(Role.c.uuid, "the role's id")
    name = field(Role.c.name, "its name")
    type = field(Role.c.role_type, "how far its accounts see: Admin, ResourceAdmin, DomainAdmin or User")
    description = field(Role.c.description, "what it is for")
    ispublic = field(Role.c.public, "whether administrators of domains may use it")
    isdefault = field(Role.c.is_default, "whether it came with the installation")
    state = field(Role.c.state, "Enabled or Disabled", convert=str.lower)


class ListRoles(
    List, answers=RoleView, keywords=[Role.c.name], since="4.9.0", authorized=("Admin", "ResourceAdmin", "DomainAdmin")
):
    """Lists roles."""

    id: str | None = where(Role.c.uuid, "only this one", kind="uuid")
    name: str | None = where(Role.c.name, "only the one of this name")
    type: str | None = where(lambda bind: sa.func.lower(Role.c.role_type) == sa.func.lower(bind), "only those of this type")
    state: str | None = where(lambda bind: sa.func.lower(Role.c.state) == sa.func.lower(bind), "only those enabled or disabled")


def _type(text: str) -> str:
    return next(known for known in POWER if known.lower() == text.lower())


def _root_only(caller: Caller) -> None:
    if not caller.root:
        raise Denied("Roles are made by administrators of root: they hold in all domains")


class _NewRole(Command, since="4.9.0", authorized=("Admin",)):
    """What a new role is told to be."""

    name: str = param("its name")
    is_public: bool = param("whether administrators of domains may use it", default=True)
    type: str | None = param("how far its accounts see", choices=tuple(POWER))
    description: str | None = param("what it is for")

    def _insert(self, tx: Tx, caller: Caller, role_type: str) -> Role:
        _root_only(caller)
        about: dict[str, Any] = {"description": self.description or "", "public": self.is_public}
        return tx.insert(Role(name=self.name, role_type=role_type, **about))


class CreateRole(_NewRole, answers=RoleView, event="ROLE.CREATE"):
    """Makes a role: an empty one of a type, or a copy of another."""

    role: Ref[Role] | None = param("the role whose type and rules it shall have, instead of type")

    def run(self, tx: Tx, caller: Caller) -> Role:
        if (self.role is None) == (self.type is None):
            raise ParamError("createRole needs one of the parameters type and roleid, not both", param="type")
        role = self._insert(tx, caller, self.role.role_type if self.role else _type(self.type or ""))
        if self.role is not None:
            for old in rule.rules_of(tx, self.role):
                tx.insert(RoleRule(role_id=role.id, rule=old.rule, allow=old.allow, sort=old.sort, description=old.description))
        guard(tx, caller, role)
        return role


class ImportRole(_NewRole, answers=RoleView, event="ROLE.IMPORT", since="4.15.0"):
    """Makes a role with all its rules, or (forced) puts them in the place of those that the role of that name has."""

    rules: list[dict[str, str]] = param("its rules in their order", keys=("rule", "permission", "description"))
    forced: bool = param("true: replace a role of that name", default=False)

    def run(self, tx: Tx, caller: Caller) -> Role:
        role = tx.find(Role, Role.c.name == self.name) if self.forced else None
        if role is None:
            if self.type is None:
                raise ParamError("Parameter type: it is needed to make a role", param="type")
            role = self._insert(tx, caller, _type(self.type))
        else:
            _root_only(caller)
            rule.changeable(tx, caller, role)
            for old in rule.rules_of(tx, role):
                tx.remove(old)
            tx.update(role, public=self.is_public, description=self.description or role.description)
        for sort, entry in enumerate(self.rules):
            tx.insert(rule.from_entry(role, sort, entry))
        guard(tx, caller, role)
        tx.signal("role")
        return role


class UpdateRole(Command, answers=RoleView, event="ROLE.UPDATE", since="4.9.0", authorized=("Admin",)):
    """Changes a role; its type only while no account has it."""

    id: Ref[Role] = param("the role", use=Use.CHANGE)
    name: str | None = param("its new name")
    description: str | None = param("what it is for")
    is_public: bool | None = param("whether administrators of domains may use it")
    type: str | None = param("how far its accounts see", choices=tuple(POWER))

    def run(self, tx: Tx, caller: Caller) -> Role:
        rule.changeable(tx, caller, self.id)
        wanted = {"name": self.name, "description": self.description, "public": self.is_public}
        values: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
        if self.type is not None and _type(self.type) != self.id.role_type:
            _unused(tx, self.id, "its type cannot change")
            values["role_type"] = _type(self.type)
        tx.update(self.id, **values)
        guard(tx, caller, self.id)
        tx.signal("role")
        return self.id


def _unused(tx: Tx, role: Role, so: str) -> None:
    having = tx.all(Account, Account.c.role_id == role.id)
    if having:
        names = ", ".join(account.name for account in having[:3]) + (" …" if len(having) > 3 else "")
        raise InUse(
            f"Role {role.name} is the role of {len(having)} accounts ({names}): {so}", fix=["give them another role first"]
        )


class DeleteRole(Command, event="ROLE.DELETE", form="success", since="4.9.0", authorized=("Admin",)):
    """Deletes a role that no account has."""

    id: Ref[Role] = param("the role", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        rule.changeable(tx, caller, self.id)
        _unused(tx, self.id, "it cannot be deleted")
        for old in rule.rules_of(tx, self.id):
            tx.remove(old)
        tx.remove(self.id)
        tx.signal("role")
        return Success()


class _Switch(Command, form="success", since="4.20.0", authorized=("Admin",)):
    """What switches a role on or off."""

    id: Ref[Role] = param("the role", use=Use.CHANGE)

    def _set(self, tx: Tx, caller: Caller, state: str) -> Success:
        rule.changeable(tx, caller, self.id)
        tx.update(self.id, state=state)
        return Success()


class EnableRole(_Switch, event="ROLE.ENABLE"):
    """Lets users whose account has this role call again."""

    def run(self, tx: Tx, caller: Caller) -> Success:
        return self._set(tx, caller, "Enabled")


class DisableRole(_Switch, event="ROLE.DISABLE"):
    """Lets nobody call whose account has this role."""

    def run(self, tx: Tx, caller: Caller) -> Success:
        return self._set(tx, caller, "Disabled")
