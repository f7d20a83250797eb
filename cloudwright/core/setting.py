"""Settings: named, typed, scoped values with help text, effective at once.

    PAGE_SIZE = setting("default.page.size", 500, "how many rows …", minimum=1)
    PAGE_SIZE.get(reader)        # or .get(reader, zone=3, cluster=7): the narrowest scope with a value wins

All stored values are kept in memory, by engine; a change clears them after its commit, other servers notice within a heartbeat.
"""

from __future__ import annotations

import ipaddress
import re
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import sqlalchemy as sa

from cloudwright.core.db import Database
from cloudwright.core.error import ParamError
from cloudwright.core.resource import Resource, column
from cloudwright.core.secret import Secret, vault
from cloudwright.core.tx import Reader, Tx

V = TypeVar("V", str, int, float, bool)
SCOPES = ("global", "zone", "cluster", "storagepool", "imagestore", "managementserver", "domain", "account")
_NARROW_FIRST = ("account", "domain", "storagepool", "imagestore", "managementserver", "cluster", "zone")


LEAST, MOST = -1e18, 1e18  # of numbers without bounds of their own
_NUMBERS: dict[type, Callable[[str], object]] = {
    int: re.compile(r"[+-]?[0-9]{1,18}").fullmatch,
    float: re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?").fullmatch,
}


class SettingRow(Resource, table="setting", unique=[("name", "scope", "scope_id")]):
    """A value that differs from the default."""

    name: str
    scope: str = column(default="global", length=32)
    scope_id: int = 0
    value: str = column(text=True)


class Setting(Generic[V]):
    """One declared setting."""

    by_name: ClassVar[dict[str, Setting[Any]]] = {}
    wider: ClassVar[Callable[[Reader, Mapping[str, int | None]], Iterable[tuple[str, int]]]] = staticmethod(lambda *_: ())
    """Beyond the scopes named: those from which accounts and domains take values. Identity says it."""

    def __init__(self, name: str, default: V, doc: str, **declared: Any) -> None:
        self.name, self.doc = name, doc
        self.default: V = default
        self.kind: type[V] = type(default)
        self.scopes: Sequence[str] = declared.pop("scopes", ())
        self.category: str = declared.pop("category", "Advanced")
        self.options: Sequence[str] = declared.pop("options", ())
        self.minimum: float | None = declared.pop("minimum", None)
        self.maximum: float | None = declared.pop("maximum", None)
        self.secret: bool = declared.pop("secret", False)
        self.parent: str = declared.pop("parent", "")  # the setting that must be on for this one to mean something
        self.check: Callable[[str, str], str | None] | None = declared.pop("check", None)  # (text, scope) -> what is wrong
        if declared or name in Setting.by_name:
            raise TypeError(
                f"BUG: setting {name} is declared twice or with unknown words {list(declared)} (SettingsAreDeclaredOnce)"
            )
        Setting.by_name[name] = self

    def get(self, reader: Reader, **scope: int | None) -> V:
        """The value in force: the narrowest given scope that has one, the global one, the default."""
        found = self._stored(reader, scope)
        return self.default if found is None else self.parse(found)

    def _stored(self, reader: Reader, scope: dict[str, int | None]) -> str | None:
        values = _values(reader)
        for name in _NARROW_FIRST:
            at = scope.get(name)
            if at is not None and (found := values.get((self.name, name, at))) is not None:
                return found
        if "domain" in self.scopes and scope:
            for name, wide in Setting.wider(reader, scope):
                if (found := values.get((self.name, name, wide))) is not None:
                    return found
        return values.get((self.name, "global", 0))

    def told(self, **at: Any) -> sa.ColumnElement[str]:
        """The value in force as text, for the columns of views: as `get`, with the column of an id for each scope."""
        mine = sa.select(SettingRow.c.value).where(SettingRow.c.name == self.name, SettingRow.c.gone == 0)
        scopes = [(name, at[name]) for name in _NARROW_FIRST if name in at] + [("global", sa.literal(0))]
        found = [mine.where(SettingRow.c.scope == name, SettingRow.c.scope_id == id).scalar_subquery() for name, id in scopes]
        return sa.func.coalesce(*found, sa.literal(str(self.default)))

    def each(self, reader: Reader, scope: str) -> list[V]:
        """The values of those of a scope that have one of their own."""
        return [self.parse(text) for (name, at, _), text in _values(reader).items() if name == self.name and at == scope]

    def reveal(self, reader: Reader, **scope: int | None) -> Secret | None:
        """The value of a secret setting."""
        sealed = self._stored(reader, scope)
        return vault().open(sealed) if sealed else None

    def parse(self, text: str) -> V:
        """A stored text as a value. Raises ParamError that says what would be right."""
        if self.kind is bool:
            if text.lower() not in ("true", "false"):
                raise self._wrong(text, "true or false")
            return self.kind(text.lower() == "true")
        if self.kind in _NUMBERS and not _NUMBERS[self.kind](text):
            raise self._wrong(text, "a whole number" if self.kind is int else "a number")
        value = self.kind(text)
        low, high = self.minimum, self.maximum
        if isinstance(value, int | float) and not (LEAST if low is None else low) <= value <= (MOST if high is None else high):
            raise self._wrong(text, f"a number {_range(low, high)}")
        if self.options and value not in self.options:
            raise self._wrong(text, f"one of {', '.join(self.options)}")
        return value

    def _wrong(self, text: str, right: str) -> ParamError:
        return ParamError(f"Parameter value: {text[:64]!r} is not what {self.name} takes; it takes {right}", param="value")

    def set(self, tx: Tx, text: str, scope: str = "global", scope_id: int = 0) -> None:
        """Store a value for a scope. Raises ParamError where the setting has no such scope or the value is wrong."""
        self._check_scope(scope)
        self.parse(text)
        if self.check is not None and (wrong := self.check(text, scope)):
            raise ParamError(f"Parameter value: {self.name} {wrong}", param="value")
        stored = vault().seal(Secret(text)) if self.secret else text
        where = (SettingRow.c.name == self.name, SettingRow.c.scope == scope, SettingRow.c.scope_id == scope_id)
        row = tx.find(SettingRow, *where)
        if row is None:
            tx.insert(SettingRow(name=self.name, scope=scope, scope_id=scope_id, value=stored))
        else:
            tx.update(row, value=stored)
        _changed(tx)

    def reset(self, tx: Tx, scope: str = "global", scope_id: int = 0) -> None:
        """Remove the value of a scope: the wider scope's is in force again, at last the default. Raises ParamError where the
        setting has no such scope."""
        self._check_scope(scope)
        where = (SettingRow.c.name == self.name, SettingRow.c.scope == scope, SettingRow.c.scope_id == scope_id)
        row = tx.find(SettingRow, *where)
        if row is not None:
            tx.remove(row)
        _changed(tx)

    def _check_scope(self, scope: str) -> None:
        if scope != "global" and scope not in self.scopes:
            known = ", ".join(("global", *self.scopes))
            raise ParamError(f"Setting {self.name} cannot be set for a single {scope}", why=[f"its scopes: {known}"])


