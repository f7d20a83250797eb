"""Deleting an account with all that belongs to it."""

from __future__ import annotations

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import InUse
from cloudwright.core.param import Ref, param
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity import belongings
from cloudwright.identity.account import not_own
from cloudwright.identity.account_state import shut_out
from cloudwright.identity.authority import govern
from cloudwright.identity.keys import remove_user
from cloudwright.identity.model import Account, User
from cloudwright.identity.project.membership import check_succeeded


class RemoveAccount(Task, rank=60):
    """Close an account, remove what belongs to it, then its users and itself."""

    account: int
    before: str = ""

    @step
    def close(self, tx: Tx) -> None:
        row = tx.get(Account, self.account)
        self.before = self.before or row.state
        check_removable(tx, [row])
        shut_out(tx, row, "disabled")
        self.say(f"Account {row.name} is closed")

    @close.undo
    def open(self, tx: Tx) -> None:
        row = tx.get(Account, self.account)
        if self.before and not row.gone and row.state != self.before:
            tx.update(row, state=self.before)

    @step(deadline=3600)
    def clear(self, tx: Tx) -> None:
        row = tx.get(Account, self.account)
        for work in belongings.removals(tx, row):
            self.children(tx, work)

    @step
    def remove(self, tx: Tx) -> None:
        row = tx.get(Account, self.account)
        if row.gone:
            return
        if left := belongings.left(tx, row):
            raise InUse(f"Account {row.name} still owns {', '.join(left)}", why=left)
        rows = belongings.remove_rows(tx, row)
        users = tx.all(User, User.c.account_id == row.id)
        for user in users:
            remove_user(tx, user)
        tx.remove(row)
        self.say(f"Account {row.name} is gone, with {len(users)} users and {rows} other things", users=len(users), things=rows)


def check_removable(reader: Reader, accounts: list[Account]) -> None:
    """Refuse while accounts own what cannot be removed with them. Raises InUse naming it."""
    lasting = belongings.lasting(reader, accounts)
    if lasting:
        names = ", ".join(account.name for account in accounts[:3]) + (" …" if len(accounts) > 3 else "")
        raise InUse(
            f"Account {names} still owns {', '.join(lasting)}, which cannot be removed together with an account yet",
            why=lasting,
            fix=["remove them first, then the account"],
        )


class DeleteAccount(Command, event="ACCOUNT.DELETE", starts=RemoveAccount, form="success"):
    """Deletes an account, its users and all that belongs to it."""

    id: Ref[Account] = param("the account", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Account:
        govern(tx, caller, self.id)
        not_own(caller, self.id, "deleted")
        check_removable(tx, [self.id])
        check_succeeded(tx, self.id)
        self.start(tx, RemoveAccount(account=self.id.id), on=self.id, caller=caller)
        return self.id
