"""Linking domains and accounts to parts of a directory: whoever is in there becomes a user at the first sign-in."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Success, Told
from cloudwright.core.error import InUse, ParamError
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.account import TYPES, ChoosesRole, role_given
from cloudwright.identity.directory.asking import GROUP, OU, Part, Person, directory
from cloudwright.identity.directory.enrol import account_called, account_for, enrol, user_called
from cloudwright.identity.directory.model import LdapLink
from cloudwright.identity.directory.name import plain
from cloudwright.identity.model import Account, Domain, Role
from cloudwright.identity.permission import guard

_DOMAIN_ADMIN_ROLE = 3
_RESPONSE = {
    "domainid": ("string", "the domain"),
    "ldapdomain": ("string", "the group or organisational unit"),
    "type": ("string", "GROUP or OU"),
    "accounttype": ("integer", "0 user, 2 domain administrator"),
    "accountid": ("string", "the account that is linked, or was made for the administrator"),
}


def part_of(link: LdapLink) -> Part:
    """What a link is to."""
    return Part(link.kind_of, link.name)


def links_of(reader: Reader, domain_id: int) -> list[LdapLink]:
    """The links of a domain and of its accounts that are there."""
    living = sa.select(Account.c.id).where(Account.c.domain_id == domain_id, Account.c.gone == 0)
    links = reader.all(LdapLink, LdapLink.c.domain_id == domain_id)
    accounts = {row.id for row in reader.rows(living)} if any(link.account_id for link in links) else set()
    return [link for link in links if not link.account_id or link.account_id in accounts]


class _Links(ChoosesRole, Command):
    """What both commands that link take."""

    domain: Ref[Domain] = param("the domain", use=Use.CHANGE)
    type: str = param("what it is linked to: GROUP or OU", choices=(GROUP, OU))
    ldap_domain: str = param("the distinguished name of the group or organisational unit, or its plain name")
    admin: str | None = param("who in there becomes a user at once")

    def ask(self, reader: Reader, caller: Caller) -> Person | None:
        """The user-to-be. Raises ParamError where the directory has nobody of that name in that part, or not that part."""
        part = Part(self.type.upper(), self.ldap_domain)

        def look(session: Any) -> Person | None:
            session.check(part)
            person: Person | None = session.person(self.admin, part) if self.admin else None
            return person

        person = directory(reader, self.domain.id).ask(look)
        if self.admin and (person is None or person.barred):
            why = person.barred if person else f"nobody is called so in {self.ldap_domain}"
            raise ParamError(f"Parameter admin: {self.admin} cannot become a user: {why}", param="admin")
        return person

    def _put(self, tx: Tx, role: Role, account: Account | None) -> None:
        account_id = account.id if account else 0
        there = tx.find(LdapLink, LdapLink.c.domain_id == self.domain.id, LdapLink.c.account_id == account_id)
        if there is not None:
            what = f"Account {account.name}" if account else f"Domain {self.domain.path}"
            text = f"{what} is linked already, to {there.kind_of} {there.name}"
            raise InUse(text, fix=["unlink the domain first by unlinkDomainFromLdap"])
        about: dict[str, Any] = {"kind_of": self.type.upper(), "name": self.ldap_domain, "role_id": role.id}
        tx.insert(LdapLink(domain_id=self.domain.id, account_id=account_id, **about))

    def _enrol(self, tx: Tx, account: Account, caller: Caller) -> None:
        there = user_called(tx, account.domain_id, self.asked.username)
        if there is not None:
            text = f"Parameter admin: the domain has a user {there.username} already, of source {there.source}"
            raise ParamError(text, param="admin")
        enrol(tx, self.asked, account, caller)

    def _role(self, reader: Reader, caller: Caller) -> Role:
        """The role of accounts that are made by themselves: never one that sees more than a domain."""
        role = role_given(reader, self)
        guard(reader, caller, role)
        if role.role_type not in ("User", "DomainAdmin"):
            given = "accounttype" if self.role is None else "roleid"
            text = f"Parameter {given}: accounts of type {TYPES[role.role_type]} are not made by a link, those are 0 and 2"
            raise ParamError(text, param=given)
        return role

    def _told(self, role: Role) -> dict[str, Any]:
        about = {"ldapdomain": self.ldap_domain, "type": self.type.upper()}
        return {"domainid": self.domain.uuid, **about, "accounttype": TYPES[role.role_type]}


class LinkDomainToLdap(
    _Links, event="DOMAIN.UPDATE", since="4.6.0", response={**_RESPONSE, "name": ("string", "the plain name of that")}
):
    """Links a domain to a group or organisational unit: its people get accounts at their first sign-in."""

    account_type: int = param("the type of those accounts: 0 user, 2 domain administrator", minimum=0)
    role: Ref[Role] | None = param("the role of those accounts; without, the default one of the type")
    admin: str | None = param("who in there becomes an administrator of the domain at once")

    def run(self, tx: Tx, caller: Caller) -> Told:
        role = self._role(tx, caller)
        self._put(tx, role, None)
        more = {"name": plain(self.ldap_domain)}
        if self.asked is not None:
            admins = tx.get(Role, _DOMAIN_ADMIN_ROLE)  # root's administrators alone link domains, and may more
            name = self.asked.username
            if account_called(tx, self.domain.id, name) is not None:
                raise ParamError(f"Parameter admin: the domain has an account {name} already", param="admin")
            account = account_for(tx, name, self.domain, admins, caller)
            self._enrol(tx, account, caller)
            more["accountid"] = account.uuid
        return Told("LinkDomainToLdap", [self._told(role) | more], one=True)


class LinkAccountToLdap(
    _Links, event="ACCOUNT.UPDATE", since="4.11.0", authorized=("Admin", "DomainAdmin"),
    response={**_RESPONSE, "account": ("string", "the name of that account")},
):  # fmt: skip
    """Links an account to a group or organisational unit: its people become users of the account at their first sign-in."""

    type: str = param("what it is linked to: GROUP or OU", choices=(GROUP, OU), default=GROUP)
    account: str = param("the account; made where there is none of that name")
    account_type: int | None = param("its type, if it is made: 0 user (default), 2 domain administrator", minimum=0)
    role: Ref[Role] | None = param("its role, if it is made; without, the default one of the type", since="4.19.1")

    def run(self, tx: Tx, caller: Caller) -> Told:
        there = account_called(tx, self.domain.id, self.account)
        if there is None:
            if self.account_type is None and self.role is None:
                self.account_type = 0
            there = account_for(tx, self.account, self.domain, self._role(tx, caller), caller)
        role = tx.get(Role, there.role_id)
        guard(tx, caller, role)
        self._put(tx, role, there)
        if self.asked is not None:
            self._enrol(tx, there, caller)
        told = self._told(role) | {"account": there.name, "accountid": there.uuid}
        return Told("linkAccountToLdap", [told], one=True)


class UnlinkDomainFromLdap(Command, event="DOMAIN.UPDATE", since="4.23.0", form="success"):
    """Removes all links of a domain and of its accounts. Their users stay, and still sign in by the directory."""

    domain: Ref[Domain] = param("the domain", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        links = links_of(tx, self.domain.id)
        if not links:
            raise ParamError(f"Parameter domainid: domain {self.domain.path} is not linked to a directory", param="domainid")
        for link in links:
            tx.remove(link)
        return Success()
