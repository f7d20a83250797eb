"""Plans, outcomes and kinds as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cloudwright.cw.apply.carry import Outcome
from cloudwright.cw.apply.kind import Catalogue, Kind
from cloudwright.cw.apply.plan import CHANGE, CREATE, DELETE, MARK, Action, Plan

SIGNS = {CREATE: "+", CHANGE: "~", DELETE: "-", MARK: "*"}
LONGEST = 70


def plan_text(plan: Plan) -> str:
    """The plan: a line for each action, below it the fields."""
    lines = [line for action in plan.actions for line in _action(action)]
    lines += [f"  {node} was there before these files; it is not theirs (--adopt makes it so)" for node in plan.unmarked]
    return "\n".join([*lines, _sum(plan)])


def _action(action: Action) -> Iterator[str]:
    why = "  (made anew)" if action.replaces else ""
    yield f"{SIGNS[action.verb]} {action.node}{why}"
    for one in action.fields:
        old = "" if action.verb == CREATE else f"{_value(one.old)} -> "
        yield f"    {one.field.name}: {old}{_value(one.new)}"


def _sum(plan: Plan) -> str:
    if not plan.actions:
        there = "1 is" if plan.same == 1 else f"all {plan.same} are"
        return f"No change: {there} as the files say." if plan.same else "No change: there is nothing to do."
    words = {CREATE: "to create", CHANGE: "to change", DELETE: "to delete", MARK: "to mark"}
    parts = [f"{plan.count(verb)} {text}" for verb, text in words.items() if plan.count(verb)]
    return ", ".join([*parts, f"{plan.same} as they are"]) + "."


def _value(value: Any) -> str:
    text = " ".join(_said(value).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _said(value: Any) -> str:
    """A value as a file would have it, on one line."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_said(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    return "nothing" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def outcome_text(outcome: Outcome) -> str:
    """What was done and what was not; exactly."""
    if outcome.whole:
        return f"Done: {len(outcome.done)}."
    lines = [f"failed: {action}: {why}" for action, why in outcome.failed.items()]
    lines += [f"not done: {action} ({why})" for action, why in outcome.left.items()]
    return "\n".join([*lines, f"Done: {len(outcome.done)}, failed: {len(outcome.failed)}, not done: {len(outcome.left)}. "
                              "What is done stays; running it again goes on from here."])  # fmt: skip


def explain(catalogue: Catalogue, kind: Kind) -> str:
    """The fields of a kind."""
    lines = [f"{kind.name}: {kind.doc}", ""]
    fields = sorted(catalogue.fields(kind).values(), key=lambda f: (not f.required, f.name.lower()))
    width = max(len(f.name) for f in fields)
    for f in fields:
        what = f"{'names' if f.many else 'name'} of {f.ref}" if f.ref else "list" if f.many else f.type
        facts = ["required"] if f.required else []
        facts += [f"one of {', '.join(f.choices)}"] if f.choices else []
        facts += ["cannot be changed"] if f.fixed else []
        facts += ["not told by the server, so not compared"] if not f.told else []
        lines.append(f"  {f.name:{width}}  {what}{'; ' + '; '.join(facts) if facts else ''}: {f.doc}")
    return "\n".join(lines)


def kinds(catalogue: Catalogue) -> str:
    """The kinds that files can hold."""
    return "\n".join(f"  {kind.name:16} {kind.doc}" for kind in catalogue.kinds.values() if kind.create in catalogue.commands)


def schema(catalogue: Catalogue) -> dict[str, Any]:
    """A JSON schema of documents, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Resources of a cloud",
        "oneOf": [_schema(catalogue, kind) for kind in catalogue.kinds.values() if kind.create in catalogue.commands],
    }


def _schema(catalogue: Catalogue, kind: Kind) -> dict[str, Any]:
    fields = {f.name: {"description": f.doc, **_type(f.many, f.type, f.choices)} for f in catalogue.fields(kind).values()}
    spec = {"type": "object", "properties": fields, "additionalProperties": False}
    return {
        "type": "object",
        "description": kind.doc,
        "properties": {"kind": {"const": kind.name}, "name": {"type": "string"}, "spec": spec},
        "required": ["kind"],
        "additionalProperties": False,
    }


def _type(many: bool, type_: str, choices: tuple[str, ...]) -> dict[str, Any]:
    if many or type_ in ("list", "rules"):
        return {"type": "array", "items": {"type": "string"}}
    plain = {"boolean": "boolean", "integer": "integer", "long": "integer", "short": "integer", "map": "object"}
    kind: dict[str, Any] = {"type": plain.get(type_, ["string", "number", "object"])}
    return kind | ({"enum": list(choices)} if choices and type_ == "string" else {})
