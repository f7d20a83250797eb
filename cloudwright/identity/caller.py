"""Callers: a user with its account, domain and role, read in one statement."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Kind
from cloudwright.core.tx import Reader
from cloudwright.identity import model
from cloudwright.identity.model import Account, Domain, Role, User

KINDS = {"Admin": Kind.ROOT, "ResourceAdmin": Kind.DOMAIN, "DomainAdmin": Kind.DOMAIN, "User": Kind.USER}
"""How far an account sees, by its role's type."""

COLUMNS = (
    User.c.id.label("user_id"),
    User.c.uuid.label("user_uuid"),
    User.c.username,
    sa.or_(User.c.two_factor, User.c.two_factor_mandated).label("two_factor"),
    User.c.password_due,
    Account.c.id.label("account_id"),
    Account.c.uuid.label("account_uuid"),
    Account.c.name.label("account"),
    Domain.c.id.label("domain_id"),
    Domain.c.uuid.label("domain_uuid"),
    Domain.c.path.label("domain_path"),
    Role.c.id.label("role_id"),
    Role.c.role_type,
)
JOINED = (
    User.t.join(Account.t, Account.c.id == User.c.account_id)
    .join(Domain.t, Domain.c.id == Account.c.domain_id)
    .join(Role.t, Role.c.id == Account.c.role_id)
)
IN_FORCE = sa.and_(
    *(kind.c.gone == 0 for kind in (User, Account, Domain)),
    User.c.state == "enabled",
    User.c.away.is_(False),
    Account.c.state == "enabled",
    Domain.c.state == "Active",
    Role.c.state == "Enabled",
)
"""Users who may call: enabled, and so are account, domain and role."""

_WHO = sa.select(*COLUMNS).select_from(JOINED).where(User.c.id == sa.bindparam("user"))


def caller_of(reader: Reader, user: User, peer: str = "", api_key: str = "") -> Caller:
    """The caller that a user is, whatever its state."""
    row = reader.one(_WHO, {"user": user.id})
    if row is None:
        raise LookupError(f"BUG: {user!r} has no account, domain or role (UserWithoutAccount)")
    return caller_from(row, peer, api_key)


def caller_from(row: Any, peer: str = "", api_key: str = "") -> Caller:
    """The caller that a row of COLUMNS tells of; the row may have others beside them."""
    known = {column.name: row._mapping[column.name] for column in COLUMNS}
    return Caller(**known, kind=KINDS[known["role_type"]], peer=peer, api_key=api_key)


def root_caller(reader: Reader) -> Caller:
    """The user `admin`: for tests."""
    return caller_of(reader, reader.get(User, model.ADMIN_USER))


def system_caller(reader: Reader) -> Caller:
    """The user `system`: for the unauthenticated port and what nobody asked for."""
    return caller_of(reader, reader.get(User, model.SYSTEM_USER))
