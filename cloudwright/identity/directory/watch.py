"""Looking whether users of directories are still in there: who is not, or is barred there, may not call until it is again."""

from __future__ import annotations

import functools
import logging

import sqlalchemy as sa

from cloudwright.core.loop import Loop
from cloudwright.core.setting import setting
from cloudwright.identity.directory.asking import Directory, Part, Unclear
from cloudwright.identity.directory.enrol import LDAP
from cloudwright.identity.directory.options import Options, options
from cloudwright.identity.directory.signin import GONE, part_for, put_away
from cloudwright.identity.model import User

log = logging.getLogger(__name__)

INTERVAL = setting(
    "ldap.users.check.interval", 300, "seconds between two looks whether users of directories are still in there and may sign in",
    minimum=5,
)  # fmt: skip
_WHERE = sa.select(User.c.domain_id, User.c.account_id).where(User.c.gone == 0, User.c.source == LDAP).distinct()
_Asked = tuple[Options, Part | None]


class CheckDirectoryUsers(Loop, every=60.0):
    """Compares users of directories with what is in there. A directory that cannot be asked changes nothing."""

    def turn(self) -> float | None:
        read = self.read
        known: dict[int, Options] = {}
        seen: dict[_Asked, dict[str, str] | None] = {}
        for domain_id, account_id in map(tuple, read.rows(_WHERE)):
            if domain_id not in known:
                known[domain_id] = options(read, domain_id)
            asked = (known[domain_id], part_for(read, domain_id, account_id))
            if asked not in seen:
                seen[asked] = _everybody(*asked)
            there = seen[asked]
            if there is not None:
                users = read.all(User, User.c.account_id == account_id, User.c.source == LDAP)
                self._compare(users, there)
        return float(INTERVAL.get(read))

    def _compare(self, users: list[User], there: dict[str, str]) -> None:
        changed: dict[str, list[User]] = {}
        for user in users:
            why = there.get(user.username.lower(), GONE)
            if bool(why) != user.away:
                changed.setdefault(why, []).append(user)
        for why, them in changed.items():
            self.write(functools.partial(put_away, users=them, why=why))


def _everybody(known: Options, part: Part | None) -> dict[str, str] | None:
    """Why each may not sign in ("" for those who may), by name in small letters; None where that cannot be told."""
    if not known.servers:
        return None
    try:
        people = Directory(known).ask(lambda session: list(session.people(part)))
    except Unclear as error:
        log.warning("users of a directory cannot be looked after: %s", error.text)
        return None
    if not people:
        log.warning("a directory has nobody at all below %s; that is taken for a mistake in its settings", known.base)
        return None
    return {person.username.lower(): person.barred for person in people}
