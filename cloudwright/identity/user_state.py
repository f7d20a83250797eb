"""Whether a user may call: enabled, disabled, locked; and its end."""

from __future__ import annotations

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Success
from cloudwright.core.error import Denied, ParamError, WrongState
from cloudwright.core.event import emit
from cloudwright.core.param import Ref, param
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Tx
from cloudwright.identity import model, session
from cloudwright.identity.authority import govern, govern_user
from cloudwright.identity.keys import remove_user
from cloudwright.identity.model import Account, Domain, User
from cloudwright.identity.owner import account_named
from cloudwright.identity.project.membership import check_succeeded, let_go
from cloudwright.identity.user import BUILT_IN, UserView
from cloudwright.identity.username import claim


def _may(tx: Tx, caller: Caller, user: User, what: str) -> None:
    """Refuse when the user may do more than the caller, for oneself, and for the users of the installation."""
    govern_user(tx, caller, user)
    if user.id in BUILT_IN:
        raise Denied(f"User {user.username} came with the installation: it cannot be {what}")
    if user.id == caller.user_id:
        raise Denied(f"User {user.username} is the caller: it cannot be {what} by itself")


def _shut_out(tx: Tx, user: User, state: str) -> int:
    if user.state != state:
        tx.update(user, state=state)
    return session.cut(tx, [user])


class CloseUser(Task, rank=5):
    """Let a user call no more."""

    user: int
    before: str = ""

    @step
    def close(self, tx: Tx) -> None:
        row = tx.get(User, self.user)
        self.before = self.before or row.state
        cut = _shut_out(tx, row, "disabled")
        self.say(f"User {row.username} is disabled; {cut} sessions were ended", sessions=cut)

    @close.undo
    def open(self, tx: Tx) -> None:
        row = tx.get(User, self.user)
        if self.before and not row.gone and row.state != self.before:
            tx.update(row, state=self.before)


class EnableUser(Command, states=("disabled", "locked"), answers=UserView, event="USER.ENABLE"):
    """Lets a user call again."""

    id: Ref[User] = param("the user", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> User:
        govern_user(tx, caller, self.id)
        tx.update(self.id, state="enabled", failed_logins=0)
        return self.id


class DisableUser(Command, states=("enabled", "locked"), answers=UserView, event="USER.DISABLE", starts=CloseUser):
    """Disables a user: it may not call any more."""

    id: Ref[User] = param("the user", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> User:
        _may(tx, caller, self.id, "disabled")
        self.start(tx, CloseUser(user=self.id.id), on=self.id, caller=caller)
        return self.id


class LockUser(Command, states=("enabled",), answers=UserView, event="USER.LOCK"):
    """Locks a user: it may not call any more."""

    id: Ref[User] = param("the user", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> User:
        _may(tx, caller, self.id, "locked")
        if self.id.state == "disabled":
            raise WrongState(f"User {self.id.username} is disabled, which is more than locked", param="id")
        _shut_out(tx, self.id, "locked")
        return self.id


class DeleteUser(Command, event="USER.DELETE", form="success"):
    """Deletes a user with its keys and sessions. Its account and what that owns stay."""

    id: Ref[User] = param("the user", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        _may(tx, caller, self.id, "deleted")
        check_succeeded(tx, tx.get(Account, self.id.account_id), self.id)
        remove_user(tx, self.id)
        return Success()


class MoveUser(Command, since="4.11", authorized=("Admin",), form="success"):
    """Moves a user to another account of its domain, with its keys. It signs in anew, and may what that account may."""

    id: Ref[User] = param("the user", use=Use.CHANGE)
    account: str | None = param("the name of the account; one of the user's own domain")
    account_ref: Ref[Account] | None = param("the account", wire_name="accountid", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        _may(tx, caller, self.id, "moved")
        to = self._target(tx, caller)
        govern(tx, caller, to)
        source = tx.get(Account, self.id.account_id)
        if to.domain_id != self.id.domain_id or to.id == model.SYSTEM_ACCOUNT or to.type_ == model.PROJECT:
            path = tx.get(Domain, self.id.domain_id).path
            raise ParamError(f"Parameter account: {to.name} is no account of domain {path} that has users", param="account")
        if to.id != source.id:
            check_succeeded(tx, source, self.id)
            let_go(tx, self.id)
            tx.update(self.id, account_id=to.id, named_in=claim(tx, self.id.username, to, self.id.id))
            session.cut(tx, [self.id])
            emit(
                tx,
                "USER.UPDATE",
                f"Moved user {self.id.username} from account {source.name} to {to.name}",
                about=to,
                caller=caller,
            )
        return Success()

    def _target(self, tx: Tx, caller: Caller) -> Account:
        if (self.account is None) == (self.account_ref is None):
            raise ParamError("Name the account by one of the parameters account and accountid", param="account")
        if self.account_ref is not None:
            return self.account_ref
        return account_named(tx, caller, str(self.account), self.id.domain_id, Use.CHANGE)
