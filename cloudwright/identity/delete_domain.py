"""Deleting a domain: when it is empty, or with all that is in it and below it."""

from __future__ import annotations

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import Denied, InUse
from cloudwright.core.param import Ref, param
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.delete_account import RemoveAccount, check_removable
from cloudwright.identity.directory.model import forget
from cloudwright.identity.domain import below
from cloudwright.identity.model import Account, Domain


class RemoveDomain(Task, rank=70):
    """Close a domain and those below it, remove their accounts, then themselves."""

    domain: int
    cleanup: bool
    closed: list[int] = []

    @step
    def close(self, tx: Tx) -> None:
        rows = below(tx, tx.get(Domain, self.domain))
        check_empty(tx, rows, self.cleanup)
        self.closed = self.closed or [row.id for row in rows if row.state == "Active"]
        for row in rows:
            if row.state == "Active":
                tx.update(row, state="Inactive")
        self.say(f"{len(rows)} domains are closed: nothing new is made in them", domains=len(rows))

    @close.undo
    def open(self, tx: Tx) -> None:
        for row in tx.all(Domain, Domain.c.id.in_(self.closed)):
            if row.state != "Active":
                tx.update(row, state="Active")

    @step(deadline=7200)
    def clear(self, tx: Tx) -> None:
        rows = below(tx, tx.get(Domain, self.domain))
        self.children(tx, [(RemoveAccount(account=account.id), account) for account in _accounts(tx, rows)])

    @step
    def remove(self, tx: Tx) -> None:
        rows = below(tx, tx.get(Domain, self.domain))
        check_empty(tx, rows, True)
        for row in rows:
            forget(tx, row.id)
            tx.remove(row)
        self.say(f"{len(rows)} domains are gone", domains=len(rows))


def _accounts(reader: Reader, domains: list[Domain]) -> list[Account]:
    return reader.all(Account, Account.c.domain_id.in_([domain.id for domain in domains]))


def check_empty(reader: Reader, domains: list[Domain], cleanup: bool) -> None:
    """Refuse while something is in the way: anything at all, or (with cleanup) what cannot be removed. Raises InUse."""
    accounts = _accounts(reader, domains)
    if cleanup:
        check_removable(reader, accounts)
        return
    why = [f"domains below it: {len(domains) - 1}"] if len(domains) > 1 else []
    why += [f"accounts in it: {len(accounts)}, the first is {accounts[0].name}"] if accounts else []
    if why:
        text = f"Domain {domains[-1].path} is not empty: {'; '.join(why)}"
        raise InUse(text, why=why, fix=["remove them first", "or give cleanup=true to remove them with it"])


class DeleteDomain(Command, event="DOMAIN.DELETE", starts=RemoveDomain, form="success", authorized=("Admin", "DomainAdmin")):
    """Deletes a domain when it is empty; with cleanup all that is in it, too."""

    id: Ref[Domain] = param("the domain", use=Use.CHANGE)
    cleanup: bool = param("true: remove all domains and accounts in it, and what they own", default=False)

    def run(self, tx: Tx, caller: Caller) -> Domain:
        if caller.domain_path.startswith(self.id.path):
            raise Denied(f"Domain {self.id.path} is the caller's own or above it: it cannot be deleted by this caller")
        check_empty(tx, below(tx, self.id), self.cleanup)
        self.start(tx, RemoveDomain(domain=self.id.id, cleanup=self.cleanup), on=self.id, caller=caller)
        return self.id
