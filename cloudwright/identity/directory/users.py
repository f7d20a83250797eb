"""Who is in the directory: the commands that list and search it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller
from cloudwright.core.command import Query, Told
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader
from cloudwright.identity.directory.asking import Person, directory
from cloudwright.identity.directory.enrol import LDAP
from cloudwright.identity.model import Domain, User
from cloudwright.operations.paging import Paged, cut

KEY = "LdapUser"
RESP_KEY = "ldapuserresponse"
FILTERS = ("NoFilter", "LocalDomain", "AnyDomain", "PotentialImport")
RESPONSE = {
    "username": ("string", "the name"),
    "principal": ("string", "the distinguished name"),
    "email": ("string", "the e-mail address"),
    "firstname": ("string", "the first name"),
    "lastname": ("string", "the last name"),
    "domain": ("string", "the organisational unit it is in"),
    "conflictingusersource": ("string", "where the user of that name signs in that is in the domain already"),
}


def told(person: Person, source: str | None = None) -> dict[str, Any]:
    """A user of the directory as answers tell it."""
    fields = {
        "username": person.username, "principal": person.principal, "email": person.email, "firstname": person.first_name,
        "lastname": person.last_name, "domain": person.unit, "conflictingusersource": source,
    }  # fmt: skip
    return {name: value for name, value in fields.items() if value}


def with_word(people: Iterable[Person], word: str | None) -> list[Person]:
    """Those in whose names the word occurs; by name."""
    word = (word or "").lower()
    texts = {p: f"{p.username}\n{p.email}\n{p.first_name}\n{p.last_name}".lower() for p in people}
    return sorted((p for p, text in texts.items() if word in text), key=lambda p: (p.username.lower(), p.principal))


def sources(reader: Reader, domain_id: int | None) -> dict[str, str]:
    """Where users sign in, by name: those of a domain, or of all."""
    statement = sa.select(User.c.username, User.c.source).where(User.c.gone == 0)
    statement = statement if domain_id is None else statement.where(User.c.domain_id == domain_id)
    return dict(map(tuple, reader.rows(statement)))


class ListLdapUsers(
    Paged, Query, response=RESPONSE, resp_key=RESP_KEY, since="4.2.0", authorized=("Admin", "DomainAdmin")
):  # fmt: skip
    """Lists users of a domain's directory: of the group ldap.search.group.principle where there is one, else all."""

    list_type: str = param("all, or new: those who are no users yet", choices=("all", "new"), default="all")
    user_filter: str = param(
        "NoFilter; LocalDomain: those that are no users of the domain; AnyDomain: those that are users of no domain;"
        " PotentialImport: those that are not imported into the domain, with what stands in the way",
        choices=FILTERS, default="NoFilter", since="4.13",
    )  # fmt: skip
    domain: Ref[Domain] | None = param("the domain; without, the caller's own")
    keyword: str | None = param("only those in whose names this occurs")

    def run(self, reader: Reader, caller: Caller) -> Told:
        domain_id = self.domain.id if self.domain else caller.domain_id
        people = directory(reader, domain_id).ask(lambda session: list(session.people()))
        rows = self._wanted(reader, domain_id, with_word(people, self.keyword))
        return Told(KEY, list(cut(self, rows, reader)), len(rows))

    def _wanted(self, reader: Reader, domain_id: int, people: list[Person]) -> list[dict[str, Any]]:
        chosen = self.user_filter.lower()
        if chosen == "nofilter":
            chosen = "anydomain" if self.list_type.lower() == "new" else chosen
        if chosen == "nofilter":
            return [told(person) for person in people]
        people = [person for person in people if not person.barred]  # nobody makes users of those
        known = sources(reader, None if chosen == "anydomain" else domain_id)
        if chosen == "potentialimport":
            return [told(p, known.get(p.username)) for p in people if known.get(p.username) != LDAP]
        return [told(p) for p in people if p.username not in known]


class SearchLdap(Paged, Query, response=RESPONSE, resp_key=RESP_KEY, since="4.2.0"):
    """Finds users of the directory by name, e-mail address, first or last name."""

    query: str = param("what one of these is; * in it stands for anything")
    keyword: str | None = param("only those in whose names this occurs")

    def run(self, reader: Reader, caller: Caller) -> Told:
        found = directory(reader, caller.domain_id).ask(lambda session: list(session.people(who=session.like(self.query))))
        rows = [told(person) for person in with_word(found, self.keyword)]
        return Told(KEY, list(cut(self, rows, reader)), len(rows))
