"""What a role may call: its rules in their order, the first that matches decides; where none does, what the command allows.

Rules are kept in memory by engine and role. A change clears them after its commit; other servers notice within a heartbeat.
"""

from __future__ import annotations

import re
import threading
import weakref
from collections.abc import Iterable

import sqlalchemy as sa

from cloudwright.core.access import Caller
from cloudwright.core.command import Verb
from cloudwright.core.db import Database
from cloudwright.core.error import Denied
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.model import KeyRule, Role, RoleRule
from cloudwright.identity.seed import ROOT_ADMIN_ROLE

POWER = {"Admin": 3, "ResourceAdmin": 2, "DomainAdmin": 2, "User": 1}
"""Role types in the order of how far they reach."""


class Rules:
    """The rules of one role, and what they said so far about each command."""

    def __init__(self, rules: Iterable[tuple[str, bool]]) -> None:
        self._rules = [(pattern(rule), allow) for rule, allow in rules]
        self._said: dict[str, bool | None] = {}

    def say(self, command: str) -> bool | None:
        """Whether the rules allow a command; None when no rule speaks of it."""
        if command not in self._said:
            self._said[command] = next((allow for matches, allow in self._rules if matches.fullmatch(command)), None)
        return self._said[command]

    def allow(self, role_type: str, command: str) -> bool:
        """Whether a role of this type with these rules may call a command."""
        said = self.say(command)
        verb = Verb.by_name.get(command)
        return said if said is not None else verb is not None and role_type in verb.api.authorized


def pattern(rule: str) -> re.Pattern[str]:
    """What matches the API names of a rule: in any case, `*` for any run of word characters."""
    return re.compile(r"\w*".join(re.escape(part) for part in rule.split("*")), re.IGNORECASE)


def allowed(reader: Reader, role_id: int, role_type: str, command: str) -> bool:
    """Whether this role may call the command of this API name."""
    return role_id == ROOT_ADMIN_ROLE or _rules(reader, role_id).allow(role_type, command)


def deciding(reader: Reader, role_id: int, command: str) -> tuple[int, RoleRule | None]:
    """The rule of a role that decides about a command, and its position from 1; (0, None) where none speaks of it."""
    rules = sorted(reader.all(RoleRule, RoleRule.c.role_id == role_id), key=lambda rule: (rule.sort, rule.id))
    found = ((i, rule) for i, rule in enumerate(rules, 1) if pattern(rule.rule).fullmatch(command))
    return next(found, (0, None))


def permitted(reader: Reader, caller: Caller, command: str) -> bool:
    """Whether the caller's role allows a command and, where it calls through a key with rules of its own, these do, too."""
    by_role = allowed(reader, caller.role_id, caller.role_type, command)
    return by_role and (not caller.key_id or _key_rules(reader, caller.key_id).say(command) is True)


def lacking(reader: Reader, caller: Caller, command: str) -> tuple[list[str], list[str]]:
    """Which right a caller lacks who may not call a command, and what would give it, in sentences."""
    role = reader.get(Role, caller.role_id).name
    if allowed(reader, caller.role_id, caller.role_type, command):
        return [f"Role {role} allows {command}; the rules of this API key do not"], ["call through a key whose rules allow it"]
    position, rule = deciding(reader, caller.role_id, command)
    why = f"Rule {position} of role {role} denies {rule.rule}" if rule else f"Role {role} has no rule that allows {command}"
    return [why], [f"an administrator adds the rule “allow {command}” to role {role}, or gives the account another role"]


def guard(reader: Reader, caller: Caller, role: Role) -> None:
    """Refuse to let a caller give away, or act through, a role that may do more than its own. Raises Denied."""
    if caller.role_id in (ROOT_ADMIN_ROLE, role.id):
        return
    mine, theirs = POWER[caller.role_type], POWER[role.role_type]
    if role.is_default and theirs < mine:
        return
    more = [f"its type {role.role_type} reaches further than {caller.role_type}"] if theirs > mine else []
    its, own = _rules(reader, role.id), _rules(reader, caller.role_id)
    extra = sorted(name for name in Verb.by_name if its.allow(role.role_type, name) and not own.allow(caller.role_type, name))
    if extra:
        more.append(f"it allows {len(extra)} commands that the caller's role does not, the first is {extra[0]}")
    if more:
        raise Denied(f"Role {role.name} may do more than the caller's own role", why=more, fix=["ask an administrator of root"])


_Known = dict[int, Rules]
_known: weakref.WeakKeyDictionary[sa.Engine, tuple[int, _Known]] = weakref.WeakKeyDictionary()
_lock = threading.Lock()
_RULES = (
    sa.select(RoleRule.c.rule, RoleRule.c.allow)
    .where(RoleRule.c.role_id == sa.bindparam("role"), RoleRule.c.gone == 0)
    .order_by(RoleRule.c.sort, RoleRule.c.id)
)
_KEY_RULES = (
    sa.select(KeyRule.c.rule, KeyRule.c.allow)
    .where(KeyRule.c.key_pair_id == sa.bindparam("key"), KeyRule.c.gone == 0)
    .order_by(KeyRule.c.sort, KeyRule.c.id)
)
_STAMP = sa.select(sa.func.coalesce(sa.func.sum(Role.c.version), 0))  # whoever changes a rule updates its role


def _rules(reader: Reader, role_id: int) -> Rules:
    if isinstance(reader, Tx):  # it sees what is not committed, and may not be
        return _read(reader, role_id)
    engine = reader.connection.engine
    known = _known.get(engine)
    if known is None:
        stamp = int(reader.value(_STAMP))  # before the rules: a change in between makes it differ at the next heartbeat
        with _lock:
            known = _known.setdefault(engine, (stamp, {}))
    rules = known[1].get(role_id)
    if rules is None:
        rules = known[1][role_id] = _read(reader, role_id)
    return rules


def _key_rules(reader: Reader, key_id: int) -> Rules:
    """The rules of a key, which never change."""
    return Rules((rule, allow) for rule, allow in map(tuple, reader.rows(_KEY_RULES, {"key": key_id})))


def _read(reader: Reader, role_id: int) -> Rules:
    return Rules((rule, allow) for rule, allow in map(tuple, reader.rows(_RULES, {"role": role_id})))


def keep_fresh(db: Database) -> None:
    """Call once per process: this process's changes are in force at once."""
    db.listeners.setdefault("role", []).append(lambda: forget(db))
    forget(db)


def forget(db: Database) -> None:
    """Read all rules again at their next use."""
    with _lock:
        _known.pop(db.engine, None)


def refresh(db: Database) -> None:
    """Called with each heartbeat: forget the rules if another server changed some."""
    known = _known.get(db.engine)
    if known is not None and int(db.read().value(_STAMP)) != known[0]:
        forget(db)
