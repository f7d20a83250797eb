"""Running a command: from parsed parameters to the answer's body, in one transaction when it changes something."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from cloudwright.core import plan, wire
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Exchange, Flat, Query, Result, Success, Told, Verb
from cloudwright.core.db import Database
from cloudwright.core.error import CloudError, Conflict, Lost, Overloaded, ParamError
from cloudwright.core.event import Event, emit
from cloudwright.core.listing import List
from cloudwright.core.resource import Resource
from cloudwright.core.task import TaskRow
from cloudwright.core.tx import Reader

RACES = 8


class Runner:
    """Runs commands on a database. `admits_jobs` says whether new jobs are taken now."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.admits_jobs: Callable[[], bool] = lambda: True

    def run(self, verb: type[Verb], caller: Caller, sent: wire.Parameters) -> dict[str, Any]:
        """The body of the answer. Raises errors that explain themselves (CloudError, WireError)."""
        if issubclass(verb, Exchange):
            return self.body(verb, caller, self.exchange(verb, caller, sent))
        values = verb.read(sent, caller)
        if issubclass(verb, Command):
            return self._change(verb, caller, sent, values)
        reader = self.db.read()
        command = verb.decode(values, reader, caller)
        if not isinstance(command, Query | List):
            raise RuntimeError(f"BUG: {verb.api.name} is neither command, query nor list (UnknownKindOfVerb)")
        return self._body(verb, reader, caller, command.run(reader, caller))

    def exchange(self, verb: type[Exchange], caller: Caller, sent: wire.Parameters) -> Result:
        """What a command answers that speaks with somebody outside."""
        if sent.get("dryrun").lower() == "true":
            raise ParamError(
                f"Parameter dryrun: {verb.api.name} acts outside of the database, it cannot be tried", param="dryrun"
            )
        if sent.get("clienttoken"):
            text = f"Parameter clienttoken: {verb.api.name} acts outside of the database, a repetition is not recognised"
            raise ParamError(text, param="clienttoken")
        command = verb.decode(verb.read(sent, caller), self.db.read(), caller)
        try:
            return command.run(self.db, caller)
        except Lost as error:
            raise Conflict(f"{verb.api.name} met another change of the same thing", fix=["try again"]) from error

    def body(self, verb: type[Verb], caller: Caller, result: Result) -> dict[str, Any]:
        """The body of the answer that tells a result."""
        return self._body(verb, self.db.read(), caller, result)

    def _change(self, verb: type[Command], caller: Caller, sent: wire.Parameters, values: dict[str, Any]) -> dict[str, Any]:
        if verb.api.is_async and not self.admits_jobs():
            raise Overloaded("This server takes no new jobs now: it is being stopped or in maintenance", fix=["try again later"])
        dry = sent.get("dryrun").lower() == "true"
        token = wire.decode(wire.Rule("clienttoken", "string"), sent.get("clienttoken"))
        planned = plan.Planned(dry, token, self._asked(verb, caller, values))
        for _ in range(RACES):
            try:
                return self.db.write(lambda tx: self._transact(tx, verb, caller, values, planned))
            except plan.DryRun as told:
                return told.body
            except Lost:
                continue
            except sa.exc.IntegrityError as error:
                if token and (again := self.db.write(lambda tx: self._remembered(tx, verb, caller, values, token))):
                    return again
                raise _already(verb, error) from error
        raise Conflict(f"{verb.api.name} met other changes of the same thing {RACES} times in a row", fix=["try again"])

    def _asked(self, verb: type[Command], caller: Caller, values: dict[str, Any]) -> Any:
        if verb.ask is Command.ask:
            return None
        reader = self.db.read()
        return verb.decode(values, reader, caller).ask(reader, caller)

    def _remembered(
        self, tx: Any, verb: type[Command], caller: Caller, values: dict[str, Any], token: str
    ) -> dict[str, Any] | None:
        return plan.remembered(tx, caller, token, verb.api.name, plan.digest(verb.api.name, values))

    def _transact(
        self, tx: Any, verb: type[Command], caller: Caller, values: dict[str, Any], planned: plan.Planned
    ) -> dict[str, Any]:
        if planned.token and (first := self._remembered(tx, verb, caller, values, planned.token)):
            return first
        command = verb.decode(values, tx, caller)
        command.__dict__["asked"] = planned.asked
        result = command.run(tx, caller)
        self._tell_event(tx, command, caller, result)
        if planned.dry_run:
            raise plan.DryRun(plan.would_do(tx, command))
        body = self._started(command, result) if command.started else self._body(verb, tx, caller, result)
        if planned.token:
            plan.remember(tx, caller, planned.token, verb.api.name, plan.digest(verb.api.name, values), body)
        return body

    @staticmethod
    def _tell_event(tx: Any, command: Command, caller: Caller, result: Result) -> None:
        if not command.api.event:
            return
        about, started = _subject(tx, command, result), command.started
        event = emit(
            tx, command.api.event, command.describe(about), about=about, caller=caller,
            state="Scheduled" if started else "Completed", job=started.uuid if started else "",
        )  # fmt: skip
        if started is not None:
            tx.update(started, start_event=event.id)

    @staticmethod
    def _started(command: Command, result: Result) -> dict[str, Any]:
        if command.started is None:
            raise RuntimeError("BUG: a job's answer without a job (StartedWithoutTask)")
        created = result.uuid if command.api.creates and isinstance(result, Resource) else None
        return {k: v for k, v in wire.job_body(command.started.uuid, created).items() if v is not None}

    @staticmethod
    def _body(verb: type[Verb], reader: Reader, caller: Caller, result: Result) -> dict[str, Any]:
        if isinstance(result, Flat):
            return result.body
        if isinstance(result, Told):
            if result.one:
                return dict(wire.object_body(result.key, result.rows[0]))
            body = wire.list_body(result.key, result.rows, len(result.rows) if result.count < 0 else result.count)
            return {**body, **result.more}
        if result is None or isinstance(result, Success):
            return {"success": True, **({"displaytext": result.text} if result and result.text else {})}
        if verb.api.answers is None:
            raise RuntimeError(f"BUG: {verb.api.name} answers a row but has no view (AnswerWithoutView)")
        if isinstance(result, Sequence):
            rows = verb.api.answers.tell(reader, [row.id for row in result], caller)
            return dict(wire.list_body(verb.api.answers.key, rows, len(rows)))
        return {verb.api.answers.key: verb.api.answers.tell_one(reader, result.id, caller)}


