"""From what is wanted and what is there to what must be done: actions, each after those that it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cloudwright.cw.apply.kind import ApplyError, Caller, Field, Kind, Row, at, same, value_of
from cloudwright.cw.apply.mark import Mark
from cloudwright.cw.apply.wanted import Wanted, references
from cloudwright.cw.apply.world import Node, World

CREATE, CHANGE, DELETE, MARK = "create", "change", "delete", "mark"


@dataclass(frozen=True)
class Changed:
    """A field that is not as it is wanted. Values are as people read them; secrets are not told."""

    field: Field
    old: Any
    new: Any


@dataclass(eq=False)
class Action:
    """One thing to do. `fields` of a creation are those that are given; `late` ones wait for the rest of the layout."""

    verb: str
    node: Node
    fields: list[Changed] = field(default_factory=list)
    after: set[Action] = field(default_factory=set)
    replaces: bool = False

    def __str__(self) -> str:
        return f"{self.verb} {self.node}"


@dataclass
class Plan:
    """What is to be done. `unmarked` is what the files describe and the set does not own."""

    actions: list[Action]
    unmarked: list[Node]
    stale: list[Mark]  # marks of things that are gone
    same: int = 0

    def count(self, verb: str) -> int:
        """How many actions of a sort."""
        return sum(action.verb == verb for action in self.actions)


@dataclass(frozen=True)
class Options:
    """How to plan: `set` is the name of the marks."""

    set: str = "default"
    prune: bool = False
    replace: bool = False
    adopt: bool = False


def make(world: World, wanted: Wanted, options: Options) -> Plan:
    """The plan. Raises ApplyError with every problem there is, before anything is done."""
    if wanted.problems:
        raise ApplyError("\n".join(wanted.problems))
    problems: list[str] = []
    changes = {node: differences(world, node) for node in wanted.nodes if node.row is not None}
    renewed = _renewed(world, wanted.nodes, changes, options.replace, problems)
    actions: list[Action] = []
    for node in wanted.nodes:
        actions += _actions(world, node, changes.get(node, []), node in renewed)
    unmarked = [node for node in wanted.nodes if node not in renewed and _not_ours(node, options.set)]
    if options.adopt:
        actions += [Action(MARK, node) for node in unmarked]
        unmarked = []
    problems += [
        f"{source(node)}: {node} belongs to the set {node.mark.set}; --adopt takes it over" for node in unmarked if node.mark
    ]
    doomed, stale = _doomed(world, options) if options.prune else ([], [])
    actions += [Action(DELETE, node) for node in doomed]
    if problems:
        raise ApplyError("\n".join(problems))
    order(world, actions)
    busy = {action.node for action in actions}
    return Plan(sequence(actions), unmarked, stale, sum(node not in busy for node in wanted.nodes))


def source(node: Node) -> str:
    """Where in the files it is."""
    return node.document.source if node.document is not None else "the server"


def _not_ours(node: Node, set_name: str) -> bool:
    """Whether it was there before these files. What comes along with its parent is nobody's own."""
    return node.row is not None and not node.kind.born and (node.mark is None or node.mark.set != set_name)


def differences(world: World, node: Node) -> list[Changed]:
    """The fields of a thing that are not as files want them. What the server does not tell is not compared."""
    found = []
    assert node.row is not None
    for name, value in node.spec.items():
        declared = world.catalogue.fields(node.kind)[name]
        if value is None or not declared.told or declared.name in node.kind.within:
            continue
        old = told(world.caller, node.kind, declared, node.row)
        if not same(declared, old, _comparable(declared, value, node)):
            found.append(Changed(declared, named(world, node.kind, declared, old), shown(declared, value)))
    return found


def told(caller: Caller, kind: Kind, declared: Field, row: Row) -> Any:
    """What a row says of a field, in the form in which it is compared: references are ids, or names where names are told."""
    value = declared.extra.read(caller, row) if declared.extra is not None else at(row, declared.key)
    if value is not None and declared.name in kind.scale:
        value = int(value) // kind.scale[declared.name]
    if value is not None and declared.name in kind.base64:
        import base64

        value = base64.b64decode(str(value)).decode(errors="replace")
    return value_of(kind, declared, value)


