"""Sign-ins on their way to an identity provider and back: each bound to the browser that began it, and good for one answer."""

from __future__ import annotations

import hashlib
import hmac
import secrets

import sqlalchemy as sa

from cloudwright.core.access import Caller
from cloudwright.core.secret import Secret
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.wire import WireError
from cloudwright.identity.model import Attempt

_ENDED = Attempt.t.delete().where(Attempt.c.ends < sa.bindparam("now"))
_TAKE = Attempt.t.delete().where(Attempt.c.id == sa.bindparam("id_"))


def new_handle() -> str:
    """What a provider gives back, or a browser keeps: nobody guesses it. Begins with a letter, as XML ids must."""
    return "c" + secrets.token_hex(20)


def begin(tx: Tx, attempt: Attempt) -> None:
    """Store a new one, and forget those that nobody came back from."""
    tx.execute(_ENDED, {"now": tx.now})
    tx.insert(attempt)


def made(source: str, party: str, kept: str, ends: float) -> tuple[Attempt, str, str]:
    """(a new attempt, its handle, what the browser shall keep)."""
    handle, browser = new_handle(), new_handle()
    row = Attempt(
        handle=_digest(handle), browser=_digest(browser), source=source, party=party, kept=Secret(kept), ends=ends
    )  # fmt: skip
    return row, handle, browser


def find(reader: Reader, source: str, handle: str, now: float) -> Attempt | None:
    """The living attempt of a handle."""
    row = reader.find(Attempt, Attempt.c.handle == _digest(handle), Attempt.c.source == source)
    return row if row is not None and row.ends > now else None


def same_browser(attempt: Attempt, caller: Caller) -> bool:
    """Whether the browser that calls is the one that began it: nobody is signed in as somebody who never asked for it."""
    return caller.browser != "" and hmac.compare_digest(_digest(caller.browser), attempt.browser)


def take(tx: Tx, attempt: Attempt) -> None:
    """Use it up. Raises WireError when another answer was quicker."""
    if tx.execute(_TAKE, {"id_": attempt.id}) != 1:
        raise refused()


def refused() -> WireError:
    """What whoever is not signed in is told; the server's log tells why."""
    return WireError(531, "Failed to authenticate user; please sign in anew", cs_code=None)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
