"""The CloudStack wire format: what a request's text means, and how an answer is written. Pure; knows no command.

Reading: `parse` (query string and form), `decode`, `Parameters.map` (values); `signature` tells whether it may be believed.
Writing: `list_body`, `job_body`, `error_body` … make an answer's body, `encode` writes it as JSON or XML.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, tzinfo
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus, unquote_plus
from uuid import UUID

import msgspec

MAX_BODY = 1 << 20  # bytes of a form
MAX_KEYS = 5000

# -- errors ------------------------------------------------------------------------------------------------------------


class WireError(Exception):
    """A request that cannot be understood: the number and sentence to answer, and the parameter it is about.

    `cs_code` is CloudStack's cause number: 9999 (said by the API layer itself), None before a command is dispatched.
    """

    why: Sequence[str] = ()
    fix: Sequence[str] = ()

    def __init__(self, code: int, text: str, param: str | None = None, cs_code: int | None = 9999) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.param = param
        self.cs_code = cs_code

    def explain(self) -> dict[str, object]:
        """The `explain` object: what, why, fix."""
        return {"what": self.text, "why": list(self.why), "fix": list(self.fix)}


def missing(command: str, name: str) -> WireError:
    """The refusal of a request without a required parameter."""
    return WireError(431, f"Unable to execute API command {command.lower()} due to missing parameter {name}", name)


# -- parameters --------------------------------------------------------------------------------------------------------

_MAP_KEY = re.compile(r"([^\[\]]+)\[(-?[0-9]{1,9})\]\.([^\[\]]+)")


class Parameters:
    """What was sent: `sent` by the names as sent (signatures need them), `plain` by lower-cased name, and maps."""

    def __init__(self, sent: dict[str, str]) -> None:
        self.sent = sent
        self.plain = {name.lower(): value for name, value in sent.items() if "[" not in name and "]" not in name}

    def get(self, name: str, default: str = "") -> str:
        """The text of the parameter called `name`, in any case, or `default` when it was not sent."""
        return self.plain.get(name.lower(), default)

    def check_maps(self) -> None:
        """Raise WireError 430 unless every name with a bracket has the form `name[<integer>].<subkey>`."""
        if len(self.plain) != len(self.sent):
            for name in self.sent:
                _map_key(name)

    def map(self, name: str, style: str) -> dict[str, str] | list[dict[str, str]] | None:
        """The map parameter called `name`; None when not sent.

        `free` merges all entries into one dict, `kv` makes a dict of each entry's `key` and `value`, `fields` is a list
        of dicts, one for each index in the order first sent. Raises WireError 430 (form) or 431 (entry without a key).
        """
        entries: dict[int, dict[str, str]] = {}
        for sent, value in self.sent.items():
            key = _map_key(sent)
            if key is not None and key[0] == name:
                entries.setdefault(key[1], {})[key[2]] = _clean(value, name)
        if not entries:
            return None
        if style == "fields":
            return list(entries.values())
        if style == "free":
            return {key: value for entry in entries.values() for key, value in entry.items()}
        return dict(_key_and_value(entry, index, name) for index, entry in entries.items())


def _map_key(name: str) -> tuple[str, int, str] | None:
    """(lower-cased name, index, subkey) of a map parameter's name; None for a plain name."""
    if "[" not in name and "]" not in name:
        return None
    found = _MAP_KEY.fullmatch(name)
    if found is None:
        raise WireError(430, f"Map parameter {name} is malformed: it must have the form name[index].key", name)
    return found[1].lower(), int(found[2]), found[3]


def _key_and_value(entry: dict[str, str], index: int, name: str) -> tuple[str, str]:
    if not entry.get("key"):
        raise WireError(431, f"Entry {index} of map parameter {name} has no key", name)
    return entry["key"], entry.get("value", "")


