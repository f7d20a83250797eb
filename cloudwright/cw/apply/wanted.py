"""What files want, as nodes beside what is there: names become things, values the form in which they are compared."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from cloudwright.cw.apply.document import Document
from cloudwright.cw.apply.kind import ApplyError, Catalogue, Field, Kind, value_of
from cloudwright.cw.apply.world import Node, World


class Wanted:
    """Reads what documents speak of, and finds or makes a node for each. What is wrong with them is in `problems`."""

    def __init__(self, world: World, documents: list[Document]) -> None:
        self.world, self.catalogue = world, world.catalogue
        self.problems: list[str] = []
        self.nodes: list[Node] = []
        kinds = [(document, self._kind(document)) for document in documents]
        self._pending = [(document, kind) for document, kind in kinds if kind is not None]
        world.read({kind.name for _, kind in self._pending} | self._spoken_of())
        self._place()
        for node in self.nodes:
            self._read_spec(node)
            self._fill(node)
            self._check_needs(node)

    def find(self, kind: str, text: str, beside: Node | None = None) -> Node:
        """The thing of a kind that a text names: its name, the end of its path, or its id. Raises ApplyError."""
        known = self.world.nodes.get(kind, [])
        ids = [node for node in known if node.row is not None and node.row["id"] == text]
        exact = ids or [node for node in known if node.full == text]
        found = exact or [node for node in known if node.full.endswith(f"/{text}")]
        if len(found) > 1 and beside is not None:  # of several, the one nearest to who speaks of it
            around = {beside, *beside.above()}
            near = [node for node in found if around & set(node.above())]
            found = near if len(near) == 1 else found
        if len(found) == 1:
            return found[0]
        if found:
            raise ApplyError(f"{kind} {text!r} may be {' or '.join(node.full for node in found)}; give one of these")
        near_names = difflib.get_close_matches(text, [node.full for node in known], 3, 0.5)
        hint = f"; there is {', '.join(near_names)}" if near_names else ""
        raise ApplyError(f"there is no {kind} {text!r}, neither in the files nor on the server{hint}")

    def _kind(self, document: Document) -> Kind | None:
        try:
            return self.catalogue.kind(document.kind)
        except ApplyError as error:
            self.problems.append(f"{document.source}: {error}")
            return None

    def _spoken_of(self) -> set[str]:
        """The kinds that documents refer to."""
        kinds = set()
        for document, kind in self._pending:
            for name in document.spec:
                declared = self.catalogue.find(kind, name)
                if declared is not None and declared.ref:
                    kinds.add(declared.ref)
        return kinds

    def _place(self) -> None:
        """Find the path of each document: those whose parents are known first, until no more can be placed."""
        while self._pending:
            waiting = []
            names = {(kind.name, document.name) for document, kind in self._pending}
            for document, kind in self._pending:
                try:
                    self._place_one(document, kind, names)
                except _Waits:
                    waiting.append((document, kind))
                except ApplyError as error:
                    self.problems.append(f"{document.source}: {document.kind} {document.name}: {error}")
            if len(waiting) == len(self._pending):
                what = ", ".join(str(document) for document, _ in waiting)
                self.problems.append(f"these are above one another, in a circle: {what}")
                return
            self._pending = waiting

    def _place_one(self, document: Document, kind: Kind, waiting: set[tuple[str, str]]) -> None:
        above, owner = self._above(document, kind, waiting)
        name = document.name or self._natural(document, kind)
        if kind.name == "setting":
            self.world.read_settings(above if above is not None and above.row is not None else None)
        base = (*(() if above is not None and above.kind.owned else owner), *(above.path if above else ()))
        node = self._there(kind, (*base, name), above)
        if node.document is not None:
            raise ApplyError(f"it is in the files twice, here and at {node.document.source}")
        node.document = document
        self.nodes.append(node)

    def _there(self, kind: Kind, path: tuple[str, ...], above: Node | None) -> Node:
        known = [node for node in self.world.nodes.get(kind.name, []) if node.path == path]
        if not known and kind.within and above is None and kind.name != "setting":  # its parent was not said
            known = [node for node in self.world.nodes.get(kind.name, []) if node.name == path[-1]]
        if len(known) > 1:
            raise ApplyError(f"there are {len(known)} of this name; say {' or '.join(kind.within)}")
        if known:
            return known[0]
        node = Node(kind, path, parent=above)
        self.world.nodes.setdefault(kind.name, []).append(node)
        return node

    def _above(self, document: Document, kind: Kind, waiting: set[tuple[str, str]]) -> tuple[Node | None, tuple[str, ...]]:
        """The parent, and what the path begins with where a project or another account owns it."""
        given = {}
        for name, value in document.spec.items():
            declared = self.catalogue.find(kind, name)
            if declared is None or not declared.ref or not value:
                continue
            if declared.name in (*kind.within, "project", "account") or not set(kind.within) & self._names(document, kind):
                first = value[0] if isinstance(value, list) else value
                given[declared.name] = self._known(declared, str(first), waiting)
        owner = given.get("project") or given.get("account")
        prefix = (owner.name,) if owner is not None and kind.owned and not self._mine(owner) else ()
        parent = next((given[name] for name in kind.within if name in given), None)
        if parent is None and kind.within and kind.name != "setting":  # another thing that it names may be in the same one
            wanted = {self.catalogue.fields(kind)[name].ref for name in kind.within}
            around = (one for node in given.values() for one in node.above() if one.kind.name in wanted)
            parent = next(around, None)
        known = any(node.path == (document.name,) for node in self.world.nodes.get(kind.name, ()))
        in_domains = kind.name != "setting" and any(self.catalogue.fields(kind)[name].ref == "domain" for name in kind.within)
        if parent is None and in_domains and not known:
            parent = self.world.by_id("domain", self.world.me.get("domainid"))  # where the server makes what says no domain
        return parent, prefix

    def _names(self, document: Document, kind: Kind) -> set[str]:
        found = (self.catalogue.find(kind, name) for name in document.spec)
        return {declared.name for declared in found if declared is not None}

    def _mine(self, owner: Node) -> bool:
        return owner.kind.name == "account" and owner.row is not None and owner.id == self.world.me.get("id")

    def _known(self, declared: Field, text: str, waiting: set[tuple[str, str]]) -> Node:
        try:
            return self.find(declared.ref, text)
        except ApplyError:
            if any(kind == declared.ref and (name == text or text.endswith(f"/{name}")) for kind, name in waiting):
                raise _Waits from None
            raise

    def _natural(self, document: Document, kind: Kind) -> str:
        names = kind.natural or ((kind.named,) if kind.named != "name" else ())
        parts = []
        for name in names:
            declared = self.catalogue.find(kind, name)
            value = next((v for k, v in document.spec.items() if k.lower() == name.lower()), None)
            if declared is not None and value is not None:
                parts.append(str(value_of(kind, declared, value)))
        if not parts:
            raise ApplyError(f"it has no name{' and no ' + ', '.join(names) if names else ''}")
        return "-".join(parts)

    def _read_spec(self, node: Node) -> None:
        assert node.document is not None
        for name, value in node.document.spec.items():
            declared = self.catalogue.find(node.kind, name)
            if declared is None:
                self._problem(node, self._unknown(node.kind, name))
                continue
            try:
                if declared.name in node.spec:
                    raise ApplyError(f"{name} is the same field as another one that is given")
                node.spec[declared.name] = self._value(node, declared, value)
            except (ApplyError, ValueError, AttributeError) as error:
                self._problem(node, f"{name}: {error}")

    def _value(self, node: Node, declared: Field, value: Any) -> Any:
        if value is None:
            return None
        if declared.ref:
            texts = value if isinstance(value, list) else [value]
            if len(texts) > 1 and not declared.many:
                raise ApplyError("it takes one name")
            nodes = [self.find(declared.ref, str(text), node) for text in texts]
            return nodes if declared.many else nodes[0]
        if isinstance(value, list) and declared.type == "string" and not declared.many:  # the API takes a text with commas
            value = ",".join(map(str, value))
        got = value_of(node.kind, declared, value)
        if declared.type == "map" and not isinstance(got, dict | None):
            raise ApplyError(f"it takes names with values, not {value!r}")
        words = [choice.lower() for choice in declared.choices]
        texts = got if isinstance(got, list) else [got]
        if words and any(isinstance(text, str) and text.lower() not in words for text in texts):
            raise ApplyError(f"{value!r} is not one of {', '.join(declared.choices)}")
        return got

    def _unknown(self, kind: Kind, name: str) -> str:
        fields = self.catalogue.fields(kind)
        near = difflib.get_close_matches(name, fields, 3, 0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"`cw apply --explain {kind.name}` tells its fields"
        return f"there is no field {name!r}; {hint}"

    def _fill(self, node: Node) -> None:
        """References that a command wants and files need not repeat: what a thing's parents and neighbours lie in."""
        if node.kind.name == "setting":
            return
        around = {one.kind.name: one for one in _around(node)}
        for declared in self.catalogue.fields(node.kind).values():
            wanted = (
                declared.required
                or declared.name in node.kind.within[:1]
                or (declared.ref in ("pod", "zone") and declared.create)
            )
            if wanted and declared.ref and declared.name not in node.spec and declared.ref in around:
                above = around[declared.ref]
                node.spec[declared.name] = [above] if declared.many else above

    def _check_needs(self, node: Node) -> None:
        fields = self.catalogue.fields(node.kind)
        if node.kind.natural and node.document is not None and not node.kind.labelled:
            natural = self._natural_of(node)
            if natural and natural != node.name:
                self._problem(node, f"its name is made of {' and '.join(node.kind.natural)}: call it {natural}, or give no name")
        if node.row is None:
            lacking = [f.name for f in fields.values() if f.required and f.name not in node.spec]
            if lacking:
                self._problem(node, f"it is not there yet, and to make it {', '.join(lacking)} must be given")

    def _natural_of(self, node: Node) -> str:
        assert node.document is not None
        try:
            return self._natural(node.document, node.kind)
        except ApplyError:
            return ""

    def _problem(self, node: Node, text: str) -> None:
        assert node.document is not None
        self.problems.append(f"{node.document.source}: {node}: {text}")


class _Waits(Exception):
    """A parent that is in the files was not placed yet."""


def references(catalogue: Catalogue, node: Node) -> Iterator[Node]:
    """The things that files say a thing refers to, and its parent."""
    if node.parent is not None:
        yield node.parent
    for value in node.spec.values():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Node):
                yield one


def _around(node: Node) -> Iterator[Node]:
    named = [one for value in node.spec.values() for one in (value if isinstance(value, list) else [value])]
    for one in (node, *(n for n in named if isinstance(n, Node))):
        yield from ([one] if one is not node else [])
        yield from one.above()
