"""The life of a project after its making: suspended, active again, deleted with what it owns."""

from __future__ import annotations

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import InUse, WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.record import Record, changed
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Tx
from cloudwright.identity import belongings
from cloudwright.identity.delete_account import RemoveAccount, check_removable
from cloudwright.identity.model import Account
from cloudwright.identity.project.command import OF_PROJECTS
from cloudwright.identity.project.model import ACTIVE, DISABLED, SUSPENDED, Project
from cloudwright.identity.project.view import ProjectView


def _to(tx: Tx, project: Project, state: str) -> None:
    if not project.gone and project.state != state:
        tx.update(project, state=state)


class StopProject(Task, rank=60):
    """Suspend a project and stop what runs in it."""

    project: int
    before: str = ""

    @step
    def suspend(self, tx: Tx) -> None:
        row = tx.get(Project, self.project)
        self.before = self.before or row.state
        _to(tx, row, SUSPENDED)
        self.say(f"Project {row.name} is suspended: nothing is made or changed in it")

    @suspend.undo
    def resume_it(self, tx: Tx) -> None:
        if self.before:
            _to(tx, tx.get(Project, self.project), self.before)

    @step
    def stop(self, tx: Tx) -> None:
        account = tx.get(Account, tx.get(Project, self.project).account_id)
        self.children(tx, belongings.stops(tx, account))


class SuspendProject(
    Command, states=("Active",), answers=ProjectView, starts=StopProject, event="PROJECT.SUSPEND", since="3.0.0"
):
    """Suspends a project: its instances are stopped, and nothing is made or changed in it until it is active again."""

    id: Ref[Project] = param("the project", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Project:
        _not_ending(self.id)
        self.start(tx, StopProject(project=self.id.id), on=self.id, caller=caller)
        return self.id


class ActivateProject(
    Command,
    states=("Suspended",),
    answers=ProjectView,
    starts=Record,
    event="PROJECT.ACTIVATE",
    since="3.0.0",
    resp_key="activaterojectresponse",
):
    """Lets members use a suspended project again. What was stopped stays stopped."""

    id: Ref[Project] = param("the project", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Project:
        _not_ending(self.id)
        _to(tx, self.id, ACTIVE)
        self.start(tx, changed(f"project {self.id.name} is active"), self.id, caller)
        return self.id


def _not_ending(project: Project) -> None:
    if project.state == DISABLED:
        raise WrongState(f"Project {project.name} is being deleted", param="id")


class RemoveProject(Task, rank=65):
    """Close a project, then remove its account with all that this owns, the project itself among it."""

    project: int
    before: str = ""

    @step
    def close(self, tx: Tx) -> None:
        row = tx.get(Project, self.project)
        self.before = self.before or row.state
        check_removable(tx, [tx.get(Account, row.account_id)])
        _to(tx, row, DISABLED)
        self.say(f"Project {row.name} is closed")

    @close.undo
    def open(self, tx: Tx) -> None:
        if self.before:
            _to(tx, tx.get(Project, self.project), self.before)

    @step(deadline=3600)
    def clear(self, tx: Tx) -> None:
        account = tx.get(Account, tx.get(Project, self.project).account_id)
        self.child(tx, RemoveAccount(account=account.id), on=account)


class DeleteProject(Command, starts=RemoveProject, event="PROJECT.DELETE", form="success", since="3.0.0"):
    """Deletes a project when it owns nothing; with cleanup all that it owns, too."""

    id: Ref[Project] = param("the project", use=Use.CHANGE)
    cleanup: bool = param("true: remove all that it owns", default=False, since="4.16.0")

    def run(self, tx: Tx, caller: Caller) -> Project:
        account = tx.get(Account, self.id.account_id)
        owned = {kind: count for kind, count in belongings.owned(tx, [account]).items() if kind not in OF_PROJECTS}
        if owned and not self.cleanup:
            why = belongings.words(owned)
            text = f"Project {self.id.name} owns {', '.join(why)}"
            raise InUse(text, why=why, fix=["remove them first", "or give cleanup=true to remove them with it"])
        check_removable(tx, [account])
        self.start(tx, RemoveProject(project=self.id.id), on=self.id, caller=caller)
        return self.id
