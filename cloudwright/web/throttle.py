"""Slowing down those who guess passwords: by source address and by account name, each with a growing delay."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from msgspec import Struct


class Limits(Struct, frozen=True):
    """How failed logins are slowed: `free` failures cost nothing, then `first` seconds, doubled each time up to `longest`.

    An account's delay stays short, because anybody who knows its name can cause it. `kept` names are remembered.
    """

    free: int = 5
    first: float = 1.0
    longest: float = 300.0
    longest_account: float = 30.0
    forget: float = 3600.0  # seconds after the last failure
    kept: int = 10_000


class _Record(Struct):
    failures: int = 0
    until: float = 0.0
    last: float = 0.0


class Throttle:
    """Counts failed logins. Thread-safe; the least recently failed names are forgotten first when memory is full."""

    def __init__(self, limits: Limits | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits or Limits()
        self._clock = clock
        self._lock = threading.Lock()
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def wait(self, address: str, account: str) -> float:
        """Seconds until a login is accepted again, 0 when it is now. An accepted login counts as failed until
        `succeeded` is called: guesses sent side by side gain nothing."""
        keys = _keys(address, account)
        with self._lock:
            now = self._clock()
            left = max(self._records[key].until - now if key in self._records else 0.0 for key in keys)
            if left > 0:
                return left
            self._count(keys[0], now, self._limits.longest)
            self._count(keys[1], now, self._limits.longest_account)
            while len(self._records) > self._limits.kept:
                self._records.popitem(last=False)
            return 0.0

    def succeeded(self, address: str, account: str) -> None:
        """Take back what `wait` counted. Only the account starts afresh: an attacker's own account clears no address."""
        source, name = _keys(address, account)
        with self._lock:
            self._records.pop(name, None)
            record = self._records.get(source)
            if record is not None:
                record.failures = max(0, record.failures - 1)
                record.until = 0.0

    def __len__(self) -> int:
        return len(self._records)

    def _count(self, key: str, now: float, longest: float) -> None:
        record = self._records.setdefault(key, _Record())
        self._records.move_to_end(key)
        if now - record.last > self._limits.forget:
            record.failures = 0
        record.failures += 1
        record.last = now
        over = record.failures - self._limits.free
        if over > 0:
            record.until = now + min(longest, self._limits.first * 2.0 ** min(over - 1, 32))


def _keys(address: str, account: str) -> tuple[str, str]:
    return f"from {_network(address)}", f"for {account[:512].lower()}"


def _network(address: str) -> str:
    """The address, or the /64 of an IPv6 address: one machine owns them all."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
