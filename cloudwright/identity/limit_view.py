"""What answers tell of limits: `vmlimit`, `vmtotal`, `vmavailable` and their like, of accounts, projects and domains.

The tallies of a row and the settings are gathered in the list's own statement. What ROOT has is the sum of all accounts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from itertools import chain
from typing import Any

import msgspec
import sqlalchemy as sa

from cloudwright.core.access import Caller
from cloudwright.core.command import Told
from cloudwright.core.listing import List
from cloudwright.core.param import param
from cloudwright.core.resource import Resource
from cloudwright.core.setting import SettingRow
from cloudwright.core.tally import Counted
from cloudwright.core.tx import Reader
from cloudwright.core.view import JsonObject, View, computed, field, filled, many
from cloudwright.identity import limit
from cloudwright.identity.ledger import Tally
from cloudwright.identity.limit import ALL, NONE, Limited
from cloudwright.identity.model import ADMIN, PROJECT, ROOT_DOMAIN, Account, Domain
from cloudwright.identity.project.model import Project

Row = dict[str, Any]
UNLIMITED = "Unlimited"
_COLUMNS = {"tag": Tally.c.tag, "limits": Tally.c.limits, **{kind.value: Tally.c[kind] for kind in Counted}}
_RULES = (limit.RUNNING_ONLY, limit.HOST_TAGS, limit.STORAGE_TAGS)
_NAMES = [rule.name for rule in _RULES] + [default.name for one in ALL for default in one.defaults.values()]
_SETTINGS = sa.and_(SettingRow.c.name.in_(_NAMES), SettingRow.c.scope == "global")
_NAMED: list[list[Any]] = [[sa.literal_column(f"'{kind}'"), sa.func.sum(Tally.c[kind])] for kind in Counted]
_top, _own_account = Domain.t.alias("top_domain"), Account.t.alias("account_of_root")
_BELOW_ROOT = sa.or_(  # what ROOT has: the tallies of its own accounts and of the domains right below it, which hold all others
    sa.and_(Tally.c.owner_kind == "domain", Tally.c.owner_id.in_(sa.select(_top.c.id).where(_top.c.parent_id == ROOT_DOMAIN))),
    sa.and_(
        Tally.c.owner_kind == "account",
        Tally.c.owner_id.in_(sa.select(_own_account.c.id).where(_own_account.c.domain_id == ROOT_DOMAIN)),
    ),
)
_SUMS = (
    sa.select(sa.cast(JsonObject(*chain.from_iterable(_NAMED)), sa.Text))
    .where(_BELOW_ROOT, Tally.c.tag == "", Tally.c.gone == 0)
    .scalar_subquery()
)


class _Rules:
    """The settings as one row's statement found them."""

    def __init__(self, stored: Mapping[str, str]) -> None:
        self._stored = stored
        only = self.get(limit.RUNNING_ONLY)
        counted = {one.kind: limit.RUNNING.get(one.kind, one.kind) if only else one.kind for one in ALL}
        self.by_owner = {
            whose: [(one, counted[one.kind], self._most(whose, one)) for one in ALL]
            for whose in ("", "account", "domain", "project")
        }
        """By whose settings: what is limited, what of the ledger counts, and the most of it in the ledger's unit."""
        tags = {
            limit.OF_HOSTS: limit.tags_of(self.get(limit.HOST_TAGS)),
            limit.OF_STORAGE: limit.tags_of(self.get(limit.STORAGE_TAGS)),
        }
        self.tags = {kind: under for kinds, under in tags.items() for kind in kinds if under}

    def get(self, of: Any) -> Any:
        text = self._stored.get(of.name)
        return of.default if text is None else of.parse(text)

    def _most(self, whose: str, one: Limited) -> int:
        default = one.defaults.get(whose)
        return NONE if default is None or self.get(default) < 0 else self.get(default) * one.unit


@lru_cache(maxsize=64)
def _rules(text: str) -> _Rules:
    """Of the global values stored, of what is asked here."""
    return _Rules({row["name"]: row["value"] for row in msgspec.json.decode(text)})


def _of_account(row: Row) -> str:
    return {ADMIN: "", PROJECT: "project"}.get(row.get("_type", 0), "account")


def _fill(row: Row, whose: str) -> None:
    """Put the fields into the row."""
    rules = _rules(row.get("_settings", "[]"))
    by_tag = {tally["tag"]: tally for tally in row.get("_tallies", ())}
    used: Mapping[str, int] = msgspec.json.decode(row["_sums"]) if row.get("_sums") else by_tag.get("", {})
    own = _own(by_tag.get("")) if whose else {}
    for one, counted, default in rules.by_owner[whose]:
        most = max(NONE, own[one.kind]) if one.kind in own else default
        row.update(_shown(one.number, most, used.get(counted) or 0))
    if rules.tags and (tagged := _tagged(rules, whose, own, by_tag)):
        row["taggedresources"] = tagged


def _own(tally: Mapping[str, Any] | None) -> dict[str, int]:
    return msgspec.json.decode(tally["limits"], type=dict[str, int]) if tally and tally["limits"] != "{}" else {}


