"""Who calls, and may they: API keys, sign-in, addresses and rates. What the HTTP face asks, in the words of this house."""

from __future__ import annotations

import datetime
import ipaddress
import logging
import time
import zoneinfo
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec
import sqlalchemy as sa

from cloudwright.core.access import Caller
from cloudwright.core.db import Database
from cloudwright.core.event import emit
from cloudwright.core.setting import bad_networks, setting
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.wire import WireError
from cloudwright.identity import permission, rate, second_factor, source
from cloudwright.identity.caller import COLUMNS, IN_FORCE, JOINED, caller_from, system_caller
from cloudwright.identity.model import ADMIN, Account, Domain, KeyPair, User
from cloudwright.identity.source import Judgement, Verdict

log = logging.getLogger(__name__)

ATTEMPTS = setting(
    "incorrect.login.attempts.allowed", 5, "after so many wrong passwords in a row a user is disabled; 0: never", minimum=0
)
KEY_ACCESS = setting("api.key.access", True, "whether users may call with API keys", scopes=("domain",), category="System")
CIDRS_CHECKED = setting("api.source.cidr.checks.enabled", True, "whether api.allowed.source.cidr.list is looked at")
CIDRS = setting(
    "api.allowed.source.cidr.list",
    "0.0.0.0/0,::/0",
    "networks from which an account's users may call",
    scopes=("account",),
    check=bad_networks,
)

_BY_UUID = sa.select(*COLUMNS).select_from(JOINED).where(User.c.uuid == sa.bindparam("value"), IN_FORCE)
_OF_KEY = (KeyPair.c.id.label("key_id"), KeyPair.c.secret_key, KeyPair.c.narrowed)
_BY_KEY = (
    sa.select(*COLUMNS, *_OF_KEY, User.c.api_key_access, Account.c.api_key_access.label("account_access"))
    .select_from(JOINED.join(KeyPair.t, KeyPair.c.user_id == User.c.id))
    .where(KeyPair.c.api_key == sa.bindparam("key"), KeyPair.c.gone == 0, KeyPair.c.in_force.is_(True), IN_FORCE)
    .where(sa.or_(KeyPair.c.starts.is_(None), KeyPair.c.starts <= sa.bindparam("now")))
    .where(sa.or_(KeyPair.c.ends.is_(None), KeyPair.c.ends > sa.bindparam("now")))
)
_MISSED = (
    User.t.update()
    .where(User.c.id == sa.bindparam("id_"))
    .values(failed_logins=User.c.failed_logins + 1, version=User.c.version + 1)
)
_FORGIVEN = (
    User.t.update()
    .where(User.c.id == sa.bindparam("id_"), User.c.failed_logins > 0)
    .values(failed_logins=0, version=User.c.version + 1)
)


class SignedIn(msgspec.Struct, frozen=True):
    """A user who gave the right password, and what the answer tells of it."""

    caller: Caller
    fields: dict[str, Any]


class Gatekeeper:
    """Thread-safe; one in a process."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.server: Callable[[], str | None] = lambda: None  # the id of the server, which root is told
        permission.keep_fresh(db)

    def refresh(self) -> None:
        """Call with each heartbeat: see what other servers changed."""
        permission.refresh(self.db)

    def by_api_key(self, key: str) -> tuple[str, Caller] | None:
        """(secret key, caller) of a key in force."""
        reader = self.db.read()
        row = reader.one(_BY_KEY, {"key": key, "now": time.time()})
        if row is None or not _keys_accepted(reader, row):
            return None
        caller = caller_from(row, api_key=key)
        return row.secret_key.reveal(), msgspec.structs.replace(caller, key_id=row.key_id if row.narrowed else 0)

    def by_uuid(self, user: str) -> Caller | None:
        """The user as a caller, None when it may not call."""
        reader = self.db.read()
        row = reader.one(_BY_UUID, {"value": user})
        if row is None:
            return None
        caller = caller_from(row)
        return msgspec.structs.replace(caller, two_factor=caller.two_factor or second_factor.mandated(reader, caller.domain_id))

    def system(self) -> Caller:
        """The system account."""
        return system_caller(self.db.read())

    def sign_in(self, username: str, given: str, domain_path: str, domain_id: str | None) -> SignedIn | None:
        """The user with that password; None when there is none. Raises WireError when it is right but may not sign in."""
        reader = self.db.read()
        domain = _domain(reader, domain_path, domain_id)
        known: list[User | None] = [None]
        if domain is not None:
            known = [*reader.all(User, User.c.username == username, User.c.domain_id == domain.id)] or known
        refused, right = list[tuple[User, Judgement]](), None
        for one in known:  # several where a setting allows it: the first in force whose password it is
            said = source.judge(self.db, domain, one, username, given)
            user = said.user or one
            if said.why:
                path = domain.path if domain else domain_path
                log.warning("user %r of domain %s is not signed in: %s", username, path, said.why)
            if user is not None and said.verdict is not Verdict.YES:
                refused.append((user, said))
            elif user is not None:
                right = user
                if self.by_uuid(user.uuid) is not None:
                    break
        if right is not None:
            return self.welcome(right)
        if refused:
            self.db.write(lambda tx: _refused(tx, refused))
        return None

    def welcome(self, user: User) -> SignedIn:
        """Sign in a user who proved to be who it says. Raises WireError when it (or its account, domain, role) may not call."""
        reader = self.db.read()
        caller = self.by_uuid(user.uuid)
        if caller is None:
            path = reader.get(Domain, user.domain_id).path
            raise WireError(531, f"User {user.username} in domain {path} (or its account) is locked or disabled", cs_code=None)
        self.db.write(lambda tx: _welcome(tx, user, caller))
        here = self.server() if caller.root else None
        return SignedIn(caller, _told(reader, caller, user) | ({"managementserverid": here} if here else {}))

    def admitted(self, caller: Caller, peer: str) -> bool:
        """Whether this account's users may call from that address."""
        reader = self.db.read()
        if not CIDRS_CHECKED.get(reader):
            return True
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        plain = getattr(address, "ipv4_mapped", None) or address
        return any(plain in network for network in _networks(CIDRS.get(reader, account=caller.account_id)))

    def permitted(self, caller: Caller, command: str) -> bool:
        """Whether the caller's role, and the rules of the key it calls through, allow the command."""
        return permission.permitted(self.db.read(), caller, command)

    def lacking(self, caller: Caller, command: str) -> tuple[list[str], list[str]]:
        """Of a command that is not permitted: which right is missing, and what would give it, in sentences."""
        return permission.lacking(self.db.read(), caller, command)

    def within_rate(self, caller: Caller) -> bool:
        """Count a call of an account; False when it has made too many."""
        return rate.within(self.db.read(), caller)


