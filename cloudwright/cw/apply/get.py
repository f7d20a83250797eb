"""`cw get KIND [NAME]`: what there is, as documents that `cw apply` takes; applied unchanged they change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cloudwright.cw.apply.document import Document, dump
from cloudwright.cw.apply.kind import ApplyError, Catalogue, Field, Kind, value_of
from cloudwright.cw.apply.plan import by_name, named, told
from cloudwright.cw.apply.server import Server, catalogue_of
from cloudwright.cw.apply.world import Node, World
from cloudwright.cw.failure import Wrong

USAGE = """cw get KIND [NAME …] [-o yaml|json]
    what there is, as a file for cw apply; applied unchanged it changes nothing. cw apply --explain tells the kinds
    --all        the things of all projects and accounts, too"""


def page_of(name: str) -> str:
    """The help of `get`."""
    return USAGE


def run(doing: Any) -> None:
    """Run `cw get`. Raises Failure."""
    if not doing.words:
        raise Wrong("cw get needs a kind", fix=["cw apply --explain tells the kinds"])
    caller = Server(doing.session, doing.session.profile.timeout)
    found = documents(caller, catalogue_of(caller), doing.words[0], doing.words[1:], doing.options.all)
    if doing.options.output in ("", "default", "yaml"):
        doing.terminal.write(dump(found).rstrip("\n"))
        return
    doing.answer({"count": len(found), "document": [{"kind": d.kind, "name": d.name, "spec": d.spec} for d in found]})


def documents(caller: Any, catalogue: Catalogue, kind_name: str, names: list[str], everybody: bool = False) -> list[Document]:
    """The things of a kind as documents, all or those named. Raises ApplyError."""
    kind = catalogue.kind(kind_name)
    world = World(caller, catalogue, everybody)
    if kind.name == "setting":
        world.read_settings(None)
    world.read({kind.name})
    nodes = [n for n in world.there(kind.name) if not names or {n.name, n.full, n.id} & set(names)]
    missing = set(names) - {text for n in nodes for text in (n.name, n.full, n.id)}
    if missing:
        raise ApplyError(f"There is no {kind.name} {', '.join(sorted(missing))}")
    world.read(_referred(world, kind, nodes))
    return [document(world, node) for node in nodes]


def document(world: World, node: Node) -> Document:
    """A thing as a file would have it: every field that the server tells and that can be given, unless it is as it would be
    without."""
    return Document(node.kind.name, node.name, dict(_spec(world, node)))


def _referred(world: World, kind: Kind, nodes: list[Node]) -> set[str]:
    refs = [f for f in world.catalogue.fields(kind).values() if f.ref and f.told and f.ref in world.catalogue.kinds]
    return {f.ref for f in refs if any(told(world.caller, kind, f, node.row or {}) for node in nodes)}


def _spec(world: World, node: Node) -> Iterator[tuple[str, Any]]:
    assert node.row is not None
    fields = world.catalogue.fields(node.kind)
    for f in sorted(fields.values(), key=lambda f: (f.name not in node.kind.within, not f.required)):
        if not f.told or f.secret:
            continue
        value = told(world.caller, node.kind, f, node.row)
        if value is None or _unsaid(world, node, f, value) or not _nameable(world, f, value):
            continue
        yield f.name, named(world, node.kind, f, value)


def _nameable(world: World, declared: Field, value: Any) -> bool:
    """Whether all that a value refers to was told to the caller: what is not, files could not find again."""
    ids = value if isinstance(value, list) else [value]
    return not declared.ref or by_name(declared) or all(world.by_id(declared.ref, id) is not None for id in ids)


def _unsaid(world: World, node: Node, declared: Field, value: Any) -> bool:
    """Whether it goes without saying: the default, or the owner of the caller's own things."""
    if declared.name == "account" and node.kind.owned:
        mine = node.row is not None and node.row.get("domainid") == world.me.get("domainid")
        return bool(node.row and node.row.get("project")) or (mine and value == world.me.get("name"))
    default = value_of(node.kind, declared, declared.default)
    return value == default if default is not None else value in (False, {})
