"""The rows of identity: domains, accounts, users, roles and their rules, key pairs, sessions."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Kind, Use, below_caller, within_bound
from cloudwright.core.resource import Resource, column
from cloudwright.core.secret import Secret

ROOT_DOMAIN = 1
SYSTEM_ACCOUNT, ADMIN_ACCOUNT = 1, 2
SYSTEM_USER, ADMIN_USER = 1, 2

NORMAL, ADMIN, DOMAIN_ADMIN, RESOURCE_ADMIN, PROJECT = 0, 1, 2, 3, 5
"""Account types as the API numbers them."""


class Domain(Resource, table="domain", unique=[("parent_id", "name")], indexes=[("name",)], searched=["name"]):
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
            return within_bound(cls.c.path, "caller")
        return sa.false() if use is Use.CHANGE else cls.c.id == sa.bindparam("caller_domain")


sa.Index("domain_path", Domain.c.path, Domain.c.gone, postgresql_ops={"path": "varchar_pattern_ops"})
"""Of the removed, too: what was theirs is looked at by the administrators above."""


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


class Account(
    Resource,
    table="account",
    unique=[("domain_id", "name")],
    indexes=[("domain_id", "id", "type_"), ("name",), ("role_id",), ("type_", "id")],
    searched=["name"],
):
    """An account owns resources and has users. `type_` is the API's number, given by its role's type."""

    name: str
    domain_id: int
    role_id: int
    type_: int = NORMAL
    state: str = "enabled"  # enabled, disabled (its machines are stopped, too), locked
    network_domain: str | None = None
    details: dict[str, str] = column(default={})
    api_key_access: bool | None = None  # None: as its domain says
    default_zone_id: int | None = None

    @classmethod
    def access(cls, kind: Kind, use: Use) -> sa.ColumnElement[bool]:
        """Administrators see those of their domain and below, and change all but root's; a user acts for its own."""
        if kind is Kind.DOMAIN:
            here = below_caller(cls.c.domain_id)
            return sa.and_(here, cls.c.type_ != ADMIN) if use is Use.CHANGE else here
        return sa.false() if use is Use.CHANGE else cls.c.id == sa.bindparam("caller_account")


class User(
    Resource,
    table="user_",
    unique=[("domain_id", "username", "named_in"), ("account_id", "username")],
    indexes=[("account_id", "id"), ("domain_id", "id"), ("username",)],
    searched=["username", "first_name", "last_name", "email"],
):
    """A person or program that signs in. `domain_id` is its account's, beside it so that names are unique there."""

    username: str
    account_id: int
    domain_id: int
    named_in: int = 0  # where the name is its own: 0 in the whole domain, else in this account
    password: Secret  # its argon2id hash, "" for none: nobody signs in with it
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    timezone: str | None = None
    state: str = "enabled"
    source: str = "native"
    away: bool = False  # its directory does not have it any more, or bars it: until it has, the user may not call
    two_factor: bool = False  # it has shown a second factor once, and must with each session
    two_factor_mandated: bool = False
    password_due: bool = False  # it must change its password before anything else
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


STATE_SHOWN = sa.case((User.c.away.is_(True), "disabled"), else_=User.c.state)
"""A user's state as answers tell it: enabled, disabled or locked."""


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
    narrowed: bool = False  # it has rules of its own, which must allow a command beside the role's
    registered_by: int = 0  # the user who asked for it, and may read its secret key in that job's result

    @classmethod
    def access(cls, kind: Kind, use: Use) -> sa.ColumnElement[bool]:
        """Whoever may change the user; nobody else even sees that there is one."""
        return cls.c.user_id.in_(sa.select(User.c.id).where(User.access(kind, Use.CHANGE)))


class KeyRule(Resource, table="api_key_rule", indexes=[("key_pair_id", "sort")]):
    """A rule of an API key, written as those of roles. The key's rules are made with it and stay as they are."""

    key_pair_id: int
    rule: str
    allow: bool
    sort: int
    description: str = ""


class LoginSession(Resource, table="login_session", unique=[("digest",)], indexes=[("user_uuid",), ("seen",), ("origin",)]):
    """A browser session. Its id and key rest only as SHA-256 digests."""

    digest: str
    user_uuid: str
    key_digest: str
    began: float
    seen: float
    verified: bool = False
    origin: str = ""  # digest of whom an identity provider knows this as, "" for a password
    told: str = column(text=True, default="")  # what that provider calls this sign-in, to end it there, too


class SecondFactor(Resource, table="second_factor", unique=[("user_id",)]):
    """What a user shows beside its password. Not asked for before it was shown once."""

    user_id: int
    provider: str  # totp or staticpin
    key: Secret
    confirmed: bool = False
    last_step: int = 0  # of 30 s since the epoch: the code of that step and of those before are used up
    misses: int = 0  # in a row
    next_at: float = 0.0  # no code is looked at before that


class PasswordReset(Resource, table="password_reset", unique=[("digest",)], indexes=[("user_id",), ("ends",)]):
    """A token sent by mail, with which a user may set a new password once. It rests only as a SHA-256 digest."""

    user_id: int
    digest: str
    ends: float


class Attempt(Resource, table="sign_in_attempt", unique=[("handle",)], indexes=[("ends",)]):
    """A sign-in that was sent to an identity provider. Who answers must hold `handle` and the browser's cookie; both rest as
    SHA-256 digests."""

    handle: str
    browser: str
    source: str  # saml2 or oauth2
    party: str = column(length=1024)  # the provider
    kept: Secret  # what the answer is held against
    proved: str = column(text=True, default="")  # whom the provider vouched for, once it did
    ends: float


class SeenAssertion(Resource, table="seen_assertion", unique=[("digest",)], indexes=[("ends",)]):
    """An assertion that signed somebody in: it must not do so again while it is valid."""

    digest: str
    ends: float


class SamlAuthorization(Resource, table="saml_authorization", unique=[("user_id",)]):
    """A user who may sign in through a SAML identity provider. `entity` is the provider's id."""

    user_id: int
    entity: str = column(length=1024)


class SamlKey(Resource, table="saml_key", unique=[("name",)]):
    """This cloud's key as SAML service provider."""

    name: str
    key: Secret  # PEM
    certificate: str = column(text=True)  # DER in base64


class OauthProvider(Resource, table="oauth_provider", unique=[("provider", "domain_id")]):
    """Somebody who vouches for users by OAuth 2 or OpenID Connect. `domain_id` 0: for all domains that have none of their own."""

    provider: str
    domain_id: int = 0
    description: str = column(length=1024)
    client_id: str
    client_secret: Secret
    redirect_uri: str = column(length=1024)
    authorize_url: str = column(length=1024, default="")
    token_url: str = column(length=1024, default="")
    details: dict[str, str] = column(default={})
    enabled: bool = True
