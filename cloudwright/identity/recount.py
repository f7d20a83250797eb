"""Counting again: what rows say against what the ledger says, and mending the ledger where they differ.

While an account's tally is held nobody enters anything of that account, so its rows and its tally can be compared; a domain's
tally is right when it is the sum of the accounts below it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import within
from cloudwright.core.resource import Resource
from cloudwright.core.tally import Counted, Owed, note
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity import ledger
from cloudwright.identity.ledger import ACCOUNT, DOMAIN, Tally
from cloudwright.identity.model import Account, Domain

SOME = 500  # rows in memory at once
Totals = dict[str, dict[Counted, int]]  # by tag


def kinds() -> list[Any]:
    """The classes whose rows count."""
    return [kind for kind in Resource.by_name.values() if kind.tallied]


def recount(tx: Tx, accounts: Iterable[int], domains: Iterable[int], only: Collection[Counted]) -> int:
    """Mend the tallies of accounts, of the domains above them, and of these domains. Answers how many were wrong."""
    also, wrong = set(domains), 0
    for account_id in sorted(accounts):
        above, _ = ledger.hold(tx, account_id)
        also |= set(above)
        wrong += _mend(tx, ACCOUNT, account_id, of_rows(tx, account_id), only)
    for domain_id in sorted(also):
        held = ledger.locked(tx, [ledger.named(DOMAIN, domain_id)])  # before the sums, so that they stay true
        wrong += _mend(tx, DOMAIN, domain_id, _sums(tx, domain_id), only) if held else 0
    return wrong


def of_rows(reader: Reader, account_id: int) -> Totals:
    """What an account's rows count for."""
    owed: Owed = {}
    for kind in kinds():
        for row in _rows(reader, kind, account_id):
            note(owed, row, 1)
    return {tag: counts for (_, tag), counts in owed.items()}


def _rows(reader: Reader, kind: type[Any], account_id: int) -> Iterator[Resource]:
    after = 0
    some = sa.select(kind.t).where(kind.c.account_id == account_id, kind.c.gone == 0).order_by(kind.c.id).limit(SOME)
    while True:
        rows = [kind.load(row) for row in reader.rows(some.where(kind.c.id > after))]
        yield from rows
        if len(rows) < SOME:
            return
        after = rows[-1].id


def _sums(reader: Reader, domain_id: int) -> Totals:
    """What the accounts of a domain and of those below it have by their tallies."""
    below = sa.select(Domain.c.id).where(within(Domain.c.path, reader.get(Domain, domain_id).path))
    accounts = sa.select(Account.c.id).where(Account.c.domain_id.in_(below))
    theirs = (Tally.c.owner_kind == ACCOUNT, Tally.c.owner_id.in_(accounts), Tally.c.gone == 0)
    sums = (sa.func.sum(Tally.c[kind]).label(kind) for kind in Counted)
    found = reader.rows(sa.select(Tally.c.tag, *sums).where(*theirs).group_by(Tally.c.tag))
    return {row.tag: {kind: int(row._mapping[kind] or 0) for kind in Counted} for row in found}


def _mend(tx: Tx, owner_kind: str, owner_id: int, right: Totals, only: Collection[Counted]) -> int:
    """Bring an owner's tallies to what is right. Answers how many differed."""
    mine = (Tally.c.owner_kind == owner_kind, Tally.c.owner_id == owner_id)
    known = {row.tag: row for row in tx.all(Tally, *mine)}
    wrong = 0
    for tag in sorted(known.keys() | right.keys()):
        if tag not in known:
            ledger.open_tally(tx, owner_kind, owner_id, tag)
        used = known[tag].__dict__ if tag in known else dict.fromkeys(Counted, 0)
        more = {kind: right.get(tag, {}).get(kind, 0) - used[kind] for kind in only}
        more = {kind: number for kind, number in more.items() if number}
        if more:
            wrong += 1
            ledger.add(tx, [ledger.named(owner_kind, owner_id, tag)], more)
    return wrong


def counting(reader: Reader, below: Domain) -> set[int]:
    """The accounts of a domain and those below it that have anything, or are said to."""
    domains = sa.select(Domain.c.id).where(within(Domain.c.path, below.path))
    here = sa.select(Account.c.id).where(Account.c.domain_id.in_(domains), Account.c.gone == 0)
    has = [sa.select(kind.c.account_id).where(kind.c.account_id.in_(here), kind.c.gone == 0) for kind in kinds()]
    said = sa.select(Tally.c.owner_id).where(Tally.c.owner_kind == ACCOUNT, Tally.c.owner_id.in_(here), Tally.c.gone == 0)
    return {row[0] for row in reader.rows(sa.union(said, *has))}


def differences(reader: Reader) -> list[str]:
    """Where the ledger is wrong, as sentences; while nobody writes."""
    return [*_wrong_accounts(reader), *_wrong_domains(reader)]


def _wrong_accounts(reader: Reader) -> Iterator[str]:
    for account in reader.all(Account):
        yield from _wrong(reader, ACCOUNT, account.id, of_rows(reader, account.id))


def _wrong_domains(reader: Reader) -> Iterator[str]:
    for domain in reader.all(Domain, Domain.c.parent_id != 0):
        yield from _wrong(reader, DOMAIN, domain.id, _sums(reader, domain.id))


def _wrong(reader: Reader, owner_kind: str, owner_id: int, right: Totals) -> Iterator[str]:
    known = {row.tag: row for row in reader.all(Tally, Tally.c.owner_kind == owner_kind, Tally.c.owner_id == owner_id)}
    for tag in sorted(known.keys() | right.keys()):
        for kind in Counted:
            says = known[tag].__dict__[kind] if tag in known else 0
            if says != (is_ := right.get(tag, {}).get(kind, 0)):
                yield f"the tally of {ledger.named(owner_kind, owner_id, tag)} says {says} of {kind}, there are {is_}"
