"""Asking a directory: who is in it, in which group, may sign in, and whether that is the password."""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from cloudwright.core.error import Unavailable
from cloudwright.core.secret import Secret
from cloudwright.core.tx import Reader
from cloudwright.identity.directory import name as names
from cloudwright.identity.directory import trust
from cloudwright.identity.directory.connection import BASE, Address, Connection, Entry, NoAnswer, Refused
from cloudwright.identity.directory.filter import IN_CHAIN, And, Equal, Filter, Like, Matches, Not, Or
from cloudwright.identity.directory.options import Options, options

T = TypeVar("T")
GROUP, OU = "GROUP", "OU"
WRONG_PASSWORD = 49
_LAST_SECONDS = 30.0  # a server that did not answer is asked last for so long
_NEVER = 1 << 62  # of accountExpires
_FILETIME = 11_644_473_600  # seconds from 1601 to 1970
_LOCKED_FOR_GOOD = "000001010000Z"
_SAID = {  # what Active Directory tells of a refused bind
    "525": "there is no such user", "52e": "", "530": "it may not sign in at this time", "531": "it may not sign in from here",
    "532": "its password has expired", "533": "it is disabled", "701": "it has expired",
    "773": "it must change its password first", "775": "it is locked after too many wrong passwords",
}  # fmt: skip


class Unclear(Unavailable):
    """The directory could not be asked, or its answer settles nothing. That somebody is not in it, this does not mean."""


class Part(msgspec.Struct, frozen=True):
    """A part of a directory: the members of a group (GROUP), or what is below an organisational unit (OU). `name` is its
    distinguished name, or its common name where that is unambiguous."""

    kind: str
    name: str


class Person(msgspec.Struct, frozen=True):
    """A user as the directory knows it."""

    principal: str
    username: str
    email: str
    first_name: str
    last_name: str
    unit: str  # the organisational unit it is in
    barred: str  # why it may not sign in, "" when it may
    groups: tuple[str, ...]


def directory(reader: Reader, domain_id: int) -> Directory:
    """The directory of a domain. Raises Unclear where it has none."""
    known = options(reader, domain_id)
    if not known.servers:
        fix = ["add one by addLdapConfiguration"]
        raise Unclear("No directory server is configured for this domain, nor for all", fix=fix, needs="addLdapConfiguration")
    return Directory(known)


class Directory:
    """A domain's directory. Thread-safe: each question has its own connection."""

    _silent: dict[Address, float] = {}
    _lock = threading.Lock()

    def __init__(self, known: Options) -> None:
        self.known = known

    def ask(self, work: Callable[[Session], T]) -> T:
        """Do some work with the first server that answers to its end. Raises Unclear."""
        try:
            context = trust.context(self.known.trust, self.known.trust_password) if self._secured() else None
        except trust.BadTrust as error:
            raise Unclear(error.text, fix=error.fix) from None
        failed = []
        for server in self._in_order():
            try:
                answer = self._ask(server, context, work)
            except NoAnswer as error:
                failed.append(str(error))
                with self._lock:
                    self._silent[server] = time.monotonic()
            except Refused as error:
                raise Unclear(f"Directory server {server} refuses a search: {error}") from None
            else:
                with self._lock:
                    self._silent.pop(server, None)
                return answer
        raise Unclear(f"No directory server answers: {'; '.join(failed)}", why=failed)

    def _secured(self) -> bool:
        return any(server.tls != "none" for server in self.known.servers)

    def _in_order(self) -> list[Address]:
        """As configured, those that were silent just now last."""
        late = time.monotonic() - _LAST_SECONDS
        with self._lock:
            return sorted(self.known.servers, key=lambda server: self._silent.get(server, 0.0) > late)

    def _ask(self, server: Address, context: ssl.SSLContext | None, work: Callable[[Session], T]) -> T:
        with Connection(server, self.known.waits, context, self.known.inside) as connection:
            try:
                connection.bind(self.known.principal, self.known.password)
            except Refused as error:
                whom = self.known.principal or "nobody"
                raise Unclear(f"Directory server {server} does not let us in as {whom} (ldap.bind.principal): {error}") from None
            return work(Session(connection, self.known))


