"""Who may see what: the caller, and the rule that a reference or a list compiles into its statement.

A rule depends only on the caller's kind (root, domain, user) and the use, so its statement is built once; who exactly calls is
bound.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from cloudwright.core.prepared import Prepared
from cloudwright.core.resource import Gone, Owned, Resource


class Kind(StrEnum):
    """How far a caller sees: everything, its domain and those below, its own account and the projects that it is in."""

    ROOT = "root"
    DOMAIN = "domain"
    USER = "user"


class Use(StrEnum):
    """What a reference is for. What one may look at is not always one's own to change."""

    SEE = "see"
    USE = "use"
    CHANGE = "change"


class Caller(Struct, frozen=True):
    """Who calls: a user, as what, through what."""

    user_id: int
    user_uuid: str
    username: str
    account_id: int
    account_uuid: str
    account: str
    domain_id: int
    domain_uuid: str
    domain_path: str  # "/" for ROOT, "/eng/dev/" below: always with the closing slash
    kind: Kind
    role_id: int
    role_type: str  # Admin, ResourceAdmin, DomainAdmin, User
    two_factor: bool = False  # a second factor is due; in a command: and was not shown yet in this session
    password_due: bool = False  # its password must be changed first
    peer: str = ""
    api_key: str = ""
    key_id: int = 0  # of that key pair, where it has rules of its own beside the role's
    session: str = ""  # digest of the browser session
    browser: str = ""  # what a sign-in that began in this browser left there

    @property
    def user(self) -> str:
        """The user's uuid."""
        return self.user_uuid

    @property
    def root(self) -> bool:
        """Whether everything may be seen."""
        return self.kind is Kind.ROOT

    def binds(self) -> dict[str, Any]:
        """What access rules bind. A name here appears in rules as `sa.bindparam`."""
        return {
            "caller_user": self.user_id,
            "caller_account": self.account_id,
            "caller_member": self.account_id,
            "caller_domain": self.domain_id,
            "caller_path": self.domain_path,
            "caller_below": like_prefix(self.domain_path),
        }


def binds_of(account_id: int, domain_id: int, domain_path: str) -> dict[str, Any]:
    """What rules bind to tell what an account has or shares by itself: as nobody of its users, and as a member of no project."""
    whose = {"caller_user": 0, "caller_account": account_id, "caller_member": 0, "caller_domain": domain_id}
    return {**whose, "caller_path": domain_path, "caller_below": like_prefix(domain_path)}


def like_prefix(text: str) -> str:
    """A LIKE pattern (escape "!") for everything that begins with `text`."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%"


_domain = sa.table("domain", sa.column("id"), sa.column("path"))


def below_caller(domain_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """The domain is the caller's or one below it."""
    path: sa.ColumnClause[str] = _domain.c.path
    return domain_id.in_(sa.select(_domain.c.id).where(path.like(sa.bindparam("caller_below"), escape="!")))


def above_caller(domain_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """The domain is the caller's or one above it."""
    path: sa.ColumnClause[str] = _domain.c.path
    prefix = sa.func.substr(sa.bindparam("caller_path", type_=sa.String), 1, sa.func.char_length(path))
    return domain_id.in_(sa.select(_domain.c.id).where(path == prefix))


def rule(resource: type[Resource], kind: Kind, use: Use) -> sa.ColumnElement[bool] | None:
    """The condition on a resource's rows for callers of this kind; None when there is none.

    A resource class says its own rule with a classmethod `access(kind, use)`. Otherwise an owned one belongs to its account,
    seen by the administrators of its domain and above; any other is the root administrator's.
    """
    if kind is Kind.ROOT:
        return None
    own = getattr(resource, "access", None)
    if own is not None:
        condition: sa.ColumnElement[bool] | None = own(kind, use)
        return condition
    return owned_by_caller(resource, kind) if issubclass(resource, Owned) else sa.false()


def owned_by_caller(resource: type[Resource], kind: Kind) -> sa.ColumnElement[bool]:
    """The plain rule of owned resources."""
    if kind is Kind.DOMAIN:
        return below_caller(resource.c.domain_id)
    own: sa.ColumnElement[bool] = resource.c.account_id == sa.bindparam("caller_account")
    return sa.or_(own, resource.c.account_id.in_(projects_of_caller()))


_member = sa.table(
    "project_member",
    *(sa.column(name, sa.BigInteger) for name in ("account_id", "user_id", "project_account_id")),
    sa.column("admin", sa.Boolean),
    sa.column("gone", Gone),
)


def projects_of_caller(admin: bool = False) -> sa.Select[tuple[int]]:
    """The accounts of the projects in which the caller is a member, itself or through its account; or an administrator."""
    account, user, project = _member.c.account_id, _member.c.user_id, _member.c.project_account_id
    itself = sa.or_(user == sa.literal_column("0"), user == sa.bindparam("caller_user"))
    found = sa.select(project).where(account == sa.bindparam("caller_member"), itself, _member.c.gone == 0)
    return found.where(_member.c.admin.is_(True)) if admin else found


Judge = Callable[[Any, Caller, str, bool, list[Resource]], None]
judges: list[Judge] = []
"""Asked (reader, caller, command, whether it changes something, rows) about rows that a command names and that another account
owns than the caller's; they raise to refuse. For callers who see no further than their account and projects."""


_lookups: dict[Any, sa.Select[Any]] = {}
_prepared: dict[Any, Prepared] = {}


def lookup(resource: type[Resource], kind: Kind, use: Use, by: str = "uuid", gone_too: bool = False) -> sa.Select[Any]:
    """The statement that finds a living row (or also one that is gone) by uuid, id or name, if the caller may: binds `value` and
    the caller's."""
    key = (resource, kind, use, by, gone_too)
    if key not in _lookups:
        statement = sa.select(resource.t).where(resource.c[by] == sa.bindparam("value"))
        statement = statement if gone_too else statement.where(resource.c.gone == 0)
        condition = rule(resource, kind, use)
        _lookups[key] = statement if condition is None else statement.where(condition)
    return _lookups[key]


def prepared_lookup(resource: type[Resource], kind: Kind, use: Use, by: str = "uuid", gone_too: bool = False) -> Prepared:
    """The same, prepared."""
    key = (resource, kind, use, by, gone_too)
    if key not in _prepared:
        _prepared[key] = Prepared(lookup(*key))
    return _prepared[key]
