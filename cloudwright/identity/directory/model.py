"""The rows of directories: servers, and what domains and accounts are linked to."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Kind, Use, below_caller
from cloudwright.core.resource import Resource, column
from cloudwright.core.tx import Tx


class LdapServer(Resource, table="ldap_configuration", unique=[("domain_id", "hostname", "port")]):
    """A directory server. `domain_id` is the domain it is for, 0 for all that have none of their own."""

    hostname: str
    port: int
    domain_id: int = 0

    @classmethod
    def access(cls, kind: Kind, use: Use) -> Any:
        """Domain administrators see and change those of their domains; those for all are root's."""
        return below_caller(cls.c.domain_id) if kind is Kind.DOMAIN else sa.false()


class LdapLink(Resource, table="ldap_trust_map", unique=[("domain_id", "account_id")]):
    """Who of a directory becomes a user at its first sign-in: the members of a group (GROUP) or the entries of an organisational
    unit (OU), with an account of their own in the domain, or (`account_id`, else 0) as users of that account."""

    domain_id: int = column(refers="domain")
    account_id: int = 0
    kind_of: str = column(length=8)
    name: str = column(length=512)
    role_id: int

    @classmethod
    def access(cls, kind: Kind, use: Use) -> Any:
        """Domain administrators see and change those of their domains."""
        return below_caller(cls.c.domain_id) if kind is Kind.DOMAIN else sa.false()


def forget(tx: Tx, domain_id: int) -> None:
    """Remove the directory of a domain that is removed."""
    for kind in (LdapServer, LdapLink):
        for row in tx.all(kind, kind.c.domain_id == domain_id):
            tx.remove(row)
