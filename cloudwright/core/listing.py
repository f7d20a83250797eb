"""Lists: a view, declared filters and an owner scope give paging, keyword, count, ordering by one query builder.

    class ListVolumes(List, answers=VolumeView, keywords=[Volume.c.name]):
        "Lists volumes."
        zone: Ref[Zone] | None = where(Volume.c.zone_id, "only in this zone")
        name: str | None = where(Volume.c.name, "only the one of this name")

Two statements a page at most: the page (cut first, then joined) and the count, which is asked of the base table alone and only
when the page does not already tell it. (For an administrator of a domain a cheap one comes before: whether nearly all rows are
within reach.) Statements are built once for each set of filters in use.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, ClassVar

import sqlalchemy as sa

from cloudwright.core import param as parameters
from cloudwright.core.access import Caller, Kind, Use, few_beyond, like_prefix, of_each, of_most, rule, says_below
from cloudwright.core.command import Told, Verb
from cloudwright.core.error import ParamError
from cloudwright.core.param import Param, param
from cloudwright.core.prepared import Recent
from cloudwright.core.resource import Resource
from cloudwright.core.search import Lowered, candidates
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader

PAGE_SIZE = setting("default.page.size", 500, "how many rows a list answers when none is asked for, and at most", minimum=1)
Condition = sa.ColumnElement[bool]
MOST_PAIRS = 1_000  # of a map that a list is filtered by
VAST = 100_000  # rows beyond which values are not counted


PIECES = "pieces"  # the shape of a list narrowed to the few rows in which an index of words has what is asked for
FEW = "few are others'"  # the shape of a list for an administrator of a domain to which nearly all rows belong
_counting: Recent[Any] = Recent()  # statements of facets
_asked: dict[type[List], Any] = {}  # of each list: how to ask whether it has that shape, None where it never has


def where(target: Any, doc: str, **declared: Any) -> Any:
    """A filter: a column that must equal the value (or be among them), or a function from the bound value to a condition. For a
    map it is a function from a key and its value; one of the map's pairs must hold."""
    return Param(doc, default=declared.pop("default", None), where=target, **declared)


