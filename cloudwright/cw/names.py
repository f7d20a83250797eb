"""Names in place of ids: a parameter that takes an id takes the name of the thing, looked up where such things are listed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from cloudwright.cw.catalogue import Catalogue, Command, close
from cloudwright.cw.failure import Unnamed

Call = Callable[[str, dict[str, Any]], dict[str, Any]]
Choose = Callable[[str, list[tuple[str, str]]], str | None]
_ID = re.compile(r"-?[0-9]+|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
NAMES = ("name", "displayname", "username", "displaytext", "ipaddress", "path", "description")
"""Fields by which people call things, the most telling first."""
FILTERS = {"templatefilter": ("all", "executable"), "isofilter": ("all", "executable")}
NOBODYS = ("", "all", "public")  # words that stand for no one thing
NARROWING = ("zoneid", "projectid", "domainid", "account")
LOOK = 500


def is_id(text: str) -> bool:
    """Whether this is an id already: a UUID, or a number such as -1."""
    return bool(_ID.fullmatch(text))


def rows_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects in an answer: of a list all, of one object that, of a flat answer itself; [] where nothing is in it."""
    for value in answer.values():
        if isinstance(value, list) and all(isinstance(row, dict) for row in value) and ("count" in answer or len(answer) == 1):
            return value
    inner = [value for value in answer.values() if isinstance(value, dict)]
    if len(answer) == 1 and inner:
        return inner
    return [] if not answer or set(answer) == {"count"} else [answer]


def name_of(row: dict[str, Any]) -> str:
    """What people call a thing."""
    return str(next((row[field] for field in NAMES if row.get(field)), row.get("id", "")))


class Names:
    """Looks ids up. `choose` asks somebody which of several things was meant; it answers an id, or None for nobody."""

    def __init__(self, catalogue: Catalogue, call: Call, choose: Choose = lambda text, candidates: None) -> None:
        self.catalogue, self.call, self.choose = catalogue, call, choose

    def resolve(self, command: Command, params: dict[str, str]) -> dict[str, str]:
        """The parameters with ids for names. Raises Unnamed, and what the lists refuse."""
        found = dict(params)
        order = sorted(params, key=lambda name: name not in NARROWING)  # a zone's id narrows what else is looked up
        for name in order:
            declared = command.params.get(name.lower())
            listing = self.catalogue.listing(command, declared, params) if declared else None
            if declared is None or listing is None or params[name].lower() in NOBODYS:
                continue
            several = declared.get("type") == "list" or (declared.get("type") == "string" and not declared.get("entity"))
            texts = [part.strip() for part in params[name].split(",")] if several else [params[name]]
            narrow = {key: found[key] for key in NARROWING if key in found and key != name and is_id(found[key])}
            found[name] = ",".join(text if is_id(text) else self.id_of(listing, text, narrow) for text in texts)
        return found

    def id_of(self, listing: Command, text: str, narrow: dict[str, str] | None = None) -> str:
        """The id of the one thing called `text`. Raises Unnamed."""
        rows: dict[str, dict[str, Any]] = {}
        for search in self._searches(listing, text):
            rows |= {str(row["id"]): row for row in self.rows(listing, search | _fitting(listing, narrow)) if "id" in row}
            if found := _called(text, list(rows.values())):
                break
        else:
            raise _nothing(listing, text, list(rows.values()))
        if len(found) == 1:
            return str(found[0]["id"])
        candidates = [(_apart(row), str(row["id"])) for row in found]
        chosen = self.choose(f"{text!r} is the name of {len(found)} {listing.noun}:", candidates)
        if chosen is None:
            raise Unnamed(f"{text!r} is the name of {len(found)} {listing.noun}", candidates, ["give the id of the one you mean"])
        return chosen

    def _searches(self, listing: Command, text: str) -> list[dict[str, str]]:
        named: list[dict[str, str]] = [{key: text} for key in ("name", "keyword") if key in listing.params]
        return [*named, {}]

    def rows(self, listing: Command, params: dict[str, str]) -> list[dict[str, Any]]:
        """What a listing answers, of everybody whose things one may see."""
        asked: dict[str, Any] = dict(params)
        if "listall" in listing.params:
            asked["listall"] = "true"
        if "pagesize" in listing.params:
            asked |= {"page": "1", "pagesize": str(LOOK)}
        filters = [name for name in FILTERS if name in listing.params]
        if not filters:
            return rows_of(self.call(listing.name, asked))
        return self._filtered(listing, asked, filters[0])

    def _filtered(self, listing: Command, asked: dict[str, Any], name: str) -> list[dict[str, Any]]:
        """Templates and ISOs: root's administrators may list all, others what they can run."""
        from cloudwright.cw.failure import Refused

        first, second = FILTERS[name]
        try:
            return rows_of(self.call(listing.name, asked | {name: first}))
        except Refused:
            return rows_of(self.call(listing.name, asked | {name: second}))


def _fitting(listing: Command, narrow: dict[str, str] | None) -> dict[str, str]:
    given = {name: value for name, value in (narrow or {}).items() if name in listing.params}
    return given if "domainid" in given else {name: value for name, value in given.items() if name != "account"}


def _called(text: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of that name: exactly, else in any case; the most telling field that fits decides."""
    for told in (text, text.lower()):
        for field in NAMES:
            found = [row for row in rows if (str(row.get(field)) if told is text else str(row.get(field)).lower()) == told]
            if found:
                return found
    return []


def _apart(row: dict[str, Any]) -> str:
    """A name with what tells it from others of the same."""
    apart = {"domainpath": row.get("domainpath") or row.get("domain")}
    keys = ("account", "domainpath", "project", "zonename", "state", "created")
    about = [str(told) for key in keys if (told := apart.get(key) or row.get(key))]
    return f"{name_of(row)} ({', '.join(about)})" if about else name_of(row)


def _nothing(listing: Command, text: str, rows: list[dict[str, Any]]) -> Unnamed:
    names = {name_of(row): str(row.get("id")) for row in rows}
    near = close(text, list(names))
    said = f"None of the {listing.noun} that you may see is called {text!r}"
    return Unnamed(said + ("; near to it:" if near else ""), [(name, names[name]) for name in near], [f"cw list {listing.noun}"])
