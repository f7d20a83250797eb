"""Whether a caller may act on an account, or on one of its users, that it reaches: by what its role allows, and by what the
settings say of equals."""

from __future__ import annotations

from cloudwright.core.access import Caller
from cloudwright.core.error import Denied
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader
from cloudwright.identity.model import Account, Role, User
from cloudwright.identity.permission import POWER, guard


def _types(text: str) -> set[str]:
    return {part.strip().lower() for part in text.split(",") if part.strip()}


def _bad_types(text: str, scope: str) -> str | None:
    unknown = sorted(_types(text) - _types(",".join(POWER)))
    return f"takes role types by comma ({', '.join(POWER)}); {unknown[0][:64]!r} is none" if unknown else None


AMONG_EQUALS = setting(
    "role.types.allowed.for.operations.on.accounts.of.same.role.type",
    "Admin, ResourceAdmin, DomainAdmin",
    "role types whose users may act on other accounts of that type, and on their users, in the domain of these",
    scopes=("domain",),
    category="Hidden",
    check=_bad_types,
)
IN_ONE_ACCOUNT = setting(
    "allow.operations.on.users.in.same.account",
    True,
    "whether users who may act on users may do so on others of their own account",
    scopes=("domain",),
    category="Hidden",
)


def govern(reader: Reader, caller: Caller, account: Account) -> None:
    """Refuse to act on an account that may do more than the caller, or as much where that is not allowed. Raises Denied."""
    role = reader.get(Role, account.role_id)
    guard(reader, caller, role)
    equals = AMONG_EQUALS.get(reader, domain=account.domain_id)
    if account.id != caller.account_id and role.role_type == caller.role_type and role.role_type.lower() not in _types(equals):
        why = [f"{AMONG_EQUALS.name} is {equals!r} there"]
        raise Denied(f"Account {account.name} has a role of type {role.role_type}, as the caller has", why=why)


def govern_user(reader: Reader, caller: Caller, user: User) -> None:
    """The same of one of an account's users. Oneself is nobody else's. Raises Denied."""
    account = reader.get(Account, user.account_id)
    govern(reader, caller, account)
    if account.id == caller.account_id and user.id != caller.user_id and not IN_ONE_ACCOUNT.get(reader, domain=account.domain_id):
        why = [f"{IN_ONE_ACCOUNT.name} is false there"]
        raise Denied(f"User {user.username} is another user of the caller's own account", why=why)
