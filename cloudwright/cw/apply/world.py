"""What is there: the rows of the kinds asked for, each with its path of names and with the marks on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from cloudwright.cw.apply.document import Document
from cloudwright.cw.apply.kind import ApplyError, Caller, Catalogue, Kind, Row, at, rows_of, value_of
from cloudwright.cw.apply.mark import Mark, Marks

PAGE = 500
CALLS_AT_ONCE = 4


@dataclass(eq=False)
class Node:
    """A thing that is there (`row`), that files want (`document`), or both. `spec` has the wanted values in the form in which
    they are compared; references in it are nodes."""

    kind: Kind
    path: tuple[str, ...]
    row: Row | None = None
    document: Document | None = None
    parent: Node | None = None
    spec: dict[str, Any] = field(default_factory=dict)
    mark: Mark | None = None

    @property
    def name(self) -> str:
        return self.path[-1]

    @property
    def full(self) -> str:
        """The names of its parents and its own; enough to find it among all of its kind."""
        return "/".join(self.path)

    @property
    def id(self) -> str:
        """Its id. It must be there."""
        return str((self.row or {})["id"])

    def above(self) -> Iterator[Node]:
        """Its parent, that one's parent, and so on."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def __str__(self) -> str:
        return f"{self.kind.name} {self.full}"


