"""Whose: the parameters by which a caller names an owner, the fields that tell one, the scope of lists of owned resources.

`account` with `domainid` names an owner; without them it is the caller. Lists take `listall` and `isrecursive` beside them: an
administrator sees its own account's resources unless it asks for all it may see, CloudStack's rule that clients rely on.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Kind, Use, like_prefix, lookup
from cloudwright.core.command import Verb
from cloudwright.core.error import ParamError
from cloudwright.core.listing import Condition, List
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader
from cloudwright.core.view import View, field
from cloudwright.identity.model import Account, Domain


def no_project(value: str) -> str | None:
    """The check of parameters `projectid`. -1 asks for what is in any project beside the rest: there is none."""
    return None if value == "-1" else "there are no projects in this version; name an account instead"


class OwnedBy(Verb):
    """What a command that makes something for an owner takes."""

    account: str | None = param("the account that shall own it, given with domainid; without, the caller's own")
    domain: Ref[Domain] | None = param("the domain of the account")
    project: str | None = param("projects are not there yet", wire_name="projectid", kind="uuid", check=no_project)


def owner(reader: Reader, caller: Caller, command: OwnedBy) -> Account:
    """The account a command is for. Raises ParamError when the caller may not act for it, or there is none."""
    if command.account is None:
        return reader.get(Account, caller.account_id)
    domain_id = command.domain.id if command.domain else caller.domain_id
    return account_named(reader, caller, command.account, domain_id)


def account_named(reader: Reader, caller: Caller, name: str, domain_id: int, use: Use = Use.USE) -> Account:
    """An account of a domain by its name, if the caller may."""
    statement = lookup(Account, caller.kind, use, "name").where(Account.c.domain_id == sa.bindparam("domain"))
    row = reader.one(statement, {"value": name, "domain": domain_id, **caller.binds()})
    if row is None:
        raise ParamError(f"Parameter account: there is no account {name!r} in that domain that you may {use}", param="account")
    return Account.load(row)


def shown_path(path: str) -> str:
    """A domain's path as answers tell it: `ROOT/eng/dev`."""
    return "ROOT" + path.rstrip("/")


class OwnedView(View):
    """The fields that tell an owner. `of` must be an owned resource."""

    def __init_subclass__(cls, *, of: Any = None, key: str = "", joins: Any = ()) -> None:
        if of is not None and not cls.joins:  # a view of an owned view has them already
            joins = [(Account, Account.c.id == of.c.account_id), (Domain, Domain.c.id == of.c.domain_id), *joins]
        super().__init_subclass__(of=of, key=key, joins=joins)

    account = field(Account.c.name, "the account that owns it")
    domainid = field(Domain.c.uuid, "the domain of that account")
    domain = field(Domain.c.name, "the name of that domain")
    domainpath = field(Domain.c.path, "the path of that domain", convert=shown_path)


class OwnedList(List):
    """A list of owned resources."""

    account: str | None = param("only those of this account, given with domainid")
    domain: Ref[Domain] | None = param("only those of this domain")
    list_all: bool = param("all that the caller may see, not only its own", default=False)
    is_recursive: bool = param("with domainid or listall: those of the domains below, too", default=False)

    project: str | None = param("projects are not there yet", wire_name="projectid", kind="uuid", check=no_project)

    def owner_columns(self) -> tuple[Any, Any]:
        """The columns of the owning account and its domain."""
        of: Any = self._view().of
        if "account_id" not in of.c:
            raise RuntimeError(f"BUG: {self.api.name} lists {of.kind}, which nobody owns (OwnedListOfUnowned)")
        return of.c.account_id, of.c.domain_id

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        account_id, domain_id = self.owner_columns()
        if self.account is not None:
            account = account_named(reader, caller, self.account, self.domain.id if self.domain else caller.domain_id)
            return [("account", account_id == sa.bindparam("account"), {"account": account.id})]
        if self.domain is not None and self.is_recursive:
            below = sa.select(Domain.c.id).where(Domain.c.path.like(sa.bindparam("below"), escape="!"))
            return [("below", domain_id.in_(below), {"below": like_prefix(self.domain.path)})]
        if self.domain is not None:
            return [("domain", domain_id == sa.bindparam("domain"), {"domain": self.domain.id})]
        named = self.__dict__.get("id") or self.__dict__.get("ids")  # who names one means it, whoever owns it
        if named or self.list_all or caller.kind is Kind.USER:
            return []
        return [("own", account_id == sa.bindparam("caller_account"), {})]