class Session:
    """Questions to one server."""

    def __init__(self, connection: Connection, known: Options) -> None:
        self._connection, self._known = connection, known
        self._attributes = (
            known.username, known.email, known.first_name, known.last_name, known.member_of,
            "userAccountControl", "accountExpires", "nsAccountLock", "pwdAccountLockedTime",
        )  # fmt: skip

    def person(self, username: str, part: Part | None = None) -> Person | None:
        """The one of that name. Raises Unclear where there are several."""
        found = list(self.people(part, Equal(self._known.username, username)))
        if len(found) > 1:
            raise Unclear(
                f"The directory has {len(found)} users called {username}: {found[0].principal}, {found[1].principal}, …"
            )
        return found[0] if found else None

    def people(self, part: Part | None = None, who: Filter | None = None) -> Iterator[Person]:
        """All users of a part, by default those of ldap.search.group.principle, else all."""
        known = self._known
        part = part or (Part(GROUP, known.principle) if known.principle else None)
        wanted = [Equal("objectClass", known.user_object), who or Like(known.username, "*")]
        wanted += [Not(Equal("objectClass", "computer"))] if known.ad else []
        base, chosen = known.base, None
        if part is not None:
            entry = self._named(part)
            if part.kind == OU:
                base = entry
            elif known.ad:
                rule = Matches(known.member_of, IN_CHAIN, entry) if known.nested else Equal(known.member_of, entry)
                wanted.append(rule)
            else:
                chosen = self._members(entry)
        for found in self._connection.search(base, And(*wanted), self._attributes, known.page):
            person = self._person(found)
            if person is not None and (chosen is None or chosen.has(person)):
                yield person

    def check(self, part: Part) -> None:
        """Raise Unclear where there is no such part."""
        named = self._named(part)
        if not list(self._connection.search(named, Like("objectClass", "*"), ["1.1"], self._known.page, BASE)):
            raise Unclear(f"The directory does not tell whether there is {part.name}")

    def like(self, pattern: str) -> Filter:
        """Those with a name of that pattern, in which `*` stands for anything."""
        known = self._known
        return Or(*(Like(attribute, pattern) for attribute in (known.username, known.email, known.first_name, known.last_name)))

    def prove(self, person: Person, password: Secret) -> str | None:
        """None when that is the password; "" when it is not; else why the directory refuses whatever it is."""
        try:
            self._connection.bind(person.principal, password)
        except Refused as error:
            said = re.search(r"\bdata ([0-9a-f]+)", error.detail)
            if error.code == WRONG_PASSWORD:
                return _SAID.get(said[1], f"code {said[1]}") if said else ""
            return str(error)
        return None

    def _person(self, entry: Entry) -> Person | None:
        known = self._known
        username = entry.first(known.username)
        if not username or not entry.name:
            return None
        return Person(
            principal=entry.name, username=username, email=entry.first(known.email),
            first_name=entry.first(known.first_name), last_name=entry.first(known.last_name),
            unit=names.unit_of(entry.name, known.base), barred=_barred(entry, time.time()),
            groups=tuple(entry.all(known.member_of)),
        )  # fmt: skip

    def _named(self, part: Part) -> str:
        """The distinguished name of a part. Raises Unclear unless there is exactly one of that name."""
        if names.is_name(part.name):
            return part.name
        group = And(Equal("objectClass", self._known.group_object), Equal("cn", part.name))
        wanted: Filter = Equal("ou", part.name) if part.kind == OU else group
        found = [entry.name for entry in self._connection.search(self._known.base, wanted, ["1.1"], self._known.page)]
        if len(found) != 1:
            what = "organisational unit" if part.kind == OU else "group"
            fix = ["give its distinguished name"]
            raise Unclear(f"The directory has {len(found)} of {what} {part.name}, not one", fix=fix)
        return found[0]

    def _members(self, group: str) -> Members:
        """Who a group has, with its groups' members where these count."""
        known = self._known
        members = Members()
        inner: dict[names.Name, str] = {}
        if known.nested:
            every = self._connection.search(known.base, Equal("objectClass", known.group_object), ["1.1"], known.page)
            inner = {names.parsed(entry.name): entry.name for entry in every}
        to_read = [group]
        while to_read:
            read = to_read.pop()
            members.groups.add(names.parsed(read))
            for entry in self._connection.search(read, Like("objectClass", "*"), [known.member], known.page, BASE):
                for member in map(names.parsed, entry.all(known.member)):
                    members.names.add(member)
                    if member in inner and member not in members.groups:
                        to_read.append(inner.pop(member))
        return members


class Members:
    """The members of a group: by the names that it lists, or because they say that they are in it."""

    def __init__(self) -> None:
        self.names: set[names.Name] = set()
        self.groups: set[names.Name] = set()

    def has(self, person: Person) -> bool:
        """Whether that person is one."""
        by_name = names.parsed(person.principal) in self.names or (("", person.username.lower()),) in self.names
        return by_name or any(names.parsed(group) in self.groups for group in person.groups)


def _barred(entry: Entry, now: float) -> str:
    """Why an entry may not sign in, as far as its attributes tell."""
    if _number(entry.first("userAccountControl")) & 2:
        return "it is disabled in the directory"
    expires = _number(entry.first("accountExpires"))
    if 0 < expires < _NEVER and expires / 10_000_000 - _FILETIME < now:
        return "it has expired in the directory"
    locked = entry.first("nsAccountLock").lower() == "true" or entry.first("pwdAccountLockedTime") == _LOCKED_FOR_GOOD
    return "it is locked in the directory" if locked else ""


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0
