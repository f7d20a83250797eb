"""How often accounts call: a bucket of calls for each, in each server, that fills again with time."""

from __future__ import annotations

import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable

import sqlalchemy as sa

from cloudwright.core.access import Caller, Kind, Use
from cloudwright.core.command import Command, Query, Success, Told
from cloudwright.core.param import Ref, param
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.model import Account

THROTTLED = setting("api.throttling.enabled", False, "whether accounts other than root's may call only so often")
INTERVAL = setting("api.throttling.interval", 1, "seconds in which api.throttling.max calls are allowed", minimum=1)
MOST = setting("api.throttling.max", 25, "how many calls an account may make in api.throttling.interval seconds", minimum=1)
BUCKETS = setting("api.throttling.cachesize", 50_000, "how many accounts' calls are counted at once", minimum=1)


class Rates:
    """The calls that accounts have left on this server. Thread-safe."""

    def __init__(self) -> None:
        self.clock: Callable[[], float] = time.monotonic
        self._lock = threading.Lock()
        self._buckets: OrderedDict[int, tuple[float, float]] = OrderedDict()  # account -> (calls left, when)

    def take(self, reader: Reader, account_id: int) -> bool:
        """Count a call; False when there is none left."""
        kept = BUCKETS.get(reader)
        with self._lock:
            left, now = self._left(reader, account_id)
            self._buckets[account_id] = (left - 1.0 if left >= 1.0 else left, now)
            self._buckets.move_to_end(account_id)
            while len(self._buckets) > kept:
                self._buckets.popitem(last=False)
            return left >= 1.0

    def left(self, reader: Reader, account_id: int) -> float:
        """How many calls an account has left now."""
        with self._lock:
            return self._left(reader, account_id)[0]

    def reset(self, account_id: int | None) -> None:
        """Fill the bucket of an account, or all."""
        with self._lock:
            if account_id is None:
                self._buckets.clear()
            else:
                self._buckets.pop(account_id, None)

    def _left(self, reader: Reader, account_id: int) -> tuple[float, float]:
        most, now = float(MOST.get(reader)), self.clock()
        left, when = self._buckets.get(account_id, (most, now))
        return min(most, left + (now - when) * most / INTERVAL.get(reader)), now


_rates: weakref.WeakKeyDictionary[sa.Engine, Rates] = weakref.WeakKeyDictionary()


def rates(reader: Reader) -> Rates:
    """Those of this server."""
    return _rates.setdefault(reader.connection.engine, Rates())


def within(reader: Reader, caller: Caller) -> bool:
    """Count a call of an account; False when it has made too many. Root's administrators may call as often as they like."""
    return caller.kind is Kind.ROOT or not THROTTLED.get(reader) or rates(reader).take(reader, caller.account_id)


class GetApiLimit(
    Query,
    response={
        "accountid": ("string", "the caller's account"),
        "account": ("string", "its name"),
        "apiIssued": ("integer", "how many calls it made that still count"),
        "apiAllowed": ("integer", "how many more it may make now"),
        "expireAfter": ("long", "milliseconds after which none of them counts any more"),
    },
):
    """Tells how many calls the caller's account may still make on this server."""

    def run(self, reader: Reader, caller: Caller) -> Told:
        most, allowed = MOST.get(reader), int(rates(reader).left(reader, caller.account_id))
        told = {"accountid": caller.account_uuid, "account": caller.account, "apiIssued": most - allowed, "apiAllowed": allowed}
        wait = round((most - rates(reader).left(reader, caller.account_id)) * INTERVAL.get(reader) * 1000 / most)
        return Told("apilimit", [{**told, "expireAfter": wait}], one=True)


class ResetApiLimit(Command, form="success"):
    """Lets an account, or all accounts, call as if they had not called yet, on this server."""

    account: Ref[Account] | None = param("the account; without, all of them", wire_name="account", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        here, whose = rates(tx), None if self.account is None else self.account.id
        tx.after(lambda: here.reset(whose))
        return Success()
