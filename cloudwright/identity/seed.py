"""What a new installation has of identity: the domain ROOT, the accounts and users `system` and `admin`, the default roles."""

from __future__ import annotations

import os
from importlib import resources
from typing import Any

import msgspec
import sqlalchemy as sa

from cloudwright.core.resource import Resource
from cloudwright.core.secret import Secret
from cloudwright.core.tx import Tx
from cloudwright.identity import model, password
from cloudwright.identity.model import Account, Domain, Role, RoleRule, User

ROOT_ADMIN_ROLE = 1  # skips the rules


class _DefaultRole(msgspec.Struct):
    id: int
    name: str
    type: str
    public: bool
    description: str
    rules: list[str]  # "+listZones" allows, "-get*" denies


def seed(tx: Tx, admin_password: Secret | None = None) -> Secret | None:
    """Store what is missing. The admin's password is the given one, else that of CLOUDWRIGHT_ADMIN_PASSWORD, else a new one:
    only that is answered, for the operator to read once."""
    if tx.find(Domain, Domain.c.id == model.ROOT_DOMAIN) is not None:
        return None
    given = admin_password or Secret(os.environ.get("CLOUDWRIGHT_ADMIN_PASSWORD", ""))
    made = None if given.reveal() else Secret(password.generated())
    _put(tx, model.ROOT_DOMAIN, Domain(name="ROOT", parent_id=0, path="/"))
    _roles(tx)
    for id, name in ((model.SYSTEM_ACCOUNT, "system"), (model.ADMIN_ACCOUNT, "admin")):
        of = Account(name=name, domain_id=model.ROOT_DOMAIN, role_id=ROOT_ADMIN_ROLE, type_=model.ADMIN)
        _put(tx, id, of)
    _user(tx, model.SYSTEM_USER, model.SYSTEM_ACCOUNT, "system", Secret(""))
    _user(tx, model.ADMIN_USER, model.ADMIN_ACCOUNT, "admin", Secret(password.hashed((made or given).reveal())))
    for kind in (Domain, Role, Account, User):
        _count_on(tx, kind)
    return made


def _user(tx: Tx, id: int, account: int, name: str, secret: Secret) -> None:
    about: dict[str, Any] = {"first_name": name, "last_name": "cloud", "password": secret}
    _put(tx, id, User(username=name, account_id=account, domain_id=model.ROOT_DOMAIN, **about))


def _roles(tx: Tx) -> None:
    text = resources.files(__package__).joinpath("default_roles.json").read_bytes()
    rules: list[dict[str, Any]] = []
    for known in msgspec.json.decode(text, type=list[_DefaultRole]):
        role = Role(name=known.name, role_type=known.type, public=known.public, description=known.description, is_default=True)
        _put(tx, known.id, role)
        for sort, rule in enumerate(known.rules):
            rules.append(RoleRule(role_id=known.id, rule=rule[1:], allow=rule[0] == "+", sort=sort).values())
    tx.connection.execute(RoleRule.t.insert(), rules)


def _put(tx: Tx, id: int, row: Resource) -> None:
    tx.execute(type(row).t.insert(), {**row.values(), "id": id})


def _count_on(tx: Tx, kind: type[Resource]) -> None:
    """PostgreSQL does not notice ids that were given: its sequence must be told."""
    if tx.connection.dialect.name == "postgresql":
        largest = sa.select(sa.func.max(kind.c.id)).scalar_subquery()
        tx.rows(sa.select(sa.func.setval(sa.func.pg_get_serial_sequence(kind.kind, "id"), largest)))
