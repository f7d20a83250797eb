"""Dry run and idempotency, once, for every command that changes something.

`dryrun=true` runs the same code in the same kind of transaction, then rolls it back and tells what would change. `clienttoken`
makes a retry answer what the first call answered: token and answer are stored in the transaction that did the work, so neither
is ever there without the other.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from cloudwright.core.access import Caller
from cloudwright.core.command import Command
from cloudwright.core.error import ParamError
from cloudwright.core.resource import Resource
from cloudwright.core.secret import Secret
from cloudwright.core.task import Again, Run, Task, TaskRow
from cloudwright.core.tx import Change, Tx

UNTOLD = {"version", "gone", "removed"}


class ClientToken(Resource, table="client_token", unique=[("account_id", "token")]):
    """A token that a caller gave, and the answer it was given."""

    account_id: int
    token: str
    command: str
    digest: str
    answer: Secret


class DryRun(Exception):
    """Carries what would change out of the transaction that is rolled back by it."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__("dry run")
        self.body = body


def digest(command: str, values: dict[str, Any]) -> str:
    """What two calls with one token must have in common."""
    return hashlib.sha256(msgspec.json.encode([command, values], enc_hook=_reveal, order="deterministic")).hexdigest()


def _reveal(value: Any) -> Any:
    return value.reveal() if isinstance(value, Secret) else str(value)


def remembered(tx: Tx, caller: Caller, token: str, command: str, of: str) -> dict[str, Any] | None:
    """The first answer to this token. Raises ParamError when it was another command or had other parameters."""
    row = tx.find(ClientToken, ClientToken.c.account_id == caller.account_id, ClientToken.c.token == token)
    if row is None:
        return None
    if row.digest != of:
        text = f"Parameter clienttoken: {token[:64]!r} was already used for {row.command} with other parameters"
        raise ParamError(
            text, param="clienttoken", fix=["repeat the call exactly as it was first sent", "use a new token for a new call"]
        )
    answer: dict[str, Any] = msgspec.json.decode(row.answer.reveal())
    return answer


def remember(tx: Tx, caller: Caller, token: str, command: str, of: str, answer: dict[str, Any]) -> None:
    """Store the answer with the work."""
    sealed = Secret(msgspec.json.encode(answer).decode())
    tx.insert(ClientToken(account_id=caller.account_id, token=token, command=command, digest=of, answer=sealed))


def would_do(tx: Tx, command: Command) -> dict[str, Any]:
    """What the transaction did so far, and what the task it starts would decide and do next."""
    steps: list[str] = []
    if command.started is not None:
        kind = Task.by_name[command.started.kind_name]
        steps = [s.name for s in kind.steps]
        _decide(tx, kind, command.started)
    tx.settle()
    changes = [_told(change) for change in tx.changes if not change.resource.kind.startswith(("task", "event", "client_token"))]
    return {"dryrun": {"changes": changes, "steps": steps}}


def _decide(tx: Tx, kind: type[Task], row: TaskRow) -> None:
    """Run the steps that decide, up to the first that acts or waits."""
    run = Run(row, tx, lambda contract, where: None)
    task = kind.resume(row, run)
    for step in kind.steps:
        if not step.inside:
            return
        try:
            step.do(task, tx)
        except Again:
            return


def _told(change: Change) -> dict[str, Any]:
    resource = change.resource
    name = resource.__dict__.get("name")
    values = {
        k: v
        for k, v in change.values.items()
        if k not in UNTOLD and not k.endswith("_id") and isinstance(v, str | int | float | bool)
    }
    told = {"action": change.verb, "what": resource.kind.replace("_", " "), "id": resource.uuid, "name": name, "values": values}
    return {k: v for k, v in told.items() if v not in (None, {})}


class Planned(msgspec.Struct):
    """The two parameters that every changing command takes, and what it asked outside before its transaction."""

    dry_run: bool = False
    token: str = ""
    asked: Any = None


PLANNED = {
    "dryrun": ("boolean", "true: tell what would change, change nothing"),
    "clienttoken": ("string", "a text of the caller's own; a second call with the same text answers what the first did"),
}