def parse(query: str, form: bytes = b"") -> Parameters:
    """Merge query string and form: in the query the last of a repeated name wins, in the form the first, and the query
    wins over the form. Raises WireError 413 (form over 1 MiB) or 400 (over 5000 names, no text); nothing else is an error."""
    if len(form) > MAX_BODY:
        raise WireError(413, f"The form has {len(form)} bytes; at most {MAX_BODY} are accepted", cs_code=None)
    if form.count(b"&") + query.count("&") >= MAX_KEYS:
        raise WireError(400, f"The request has more than {MAX_KEYS} parameters", cs_code=None)
    if _HALF(query):
        raise WireError(400, "The request has half of a character: it is no text", cs_code=None)
    asked = dict(_pairs(query))
    if form:
        for name, value in _pairs(form.decode("utf-8", "replace")):
            asked.setdefault(name, value)
    return Parameters(asked)


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for pair in text.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            yield _unquoted(name), _unquoted(value)


def _unquoted(text: str) -> str:
    return unquote_plus(text) if "%" in text or "+" in text else text


# -- values ------------------------------------------------------------------------------------------------------------

_CONTROL = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]").search  # with halves of characters, which no text has
_HALF = re.compile(r"[\ud800-\udfff]").search
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}").fullmatch
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,5})?").fullmatch
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}").fullmatch
_ZONED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)", re.ASCII).fullmatch
_LOCAL = re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d)?", re.ASCII).fullmatch
_BITS = {"short": 16, "integer": 32, "long": 64}
_LARGEST_FLOAT = 3.4028234663852886e38


class Rule(msgspec.Struct, frozen=True):
    """How one parameter's text is read. `kind` is a wire type such as `long`; maps are read by `Parameters.map`."""

    name: str
    kind: str
    length: int = 255  # most characters of a string
    item: str = "string"  # kind of a list's items
    since: bool = False  # the parameter names the version that added it: stricter about uuids
    end: bool = False  # the end of a range: a bare day means its last second
    zone: tzinfo = UTC  # of times without one


def decode(rule: Rule, text: str) -> Any:
    """The value of a parameter's text; None when CloudStack treats such text as not sent.

    boolean → bool; integer, long, short → int; float, double → float; date → aware datetime; string → str; list → list;
    uuid → lower-case str, "-1", or int (an internal number). Raises WireError 431.
    """
    _clean(text, rule.name)
    return _DECODERS[rule.kind](rule, text)


def _clean(text: str, name: str) -> str:
    if _CONTROL(text):
        raise WireError(431, f"Parameter {name} has a control character, or half of one", name)
    return text


def _bad(rule: Rule, text: str, wanted: str) -> WireError:
    shown = text if len(text) <= 64 else text[:61] + "..."
    return WireError(431, f"Unable to read parameter {rule.name}: {shown!r} is not {wanted}", rule.name)


def _boolean(rule: Rule, text: str) -> bool:
    return text.lower() == "true"


def _whole(rule: Rule, text: str) -> int | None:
    if rule.kind == "integer" and not text.strip():
        return None
    bits = _BITS[rule.kind]
    value = int(text) if _INTEGER(text) else None
    if value is None or not -(1 << bits - 1) <= value < 1 << bits - 1:
        raise _bad(rule, text, f"a whole number of {bits} bits")
    return value


def _real(rule: Rule, text: str) -> float | None:
    if not text.strip():
        return None
    value = float(text) if _DECIMAL(text) else math.nan
    if not math.isfinite(value) or (rule.kind == "float" and abs(value) > _LARGEST_FLOAT):
        raise _bad(rule, text, "a decimal number in range")
    return value


def zoned(text: str) -> datetime | None:
    """An ISO 8601 time with its zone; None for any other text."""
    try:
        return datetime.fromisoformat(text) if _ZONED(text) else None
    except ValueError:
        return None


def _date(rule: Rule, text: str) -> datetime:
    value = zoned(text)
    if value is None and _LOCAL(text):
        try:
            value = datetime.fromisoformat(text).replace(tzinfo=rule.zone)
        except ValueError:
            value = None
        if value is not None and rule.end and len(text) == len("yyyy-MM-dd"):
            value = datetime.combine(value, time(23, 59, 59), rule.zone)
    if value is None:
        raise _bad(rule, text, "a date such as 2026-03-01T10:00:00+0000, 2026-03-01 10:00:00 or 2026-03-01")
    return value