def by_name(declared: Field) -> bool:
    """Whether the API speaks of the thing by its name, not by its id."""
    return declared.ref in ("account", "sshKey") and not declared.create.endswith("id") and declared.key != "accountid"


def _comparable(declared: Field, value: Any, node: Node) -> Any:
    def one(target: Any) -> str:
        if target.row is None:
            return f"(new) {target.full}"
        return str(target.name if by_name(declared) else target.id)

    if not declared.ref:
        return value
    return sorted(one(target) for target in value) if isinstance(value, list) else one(value)


def shown(declared: Field, value: Any) -> Any:
    """A wanted value as people read it."""
    if declared.secret:
        return "…"
    if isinstance(value, list):
        return [one.full if isinstance(one, Node) else one for one in value]
    return value.full if isinstance(value, Node) else value


def named(world: World, kind: Kind, declared: Field, value: Any) -> Any:
    """A value of a row with names in place of ids."""
    if not declared.ref or value is None or by_name(declared):
        return value
    ids = value if isinstance(value, list) else [value]
    nodes = [world.by_id(declared.ref, id) for id in ids]
    names = [node.full if node is not None else id for node, id in zip(nodes, ids, strict=True)]
    return names if isinstance(value, list) else names[0]


def _renewed(
    world: World, nodes: list[Node], changes: dict[Node, list[Changed]], allowed: bool, problems: list[str]
) -> set[Node]:
    """The things that must be made anew: those with a changed field that cannot be changed, and what refers to them."""
    renewed = set()
    for node, fields in changes.items():
        fixed = [one for one in fields if one.field.fixed]
        if fixed and allowed:
            renewed.add(node)
        for one in fixed if not allowed else ():
            problems.append(
                f"{source(node)}: {node}: {one.field.name} is {one.old!r} and cannot become {one.new!r} once it is made; "
                "--replace deletes it and makes it anew"
            )
    while more := {n for n in nodes if n.row and n not in renewed and renewed & set(references(world.catalogue, n))}:
        renewed |= more
    return renewed


def _actions(world: World, node: Node, changed: list[Changed], renewed: bool) -> Iterator[Action]:
    fields = world.catalogue.fields(node.kind)
    late = [one for one in changed if one.field.name in node.kind.late]
    if node.row is None or renewed:
        given = [Changed(fields[n], None, shown(fields[n], v)) for n, v in node.spec.items() if v is not None]
        late = [one for one in given if one.field.name in node.kind.late]
        if renewed:
            yield Action(DELETE, node, replaces=True)
        yield Action(CREATE, node, [one for one in given if one not in late], replaces=renewed)
    elif now := [one for one in changed if one not in late]:
        yield Action(CHANGE, node, now)
    if late:
        yield Action(CHANGE, node, late)


def _doomed(world: World, options: Options) -> tuple[list[Node], list[Mark]]:
    """What bears our mark and is not in the files; and marks of what is gone."""
    marks = [mark for mark in world.marks.by_id.values() if mark.set == options.set]
    tags = {kind.tag: kind.name for kind in world.catalogue.kinds.values() if kind.tag}
    kinds = {mark.kind or tags.get(mark.type, "") for mark in marks}
    if "FirewallRule" in {mark.type for mark in marks}:
        kinds |= {"firewallRule", "egressRule"}
    world.read({name for name in kinds if name in world.catalogue.kinds})
    if "setting" in kinds:
        _read_scopes(world, {mark.id.rpartition("/")[0] for mark in marks if mark.kind == "setting"})
    for mark in marks:
        world.seek(mark.kind or tags.get(mark.type, ""), mark.id)
    nodes = {node.id: node for kind in sorted(kinds) for node in world.there(kind)}
    stale = [mark for mark in marks if mark.id not in nodes and mark.kind]
    doomed = [nodes[mark.id] for mark in marks if mark.id in nodes and nodes[mark.id].document is None]
    along = {n for n in doomed if n.kind.stays and (n.row or {}).get(n.kind.stays) and n.parent in doomed}
    return [node for node in doomed if node not in along], stale


