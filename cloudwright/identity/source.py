"""Where a user signs in: by a password kept here (native), in a directory (ldap), at an identity provider (saml2, oauth2).

    register(Source("saml2", by_password=False, kept="its SAML identity provider"))

A source is asked about each sign-in by password. It answers yes, no, or that it cannot tell, which is neither: nobody is signed
in, and nothing is held against the user.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import msgspec

from cloudwright.core.db import Database
from cloudwright.core.error import Denied
from cloudwright.core.secret import Secret
from cloudwright.identity import password
from cloudwright.identity.model import Domain, User

NATIVE = "native"


class Verdict(StrEnum):
    """What a source says of a password."""

    YES = "yes"
    NO = "no"
    CANNOT_TELL = "cannot tell"


class Judgement(msgspec.Struct, frozen=True):
    """A source's answer. `why` is for the log and the events, never for whoever signs in. `user` is one made just now. `counts`:
    a no is a wrong password, of which a user may give only so many."""

    verdict: Verdict
    why: str = ""
    user: User | None = None
    counts: bool = True


NO = Judgement(Verdict.NO)
YES = Judgement(Verdict.YES)


class Source:
    """One of the words of `User.source`. Those with `by_password` answer `judge`."""

    def __init__(self, name: str, *, by_password: bool, kept: str) -> None:
        self.name = name
        self.by_password = by_password  # whether one may sign in by username and password
        self.kept = kept  # who keeps the password, in words; "" for us: then it may be changed here

    def judge(self, db: Database, user: User, given: str) -> Judgement:
        """Whether that is the user's password. Called outside any transaction."""
        return Judgement(Verdict.NO, f"users of {self.kept} do not sign in by password", counts=False)


class Native(Source):
    """Passwords kept here, as hashes."""

    def judge(self, db: Database, user: User, given: str) -> Judgement:
        """By the stored hash."""
        return YES if password.matches(user.password, given) else NO


Newcomer = Callable[[Database, Domain, str, str], Judgement | None]
_sources: dict[str, Source] = {}
_newcomers: list[Newcomer] = []


def register(source: Source) -> None:
    """Declare a source."""
    _sources[source.name] = source


def register_newcomers(ask: Newcomer) -> None:
    """Have `ask(db, domain, username, password)` answer for those who are no users yet: with the user it made, or None where it
    does not know that domain."""
    _newcomers.append(ask)


register(Native(NATIVE, by_password=True, kept=""))
register(Source("saml2", by_password=False, kept="its SAML identity provider"))
register(Source("oauth2", by_password=False, kept="its OAuth provider"))


def source_of(user: User) -> Source:
    """Where this user signs in. One of a source that is unknown here does not."""
    return _sources.get(user.source) or Source(
        user.source, by_password=False, kept=f"source {user.source}, which is unknown here"
    )


def judge(db: Database, domain: Domain | None, user: User | None, username: str, given: str) -> Judgement:
    """Whether whoever gave that name and password is a user, or becomes one. It hashes once whoever that is, so that the time it
    takes does not tell which names are users here."""
    if user is not None and given and source_of(user).name == NATIVE:
        return source_of(user).judge(db, user, given)
    password.matches(Secret(""), given)
    if user is not None:
        return source_of(user).judge(db, user, given) if given else NO
    for ask in _newcomers if domain is not None and given else ():
        if (said := ask(db, domain, username, given)) is not None:  # type: ignore[arg-type] # a domain, see above
            return said
    return NO


def check_changeable(user: User) -> None:
    """Refuse to change a password that is not kept here. Raises Denied."""
    source = source_of(user)
    if source.kept:
        text = f"The password of user {user.username} is kept by {source.kept}: it cannot be changed here"
        raise Denied(text, fix=["change it there; it holds here from the next sign-in"])
