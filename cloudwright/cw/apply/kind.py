"""What a kind of resource is for files: which commands list, make, change and delete it, and what its fields are.

A kind is declared in few words; its fields are derived from what the server tells of those commands by `listApis`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from cloudwright.cw.catalogue import is_secret
from cloudwright.cw.failure import Failure, Wrong

Row = dict[str, Any]
NOT_FIELDS = {"id", "dryrun", "clienttoken", "customid", "projectid", "account", "domainid"}
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]+)?")
NUMBERS = ("integer", "long", "short")


class ApplyError(Wrong):
    """What cannot be done, said before anything was done."""


def words(error: BaseException) -> str:
    """All that an error says, on one line."""
    told = error.told() if isinstance(error, Failure) else str(error)
    return "; ".join(line.strip() for line in told.splitlines() if line.strip()) or type(error).__name__


class Caller(Protocol):
    """A signed-in client; several threads may use it at once."""

    def call(self, command: str, **params: Any) -> Row:
        """What is under the outer key of the answer. Raises what was refused, as a sentence."""

    def job(self, command: str, **params: Any) -> Row:
        """Run an asynchronous command to its end: the object that it answers."""


@dataclass(frozen=True)
class Extra:
    """A field that no parameter of the update commands sets: it is read from a row, and set by calls of its own."""

    type: str
    doc: str
    read: Callable[[Caller, Row], Any]
    put: Callable[[Caller, Row, Any], None]
    ref: str = ""
    many: bool = False
    choices: tuple[str, ...] = ()
    create: str = ""  # the parameter that sets it when the thing is made


@dataclass(frozen=True)
class Kind:
    """A declaration. Names of commands and parameters are the API's."""

    name: str
    doc: str
    lists: str
    create: str
    delete: str
    update: tuple[str, ...] = ()
    within: tuple[str, ...] = ()  # references of which the first given names its parent
    owned: bool = False  # by an account or a project
    named: str = "name"  # the parameter that carries the name, "" where the name is only ours
    named_in: str = "name"  # the key of rows that tells it
    natural: tuple[str, ...] = ()  # fields that make up the name, where rows have none
    labelled: bool = False  # its name lies in a tag
    tag: str = ""  # what createTags calls it
    list_with: Mapping[str, Any] = field(default_factory=dict)
    each: str = ""  # the list wants this parameter: it is asked once for every parent
    create_with: Mapping[str, Any] = field(default_factory=dict)
    clear: Callable[[Caller, Row], None] | None = None  # done before it is deleted
    delete_with: Mapping[str, Any] = field(default_factory=dict)
    delete_by: Mapping[str, str] = field(default_factory=lambda: {"id": "id"})  # parameter -> key of the row
    alias: Mapping[str, str] = field(default_factory=dict)  # parameter -> field
    read: Mapping[str, str] = field(default_factory=dict)  # field -> key of rows; dots go into lists
    refs: Mapping[str, str] = field(default_factory=dict)  # field -> kind, where names do not tell
    hidden: frozenset[str] = frozenset()
    late: frozenset[str] = frozenset()  # fields that are set when all else of the layout is there
    scale: Mapping[str, int] = field(default_factory=dict)  # rows tell so many times more than parameters take
    base64: frozenset[str] = frozenset()
    after: tuple[str, ...] = ()  # kinds without which it cannot be made, though it names none of them
    ready: Mapping[str, Any] = field(default_factory=dict)  # what its row says when others can use it
    extras: Mapping[str, Extra] = field(default_factory=dict)
    stays: str = ""  # key of rows: where it is true, the thing goes only with its parent
    born: bool = False  # the server may make it along with its parent
    layout: bool = False  # belongs to a zone, and must be there before the zone is enabled


@dataclass(frozen=True)
class Field:
    """A field of a kind: `create` and `update` say by which parameters it is set, `key` where rows tell it ("": nowhere)."""

    name: str
    type: str
    doc: str
    key: str = ""
    create: str = ""
    update: tuple[str, str] | None = None  # command and parameter
    required: bool = False
    ref: str = ""
    many: bool = False
    choices: tuple[str, ...] = ()
    default: Any = None
    secret: bool = False
    extra: Extra | None = None

    @property
    def told(self) -> bool:
        """Whether it can be compared with what is there."""
        return bool(self.key) or self.extra is not None

    @property
    def fixed(self) -> bool:
        """Whether it cannot be changed once the thing is made."""
        return self.update is None and self.extra is None


