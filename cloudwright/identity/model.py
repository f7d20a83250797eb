"""The rows of identity: domains, accounts, users, roles and their rules, key pairs, sessions."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Kind, Use, below_caller
from cloudwright.core.resource import Resource, column
from cloudwright.core.secret import Secret

ROOT_DOMAIN = 1
SYSTEM_ACCOUNT, ADMIN_ACCOUNT = 1, 2
SYSTEM_USER, ADMIN_USER = 1, 2

NORMAL, ADMIN, DOMAIN_ADMIN, RESOURCE_ADMIN, PROJECT = 0, 1, 2, 3, 5
"""Account types as the API numbers them."""


class Domain(Resource, table="domain", unique=[("parent_id", "name")], indexes=[("path",)]):
    """A domain of the tree. `path` has a slash at both ends: "/" for ROOT, "/eng/dev/"."""

    name: str
    parent_id: int = column(refers="domain")
    path: str = column(length=512)
    level: int = 0
    network_domain: str | None = None
    state: str = "Active"

    @classmethod
    def access(cls, kind: Kind, use: Use) -> sa.ColumnElement[bool]:
        """Administrators see their domain and those below; a user looks at its own."""
        if kind is Kind.DOMAIN:
            return below_caller(cls.c.id)
        return sa.false() if use is Use.CHANGE else cls.c.id == sa.bindparam("caller_domain")


class Role(Resource, table="role", unique=[("name",)]):
    """A set of rules. `role_type` says how far an account with it sees: Admin, ResourceAdmin, DomainAdmin, User."""

    name: str
    role_type: str
    description: str = ""
    is_default: bool = False
    public: bool = True
    state: str = "Enabled"

    @classmethod
    def access(cls, kind: Kind, use: Use) -> Any:
        """Roles are looked at by domain administrators, changed by root."""
        if kind is Kind.DOMAIN and use is not Use.CHANGE:
            return sa.and_(cls.c.public.is_(True), cls.c.role_type != "Admin")
        return sa.false()


class RoleRule(Resource, table="role_rule", indexes=[("role_id", "sort")]):
    """A rule of a role: an API name, `*` matching any run of word characters. The first that matches decides."""

    role_id: int
    rule: str
    allow: bool
    sort: int
    description: str = ""


class Account(Resource, table="account", unique=[("domain_id", "name")], indexes=[("domain_id", "id"), ("role_id",)]):
    """An account owns resources and has users. `type_` is the API's number, given by its role's type."""

    name: str
    domain_id: int
    role_id: int
    type_: int = NORMAL
    state: str = "enabled"  # enabled, disabled (its machines are stopped, too), locked
    network_domain: str | None = None
    details: dict[str, str] = column(default={})
    api_key_access: bool | None = None  # None: as its domain says

    @classmethod
    def access(cls, kind: Kind, use: Use) -> sa.ColumnElement[bool]:
        """Administrators see those of their domain and below, and change all but root's; a user acts for its own."""
        if kind is Kind.DOMAIN:
            here = below_caller(cls.c.domain_id)
            return sa.and_(here, cls.c.type_ != ADMIN) if use is Use.CHANGE else here
        return sa.false() if use is Use.CHANGE else cls.c.id == sa.bindparam("caller_account")


class User(Resource, table="user_", unique=[("domain_id", "username")], indexes=[("account_id", "id")]):
    """A person or program that signs in. `domain_id` is its account's, beside it so that names are unique there."""

    username: str
    account_id: int
    domain_id: int
    password: Secret  # its argon2id hash, "" for none: nobody signs in with it
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    timezone: str | None = None
    state: str = "enabled"
    source: str = "native"
    two_factor: bool = False
    failed_logins: int = 0  # in a row
    api_key_access: bool | None = None  # None: as its account says

    @classmethod
    def access(cls, kind: Kind, use: Use) -> sa.ColumnElement[bool]:
        """Administrators see those of their domain and below, and change all but root's; a user looks at those of its account
        and changes itself."""
        if kind is Kind.DOMAIN:
            here = below_caller(cls.c.domain_id)
            roots = sa.select(Account.c.id).where(Account.c.type_ == ADMIN)
            return sa.and_(here, cls.c.account_id.not_in(roots)) if use is Use.CHANGE else here
        if use is Use.CHANGE:
            return cls.c.id == sa.bindparam("caller_user")
        return cls.c.account_id == sa.bindparam("caller_account")


class KeyPair(Resource, table="api_key_pair", unique=[("api_key",)], indexes=[("user_id", "id")]):
    """An API key and its secret."""

    user_id: int
    api_key: str
    secret_key: Secret
    name: str = ""
    description: str = column(length=1024, default="")
    starts: float | None = None
    ends: float | None = None
    in_force: bool = True
    registered_by: int = 0  # the user who asked for it, and may read its secret key in that job's result

    @classmethod
    def access(cls, kind: Kind, use: Use) -> sa.ColumnElement[bool]:
        """Whoever may change the user; nobody else even sees that there is one."""
        return cls.c.user_id.in_(sa.select(User.c.id).where(User.access(kind, Use.CHANGE)))


class LoginSession(Resource, table="login_session", unique=[("digest",)], indexes=[("user_uuid",), ("seen",)]):
    """A browser session. Its id and key rest only as SHA-256 digests."""

    digest: str
    user_uuid: str
    key_digest: str
    began: float
    seen: float
    verified: bool = False