@lru_cache(maxsize=50_000)
def _shown(number: int, most: int, has: int) -> Row:
    """Limit, total and what is left as the API tells them. Most owners of a page have as few of most things."""
    one = ALL[number]
    exact = has / one.unit if one.kind is Counted.SECONDARY_STORAGE else has // one.unit
    limited, left = (UNLIMITED, UNLIMITED) if most == NONE else (f"{most // one.unit}", f"{max(0, most - has) / one.unit:.12g}")
    return {f"{one.key}limit": limited, f"{one.key}total": exact, f"{one.key}available": left}


def _tagged(rules: _Rules, whose: str, own: Mapping[str, int], by_tag: Mapping[str, Any]) -> list[Row]:
    """What is limited under tags. Without a limit under the tag, that under none is told."""
    told = []
    for one, counted, default in rules.by_owner[whose]:
        for tag in rules.tags.get(one.kind, ()):
            tally = by_tag.get(tag, {})
            at = {**own, **_own(tally or None)} if whose else {}
            most, has = max(NONE, at.get(one.kind, default)), tally.get(counted, 0)
            left = NONE if most == NONE else max(0, most - has) // one.unit
            told.append({
                "resourcetype": one.number, "resourcetypename": one.name, "tag": tag,
                "limit": NONE if most == NONE else most // one.unit, "total": has // one.unit, "available": left,
            })  # fmt: skip
    return told


def _fill_account(row: Row) -> None:
    _fill(row, _of_account(row))
    mine: Mapping[str, int] = next((tally for tally in row.get("_tallies", ()) if not tally["tag"]), {})
    running = mine.get(Counted.RUNNING, 0)
    row |= {"vmrunning": running, "vmstopped": mine.get(Counted.INSTANCE, 0) - running}


def _fields(owner_kind: str, owner_id: Any, fill: Callable[[Row], None], more: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of views of an owner. `fill` puts them into a row."""
    told: dict[str, Any] = {
        **more,
        "_tallies": many(Tally, sa.and_(Tally.c.owner_kind == owner_kind, Tally.c.owner_id == owner_id), _COLUMNS, ""),
        "_settings": field(_stored(), ""),
        "_filled": computed(lambda row, _: fill(row), ""),
    }
    for one in ALL:
        total = "double" if one.kind is Counted.SECONDARY_STORAGE else "long"
        told[f"{one.key}limit"] = filled(f"how many {one.words} it may have, or {UNLIMITED}", "string")
        told[f"{one.key}total"] = filled(f"how many {one.words} it has", total)
        told[f"{one.key}available"] = filled(f"how many {one.words} more it may have, or {UNLIMITED}", "string")
    told["taggedresources"] = filled("its limits under tags: resource type, tag, limit, total, available", "list")
    if owner_kind == "account":
        told["vmrunning"] = filled("how many of its instances run", "integer")
        told["vmstopped"] = filled("how many of its instances do not run", "integer")
    return told


def _stored() -> Any:
    gathered = many(SettingRow, _SETTINGS, {"name": SettingRow.c.name, "value": SettingRow.c.value}, "").expr
    return gathered.scalar_subquery()


_GIVEN: set[str] = set()


@cache
def _brief(view: type[View]) -> type[View]:
    """The same view without what is limited and counted, so that nothing of it is looked up."""
    lean: type[View] = type(f"Brief{view.__name__}", (view,), {})
    lean.fields = {name: known for name, known in view.fields.items() if name not in _GIVEN}
    return lean


class Brief(List, ancestor=True):
    """A list of owners that leaves out, if that is asked, what each may have and has."""

    details: list[str] | None = param(
        "min leaves out what is limited and counted; resource and all tell everything", choices=("all", "resource", "min")
    )

    def _view(self) -> Any:
        asked = {word.lower() for word in self.details or ()}
        return _brief(super()._view()) if asked == {"min"} else super()._view()


class ByTag(Brief, ancestor=True):
    """A list of owners that tells, if that is asked, only the limits under one tag."""

    tag: str | None = param("of the limits under tags only those under this one", since="4.20.0")

    def run(self, reader: Reader, caller: Caller) -> Told:
        told = super().run(reader, caller)
        for row in told.rows if self.tag is not None else ():
            if "taggedresources" in row:
                row["taggedresources"] = [one for one in row["taggedresources"] if one["tag"] == self.tag]
        return told


def give(of: type[Resource], fields: dict[str, Any]) -> None:
    """Have all views of a resource tell them."""
    View.every(of, **fields)
    _GIVEN.update(fields)


def _fill_domain(row: Row) -> None:
    _fill(row, "" if row.get("_sums") else "domain")


give(Account, _fields("account", Account.c.id, _fill_account, {"_type": field(Account.c.type_, "")}))
give(Project, _fields("account", Project.c.account_id, lambda row: _fill(row, "project"), {}))
_root = {"_sums": field(sa.case((Domain.c.id == ROOT_DOMAIN, _SUMS)), "", "string")}
give(Domain, _fields("domain", Domain.c.id, _fill_domain, _root))