def _subject(tx: Any, command: Command, result: Result) -> Resource | None:
    """What a command was about: the row it answers, the one it names by id, the first that it names to change, the first that it
    made or took away."""
    named = {name: command.__dict__.get(name) for name, p in command.api.params.items() if p.refers}
    rows = [result, *(result if isinstance(result, list | tuple) else ()), named.get("id")]
    rows += [row for name, row in named.items() if command.api.params[name].use is Use.CHANGE]
    rows += [done.resource for done in tx.changes if done.verb != "update" and not isinstance(done.resource, TaskRow | Event)]
    return next((row for row in rows if isinstance(row, Resource)), None)


def _named(verb: type[Verb], columns: list[str]) -> str | None:
    """The parameter that says what must be unique: the last of the columns that one is called after."""
    wires = {p.wire_name for p in verb.api.params.values()}
    names = [name for column in columns for name in (column.replace("_", ""), column.removesuffix("_id").replace("_", "") + "id")]
    return next((name for name in reversed(names) if name in wires), None)


def _already(verb: type[Verb], error: sa.exc.IntegrityError) -> CloudError:
    """A unique index refused: the message names what must be unique, from the index's name `<table>_one_<columns>`."""
    text = str(error.orig)
    for kind in Resource.by_name.values():
        for index in kind.t.indexes:
            columns = [c.name for c in index.columns if c.name != "gone"]
            shown = ", ".join(f"{kind.kind}.{c}" for c in (*columns, "gone"))
            if index.unique and (str(index.name) in text or shown in text):
                words = " and ".join(c.removesuffix("_id").replace("_", " ") for c in columns)
                thing = kind.kind.strip("_").replace("_", " ")
                text = f"{verb.api.name}: there is already a{'n' * thing.startswith(tuple('aeio'))} {thing} with the same {words}"
                return ParamError(text, param=_named(verb, columns), fix=["give another", "use the one that is there"])
    raise error
