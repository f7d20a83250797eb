"""Marks: which set of files a thing belongs to, as tags on the server.

What can have tags bears `cw.set=<set>` itself. For what cannot, its zone does, or the user who applied the files:
`cw.set:<kind>:<id>=<set>`. One tag is about one thing, so nobody overwrites what another wrote, and one list tells all.
`cw.name` is what files call a thing for which the API has no name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudwright.cw.apply.kind import ApplyError, Caller, Kind, Row, rows_of

SET, NAME = "cw.set", "cw.name"
PAGE = 500


@dataclass(frozen=True)
class Mark:
    """A tag that says that the thing `id` belongs to a set; `on` is what bears it."""

    set: str
    kind: str  # "" where the thing itself bears it: `type` tells
    id: str
    type: str
    on: str
    key: str


@dataclass
class Marks:
    """All marks that the caller may see, and names given by files, by the id of the thing."""

    by_id: dict[str, Mark] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, caller: Caller) -> Marks:
        """Ask for all tags of ours."""
        found = cls()
        for page in range(1, 10_001):
            tags = rows_of(caller.call("listTags", keyword="cw.", listall=True, projectid="-1", page=page, pagesize=PAGE))
            for tag in tags:
                found._note(tag)
            if len(tags) < PAGE:
                return found
        raise ApplyError("listTags does not end")

    def of(self, id: str) -> Mark | None:
        """The mark of a thing."""
        return self.by_id.get(id)

    def _note(self, tag: Row) -> None:
        key, on = str(tag["key"]), str(tag["resourceid"])
        if key == NAME:
            self.labels[on] = str(tag["value"])
        elif key == SET or key.startswith(f"{SET}:"):
            _, _, rest = key.partition(":")
            kind, _, id = rest.partition(":")
            mark = Mark(str(tag["value"]), kind, id or on, str(tag["resourcetype"]), on, key)
            self.by_id[mark.id] = mark


def bearer(kind: Kind, id: str, zone: str, user: str) -> tuple[str, str, str]:
    """What bears a thing's mark, as type, id and key of the tag."""
    if kind.tag:
        return kind.tag, id, SET
    return ("Zone", zone, f"{SET}:{kind.name}:{id}") if zone else ("User", user, f"{SET}:{kind.name}:{id}")


def put(caller: Caller, bears: tuple[str, str, str], set_name: str, label: str = "") -> None:
    """Write a mark, and the name that files have for the thing."""
    kind, on, key = bears
    if not on:
        raise ApplyError(f"There is neither a zone nor a user that could bear the mark {key}")
    tags = {key: set_name} | ({NAME: label} if label else {})
    caller.job("createTags", resourcetype=kind, resourceids=on, **pairs("tags", tags))


def drop(caller: Caller, mark: Mark) -> None:
    """Take a mark away."""
    caller.job("deleteTags", resourcetype=mark.type, resourceids=mark.on, **pairs("tags", {mark.key: mark.set}))


def pairs(name: str, values: Mapping[str, Any]) -> dict[str, str]:
    """A map as parameters, each entry with a key and a value."""
    sent: dict[str, str] = {}
    for number, (key, value) in enumerate(values.items()):
        sent |= {f"{name}[{number}].key": key, f"{name}[{number}].value": str(value)}
    return sent
