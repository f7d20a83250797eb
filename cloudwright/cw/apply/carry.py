"""Carrying a plan out: refusals asked for first, then actions side by side, each after those that it needs."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from cloudwright.cw.apply import mark
from cloudwright.cw.apply.calls import calls, changes, creation, deletion, target
from cloudwright.cw.apply.kind import ApplyError, Caller, Row, rows_of, same, words
from cloudwright.cw.apply.plan import CHANGE, CREATE, DELETE, MARK, Action, Plan, told
from cloudwright.cw.apply.world import Node, World, everything

POLL = 0.2  # seconds
Tell = Callable[[str], object]


@dataclass
class Outcome:
    """What became of a plan: every action is in one of these."""

    done: list[Action] = field(default_factory=list)
    failed: dict[Action, str] = field(default_factory=dict)
    left: dict[Action, str] = field(default_factory=dict)  # not begun, and why

    @property
    def whole(self) -> bool:
        return not self.failed and not self.left


def refusals(world: World, plan: Plan, at_once: int = 4) -> list[str]:
    """What the server refuses of all that can be asked before anything is done: actions that wait for no other one. A server
    that knows no dry run is not asked."""
    asked = [action for action in plan.actions if not action.after and action.verb != MARK]
    with ThreadPoolExecutor(at_once) as pool:
        return [text for texts in pool.map(lambda action: _refused(world, action), asked) for text in texts]


def _refused(world: World, action: Action) -> list[str]:
    if action.verb == DELETE and action.node.kind.clear is not None:
        return []  # it is made ready for deletion first
    texts = []
    for command, params in calls(world, action):
        if world.catalogue.dry(command):
            try:
                world.caller.call(command, **params, dryrun=True)
            except OSError:
                raise
            except Exception as error:  # whatever a client raises for a refusal, its text says why
                texts.append(f"{action}: {words(error)}")
    return texts


class Carrier:
    """Does what a plan says. `tell` hears a line for each action; `timeout` is how long a thing may take to be ready."""

    def __init__(self, world: World, set_name: str, tell: Tell, timeout: float = 600.0, at_once: int = 4) -> None:
        self.world, self.set_name, self.tell = world, set_name, tell
        self._caller: Caller = world.caller
        self._timeout, self._at_once = timeout, at_once
        self._stop = False

    def run(self, plan: Plan) -> Outcome:
        """Carry it out. A failure leaves what needs it undone; the rest goes on. An interrupt lets what runs come to its end."""
        outcome, running = Outcome(), dict[Future[None], Action]()
        waiting = list(plan.actions)
        for stale in plan.stale:  # what bears them may be deleted below
            mark.drop(self._caller, stale)
        with ThreadPoolExecutor(self._at_once) as pool:
            while waiting or running:
                try:
                    self._begin(pool, waiting, running, outcome)
                    if running:
                        self._reap(running, outcome)
                except KeyboardInterrupt:
                    self._stop = True
                    self.tell("interrupted: what runs comes to its end, nothing more is begun")
        return outcome

    def _begin(
        self, pool: ThreadPoolExecutor, waiting: list[Action], running: dict[Future[None], Action], outcome: Outcome
    ) -> None:
        for action in list(waiting):
            lost = next((one for one in action.after if one in outcome.failed or one in outcome.left), None)
            if lost is not None or self._stop:
                outcome.left[action] = "interrupted" if lost is None else f"it needs: {lost}"
                waiting.remove(action)
            elif all(one in outcome.done for one in action.after):
                waiting.remove(action)
                running[pool.submit(self._act, action)] = action

    def _reap(self, running: dict[Future[None], Action], outcome: Outcome) -> None:
        ended, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in ended:
            action, error = running.pop(future), future.exception()
            if error is None:
                outcome.done.append(action)
                self.tell(f"{_PAST[action.verb]} {action.node}")
            else:
                outcome.failed[action] = words(error)
                self.tell(f"failed to {action}: {outcome.failed[action]}")

    def _act(self, action: Action) -> None:
        if action.verb == CREATE:
            self._create(action.node)
        elif action.verb == DELETE:
            self._delete(action.node)
        elif action.verb == CHANGE:
            self._set(action.node, [one.field.name for one in action.fields])
        else:
            self._mark(action.node)

    def _send(self, command: str, params: dict[str, Any]) -> Row:
        if self.world.catalogue.is_job(command):
            return self._caller.job(command, **params)
        answer = self._caller.call(command, **params)
        found = next((value for value in answer.values() if isinstance(value, dict | list)), {})
        row: Row = (found[0] if found else {}) if isinstance(found, list) else found
        return row

    def _create(self, node: Node) -> None:
        if node.kind.born and (born := self._born(node)) is not None:
            node.row = born  # it came with its physical network
        else:
            command, params = creation(self.world, node)
            node.row = self._send(command, params)
            if node.kind.name == "setting":
                node.row = {**node.row, **{k: v for k, v in params.items() if k != "value"}, "id": _setting_id(params)}
            if "id" not in node.row:
                raise ApplyError(f"{command} answered without an id; run again to go on")
            self._mark(node)
            if "enrolcommand" in node.row:
                self.tell(f"{node} waits until this was run there: {node.row['enrolcommand']}")
        self._await(node)
        self._finish(node)

    def _born(self, node: Node) -> Row | None:
        assert node.parent is not None
        where = self.world.catalogue.fields(node.kind)[node.kind.within[0]].create
        rows = everything(self._caller, node.kind.lists, **{where: node.parent.id})
        return next((row for row in rows if row["name"] == node.name), None)

    def _finish(self, node: Node) -> None:
        """Set what could not be given when it was made."""
        fields, row = self.world.catalogue.fields(node.kind), node.row or {}
        rest = []
        for name, value in node.spec.items():
            declared = fields[name]
            settable = declared.extra is not None or declared.update is not None
            if value is None or name in node.kind.late or not settable or (declared.create and not node.kind.born):
                continue
            is_ = told(self._caller, node.kind, declared, row) if declared.told else None
            if not same(declared, is_, target(self.world, node, declared, value)):
                rest.append(name)
        self._set(node, rest)
        named = node.kind.named_in
        if not node.kind.named and not node.kind.labelled and not node.kind.natural and row.get(named) != node.name:
            self._send(node.kind.update[0], {"id": node.id, "name": node.name})

    def _set(self, node: Node, names: list[str]) -> None:
        for command, params in changes(self.world, node, names):
            self._send(command, params)
        for name in names:
            declared = self.world.catalogue.fields(node.kind)[name]
            if declared.extra is not None:
                declared.extra.put(self._caller, node.row or {}, target(self.world, node, declared, node.spec[name]))

    def _await(self, node: Node) -> None:
        """Wait until others can use it. Raises TimeoutError with what it said last."""
        if not node.kind.ready:
            return
        until = time.monotonic() + self._timeout
        while True:
            params = {**node.kind.list_with, "id": node.id}
            rows = rows_of(self._caller.call(node.kind.lists, **params))
            row = rows[0] if rows else {}
            if row and all(row.get(key) == value for key, value in node.kind.ready.items()):
                node.row = row
                return
            said = str(row.get("status") or row.get("state") or "not listed")
            if "fail" in said.lower() or "error" in said.lower():
                raise ApplyError(f"{node} will not be ready: {said}")
            if time.monotonic() > until or self._stop:
                raise TimeoutError(f"{node} is not ready after {self._timeout:g} s: {said}; run again to go on")
            time.sleep(POLL)

    def _delete(self, node: Node) -> None:
        assert node.row is not None
        if node.kind.clear is not None:
            node.kind.clear(self._caller, node.row)
        command, params = deletion(node)
        self._send(command, params)
        if node.mark is not None and node.mark.kind:
            mark.drop(self._caller, node.mark)
        node.row, node.mark = None, None

    def _mark(self, node: Node) -> None:
        if node.mark is not None:
            mark.drop(self._caller, node.mark)
        zone = next((one.id for one in (node, *node.above()) if one.kind.name == "zone"), "")
        users = [user["id"] for user in self.world.me.get("user", ())] or [""]
        for number, user in enumerate(users, 1):  # a user may write on itself, and the server alone knows which one calls
            try:
                label = node.name if node.kind.labelled else ""
                mark.put(self._caller, mark.bearer(node.kind, node.id, zone, user), self.set_name, label)
                return
            except OSError:
                raise
            except Exception as error:
                if number == len(users) or node.kind.tag or zone:
                    raise ApplyError(f"{node} was made, but has no mark (--adopt marks it): {words(error)}") from error


_PAST = {CREATE: "created", CHANGE: "changed", DELETE: "deleted", MARK: "marked"}


def _setting_id(params: dict[str, Any]) -> str:
    scopes = [str(value) for key, value in params.items() if key not in ("name", "value")]
    return "/".join((*scopes, str(params["name"])))