class List(Verb, http_method="GET"):
    """The ancestor of every list of resources."""

    keywords: ClassVar[Sequence[Any]] = ()
    newest_first: ClassVar[bool] = False
    removed_too: ClassVar[bool] = False
    _built: ClassVar[Recent[tuple[Any, Any, Any]]] = Recent()
    _every: ClassVar[dict[type[Resource], list[Param]]] = {}

    keyword: str | None = param("only those in whose words this occurs")
    page: int | None = param("which page, from 1; given together with pagesize", minimum=1)
    page_size: int | None = param("how many on a page; -1 alone means all", minimum=-1)
    order_by: str | None = param("the field to order by; with :desc from the greatest down")
    facets: list[str] | None = param("fields of whose values the answer tells how often each occurs, where the list is not vast")

    def __init_subclass__(
        cls, *, keywords: Sequence[Any] = (), newest_first: bool = False, removed_too: bool = False, **declared: Any
    ) -> None:
        cls.keywords, cls.newest_first, cls.removed_too = keywords or cls.keywords, newest_first, removed_too
        super().__init_subclass__(**declared)
        if cls.api.answers is not None:
            cls._take(List._every.get(cls.api.answers.of, []))

    @classmethod
    def _take(cls, filters: Sequence[Param]) -> None:
        known = {p.wire_name for p in cls.api.params.values()}
        cls.api.params |= {p.name: p for p in filters if p.wire_name not in known}

    @staticmethod
    def every(of: type[Resource], name: str, annotation: Any, declared: Any) -> None:
        """Give a filter to all lists of a resource, those there are and those to come, unless one has its own so called."""
        made = parameters.declare(name, annotation, declared)
        List._every.setdefault(of, []).append(made)
        for verb in Verb.by_name.values():
            if issubclass(verb, List) and verb.api.answers is not None and verb.api.answers.of is of:
                verb._take([made])

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        """Further conditions of this list: (a key naming the condition's shape, the condition, what it binds)."""
        return []

    def scope(self, caller: Caller) -> Condition | None:
        """The access rule; lists that show more or less than a reference may override it."""
        return rule(self._view().of, caller.kind, Use.SEE)

    def left_out(self, shapes: tuple[str, ...]) -> Condition | None:
        """What the living rows that conditions of these shapes leave out have in common, where that is known and they are few: to
        count those and all takes a quarter of the time."""
        return None

    def run(self, reader: Reader, caller: Caller) -> Told:
        """The page."""
        view = self._view()
        limit, offset = self._cut(reader)
        key, conditions, binds = self._conditions(reader, caller)
        page, count, _ = self._statements(key, conditions, caller)
        facets = {} if self.facets is None else self._facets(reader, caller)
        binds |= caller.binds()
        rows = view.answer(reader.rows(view.statement(caller.kind, page, key), {**binds, "most": limit, "skip": offset}), caller)
        total = offset + len(rows) if 0 < len(rows) < limit or (not rows and not offset) else int(reader.value(count, binds) or 0)
        return Told(view.key, rows, total, more={"facets": facets} if self.facets else {})

    def _facets(self, reader: Reader, caller: Caller) -> dict[str, dict[str, int]]:
        """How many rows have each value of the fields asked for, whatever the filter by that same field says."""
        told = {}
        for name in dict.fromkeys(self.facets or ()):
            column = self._stored(name, "facets")
            key, conditions, binds = self._conditions(reader, caller, but=column)
            binds |= caller.binds() | {"vast": VAST + 1}
            _, _, chosen = self._statements(key, conditions, caller)
            counting = _counting.get((key, name), functools.partial(_values, chosen, column))
            counts = {str(value): many for value, many in map(tuple, reader.rows(counting, binds)) if value is not None}
            if sum(counts.values()) <= VAST:
                told[name] = counts
        return told

    def _stored(self, name: str, param: str) -> Any:
        """The column behind a field that may be ordered by or counted. Raises ParamError."""
        stored = self._view().stored()
        if name not in stored:
            raise ParamError(f"Parameter {param}: {name!r} is not one of {', '.join(sorted(stored))}", param=param)
        return stored[name]

    def _order(self) -> tuple[Any, ...]:
        of = self._view().of
        last = of.c.id.desc() if self.newest_first else of.c.id
        if self.order_by is None:
            return (last,)
        name, _, way = self.order_by.partition(":")
        if way not in ("", "asc", "desc"):
            raise ParamError(f"Parameter orderby: {way!r} is not asc or desc", param="orderby")
        column = self._stored(name, "orderby")
        return (column.desc() if way == "desc" else column, last)

    def _view(self) -> Any:
        if self.api.answers is None:
            raise RuntimeError(f"BUG: {self.api.name} has no view (ListWithoutView)")
        return self.api.answers

    def _cut(self, reader: Reader) -> tuple[int, int]:
        """(limit, offset)."""
        largest = self.largest_page(reader)
        if self.page_size == -1 and self.page is None:
            return 1 << 31, 0
        if (self.page is None) != (self.page_size is None):
            given, other = ("page", "pagesize") if self.page_size is None else ("pagesize", "page")
            raise ParamError(f"Parameter {given} was given without {other}; they belong together", param=other)
        if self.page is None or self.page_size is None:
            return largest, 0
        if not 0 < self.page_size <= largest:
            raise ParamError(f"Parameter pagesize: {self.page_size} is not between 1 and {largest}", param="pagesize")
        return self.page_size, (self.page - 1) * self.page_size

    def largest_page(self, reader: Reader) -> int:
        """How many rows a page may have."""
        return PAGE_SIZE.get(reader)

    def _conditions(self, reader: Reader, caller: Caller, but: Any = None) -> tuple[Any, list[Condition], dict[str, Any]]:
        conditions: list[Condition] = []
        binds: dict[str, Any] = {}
        names: list[Any] = []
        for name, p in self.api.params.items():
            value = self.__dict__.get(name)
            if p.where is None or value is None or p.where is but or (p.passed and value == p.passed):
                continue
            if isinstance(value, dict):
                pairs = _rounded(p.wire_name, value)
                names.append(f"{name} {len(pairs)}")
                conditions.append(_one_of(p.where, name, pairs, binds))
                continue
            names.append(name)
            binds[f"p_{name}"] = self._bound(value)
            conditions.append(_compare(p.where, name, isinstance(value, list)))
        if self.keyword and self.keywords:
            plain = self.keyword.isascii()
            lower = sa.func.lower if plain else Lowered
            names.append("keyword" if plain else "keyword beyond ASCII")
            binds["keyword"] = "%" + like_prefix(self.keyword.lower())
            among = candidates(reader, self._view().of, self.keywords, self.keyword)
            if among is not None and caller.kind is not Kind.USER:  # to whom the rows of an account are fewer than a word's
                names.append(PIECES)
                conditions.append(among[0])
                binds["pieces"] = among[1]
            conditions.append(sa.or_(*(lower(c).like(sa.bindparam("keyword"), escape="!") for c in self.keywords)))
        for shape, condition, values in self.narrow(reader, caller):
            names.append(shape)
            conditions.append(condition)
            binds |= values
        if caller.kind is Kind.DOMAIN and self._few_are_others(reader, caller):
            names.append(FEW)
        return (type(self).__name__, caller.kind, tuple(names), self.order_by), conditions, binds

    @staticmethod
    def _bound(value: Any) -> Any:
        if isinstance(value, Resource):
            return value.id
        return [v.id if isinstance(v, Resource) else v for v in value] if isinstance(value, list) else value

    def _few_are_others(self, reader: Reader, caller: Caller) -> bool:
        of = self._view().of
        if type(self) not in _asked:
            scope = self.scope(caller)
            asks = scope is not None and "domain_id" in of.c and says_below(scope)
            _asked[type(self)] = few_beyond(of) if asks else None
        asked = _asked[type(self)]
        return asked is not None and bool(reader.value(asked, caller.binds()))

    def _statements(self, key: Any, conditions: list[Condition], caller: Caller) -> tuple[Any, Any, Any]:
        """The page, the number of all rows, and all of them."""
        return List._built.get(key, lambda: self._build(key, conditions, caller))

    def _build(self, key: Any, conditions: list[Condition], caller: Caller) -> tuple[Any, Any, Any]:
        of = self._view().of
        scope = self.scope(caller)
        conditions, shown = conditions if scope is None else [*conditions, scope], list[Condition]()
        if scope is not None and FEW in key[2]:  # of what is shown, each row's domain is looked at nevertheless
            conditions, shown = [of_most(c) for c in conditions], [of_each(scope)]
        elif scope is not None and PIECES in key[2]:  # else all domains would be gone through for each of few rows
            conditions = [of_each(c) for c in conditions]
        living = [] if self.removed_too else [of.c.gone == 0]
        order, chosen = self._order(), sa.select(of.c.id).where(*conditions, *living)
        ids = chosen.order_by(*order).limit(sa.bindparam("most")).offset(sa.bindparam("skip")).subquery("cut")
        page = sa.select(of.t).where(of.c.id.in_(sa.select(ids.c.id)), *shown).order_by(*order)
        number = sa.select(sa.func.count()).select_from(of.t)
        few = self.left_out(key[2]) if scope is None and not self.removed_too else None
        if few is None:
            count = number.where(*conditions, *living)
        else:
            count = sa.select(number.where(*living).scalar_subquery() - number.where(few, *living).scalar_subquery())
        return page, count, chosen


