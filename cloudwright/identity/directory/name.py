"""Distinguished names (RFC 4514), read to be compared and to be told about. None is ever put together here."""

from __future__ import annotations

import functools
import re

Name = tuple[tuple[str, str], ...]  # (attribute, value), the nearest first, as they compare: small letters, single spaces
_ESCAPED = re.compile(r"\\(?:([0-9a-fA-F]{2})|(.))", re.DOTALL)


@functools.lru_cache(maxsize=10_000)
def parsed(text: str) -> Name:
    """The name as it compares: two that are equal name the same entry. A part without `=` has an empty attribute."""
    return tuple((attribute.lower(), " ".join(value.lower().split())) for attribute, value in parts(text))


def parts(text: str) -> list[tuple[str, str]]:
    """(attribute, value) of each part as written, escapes undone."""
    found = []
    for part in _split(text):
        attribute, equals, value = part.partition("=")
        found.append((attribute.strip(), _plain(value.strip())) if equals else ("", _plain(part.strip())))
    return found


def plain(text: str) -> str:
    """The word that an entry is called by among its siblings: `ops` of `cn=ops,dc=example,dc=org`, and of `ops`."""
    return parts(text)[0][1]


def is_name(text: str) -> bool:
    """Whether this is a distinguished name rather than a plain word."""
    return all(attribute for attribute, _ in parts(text))


def within(name: str, base: str) -> bool:
    """Whether the entry is the base or below it."""
    inner, outer = parsed(name), parsed(base) if base.strip() else ()
    return len(inner) >= len(outer) and inner[len(inner) - len(outer) :] == outer


def unit_of(name: str, base: str) -> str:
    """What an entry lies in below the base, in a word: its organisational unit, or the base's own first word."""
    above = parts(name)[1:]
    return above[0][1] if len(above) >= len(parts(base)) and above else ""


def _split(text: str) -> list[str]:
    """At commas (and the plus signs of parts with several attributes, which are kept whole) that are not escaped or quoted."""
    found, start, at, quoted = [], 0, 0, False
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == '"':
            quoted = not quoted
        elif text[at] in ",;" and not quoted:
            found.append(text[start:at])
            start = at + 1
        at += 1
    return [*found, text[start:]]


def _plain(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    raw = bytearray()
    at = 0
    for match in _ESCAPED.finditer(value):
        raw += value[at : match.start()].encode()
        raw += bytes.fromhex(match[1]) if match[1] else match[2].encode()
        at = match.end()
    return (bytes(raw) + value[at:].encode()).decode("utf-8", "backslashreplace")