def _read_scopes(world: World, ids: set[str]) -> None:
    """Read the settings in scopes, of which only the ids are known."""
    setting = world.catalogue.kinds["setting"]
    world.read_settings(None)
    for scope in setting.within if ids - {""} else ():
        kind = world.catalogue.fields(setting)[scope].ref
        world.read({kind})
        for node in [one for one in world.there(kind) if one.id in ids]:
            world.read_settings(node)


def order(world: World, actions: list[Action]) -> None:
    """Set `after` of all: makers before users, users deleted before what they use, deletions last."""
    kinds = world.catalogue.kinds
    makers = {action.node: action for action in actions if action.verb == CREATE}
    changers = [action for action in actions if action.verb == CHANGE]
    killers = {action.node: action for action in actions if action.verb == DELETE}
    lates = [a for a in changers if any(one.field.name in a.node.kind.late for one in a.fields)]
    for action in actions:
        if action.verb == DELETE:
            used = _uses(world, action.node)
            for other, killer in killers.items():
                if other in used or other.kind.name in action.node.kind.after:
                    killer.after.add(action)
        else:
            needs = set(references(world.catalogue, action.node)) | {action.node}
            action.after |= {makers[node] for node in needs if node in makers and makers[node] is not action}
            action.after |= {a for n, a in makers.items() if n.kind.name in action.node.kind.after}
    for late in lates:
        late.after |= {a for a in actions if a.verb in (CREATE, CHANGE) and a.node.kind.layout}
        for action in (
            a for a in actions if a.verb in (CREATE, CHANGE) and kinds[a.node.kind.name].within and not a.node.kind.layout
        ):
            if late.node in action.node.above() and action is not late:
                action.after.add(late)
    _settings_first(actions)
    urgent = _before({killer for killer in killers.values() if killer.replaces})
    for node, killer in killers.items():
        if node in makers:
            makers[node].after.add(killer)
        elif killer not in urgent:
            killer.after |= {action for action in actions if action.verb != DELETE}


def _before(actions: set[Action]) -> set[Action]:
    """These actions and all that they need."""
    found = set(actions)
    while more := {need for action in found for need in action.after} - found:
        found |= more
    return found


def _settings_first(actions: Iterable[Action]) -> None:
    """What holds for all is set before anything is made under it."""
    acts = list(actions)
    settings = [a for a in acts if a.node.kind.name == "setting" and a.node.parent is None and a.verb in (CREATE, CHANGE)]
    for action in acts:
        if action.node.kind.name != "setting" and action.verb in (CREATE, CHANGE):
            action.after |= set(settings)


def _uses(world: World, node: Node) -> set[Node]:
    """The things that a row refers to, as far as they were read, and those above them."""
    found = set(references(world.catalogue, node))
    assert node.row is not None
    for declared in world.catalogue.fields(node.kind).values():
        if declared.ref == "account" and node.kind.owned:
            owner = world.account(node.row.get("account"), node.row.get("domainid"))
            found |= {owner} if owner is not None else set()
        if not declared.ref or by_name(declared):
            continue
        value = declared.extra.read(world.caller, node.row) if declared.extra is not None else at(node.row, declared.key or "-")
        targets = [world.by_id(declared.ref, id) for id in (value if isinstance(value, list) else [value]) if id]
        found |= {target for target in targets if target is not None}
    return found | {above for one in found for above in one.above()}


def sequence(actions: list[Action]) -> list[Action]:
    """Actions in an order that can be read and followed: each after those it needs. Raises ApplyError for a circle."""
    done: dict[Action, None] = {}
    waiting = list(actions)
    while waiting:
        ready = [action for action in waiting if all(one in done for one in action.after)]
        if not ready:
            raise ApplyError(f"These need one another, in a circle: {', '.join(map(str, waiting[:8]))}")
        done.update(dict.fromkeys(ready))
        waiting = [action for action in waiting if action not in done]
    return list(done)
