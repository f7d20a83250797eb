"""People of a directory as users: made by command, by import or at their first sign-in, always in the same way."""

from __future__ import annotations

from typing import Any

from cloudwright.core.access import Caller
from cloudwright.core.event import emit
from cloudwright.core.secret import Secret
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.account import open_account
from cloudwright.identity.directory.asking import Person
from cloudwright.identity.model import Account, Domain, Role, User
from cloudwright.identity.username import claim

LDAP = "ldap"


def user_called(reader: Reader, domain_id: int, username: str) -> User | None:
    """The user of that name in a domain."""
    return reader.find(User, User.c.domain_id == domain_id, User.c.username == username)


def account_called(reader: Reader, domain_id: int, name: str) -> Account | None:
    """The account of that name in a domain."""
    return reader.find(Account, Account.c.domain_id == domain_id, Account.c.name == name)


def enrol(tx: Tx, person: Person, account: Account, caller: Caller | None, **about: Any) -> User:
    """Make somebody a user of an account. It has no password here."""
    names: dict[str, Any] = {
        "username": person.username, "first_name": person.first_name, "last_name": person.last_name, "email": person.email,
    }  # fmt: skip
    where: dict[str, Any] = {"account_id": account.id, "domain_id": account.domain_id}
    where["named_in"] = claim(tx, person.username, account)
    user = tx.insert(User(password=Secret(""), source=LDAP, **names, **where, **about))
    text = f"Made user {user.username} of account {account.name}, as it is in the directory"
    emit(tx, "USER.CREATE", text, about=user, caller=caller)
    return user


def account_for(tx: Tx, name: str, domain: Domain, role: Role, caller: Caller | None, **about: Any) -> Account:
    """The account of that name, made where there is none."""
    there = account_called(tx, domain.id, name)
    if there is not None:
        return there
    row = open_account(tx, name, domain, role, **about)
    emit(tx, "ACCOUNT.CREATE", f"Made account {name} in domain {domain.path}", about=row, caller=caller)
    return row
