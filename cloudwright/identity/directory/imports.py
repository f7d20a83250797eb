"""Making users of people in the directory: one by one, or all of a group at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Told
from cloudwright.core.error import Denied, ParamError
from cloudwright.core.event import emit
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.account import AccountView, ChoosesRole, bad_zone, role_given
from cloudwright.identity.directory.asking import GROUP, Part, Person, directory
from cloudwright.identity.directory.enrol import LDAP, account_called, account_for, enrol
from cloudwright.identity.directory.name import plain
from cloudwright.identity.directory.users import KEY, RESP_KEY, RESPONSE, sources, told, with_word
from cloudwright.identity.domain import CreateDomain, bad_suffix
from cloudwright.identity.model import ROOT_DOMAIN, SYSTEM_ACCOUNT, Account, Domain, Role
from cloudwright.identity.permission import guard
from cloudwright.operations.paging import Paged, cut

_NO_NAME = re.compile(r"[^A-Za-z0-9._ -]+")


class LdapCreateAccount(ChoosesRole, Command, answers=AccountView, since="4.2.0", resp_key="createaccountresponse"):
    """Makes a user of somebody in the directory, in an account that is made where there is none of that name."""

    username: str = param("the name of the user in the directory")
    account: str | None = param("the account; without, one with the user's name")
    domain: Ref[Domain] | None = param("its domain; without, the caller's own", use=Use.CHANGE)
    timezone: str | None = param("the user's time zone, such as Europe/Berlin", check=bad_zone)
    network_domain: str | None = param("the DNS suffix of the account's networks", check=bad_suffix)
    account_details: dict[str, str] | None = param("details to keep with the account")
    account_id: str | None = param("an id (UUID) for the account", kind="uuid")
    user_id: str | None = param("an id (UUID) for the user", kind="uuid")

    def ask(self, reader: Reader, caller: Caller) -> Person:
        """Who that is. Raises ParamError for nobody, and for somebody who may not sign in."""
        domain_id = self.domain.id if self.domain else caller.domain_id
        person = directory(reader, domain_id).ask(lambda session: session.person(self.username))
        if person is None or person.barred:
            why = f": {person.barred}" if person else ", or not in the group that users are of"
            text = f"Parameter username: {self.username} is not in the directory{why}"
            raise ParamError(text, param="username", fix=["see who is (listLdapUsers)"])
        return person

    def run(self, tx: Tx, caller: Caller) -> Account:
        domain = self.domain or tx.get(Domain, caller.domain_id)
        account = _account(tx, caller, domain, self.account or self.asked.username, self, self._about())
        enrol(tx, self.asked, account, caller, timezone=self.timezone, uuid=self.user_id or "")
        return account

    def _about(self) -> dict[str, Any]:
        return {"network_domain": self.network_domain, "details": self.account_details or {}, "uuid": self.account_id or ""}


def _account(
    tx: Tx, caller: Caller, domain: Domain, name: str, command: ChoosesRole, about: dict[str, Any]
) -> Account:  # fmt: skip
    """The account of that name, if the caller may make users of it; made where there is none."""
    there = account_called(tx, domain.id, name)
    role = role_given(tx, command) if there is None else tx.get(Role, there.role_id)
    guard(tx, caller, role)
    if there is not None and there.id == SYSTEM_ACCOUNT:
        raise Denied("Account system has no users but its own")
    return there or account_for(tx, name, domain, role, caller, **about)


class ImportLdapUsers(ChoosesRole, Paged, Command, response=RESPONSE, resp_key=RESP_KEY, since="4.3.0"):
    """Makes users of all in the directory, or of a group's members: each with an account of its own, or all in one.

    Answers those that are users now, and those that are not because another user has their name. Without domainid they get into
    a domain below ROOT that is called as the group or, without one, as their organisational unit; it is made where there is none.
    """

    domain: Ref[Domain] | None = param("the domain they get into", use=Use.CHANGE)
    group: str | None = param("only members of this group: its distinguished name, or its plain name")
    account: str | None = param("the account they become users of; without, each gets one of its own name")
    account_type: int | None = param("the type of accounts that are made; without it and roleid 0, user", minimum=0)
    timezone: str | None = param("their time zone, such as Europe/Berlin", check=bad_zone)
    account_details: dict[str, str] | None = param("details to keep with accounts that are made")
    keyword: str | None = param("only those in whose names this occurs")

    def ask(self, reader: Reader, caller: Caller) -> Sequence[Person]:
        """Who is meant."""
        if self.domain is None and not caller.root:
            raise Denied(
                "Parameter domainid is needed: only root's administrators make domains below ROOT", fix=["give domainid"]
            )
        part = Part(GROUP, self.group) if self.group else None
        domain_id = self.domain.id if self.domain else ROOT_DOMAIN
        people = directory(reader, domain_id).ask(lambda session: list(session.people(part)))
        return cut(self, [person for person in with_word(people, self.keyword) if not person.barred], reader)

    def run(self, tx: Tx, caller: Caller) -> Told:
        if self.account_type is None and self.role is None:
            self.account_type = 0
        domains: dict[str, Domain] = {}
        known: dict[int, dict[str, str]] = {}
        rows = []
        for person in self.asked:
            domain = self.domain or self._domain(tx, caller, person, domains)
            if domain.id not in known:
                known[domain.id] = sources(tx, domain.id)
            here = known[domain.id]
            if person.username in here:
                rows += [told(person, here[person.username])] if here[person.username] != LDAP else []
                continue
            account = _account(tx, caller, domain, self.account or person.username, self, {"details": self.account_details or {}})
            enrol(tx, person, account, caller, timezone=self.timezone)
            here[person.username] = LDAP
            rows.append(told(person))
        return Told(KEY, rows)

    def _domain(self, tx: Tx, caller: Caller, person: Person, domains: dict[str, Domain]) -> Domain:
        """The domain below ROOT that is called as the group, or as where the person is."""
        name = _NO_NAME.sub("-", plain(self.group) if self.group else person.unit).strip(" -.") or "directory"
        if name not in domains:
            there = tx.find(Domain, Domain.c.parent_id == ROOT_DOMAIN, Domain.c.name == name)
            if there is None:
                there = CreateDomain.sent(tx, caller, name=name, parentdomainid=tx.get(Domain, ROOT_DOMAIN).uuid).run(tx, caller)
                emit(tx, "DOMAIN.CREATE", f"Made domain {name} for users of the directory", about=there, caller=caller)
            domains[name] = there
        return domains[name]