def _uuid(rule: Rule, text: str) -> str | int | None:
    if _UUID(text):
        return text.lower()
    if text == "-1":
        return text
    if rule.since:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    raise _bad(rule, text, "the id of an entity")


def _string(rule: Rule, text: str) -> str:
    if len(text) > rule.length:
        raise WireError(431, f"Parameter {rule.name} has {len(text)} characters; at most {rule.length} fit", rule.name)
    return text


def _list(rule: Rule, text: str) -> list[Any]:
    item = msgspec.structs.replace(rule, kind=rule.item)
    values = [_DECODERS[rule.item](item, part.strip()) for part in text.split(",") if part.strip()]
    return [value for value in values if value is not None]


_DECODERS: dict[str, Any] = {
    "boolean": _boolean,
    "short": _whole,
    "integer": _whole,
    "long": _whole,
    "float": _real,
    "double": _real,
    "date": _date,
    "uuid": _uuid,
    "string": _string,
    "list": _list,
}

# -- bodies of answers -------------------------------------------------------------------------------------------------

Body = Mapping[str, Any]
Row = Mapping[str, Any] | msgspec.Struct | msgspec.Raw


def list_body(name: str | None, rows: Sequence[Row], count: int) -> Body:
    """A list: nothing at all when there is nothing, only the count past the last page. No name is written `null`."""
    if not count and not rows:
        return {}
    return {"count": count, name or "null": rows} if rows else {"count": count}


def object_body(name: str | None, row: Row) -> Body:
    """One object under its inner key."""
    return {name or "null": row}


def job_body(job: str, entity: str | None = None) -> Body:
    """The immediate answer of an asynchronous command; `entity` is the id of what it creates."""
    return {"id": entity, "jobid": job}


def error_body(
    code: int,
    text: str,
    cs_code: int | None = None,
    uuids: Iterable[tuple[str, str]] = (),
    param: str | None = None,
    explain: Mapping[str, object] | None = None,
) -> Body:
    """An error; `uuids` are (uuid, what it is) of the things concerned. `param` and `explain` are our additions."""
    named = [{"uuid": uuid, "description": what} for uuid, what in uuids]
    body = {"uuidList": named, "errorcode": code, "cserrorcode": cs_code, "errortext": text}
    return {**body, "param": param, "explain": explain}


# -- writing -----------------------------------------------------------------------------------------------------------

# Fields that hold a map of free keys: XML writes these as one text.
# fmt: off
MAP_FIELDS = frozenset({
    "accountdetails", "backupofferingdetails", "counterparam", "deployasisdetails", "details", "domaindetails",
    "downloaddetails", "etcdips", "otherdeployparams", "params", "resourcedetails", "result", "serviceofferingdetails",
    "storagecapabilities", "storagecustomstats", "vmdetails", "vnfdetails", "volumecheckresult", "volumerepairresult",
    "vpncustomergatewayparameters",
})
# fmt: on


class Style(msgspec.Struct, frozen=True):
    """How answers are written."""

    json: bool = True
    zone: tzinfo = UTC  # in which dates are told
    version: str | None = None  # the version attribute of XML; None leaves it out
    url_encoded: bool = False  # the setting encode.api.response
    maps: Collection[str] = MAP_FIELDS


_ENCODER = msgspec.json.Encoder(decimal_format="number")
_AS_IS: frozenset[type] = frozenset({str, int, bool, float, Decimal, msgspec.Raw})
_AS_IS_XML = _AS_IS - {msgspec.Raw}
_AS_IS_URL = _AS_IS_XML - {str}