def _domain(reader: Reader, path: str, id: str | None) -> Domain | None:
    if id is None:
        return reader.find(Domain, Domain.c.path == path)
    return reader.find(Domain, Domain.c.id == int(id) if id.isdecimal() and len(id) < 19 else Domain.c.uuid == id)


def _keys_accepted(reader: Reader, row: Any) -> bool:
    """The narrowest that says something: the user, its account, its domain."""
    for said in (row.api_key_access, row.account_access):
        if said is not None:
            return bool(said)
    return KEY_ACCESS.get(reader, domain=row.domain_id)


def _refused(tx: Tx, judged: list[tuple[User, Judgement]]) -> None:
    for user, said in judged:
        if said.verdict is Verdict.NO and said.counts:
            _count_miss(tx, user)
        if said.why:
            _turned_away(tx, user, said)


def _count_miss(tx: Tx, user: User) -> None:
    """Disable a user after too many wrong passwords; never root's administrators: anybody could lock them all out."""
    tx.execute(_MISSED, {"id_": user.id})
    now = tx.get(User, user.id)
    most = ATTEMPTS.get(tx)
    root = tx.get(Account, now.account_id).type_ == ADMIN
    if 0 < most <= now.failed_logins and now.state == "enabled" and not root:
        tx.update(now, state="disabled")
        text = f"User {user.username} is disabled after {now.failed_logins} wrong passwords in a row"
        emit(tx, "USER.DISABLE", text, about=now, level="WARN")


def _turned_away(tx: Tx, user: User, said: Judgement) -> None:
    """Tell why a source signed nobody in: its answer was no, or it had none."""
    unsure = said.verdict is Verdict.CANNOT_TELL
    what = "could not be signed in, nor refused for good" if unsure else "was not signed in"
    emit(tx, "USER.LOGIN", f"User {user.username} {what}: {said.why}", about=user, level="ERROR" if unsure else "WARN")


def _welcome(tx: Tx, user: User, caller: Caller) -> None:
    tx.execute(_FORGIVEN, {"id_": user.id})
    emit(tx, "USER.LOGIN", f"User {caller.username} signed in", about=user, caller=caller)


def _told(reader: Reader, caller: Caller, user: User) -> dict[str, Any]:
    fields = {
        "username": user.username,
        "userid": user.uuid,
        "domainid": caller.domain_uuid,
        "account": caller.account,
        "firstname": user.first_name,
        "lastname": user.last_name,
        "type": str(reader.get(Account, user.account_id).type_),
        "timezone": user.timezone,
        "timezoneoffset": _offset(user.timezone) if user.timezone else None,
        "registered": "false",
        "is2faenabled": "true" if caller.two_factor else "false",
        "issuerfor2fa": second_factor.ISSUER.get(reader, domain=caller.domain_id),
        "providerfor2fa": second_factor.provider_of(reader, user) if caller.two_factor else None,
        "passwordchangerequired": user.password_due or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _offset(zone: str) -> str | None:
    """Hours from UTC now."""
    try:
        offset = datetime.datetime.now(zoneinfo.ZoneInfo(zone)).utcoffset()
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return None
    return None if offset is None else str(offset.total_seconds() / 3600)


@lru_cache(maxsize=1_000)
def _networks(text: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """The networks of a list. An empty one admits nobody."""
    return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())
