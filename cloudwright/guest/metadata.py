"""What the metadata service answers: CloudStack's keys, under a version, with and without `meta-data`."""

from __future__ import annotations

import base64
import binascii
import re

from cloudwright.guest.document import Json

_VERSION = re.compile(r"latest|\d{4}-\d{2}-\d{2}|1\.0")
_ABSENT = (404, b"not found\n")


def answer(host: Json | None, path: str) -> tuple[int, bytes]:
    """Status and body for one machine; nobody (None) is told anything."""
    if host is None:
        return _ABSENT
    parts = [part for part in path.split("/") if part]
    if not parts:
        return 200, b"latest\n"
    version, *rest = parts
    if not _VERSION.fullmatch(version):
        return _ABSENT
    if not rest:
        return 200, b"meta-data\nuser-data\n" if host["user_data"] else b"meta-data\n"
    if rest == ["user-data"]:
        return _user_data(host)
    if rest == ["meta-data"]:
        return 200, "\n".join(sorted(host["metadata"])).encode()
    return _value(host, rest[1:] if rest[0] == "meta-data" else rest)


def _value(host: Json, keys: list[str]) -> tuple[int, bytes]:
    if len(keys) != 1 or keys[0] not in host["metadata"]:
        return _ABSENT
    return 200, str(host["metadata"][keys[0]]).encode()


def _user_data(host: Json) -> tuple[int, bytes]:
    if not host["user_data"]:
        return _ABSENT
    try:
        return 200, base64.b64decode(host["user_data"], validate=True)
    except binascii.Error:
        return _ABSENT
