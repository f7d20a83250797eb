"""Browser sessions as stored, and their end when their user may not call any more."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import sqlalchemy as sa

from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.model import LoginSession, User

_FORGOTTEN = 86_400  # seconds after which a session that nobody used is swept away
_BY_DIGEST = LoginSession.c.digest == sa.bindparam("digest_")
_FIND = sa.select(LoginSession.t).where(_BY_DIGEST)
_SEEN = LoginSession.t.update().where(_BY_DIGEST).values(seen=sa.bindparam("seen_"), verified=sa.bindparam("verified_"))
_DROP = LoginSession.t.delete().where(_BY_DIGEST)
_SWEEP = LoginSession.t.delete().where(LoginSession.c.seen < sa.bindparam("before"))
_CUT_ORIGIN = LoginSession.t.delete().where(LoginSession.c.origin == sa.bindparam("origin_"))
_CUT = LoginSession.t.delete().where(LoginSession.c.user_uuid.in_(sa.bindparam("users", expanding=True)))


def find(reader: Reader, digest: str) -> LoginSession | None:
    """The session of that digest."""
    row = reader.one(_FIND, {"digest_": digest})
    return None if row is None else LoginSession.load(row)


def add(tx: Tx, session: LoginSession) -> None:
    """Store a new session, and forget those that were left long ago."""
    tx.execute(_SWEEP, {"before": tx.now - _FORGOTTEN})
    tx.insert(session)


def seen(tx: Tx, digest: str, when: float, verified: bool) -> bool:
    """Note a use; False when there is no such session any more."""
    return tx.execute(_SEEN, {"digest_": digest, "seen_": when, "verified_": verified}) == 1


def origin(party: str, name: str) -> str:
    """How the sessions of whom an identity provider knows by that name are found."""
    return hashlib.sha256(f"{party}\n{name}".encode()).hexdigest()


def cut_origin(tx: Tx, origin: str) -> int:
    """End the sessions of whom an identity provider signed out; answers how many."""
    return tx.execute(_CUT_ORIGIN, {"origin_": origin})


def drop(tx: Tx, digest: str) -> None:
    """Forget a session."""
    tx.execute(_DROP, {"digest_": digest})


def cut(tx: Tx, users: Sequence[User]) -> int:
    """End all sessions of these users; answers how many. A server may believe in one it just used for two seconds more."""
    return tx.execute(_CUT, {"users": [user.uuid for user in users]})