class Catalogue:
    """Kinds as one server has them: `commands` is what its listApis answers, by name."""

    def __init__(self, commands: Mapping[str, Mapping[str, Any]], kinds: Mapping[str, Kind]) -> None:
        self.commands, self.kinds = commands, kinds
        entities = {str(commands[k.create].get("resource")): k.name for k in kinds.values() if k.create in commands}
        self._entities = {entity: name for entity, name in entities.items() if entity != "None"}
        self._stems = {name.lower(): name for name in kinds} | {"virtualmachine": "instance", "ipaddress": "publicIp"}
        self._fields: dict[str, dict[str, Field]] = {}

    def kind(self, name: str) -> Kind:
        """The kind called so, in any case, in the plural too. Raises ApplyError."""
        low = name.lower()
        found = self._stems.get(low) or self._stems.get(low.removesuffix("s"))
        if found is None:
            near = difflib.get_close_matches(low, self._stems, 3)
            hint = (
                f"did you mean {' or '.join(self._stems[one] for one in near)}?" if near else f"there are {', '.join(self.kinds)}"
            )
            raise ApplyError(f"There is no kind {name!r}; {hint}")
        kind = self.kinds[found]
        if kind.create not in self.commands:
            raise ApplyError(f"You may not call {kind.create} on this server: things of kind {found} cannot be written in files")
        return kind

    def is_job(self, command: str) -> bool:
        """Whether a command answers with a job."""
        return bool(self.commands.get(command, {}).get("isasync"))

    def dry(self, command: str) -> bool:
        """Whether the server can tell what a command would do: one that cannot would do it."""
        return any(p["name"] == "dryrun" for p in self.commands.get(command, {}).get("params", ()))

    def fields(self, kind: Kind) -> dict[str, Field]:
        """The fields of a kind, by name."""
        if kind.name not in self._fields:
            made = {f.name: f for f in self._derive(kind)}
            for name, extra in kind.extras.items():
                made[name] = Field(
                    name, extra.type, extra.doc, create=extra.create, ref=extra.ref, many=extra.many, extra=extra,
                    choices=extra.choices,
                )  # fmt: skip
            self._fields[kind.name] = made
        return self._fields[kind.name]

    def find(self, kind: Kind, name: str) -> Field | None:
        """A field by its name or by that of its parameter, in any case."""
        low = name.lower()
        fields = self.fields(kind).values()
        return next((f for f in fields if low in (f.name.lower(), f.create.lower(), (f.update or ("", ""))[1].lower())), None)

    def _derive(self, kind: Kind) -> Iterator[Field]:
        params = {self._name(kind, p): ("", p) for p in self._params(kind, kind.create)}
        updates: dict[str, tuple[str, Mapping[str, Any]]] = {}
        for command in kind.update:
            for p in self._params(kind, command):
                updates.setdefault(self._name(kind, p), (command, p))
        told = {f["name"] for f in self.commands.get(kind.lists, {}).get("response", ())}
        for name in {**params, **updates}:
            made, changed = params.get(name), updates.get(name)
            p = (made or changed or ("", {}))[1]
            key = kind.read.get(name, next((k for k in (p["name"], name) if k in told), ""))
            yield Field(
                name, str(p.get("type", "string")), str(p.get("description", "")), key=key,
                create=made[1]["name"] if made else "", update=(changed[0], changed[1]["name"]) if changed else None,
                required=bool(made and made[1].get("required")), ref=self._ref(kind, name, p), many=p.get("type") == "list",
                choices=tuple(map(str, p.get("enum") or ())), default=p.get("default"), secret=is_secret(p),
            )  # fmt: skip
        if kind.owned:
            yield Field("project", "string", "the project that owns it", key="projectid", create="projectid", ref="project")
            yield Field("account", "string", "the account that owns it", key="account", create="account", ref="account")

    def _params(self, kind: Kind, command: str) -> Iterator[Mapping[str, Any]]:
        hidden = NOT_FIELDS - set(kind.alias) | kind.hidden | {kind.named}
        for p in self.commands.get(command, {}).get("params", ()):
            if p["name"] not in hidden:
                yield p

    def _name(self, kind: Kind, p: Mapping[str, Any]) -> str:
        wire = str(p["name"])
        if wire in kind.alias:
            return kind.alias[wire]
        many = wire.endswith("ids")
        stem = wire.removesuffix("ids") if many else wire.removesuffix("id") if wire.endswith("id") else ""
        if stem in self._stems:
            return self._stems[stem] + ("s" if many else "")
        return wire

    def _ref(self, kind: Kind, name: str, p: Mapping[str, Any]) -> str:
        if name in kind.refs:
            return kind.refs[name]
        if p.get("entity") in self._entities:
            return self._entities[p["entity"]]
        stem = name.lower()
        is_id = str(p["name"]).endswith(("id", "ids"))
        return self._stems.get(stem, self._stems.get(stem.removesuffix("s"), "")) if is_id else ""


def value_of(kind: Kind, declared: Field, value: Any) -> Any:
    """A value in the one form in which those of files and rows are compared; None where nothing is said."""
    if value is None or value in ("", [], {}):
        return None
    if declared.type == "rules":  # their order is what they mean
        return [" ".join(str(one).split()) for one in value]
    if declared.many or declared.type in ("list", "set"):
        parts = value if isinstance(value, list) else str(value).split(",")
        return sorted(str(part).strip() for part in parts if str(part).strip()) or None
    if isinstance(value, list):  # rows tell lists of what a parameter gives one of
        return value_of(kind, declared, value[0])
    if declared.type == "boolean":
        return str(value).lower() == "true"
    if declared.type in NUMBERS:
        return int(float(value))
    if declared.type == "map":
        return {str(k): _plain(v) for k, v in value.items()} if isinstance(value, dict) else value
    text = _plain(value).removeprefix("vlan://")
    if kind.name == "setting" and _NUMBER.fullmatch(text):
        return f"{float(text):.12g}"  # servers tell 2 as 2.0
    return text.strip() if declared.name in kind.base64 else text  # a text's last line may end or not


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def same(declared: Field, one: Any, other: Any) -> bool:
    """Whether two values mean the same. Words that must be one of several are compared in any case; so are those that cannot be
    changed, for not all servers tell which words there are, and for its letters' case alone nothing is made anew."""
    if (declared.choices or declared.fixed) and isinstance(one, str) and isinstance(other, str):
        return one.lower() == other.lower()
    return bool(one == other)


def at(row: Mapping[str, Any], path: str) -> Any:
    """What a row tells under a key; `nic.networkid` are those of all its interfaces."""
    head, _, rest = path.partition(".")
    value = row.get(head)
    if not rest or value is None:
        return value
    return [at(one, rest) for one in value] if isinstance(value, list) else at(value, rest)


def rows_of(answer: Mapping[str, Any]) -> list[Row]:
    """The objects of a list's answer."""
    return next((value for value in answer.values() if isinstance(value, list)), [])