def _range(low: float | None, high: float | None) -> str:
    if high is None:
        return f"of {LEAST if low is None else low:g} or more, up to {MOST:g}"
    return f"of {high:g} or less" if low is None else f"between {low:g} and {high:g}"


def bad_networks(text: str, scope: str) -> str | None:
    """What is wrong with a list of networks, by comma."""
    for part in text.split(",") if text.strip() else ():
        try:
            ipaddress.ip_network(part.strip(), strict=False)
        except ValueError:
            return f"takes networks such as 192.0.2.0/24, by comma; {part.strip()[:64]!r} is none"
    return None


def _changed(tx: Tx) -> None:
    engine = tx.connection.engine
    tx.after(lambda: _forget(engine))  # before the change is answered: who was told of it must see it
    tx.signal("setting")


def setting(name: str, default: V, doc: str, **declared: Any) -> Setting[V]:
    """Declare a setting. `declared`: scopes, category, options, minimum, maximum, secret, parent, check."""
    return Setting(name, default, doc, **declared)


_Known = dict[tuple[str, str, int], str]
_known: weakref.WeakKeyDictionary[sa.Engine, tuple[Any, _Known]] = weakref.WeakKeyDictionary()
_changes: weakref.WeakKeyDictionary[sa.Engine, int] = weakref.WeakKeyDictionary()
_lock = threading.Lock()
_STORED = sa.select(SettingRow.c.name, SettingRow.c.scope, SettingRow.c.scope_id, SettingRow.c.value).where(
    SettingRow.c.gone == 0
)
_STAMP = sa.select(sa.func.coalesce(sa.func.sum(SettingRow.c.version), 0))


def _values(reader: Reader) -> _Known:
    engine = reader.connection.engine
    own = isinstance(reader, Tx) and "setting" in reader.signals  # it changed some: it sees them, nobody else does yet
    known = None if own else _known.get(engine)
    if known is None:
        changes = _changes.get(engine, 0)
        stamp = int(reader.value(_STAMP))  # before the values: a change in between makes it differ at the next heartbeat
        stored: _Known = {(name, scope, at): value for name, scope, at, value in map(tuple, reader.rows(_STORED))}
        known = (stamp, stored)
        with _lock:
            if changes == _changes.get(engine, 0) and not own:  # else it is old already
                _known[engine] = known
    return known[1]


def keep_fresh(db: Database) -> None:
    """Call once per process: this process's changes are seen at once."""
    db.listeners.setdefault("setting", []).append(lambda: forget(db))
    forget(db)


def forget(db: Database) -> None:
    """Read all values again at the next use."""
    _forget(db.engine)


def _forget(engine: sa.Engine) -> None:
    with _lock:
        _changes[engine] = _changes.get(engine, 0) + 1
        _known.pop(engine, None)


def refresh(db: Database) -> None:
    """Called with each heartbeat: forget the values if another server changed one."""
    known = _known.get(db.engine)
    if known is not None and int(db.read().value(_STAMP)) != known[0]:
        forget(db)
