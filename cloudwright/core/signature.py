"""Signatures of requests: HMAC-SHA1 over the sorted parameters, as CloudStack's clients make it. Pure."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from urllib.parse import quote

from cloudwright.core.wire import Parameters, zoned

_PLAIN = re.compile(r"[A-Za-z0-9._*-]*").fullmatch
_FORM = str.maketrans({"~": "%7E"})
# Characters that clients leave unescaped in a value beside letters, digits and `-._`: what CloudStack itself does first,
# then those that keep `~`, then encodeURIComponent, escaping of `*`, and one library that keeps brackets.
_UNESCAPED = ("*", "*~", "!'()*~", "~", "[]*~")


def _escaped(value: str, unescaped: str) -> str:
    if "*" in unescaped and _PLAIN(value):
        return value
    text = quote(value, safe=unescaped)
    return text if "~" in unescaped else text.translate(_FORM)


def texts(sent: Mapping[str, str]) -> Iterator[str]:
    """The texts a client may have signed: CloudStack's own first, then each known habit of sorting and escaping."""
    pairs = [(name, value) for name, value in sent.items() if name.lower() != "signature"]
    seen = set()
    for unescaped in _UNESCAPED:
        for order in (sorted(pairs), sorted(pairs, key=lambda pair: pair[0].lower())):
            text = "&".join([f"{name}={_escaped(value, unescaped)}" for name, value in order]).lower()
            if text not in seen:
                seen.add(text)
                yield text


def sign(text: str, secret: str) -> str:
    """The signature of a signature text: HMAC-SHA1 in padded Base64."""
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha1")).decode()


def signed_by(params: Parameters, secret: str) -> bool:
    """Whether the request carries a signature made with `secret`. Names that could blur two parameters are refused."""
    given = params.get("signature").encode()
    if not given or any("&" in name or "=" in name for name in params.sent):
        return False
    return any(hmac.compare_digest(sign(text, secret).encode(), given) for text in texts(params.sent))


def expiry_fault(params: Parameters, now: datetime, enforced: bool = False) -> str | None:
    """Why the request's time is not acceptable, or None. `enforced`: version 3 is mandatory, 15 minutes ahead at most."""
    if params.get("signatureversion") != "3":
        return "signature version 3 with an expiry is mandatory here" if enforced else None
    expires = zoned(params.get("expires"))
    if expires is None:
        return "parameter expires is missing or is not an ISO 8601 time with a zone"
    if expires < now:
        return "the request has expired"
    if enforced and expires > now + timedelta(minutes=15):
        return "the request expires more than 15 minutes ahead"
    return None
