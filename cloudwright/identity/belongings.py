"""What belongs to an account, and how it is stopped or removed with it. Each domain declares its own kinds:

    belongs(SshKeyPair)                                            # the row alone: it goes with the account
    belongs(Volume, order=20, remove=lambda v: RemoveVolume(volume=v.id))
    belongs(Vm, order=10, remove=lambda vm: ExpungeVm(vm=vm.id), stop=lambda vm: StopVm(vm=vm.id))

Lower orders go first. An account that owns something of a kind that nobody declared cannot be removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from cloudwright.core.event import Event
from cloudwright.core.resource import Owned, Resource
from cloudwright.core.task import Task
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.model import Account

Make = Callable[[Any], Task | None]
Work = list[tuple[Task, Resource]]


class Kind(msgspec.Struct, frozen=True):
    """How rows of a kind leave: by a task of each, or (without one) by the row alone. Either may answer None: nothing to do.
    Those that go `along` are there for another thing and go with it: whoever has nothing else has nothing."""

    of: type[Owned]
    order: int
    remove: Make | None
    stop: Make | None
    along: bool


_kinds: dict[type[Owned], Kind] = {}
HISTORY: frozenset[type[Owned]] = frozenset({Event})
"""Kinds that outlive their owner."""


def belongs(
    of: type[Owned], *, order: int = 100, remove: Make | None = None, stop: Make | None = None, along: bool = False
) -> None:
    """Declare how a kind leaves with its account. Tasks must be of rank below 60."""
    _kinds[of] = Kind(of, order, remove, stop, along)


def _in_order() -> list[Kind]:
    return sorted(_kinds.values(), key=lambda kind: kind.order)


def owned(reader: Reader, accounts: Iterable[Account]) -> dict[type[Owned], int]:
    """How many living things of each kind belong to these accounts."""
    ids = [account.id for account in accounts]
    left_out = HISTORY | {kind.of for kind in _kinds.values() if kind.along}
    kinds = [kind for kind in Resource.by_name.values() if issubclass(kind, Owned) and kind not in left_out]
    counts = {kind: reader.count(kind, kind.c.account_id.in_(ids)) for kind in kinds}
    return {kind: count for kind, count in counts.items() if count}


def lasting(reader: Reader, accounts: Iterable[Account]) -> list[str]:
    """What of these accounts could not be removed with them, in words: `3 volumes`."""
    return words({kind: count for kind, count in owned(reader, accounts).items() if kind not in _kinds})


def words(counts: dict[type[Owned], int]) -> list[str]:
    """`2 networks`, `1 volume`."""
    return [f"{count} {kind.kind.replace('_', ' ')}{'s' if count > 1 else ''}" for kind, count in counts.items()]


def stops(reader: Reader, account: Account) -> Work:
    """The tasks that stop what runs for an account."""
    kinds = [(kind.of, kind.stop) for kind in _in_order()]
    found = [(make(row), row) for of, make in kinds if make for row in reader.all(of, of.c.account_id == account.id)]
    return [(task, row) for task, row in found if task is not None]


def removals(reader: Reader, account: Account) -> Iterator[Work]:
    """The tasks that remove what an account has, kinds of one order at a time. The next are to begin when these are done."""
    for order in sorted({kind.order for kind in _kinds.values()}):
        work: Work = []
        for kind in _kinds.values():
            if kind.order == order and kind.remove:
                rows = reader.all(kind.of, kind.of.c.account_id == account.id)
                work += [(task, row) for row in rows if (task := kind.remove(row)) is not None]
        if work:
            yield work


def left(reader: Reader, account: Account) -> list[str]:
    """What of an account is not a row alone, in words."""
    mine = owned(reader, [account])
    return words({kind: count for kind, count in mine.items() if kind not in _kinds or _kinds[kind].remove})


def remove_rows(tx: Tx, account: Account) -> int:
    """Remove what has nothing but a row. Answers how many there were."""
    return sum(_remove(tx, kind.of, account) for kind in _kinds.values() if kind.remove is None)


def _remove(tx: Tx, of: type[Owned], account: Account) -> int:
    rows = tx.all(of, of.c.account_id == account.id)
    for row in rows:  # one by one: what they count as and what goes with them goes, too
        tx.remove(row)
    return len(rows)