def _values(chosen: Any, column: Any) -> Any:
    """How often each value of a column occurs among the rows chosen."""
    some = chosen.with_only_columns(column.label("value")).limit(sa.bindparam("vast")).subquery("some")
    return sa.select(some.c.value, sa.func.count()).group_by(some.c.value)


def _compare(target: Any, name: str, several: bool) -> Condition:
    bind: Any = (
        sa.bindparam(f"p_{name}", expanding=True) if several else sa.bindparam(f"p_{name}", type_=getattr(target, "type", None))
    )
    if callable(target) and not isinstance(target, sa.ColumnElement):
        condition: Condition = target(bind)
        return condition
    equal: Condition = target.in_(bind) if several else target == bind
    return equal


_BESIDE = 64  # conditions in one pair of brackets: SQLite nests at most a thousand, and nests what stands beside each other


def _rounded(name: str, pairs: dict[str, str]) -> list[tuple[str, str]]:
    """The pairs of a map, the last repeated up to a power of two: there are a dozen statements for a list then, not thousands."""
    if len(pairs) > MOST_PAIRS:
        raise ParamError(f"Parameter {name}: it has {len(pairs)} entries, at most {MOST_PAIRS} are looked for", param=name)
    known = list(pairs.items())
    return known + known[-1:] * ((1 << (len(known) - 1).bit_length()) - len(known))


def _one_of(target: Any, name: str, pairs: Sequence[tuple[str, str]], binds: dict[str, Any]) -> Condition:
    """One of the pairs of a map holds."""
    held = []
    for i, (key, value) in enumerate(pairs):
        binds |= {f"p_{name}_k{i}": key, f"p_{name}_v{i}": value}
        held.append(target(*(sa.bindparam(f"p_{name}_{side}{i}", type_=sa.String()) for side in "kv")))
    parts = [sa.or_(*held[at : at + _BESIDE]) for at in range(0, len(held), _BESIDE)]
    return sa.or_(*(part.is_(sa.true()) for part in parts)) if len(parts) > 1 else parts[0]
