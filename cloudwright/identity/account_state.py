"""Whether an account's users may call: enabled, locked (they may not), disabled (and what runs for it is stopped)."""

from __future__ import annotations

from cloudwright.core.access import Caller
from cloudwright.core.command import Command
from cloudwright.core.error import WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Tx
from cloudwright.identity import belongings, session
from cloudwright.identity.account import AccountView, NamesAccount, named, not_own
from cloudwright.identity.model import Account, Domain, User


def shut_out(tx: Tx, account: Account, state: str) -> int:
    """Let nobody of an account call any more. Answers how many sessions were cut."""
    if account.state != state:
        tx.update(account, state=state)
    return session.cut(tx, tx.all(User, User.c.account_id == account.id))


class CloseAccount(Task, rank=60):
    """Lock an account; or disable it and stop what runs for it."""

    account: int
    lock: bool
    before: str = ""

    @step
    def close(self, tx: Tx) -> None:
        row = tx.get(Account, self.account)
        self.before = self.before or row.state
        cut = shut_out(tx, row, "locked" if self.lock else "disabled")
        self.say(f"Account {row.name} is {row.state}; {cut} sessions were ended", sessions=cut)

    @close.undo
    def open(self, tx: Tx) -> None:
        row = tx.get(Account, self.account)
        if self.before and row.state != self.before:
            tx.update(row, state=self.before)

    @step
    def stop(self, tx: Tx) -> None:
        work = [] if self.lock else belongings.stops(tx, tx.get(Account, self.account))
        self.children(tx, work)


class EnableAccount(NamesAccount, Command, states=("disabled", "locked"), answers=AccountView, event="ACCOUNT.ENABLE"):
    """Lets an account's users call again. What was stopped stays stopped."""

    def run(self, tx: Tx, caller: Caller) -> Account:
        row = named(tx, caller, self)
        if row.state != "enabled":
            tx.update(row, state="enabled")
        return row


class DisableAccount(
    NamesAccount, Command, states=("enabled", "locked"), answers=AccountView, event="ACCOUNT.DISABLE", starts=CloseAccount
):
    """Locks an account, or disables it: its users may not call any more, and what runs for it is stopped."""

    lock: bool = param("true: only lock it, what runs goes on")

    def run(self, tx: Tx, caller: Caller) -> Account:
        row = named(tx, caller, self)
        not_own(caller, row, "locked or disabled")
        self.start(tx, CloseAccount(account=row.id, lock=self.lock), on=row, caller=caller)
        return row


class LockAccount(NamesAccount, Command, states=("enabled",), answers=AccountView, event="ACCOUNT.DISABLE"):
    """Locks an account: its users may not call any more; what runs goes on."""

    account: str = param("its name")
    domain: Ref[Domain] = param("its domain")

    def run(self, tx: Tx, caller: Caller) -> Account:
        row = named(tx, caller, self)
        not_own(caller, row, "locked")
        if row.state == "disabled":
            raise WrongState(f"Account {row.name} is disabled, which is more than locked", param="account")
        shut_out(tx, row, "locked")
        return row
