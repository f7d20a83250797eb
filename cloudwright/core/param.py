"""Parameters of commands: declared by annotations, read by one set of rules, references looked up and allowed in one go.

zone: Ref[Zone] = param("the zone")              # wire name zoneid, a row of Zone that the caller may see
networks: list[Ref[Network]] = param("…")        # networkids
size: int | None = param("size in GiB", minimum=1)
"""

from __future__ import annotations

import datetime
import types
import typing
import uuid
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import msgspec

from cloudwright.core import wire
from cloudwright.core.access import Caller, Use, prepared_lookup
from cloudwright.core.error import ParamError
from cloudwright.core.resource import Resource
from cloudwright.core.secret import Secret
from cloudwright.core.tx import Reader

T = TypeVar("T")


class RefMark:
    """Marks an annotation as a reference."""


Ref = Annotated[T, RefMark()]
REQUIRED: Any = object()


class Param(msgspec.Struct):
    """One declared parameter."""

    doc: str = ""
    default: Any = REQUIRED
    wire_name: str = ""
    kind: str = ""
    length: int = 255
    minimum: float | None = None
    maximum: float | None = None
    choices: Sequence[str] = ()
    style: str = ""  # of maps: free, kv, fields
    keys: Sequence[str] = ()  # of maps with fields
    since: str = ""
    optional_in_api: bool = False  # told as optional, as the API declares it, though nothing can be done without it
    roles: Sequence[str] = ()  # role types that may use it; for others it is not there
    use: Use = Use.USE
    check: Callable[[Any], str | None] | None = None  # answers what is wrong, for instance "is not a CIDR"
    name: str = ""
    refers: type[Resource] | None = None
    passed: str = ""  # a text that a reference may be instead of an id; it is handed through
    several: bool = False
    clears: bool = False  # sent as an empty text it is one, and takes away what there is; else that is as if it were not sent
    secret: bool = False
    where: Any = None  # of filters of lists: a column, or bind -> condition

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    @property
    def told_required(self) -> bool:
        """What listApis says."""
        return self.required and not self.optional_in_api

    @property
    def rule(self) -> wire.Rule:
        return wire.Rule(
            self.wire_name, self.kind, length=self.length, item="uuid" if self.refers else "string", since=bool(self.since),
            end=self.wire_name.endswith("enddate"),
        )  # fmt: skip


def param(doc: str = "", **declared: Any) -> Any:
    """Declare a parameter; see `Param` for what may be declared. Without a `default` it is required, unless it may be None."""
    return Param(doc, **declared)


_KINDS: dict[Any, str] = {
    str: "string", int: "integer", bool: "boolean", float: "double", datetime.datetime: "date", Secret: "string",
}  # fmt: skip


def declare(name: str, annotation: Any, given: Any) -> Param:
    """The parameter that an annotated attribute declares."""
    made = given if isinstance(given, Param) else Param(default=given)
    declared = msgspec.structs.replace(made, name=name)
    inner, optional = _without_none(annotation)
    if optional and declared.required:
        declared.default = None
    if typing.get_origin(inner) is list:
        inner, declared.several = typing.get_args(inner)[0], True
    if typing.get_origin(inner) is Annotated:
        declared.refers = typing.get_args(inner)[0]
    _name_and_kind(declared, inner)
    return declared


def _name_and_kind(declared: Param, inner: Any) -> None:
    plain = declared.name.rstrip("_").replace("_", "")
    is_map = typing.get_origin(inner) is dict
    if declared.refers and declared.name not in ("id", "ids"):
        plain = (plain.removesuffix("s") if declared.several else plain) + ("ids" if declared.several else "id")
    declared.wire_name = declared.wire_name or plain
    if is_map:
        declared.kind, declared.style = "map", declared.style or ("fields" if declared.several else "free")
    elif declared.refers:
        declared.kind = "list" if declared.several else declared.kind or "uuid"
    else:
        declared.kind = "list" if declared.several else declared.kind or _KINDS[inner]
    declared.secret = inner is Secret


def bad_uuid(text: str) -> str | None:
    """The check of a parameter that the API has as plain text and that must be an id."""
    try:
        return None if str(uuid.UUID(text)) == text.lower() else "is not a UUID"
    except ValueError:
        return "is not a UUID"


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        kinds = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
        return kinds[0], True
    return annotation, False


def read(declared: Param, sent: wire.Parameters, command: str, caller: Caller) -> Any:
    """The value sent, before references are looked up. Raises WireError or ParamError naming the parameter and the rule."""
    if declared.roles and caller.role_type not in declared.roles:
        return None if declared.required else _default(declared)
    value: Any
    if declared.kind == "map":
        value = sent.map(declared.wire_name, declared.style)
    else:
        text = sent.get(declared.wire_name)
        if declared.clears and text == "" and declared.wire_name in sent.plain:
            return [] if declared.several else ""
        value = wire.decode(declared.rule, text) if text != "" else None
    if value is None or value == []:
        if declared.required:
            raise wire.missing(command, declared.wire_name)
        return _default(declared)
    _check(declared, value)
    return Secret(value) if declared.secret else value


def _default(declared: Param) -> Any:
    return declared.default.copy() if isinstance(declared.default, list | dict) else declared.default


def _check(declared: Param, value: Any) -> None:
    wrong = None
    values = value if isinstance(value, list) else [value]
    for one in values:
        if declared.choices and isinstance(one, str) and one.lower() not in {c.lower() for c in declared.choices}:
            wrong = f"is not one of {', '.join(declared.choices)}"
        if isinstance(one, int | float) and not isinstance(one, bool):
            if declared.minimum is not None and one < declared.minimum:
                wrong = f"is less than {declared.minimum:g}"
            if declared.maximum is not None and one > declared.maximum:
                wrong = f"is more than {declared.maximum:g}"
    wrong = wrong or (declared.check(value) if declared.check else None)
    if wrong:
        shown = "" if declared.secret else f" {str(value)[:64]!r}"
        raise ParamError(f"Parameter {declared.wire_name}:{shown} {wrong}", param=declared.wire_name)


def resolve(declared: Param, value: Any, reader: Reader, caller: Caller) -> Any:
    """The rows a reference names, if the caller may. What one may not see answers like what does not exist."""
    if declared.refers is None or value is None or value == declared.passed:
        return value
    if isinstance(value, list):
        return [_row(declared, one, reader, caller) for one in dict.fromkeys(value)]
    return _row(declared, value, reader, caller)


def _row(declared: Param, value: str | int, reader: Reader, caller: Caller) -> Resource:
    kind = declared.refers
    if kind is None:
        raise RuntimeError(f"BUG: {declared.name} refers to nothing (RefWithoutKind)")
    by = "id" if isinstance(value, int) else "uuid"
    a_filter = declared.where is not None  # a list of what was removed is empty, not an error
    row = reader.one(prepared_lookup(kind, caller.kind, declared.use, by, a_filter), {"value": value, **caller.binds()})
    if row is None:
        words = kind.kind.replace("_", " ").strip()
        # Clients tell "not there" from other errors by this wording (the Go SDK, and Terraform through it).
        text = (
            f"Invalid parameter {declared.wire_name} value={value} due to incorrect long value format, or entity does not exist"
        )
        raise ParamError(text, param=declared.wire_name, why=[f"there is no {words} {value} that you may {declared.use}"])
    return kind.load(row)