def encode(key: str, body: Body, style: Style) -> bytes:
    """The whole answer under its outer key. Nulls are left out; an Enum is written as its value."""
    if style.json:
        return _ENCODER.encode({key: _object(body, style)})
    parts = ['<?xml version="1.0" encoding="UTF-8"?>', f"<{key}"]
    if style.version is not None:
        parts.append(f' cloud-stack-version="{style.version.translate(_ENTITIES)}"')
    parts.append(">")
    _write_fields(parts, _object(body, style), style)
    parts.append(f"</{key}>")
    return "".join(parts).encode()


def wire_date(value: datetime, zone: tzinfo = UTC) -> str:
    """`2026-03-01T10:00:00+0000` in `zone`; a time without a zone is UTC."""
    if value.tzinfo is not zone:
        value = (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(zone)
    text = value.isoformat(timespec="seconds")
    return text[:19] + text[19:].replace(":", "")


def _object(row: Mapping[str, Any], style: Style) -> Mapping[str, Any]:
    """`row` without nulls; itself, where all is plain. Most fields of a page are written as they are: copying whole and
    changing the others is twice as fast as building every row anew."""
    as_is = _AS_IS_URL if style.url_encoded else _AS_IS if style.json else _AS_IS_XML
    others = [(name, value) for name, value in row.items() if type(value) not in as_is]
    if not others and type(row) is dict:
        return row
    plain = dict(row)
    for name, value in others:
        if value is None:
            del plain[name]
        elif value or type(value) not in (list, dict):
            plain[name] = _plain(value, style)
    return plain


def _plain(value: Any, style: Style) -> Any:
    """`value` as msgspec writes it: dicts without nulls, lists, text, numbers."""
    if isinstance(value, list | tuple | set | frozenset):
        return [_object(item, style) if type(item) is dict else _plain(item, style) for item in value if item is not None]
    if isinstance(value, dict):
        return _object(value, style)
    if isinstance(value, datetime):
        return wire_date(value, style.zone)
    if isinstance(value, Enum):
        return _plain(value.value, style)
    if isinstance(value, str):
        return quote_plus(value) if style.url_encoded else value
    if isinstance(value, msgspec.Raw):
        return _plain(msgspec.json.decode(value), style)
    if isinstance(value, msgspec.Struct):
        values = (getattr(value, name) for name in value.__struct_fields__)
        return _object(dict(zip(value.__struct_encode_fields__, values, strict=True)), style)
    if isinstance(value, Mapping):
        return _object(value, style)
    return str(value) if isinstance(value, UUID) else value


# -- XML ---------------------------------------------------------------------------------------------------------------

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"})
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SPECIAL = re.compile("[&<>\"'\x00-\x1f\ud800-\udfff\ufffe\uffff]").search


@lru_cache(maxsize=8192)
def _is_element(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", name) is not None


def _text(value: Any) -> str:
    text = value if type(value) is str else _bare(value)
    if _SPECIAL(text) is None:
        return text
    return _NOT_XML.sub("", text).translate(_ENTITIES).replace("\r", "&#13;")


def _write_fields(parts: list[str], row: Mapping[str, Any], style: Style) -> None:
    for name, value in row.items():
        if name == "uuidList" and type(value) is list:  # not where an answer tells of such fields
            _write_uuids(parts, value)
        elif _is_element(name):
            for item in value if type(value) is list else (value,):
                if type(item) is not dict:
                    parts.append(f"<{name}>{_text(item)}</{name}>")
                elif name in style.maps:
                    text = ", ".join(f"{key}={_bare(one)}" for key, one in item.items())
                    parts.append(f"<{name}>{_text('{' + text + '}')}</{name}>")
                else:
                    parts.append(f"<{name}>")
                    _write_fields(parts, item, style)
                    parts.append(f"</{name}>")


def _bare(value: Any) -> str:
    return ("true" if value else "false") if type(value) is bool else str(value)


def _write_uuids(parts: list[str], named: list[dict[str, str]]) -> None:
    if named:
        pairs = (f"<uuid>{_text(one['uuid'])}</uuid><uuidProperty>{_text(one['description'])}</uuidProperty>" for one in named)
        parts.append(f"<uuidList>{''.join(pairs)}</uuidList>")
