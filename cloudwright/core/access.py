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
from sqlalchemy.ext.compiler import compiles

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
            **_binds_of_domain(self.domain_path),
        }


def binds_of(account_id: int, domain_id: int, domain_path: str) -> dict[str, Any]:
    """What rules bind to tell what an account has or shares by itself: as nobody of its users, and as a member of no project."""
    whose = {"caller_user": 0, "caller_account": account_id, "caller_member": 0, "caller_domain": domain_id}
    return whose | _binds_of_domain(domain_path)


def _binds_of_domain(path: str) -> dict[str, Any]:
    slashes = [at for at, character in enumerate(path) if character == "/"]
    return binds_within("caller", path) | {"caller_above": [path[: at + 1] for at in slashes]}


def like_prefix(text: str) -> str:
    """A LIKE pattern (escape "!") for everything that begins with `text`."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%"


class Within(sa.sql.functions.FunctionElement[Any]):
    """Of a column with the path of a domain, and three texts of another (see `binds_within`): whether the one is the other or
    below it. SQLite searches its index only by bounds that it knows before values are bound; the others know LIKE. (No boolean
    for SQLAlchemy: it would compare one with 1, and no index is searched for that.)"""

    inherit_cache = True


class Beyond(Within):
    """The contrary: by bounds on all engines, because none searches an index for what is not LIKE something."""

    inherit_cache = True


@compiles(Within)
def _like(element: Any, compiler: Any, **kw: Any) -> str:
    path, _, below, _ = element.clauses
    return f"({compiler.process(path, **kw)} LIKE {compiler.process(below, **kw)} ESCAPE '!')"


def _between(element: Any, compiler: Any, form: str, **kw: Any) -> str:
    path, first, _, after = element.clauses
    return form.format(*(compiler.process(clause, **kw) for clause in (path, first, path, after)))


@compiles(Within, "sqlite")
def _inside(element: Any, compiler: Any, **kw: Any) -> str:
    return _between(element, compiler, "({} >= {} AND {} < {})", **kw)


@compiles(Beyond, "sqlite")
def _outside(element: Any, compiler: Any, **kw: Any) -> str:
    return _between(element, compiler, "({} < {} OR {} >= {})", **kw)


@compiles(Beyond, "postgresql")
def _outside_by_letters(element: Any, compiler: Any, **kw: Any) -> str:
    return _between(element, compiler, "({} ~<~ {} OR {} ~>=~ {})", **kw)  # as the index compares, not as a language does


@compiles(Beyond, "mysql", "mariadb")
def _outside_unpadded(element: Any, compiler: Any, **kw: Any) -> str:
    zero = "CHAR(0 USING utf8mb4)"  # nothing is less; what a text lacks would be compared as if it were blanks
    return _between(element, compiler, f"({{}} < CONCAT({{}}, {zero}) OR {{}} >= CONCAT({{}}, {zero}))", **kw)


def within(path: sa.ColumnElement[str], domain_path: str) -> sa.ColumnElement[bool]:
    """The path is that domain's or of one below it."""
    return Within(path, *binds_within("", domain_path).values())


def within_bound(path: sa.ColumnElement[str], name: str) -> sa.ColumnElement[bool]:
    """The same of a domain whose `binds_within` of that name are bound."""
    return Within(path, *_bound(name))


def binds_within(name: str, domain_path: str) -> dict[str, str]:
    """The path, the LIKE pattern of it and those below, and what follows after all of these."""
    return {f"{name}_path": domain_path, f"{name}_below": like_prefix(domain_path), f"{name}_after": domain_path[:-1] + "0"}


def _bound(name: str) -> list[Any]:
    return [sa.bindparam(name, type_=sa.String()) for name in binds_within(name, "/")]


_domain = sa.table("domain", sa.column("id"), sa.column("path")).alias("within")
_below = sa.select(_domain.c.id).where(within_bound(_domain.c.path, "caller"))
_beyond = sa.select(_domain.c.id).where(Beyond(_domain.c.path, *_bound("caller")))
_BELOW = _below.scalar_subquery()
SMALL = 10_000  # rows of a table: to ask of each whether it is of a domain below takes some milliseconds
FEW_DOMAINS, FEW_ROWS = 15_000, 30_000  # beyond the caller's: more are as slow to leave out as all that are below are to find


def below_caller(domain_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """The domain is the caller's or one below it."""
    return domain_id.in_(_BELOW)


def above_caller(domain_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """The domain is the caller's or one above it."""
    return domain_id.in_(sa.select(_domain.c.id).where(_domain.c.path.in_(sa.bindparam("caller_above", expanding=True))))


def says_below(condition: sa.ColumnElement[bool]) -> bool:
    """Whether it is a condition of `below_caller`."""
    return any(part is _BELOW for part in sa.sql.visitors.iterate(condition))


def of_each(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """The condition as it is fast of a few rows: each one's domain is looked at, not all that are below the caller's."""
    return _told(condition, lambda domain_id: _below.where(_domain.c.id == domain_id).exists())


def of_most(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """The condition as it is fast to count rows of which few are of other domains: these are looked for."""
    return _told(condition, lambda domain_id: sa.and_(domain_id != sa.literal_column("0"), domain_id.not_in(_beyond)))


def _told(condition: sa.ColumnElement[bool], say: Callable[[Any], Any]) -> sa.ColumnElement[bool]:
    def swap(element: Any, **_: Any) -> Any:
        return say(element.left) if isinstance(element, sa.BinaryExpression) and element.right is _BELOW else None

    return sa.sql.visitors.replacement_traverse(condition, {}, swap)


def few_beyond(of: Any) -> sa.Select[tuple[bool]]:
    """Whether a resource has few rows, or few that are of domains beyond the caller's."""
    living = sa.select(of.c.id).where(of.c.gone == 0).order_by(of.c.id).limit(1).offset(SMALL)
    more = _beyond.limit(1).offset(FEW_DOMAINS)
    beyond = _beyond.limit(FEW_DOMAINS).subquery("beyond")
    theirs = sa.select(of.c.id).join_from(beyond, of.t, of.c.domain_id == beyond.c.id).where(of.c.gone == 0)
    none = [found.scalar_subquery().is_(None) for found in (living, more, theirs.limit(1).offset(FEW_ROWS))]
    return sa.select(sa.or_(none[0], sa.and_(none[1], none[2])))


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
        _lookups[key] = statement if condition is None else statement.where(of_each(condition))
    return _lookups[key]


def prepared_lookup(resource: type[Resource], kind: Kind, use: Use, by: str = "uuid", gone_too: bool = False) -> Prepared:
    """The same, prepared."""
    key = (resource, kind, use, by, gone_too)
    if key not in _prepared:
        _prepared[key] = Prepared(lookup(*key))
    return _prepared[key]
