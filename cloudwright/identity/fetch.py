"""What an identity provider publishes or answers, fetched over HTTPS: bounded in time and size, never carried elsewhere."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from cloudwright.core.error import Unavailable

_SECONDS = 10.0
_LARGEST = 10 << 20  # bytes of an answer
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def fit_url(url: str) -> str | None:
    """What is wrong with an address to trust, or to send secrets to."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    except ValueError:
        fits = False
    return None if fits and parts.hostname else "is not an https address (http only on this machine)"


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Neither secrets nor trust are carried elsewhere."""


def fetch(url: str, form: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
    """What is at an address; an answer of 400 or 401 (OAuth's errors) is one, too. Raises Unavailable when there is none."""
    if wrong := fit_url(url):
        raise Unavailable(f"The address of an identity provider {wrong}: {url[:200]!r}")
    where = urlsplit(url).hostname
    request = urllib.request.Request(url, form, headers or {})  # noqa: S310 - see fit_url
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=_SECONDS) as answer:
            text: bytes = answer.read(_LARGEST + 1)
    except urllib.error.HTTPError as error:
        with error:
            if error.code not in (400, 401):
                raise Unavailable(f"Identity provider {where} answers {error.code}") from None
            text = error.read(_LARGEST)
    except (OSError, ValueError) as error:
        raise Unavailable(f"Identity provider {where} does not answer: {error}") from None
    if len(text) > _LARGEST:
        raise Unavailable(f"Identity provider {where} answers more than {_LARGEST >> 20} MiB")
    return text
