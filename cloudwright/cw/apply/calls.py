"""The calls that an action makes: commands with the parameters that its fields become."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from cloudwright.cw.apply.kind import Field, at
from cloudwright.cw.apply.mark import pairs
from cloudwright.cw.apply.plan import CREATE, DELETE, Action, by_name
from cloudwright.cw.apply.world import Node, World

PAIRED = {"serviceproviderlist": ("service", "provider")}  # where the server does not tell
KEYED = {"serviceofferingdetails"}  # maps that are sent as entries with a key and a value
Call = tuple[str, dict[str, Any]]


def calls(world: World, action: Action) -> list[Call]:
    """The commands of an action. What it refers to must be there by now."""
    if action.verb == CREATE:
        return [creation(world, action.node)]
    if action.verb == DELETE:
        return [deletion(action.node)]
    return changes(world, action.node, (one.field.name for one in action.fields))


def creation(world: World, node: Node) -> Call:
    """The command that makes a thing."""
    kind, fields = node.kind, world.catalogue.fields(node.kind)
    params = dict(kind.create_with)
    if kind.named:
        params[kind.named] = node.name
    for name, value in node.spec.items():
        if value is not None and fields[name].create and name not in kind.late:
            params |= sent(world, node, fields[name], fields[name].create, value)
    return kind.create, params


def changes(world: World, node: Node, names: Iterable[str]) -> list[Call]:
    """The commands that set fields, one call for all that a command can set."""
    grouped: dict[str, dict[str, Any]] = {}
    fields = world.catalogue.fields(node.kind)
    for name in names:
        declared = fields[name]
        if declared.extra is None and declared.update is not None:
            command, param = declared.update
            grouped.setdefault(command, {}).update(sent(world, node, declared, param, node.spec[name]))
    about = {"name": node.name} if node.kind.name == "setting" else {"id": node.id}
    return [(command, {**about, **_scope(world, node), **params}) for command, params in grouped.items()]


def deletion(node: Node) -> Call:
    """The command that deletes a thing."""
    assert node.row is not None
    params = {param: at(node.row, key) for param, key in node.kind.delete_by.items()}
    if node.kind.name == "setting":
        params |= {key: value for key, value in node.row.items() if key.endswith(("id", "uuid")) and key != "id"}
        if "imagestoreuuid" in params:
            params["imagestoreid"] = params.pop("imagestoreuuid")
    elif node.kind.owned and "id" not in node.kind.delete_by:  # named things are told apart by whose they are
        owner = {"projectid": node.row["projectid"]} if node.row.get("projectid") else {}
        params |= owner or {"account": node.row.get("account"), "domainid": node.row.get("domainid")}
    return node.kind.delete, {**params, **node.kind.delete_with}


def target(world: World, node: Node, declared: Field, value: Any) -> Any:
    """A value with ids, or names where the API wants names, in place of things."""
    if not declared.ref:
        return value
    nodes = value if isinstance(value, list) else [value]
    told = [one.name if by_name(declared) else one.id for one in nodes]
    return told if declared.many else told[0]


def sent(world: World, node: Node, declared: Field, param: str, value: Any) -> dict[str, Any]:
    """The parameters that a field becomes."""
    if declared.ref == "account" and param == "account":
        return {"account": value.name, "domainid": (value.row or {}).get("domainid")}
    if declared.type == "map":
        return _map(world, node, param, value)
    plain = target(world, node, declared, value)
    if declared.name in node.kind.base64:
        plain = base64.b64encode(str(plain).encode()).decode()
    return {param: ",".join(map(str, plain)) if isinstance(plain, list) else plain}


def _map(world: World, node: Node, param: str, value: Mapping[str, Any]) -> dict[str, Any]:
    commands = (node.kind.create, *node.kind.update)
    declared = (p for c in commands for p in world.catalogue.commands.get(c, {}).get("params", ()) if p["name"] == param)
    keys = next((p.get("keys") for p in declared), None) or PAIRED.get(param)
    if keys and len(keys) > 1:  # entries with named parts: service and provider
        entries = enumerate(value.items())
        return {f"{param}[{i}].{k}": v for i, entry in entries for k, v in zip(keys, entry, strict=False)}
    return dict(pairs(param, value)) if param in KEYED else {f"{param}[0].{key}": part for key, part in value.items()}


def _scope(world: World, node: Node) -> dict[str, str]:
    if node.kind.name != "setting" or node.parent is None:
        return {}
    declared = next(f for f in world.catalogue.fields(node.kind).values() if f.ref == node.parent.kind.name)
    return {declared.create: node.parent.id}