class World:
    """The things of a server, as far as they were read."""

    def __init__(self, caller: Caller, catalogue: Catalogue, wide: bool = False) -> None:
        self.caller, self.catalogue, self.wide = caller, catalogue, wide
        self.nodes: dict[str, list[Node]] = {}
        self.me = _me(caller)
        self.marks = Marks.read(caller)
        self._by_id: dict[tuple[str, str], Node] = {}
        self._scopes: set[Node | None] = set()  # whose settings were read

    def read(self, kinds: Iterable[str]) -> None:
        """Read kinds that were not read yet, and those that their paths need. A kind is listed once, several at a time."""
        missing = [name for name in self._with_parents(kinds) if name not in self.nodes and name != "setting"]
        plain = [name for name in missing if not self.catalogue.kinds[name].each]
        with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
            rows = dict(zip(plain, pool.map(self._list, plain), strict=True))
        for name in missing:
            kind = self.catalogue.kinds[name]
            self.nodes[name] = []
            found = rows[name] if name in rows else self._list_each(kind)
            for row in sorted(found, key=lambda row: row.get("level", 0)):  # of a tree the parents first
                self.add(kind, row)

    def read_settings(self, scope: Node | None) -> None:
        """Read the settings in a scope: those that are not as they are built in are there."""
        kind = self.catalogue.kinds["setting"]
        where = scope_of(kind, self.catalogue, scope)
        if scope in self._scopes:
            return
        self._scopes.add(scope)
        for row in everything(self.caller, kind.lists, **where):
            if row.get("value") is not None and row.get("value") != row.get("defaultvalue"):
                self.add(kind, {**row, **where, "id": "/".join((*where.values(), row["name"]))}, scope)

    def add(self, kind: Kind, row: Row, parent: Node | None = None) -> Node:
        """Note a row."""
        parent = parent or self._parent(kind, row)
        owner = () if parent is not None and parent.kind.owned else self._owner(kind, row)
        above = parent.path if parent is not None else ()
        node = Node(kind, (*owner, *above, self.name_of(kind, row)), row, parent=parent, mark=self.marks.of(str(row["id"])))
        self.nodes.setdefault(kind.name, []).append(node)
        self._by_id[kind.name, str(row["id"])] = node
        return node

    def name_of(self, kind: Kind, row: Row) -> str:
        """What a row is called."""
        label = self.marks.labels.get(str(row["id"])) if kind.labelled else None
        if label:
            return label
        if kind.natural:
            fields = self.catalogue.fields(kind)
            parts = [value_of(kind, fields[name], row.get(fields[name].key or name)) for name in kind.natural]
            return "-".join(str(part) for part in parts if part is not None)
        return str(row.get(kind.named_in) or row["id"])

    def by_id(self, kind: str, id: Any) -> Node | None:
        """The thing with an id, if it was read."""
        return self._by_id.get((kind, str(id)))

    def seek(self, name: str, id: str) -> None:
        """Look for a thing of somebody else's, which a list of the caller's own does not tell."""
        kind = self.catalogue.kinds.get(name)
        if kind is not None and kind.owned and self.by_id(name, id) is None:
            for row in rows_of(self.caller.call(kind.lists, **self._list_params(kind), id=id, listall=True, projectid="-1")):
                self.add(kind, row)

    def there(self, kind: str) -> list[Node]:
        """The things of a kind that are there."""
        return [node for node in self.nodes.get(kind, ()) if node.row is not None]

    def account(self, name: Any, domain: Any) -> Node | None:
        """An account that was read, by its name and the id of its domain."""
        accounts = (node for node in self.there("account") if node.row is not None)
        return next((n for n in accounts if n.name == name and (n.row or {}).get("domainid") == domain), None)

    def _with_parents(self, kinds: Iterable[str]) -> list[str]:
        """Kinds with those above them, the upper ones first."""
        order: list[str] = []

        def visit(name: str, seen: tuple[str, ...]) -> None:
            kind = self.catalogue.kinds[name]
            fields = self.catalogue.fields(kind)
            for above in kind.within if name != "setting" else ():
                target = fields[above].ref if above in fields else ""
                if target and target not in (*seen, name):
                    visit(target, (*seen, name))
            if name not in order:
                order.append(name)

        for name in sorted(kinds):
            visit(name, ())
        return order

    def _list(self, name: str) -> list[Row]:
        kind = self.catalogue.kinds[name]
        everybody = {"listall": True, "projectid": "-1"} if kind.owned and self.wide else {}
        return everything(self.caller, kind.lists, **self._list_params(kind), **everybody)

    def _list_params(self, kind: Kind) -> dict[str, Any]:
        params = dict(kind.list_with)
        if "templatefilter" in params and str(self.me.get("roletype")) != "Admin":
            params["templatefilter"] = "executable"
        return params

    def _list_each(self, kind: Kind) -> list[Row]:
        fields = self.catalogue.fields(kind)
        parents = self.there(fields[kind.within[0]].ref)
        with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
            lists = pool.map(lambda parent: everything(self.caller, kind.lists, **{kind.each: parent.id}), parents)
            return [row for rows in lists for row in rows]

    def _parent(self, kind: Kind, row: Row) -> Node | None:
        fields = self.catalogue.fields(kind)
        for name in kind.within:
            declared = fields.get(name)
            value = at(row, declared.key) if declared is not None and declared.key else None
            if value is not None and declared is not None:
                return self.by_id(declared.ref, value)
        return None

    def _owner(self, kind: Kind, row: Row) -> tuple[str, ...]:
        """What the path of somebody else's thing begins with."""
        if not kind.owned:
            return ()
        if row.get("project"):
            return (str(row["project"]),)
        mine = row.get("account") == self.me.get("name") and row.get("domainid") == self.me.get("domainid")
        return () if mine else (str(row.get("account")),)


def everything(caller: Caller, command: str, **params: Any) -> list[Row]:
    """All rows of a list, page by page."""
    found: list[Row] = []
    for page in range(1, 10_001):
        rows = rows_of(caller.call(command, **params, page=page, pagesize=PAGE))
        found += rows
        if len(rows) < PAGE:
            return found
    raise ApplyError(f"{command} does not end after {len(found)} rows")


def scope_of(kind: Kind, catalogue: Catalogue, scope: Node | None) -> dict[str, str]:
    """The parameter that names the scope of a setting."""
    if scope is None:
        return {}
    declared = next(f for f in catalogue.fields(kind).values() if f.ref == scope.kind.name)
    return {declared.create: scope.id}


def _me(caller: Caller) -> Row:
    return next(iter(rows_of(caller.call("listAccounts"))), {})
