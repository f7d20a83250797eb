"""Values for declared parameters: one that is right, and those that are wrong, by the declaration alone."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import NamedTuple

from cloudwright.core.param import Param
from cloudwright.core.wire import MAX_BODY

NOBODY = str(uuid.UUID(int=0xDEAD))
HOSTILE = (
    "' OR 1=1; DROP TABLE account; --",
    "*)(uid=*))(|(uid=*",
    "../../../../etc/passwd",
    "<script>alert(1)</script>",
    "$(reboot)`reboot`",
    "naïve Ünicode 🦄 \u202etxt.exe",
    "%s%n{0}{x}${y}",
)
"""Texts that break those who do not read texts as texts."""

_RIGHT = (
    "10.1.1.1", "255.255.255.0", "10.1.1.0/24", "KVM", "http://sim/h9", "http://192.0.2.1/x.qcow2", "nfs://192.0.2.1/x", "QCOW2",
    "Advanced", "Isolated", "Guest", "all", "tcp", "User", "allow", "1", "ann@example.org", "example.org", "TestText12",
    "100-200",
    "https://192.0.2.1/", "bWFu", "02:00:00:00:00:01", "2030-01-01", "true",
    "0 0 * * *", "UTC",
)  # fmt: skip


FURTHER: dict[str, dict[str, str | None]] = {
    "addHost": {"url": "http://sim/h9", "hypervisor": "Simulator", "clusterid": None},
    "addImageStore": {"provider": "NFS", "url": "nfs://storage/z9/s", "zoneid": None},
    "addSecondaryStorage": {"url": "nfs://storage/z9/s", "zoneid": None},
    "addTrafficType": {"traffictype": "Storage"},
    "addAccountToProject": {"account": "ann"},
    "associateIpAddress": {"networkid": None},
    "attachVolume": {"id": None, "virtualmachineid": None},
    "createAccount": {"accounttype": "0"},
    "createDiskOffering": {"disksize": "1"},
    "createEgressFirewallRule": {"protocol": "tcp"},
    "createFirewallRule": {"protocol": "tcp", "startport": "8080"},
    "createIpForwardingRule": {"protocol": "tcp"},
    "createPod": {"gateway": "172.29.0.1", "startip": "172.29.0.10"},
    "createPortForwardingRule": {"protocol": "tcp", "publicport": "22", "privateport": "22"},
    "createRole": {"type": "User"},
    "createStorageNetworkIpRange": {"gateway": "172.28.0.1", "startip": "172.28.0.10"},
    "createStoragePool": {"url": "nfs://storage/z9/p", "clusterid": None, "podid": None},
    "createUser": {"account": "admin"},
    "createVlanIpRange": {"zoneid": None, "gateway": "172.27.0.1", "startip": "172.27.0.10"},
    "createVolume": {"diskofferingid": None, "zoneid": None, "name": "v"},
    "deployVirtualMachine": {"templateid": None, "networkids": None},
    "importRole": {"type": "User", "rules[0].rule": "list*", "rules[0].permission": "allow"},
    "registerIso": {"bootable": "false", "url": "http://192.0.2.1/x.iso", "zoneid": None},
    "registerOauthProvider": {"provider": "google", "domainid": None, "domain": "/"},
    "registerTemplate": {"zoneid": None, "url": "http://192.0.2.1/x.qcow2"},
    "resizeVolume": {"size": "20"},
    "updateConfiguration": {"name": "default.page.size", "value": "100"},
    "resetConfiguration": {"name": "default.page.size"},
    "updateNetwork": {"name": "n"},
}
"""What commands take beyond what they require, to come further than their first check; None: as the declaration says."""


class Wrong(NamedTuple):
    """What is sent instead of a right value. `refused`: whatever the command does, this must be refused by its name."""

    what: str
    sent: dict[str, str]
    refused: bool


def right(p: Param, row: Callable[[Param], str | None]) -> dict[str, str]:
    """A value that the declaration accepts; `row` gives the id of a row that may be referred to."""
    if p.refers is not None:
        return {p.wire_name: row(p) or NOBODY}
    if p.kind == "map":
        return {f"{p.wire_name}[0].{key}": value for key, value in (("key", "a"), ("value", "b"))}
    if p.kind in ("integer", "long", "short", "float", "double"):
        return {p.wire_name: str(int(p.minimum if p.minimum is not None else 1))}
    plain = {"boolean": "true", "date": "2030-01-01", "uuid": NOBODY}
    return {p.wire_name: plain[p.kind] if p.kind in plain else _text(p)}


def _text(p: Param) -> str:
    for text in (*p.choices, f"{p.wire_name}-1", *_RIGHT):
        if p.check is None or p.check([text] if p.several else text) is None:
            return text
    return "x"  # nothing known is right: the command refuses whatever it is sent


def wrong(p: Param) -> Iterator[Wrong]:
    """All that is wrong for a parameter of this kind."""
    name = p.wire_name
    if p.kind == "map":
        yield from _wrong_maps(p)
        return
    for what, text, refused in (*_wrong_texts(p), ("control character", "a\x07b", True)):
        yield Wrong(what, {name: text}, refused)
    yield Wrong("empty", {name: ""}, p.required)
    yield Wrong("a map", {f"{name}[0].key": "a"}, p.required)
    yield Wrong("a malformed map", {f"{name}[0]": "a"}, True)
    yield Wrong("said twice", {name: "x", name.upper(): "\x01"}, True)


def _wrong_texts(p: Param) -> Iterator[tuple[str, str, bool]]:
    if p.refers is not None or p.kind == "uuid":
        yield from _wrong_ids(p)
    elif p.kind in ("integer", "long", "short"):
        for text in ("abc", "1.5", "1e3", "0x10", "٣", "9" * 20, "-" + "9" * 20, "1 000"):
            yield "no whole number", text, True
        for text in ("-1", "0", "-2147483648", "2147483647", "+1"):
            yield "an extreme number", text, False
    elif p.kind in ("float", "double"):
        for text in ("abc", "nan", "inf", "1e99999", "1,5"):
            yield "no number", text, True
        for text in ("-1", "0", "1e300", "1e-300"):
            yield "an extreme number", text, False
    elif p.kind == "date":
        for text in ("yesterday", "2026-02-30", "2026-13-01T00:00:00Z", "0", "99999-01-01"):
            yield "no date", text, True
        yield "long ago", "0001-01-01", False
    elif p.kind == "boolean":
        yield "neither true nor false", "maybe", False
    elif p.kind == "list":
        for text in (",", "a,,b", "a," * 300, *HOSTILE):
            yield "a strange list", text, False
    else:
        yield from _wrong_strings(p)


def _wrong_ids(p: Param) -> Iterator[tuple[str, str, bool]]:
    ref, lenient = p.refers is not None, bool(p.since)
    yield "nobody's id", NOBODY, ref
    yield "minus one", "-1", ref and p.passed != "-1"
    for text in ("999999999", "0", "123456789012345678"):
        yield "nobody's number", text, ref and (p.required or not lenient)
    for text in (*HOSTILE, "not-an-id", NOBODY[:-1], "-2", "1.0", "9" * 30):
        yield "no id", text, p.required if lenient else True


def _wrong_strings(p: Param) -> Iterator[tuple[str, str, bool]]:
    for text in HOSTILE:
        yield "a hostile text", text, bool(p.choices)
    if p.length < MAX_BODY // 16:  # a longer one is more than a request may hold
        yield "too long", "x" * (p.length + 1), True
        yield "too long in bytes", "🦄" * (p.length + 1), True
    yield "as long as fits", "🦄" * min(p.length, 4096), bool(p.choices)
    yield "blank", "   ", bool(p.choices)
    yield "a number", "-99999999999999999999", bool(p.choices)


def _wrong_maps(p: Param) -> Iterator[Wrong]:
    name = p.wire_name
    yield Wrong("no index", {f"{name}.key": "a"}, p.required)
    for malformed in (f"{name}[0]", f"{name}[x].key", f"{name}[].key", f"{name}[0].", f"{name}[0]key", f"{name}]0[.key"):
        yield Wrong("a malformed map", {malformed: "a"}, True)
    yield Wrong("control character", {f"{name}[0].key": "a\x07b", f"{name}[0].value": "b"}, True)
    yield Wrong("not a map", {name: "a"}, p.required)
    for text in HOSTILE:
        yield Wrong("a hostile value", {f"{name}[0].key": text, f"{name}[0].value": text}, False)
        yield Wrong("a hostile key", {f"{name}[0].{text.replace('[', '').replace(']', '')}": "a"}, False)
    yield Wrong("empty", {f"{name}[0].key": "", f"{name}[0].value": ""}, False)
    yield Wrong("huge index", {f"{name}[999999999].key": "a", f"{name}[-1].key": "b"}, False)
    yield Wrong("long", {f"{name}[0].key": "k" * 5000, f"{name}[0].value": "v" * 5000}, False)
    yield Wrong("a thousand", {f"{name}[{i}].key": str(i) for i in range(1000)}, False)
