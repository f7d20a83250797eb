"""The ledger: how much each account and each domain has of what is limited, kept by the transactions that write the rows.

One row for each owner and tag. What an account's rows count for more or less is added to its tally and to those of its domain
and of the domains above, ROOT apart: ROOT has no limit, its row would be every writer's meeting place, and what it holds is the
sum of the accounts. A tally that would grow beyond its limit refuses the transaction. Root administrators' accounts are counted,
not limited. Tallies are made when something is counted first; they are locked in the order of their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from cloudwright.core.prepared import Prepared
from cloudwright.core.resource import Resource, column
from cloudwright.core.tally import Counted, Owed
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.limit import Held, refuse_beyond
from cloudwright.identity.model import ROOT_DOMAIN, Account, Domain

ACCOUNT, DOMAIN = "account", "domain"
Counts = Mapping[Counted, int]


class Tally(Resource, table="tally", unique=[("owner_kind", "owner_id", "tag"), ("name",)]):
    """What an owner has under a tag ("" for all), and its own limits (kind -> most, -1 for none). Storage is in bytes, memory in
    MiB. `above` are the domains that an account's things count in, too, outermost first."""

    name: str  # account:17:gold
    owner_kind: str = column(length=8)
    owner_id: int
    tag: str = ""
    above: list[int] = column(default=[])
    limits: dict[str, int] = column(default={})
    instance: int = 0
    ip: int = 0
    volume: int = 0
    snapshot: int = 0
    template: int = 0
    project: int = 0
    network: int = 0
    vpc: int = 0
    cpu: int = 0
    memory: int = 0
    primary_storage: int = 0
    secondary_storage: int = 0
    backup: int = 0
    backup_storage: int = 0
    bucket: int = 0
    object_storage: int = 0
    gpu: int = 0
    running: int = 0
    running_cpu: int = 0
    running_memory: int = 0


def named(owner_kind: str, owner_id: int, tag: str = "") -> str:
    """A tally's name."""
    return f"{owner_kind}:{owner_id}:{tag}"


_above: dict[int, Sequence[int]] = {}  # what was last seen to be above an account: a guess, held against the locked row
_GUESSES = 100_000
_TYPE = sa.select(Account.c.type_).where(Account.c.id == Tally.c.owner_id).scalar_subquery().label("account_type")
_statements: dict[tuple[str, Sequence[Counted], int], Prepared] = {}


def post(tx: Tx, owed: Owed) -> None:
    """Enter differences. Raises LimitReached, with the numbers and whose limit it was."""
    accounts = sorted({account_id for account_id, _ in owed})
    if len(accounts) > 1:  # all at once, in their order: one account after the other could meet another transaction crosswise
        locked(tx, [named(*one) for id in accounts for one in ((ACCOUNT, id), *((DOMAIN, at) for at in _above.get(id, ())))])
    for account_id in accounts:
        tags = {tag: owed[account_id, tag] for _, tag in owed if (account_id, tag) in owed}
        _post(tx, account_id, tags)


def _post(tx: Tx, account_id: int, tags: Mapping[str, Counts]) -> None:
    kinds = tuple(dict.fromkeys(kind for counts in tags.values() for kind in counts))
    above, rows = hold(tx, account_id, tuple(tags), kinds)
    if tx.limited and any(number > 0 for counts in tags.values() for number in counts.values()):
        refuse_beyond(tx, rows, tags)
    for tag, counts in tags.items():
        add(tx, [named(ACCOUNT, account_id, tag), *(named(DOMAIN, id, tag) for id in above)], counts)


def hold(tx: Tx, account_id: int, tags: Sequence[str] = (), kinds: Sequence[Counted] = ()) -> tuple[Sequence[int], list[Held]]:
    """The domains that an account counts in, and the tallies of these kinds of it and of them, for these tags and for none: until
    the end of the transaction they are nobody else's. Missing ones are made."""
    own = named(ACCOUNT, account_id)
    above = _above.get(account_id, ())
    all_tags = tuple(dict.fromkeys(("", *tags)))
    while True:
        wanted = [(kind, id, tag) for tag in all_tags for kind, id in ((ACCOUNT, account_id), *((DOMAIN, id) for id in above))]
        rows = {row["name"]: row for row in locked(tx, [named(*one) for one in wanted], kinds)}
        if own not in rows:
            above = _open_account(tx, account_id)
        elif tuple(rows[own]["above"]) != tuple(above):
            above = tuple(rows[own]["above"])
        elif missing := [one for one in wanted if named(*one) not in rows]:
            for one in missing:
                open_tally(tx, *one)
        else:
            _remember(account_id, above)
            return above, [held(row, kinds) for row in rows.values()]


def held(row: Mapping[str, Any], kinds: Iterable[Counted] = Counted) -> Held:
    """A tally of these kinds as limits are held against it."""
    used = {kind: row[kind] for kind in kinds}
    return Held(row["owner_kind"], row["owner_id"], row["tag"], row["limits"], used, row["account_type"] or 0)


def _remember(account_id: int, above: Sequence[int]) -> None:
    if len(_above) >= _GUESSES:
        _above.clear()
    _above[account_id] = tuple(above)


def locked(tx: Tx, names: Sequence[str], kinds: Sequence[Counted] = ()) -> Sequence[dict[str, Any]]:
    """These tallies of these kinds, until the end of the transaction nobody else's."""
    return tx.rows(_statement("locked", kinds, len(names)), _binds(names))


def add(tx: Tx, names: Sequence[str], counts: Counts) -> None:
    """Add to all these tallies alike."""
    more = {f"d_{kind}": number for kind, number in counts.items()}
    tx.execute(_statement("add", tuple(counts), len(names)), _binds(names) | more)


def _size(number: int) -> int:
    """How many places a statement for so many names has: it is prepared for few lengths."""
    size = 4
    while size < number:
        size *= 4
    return size


def _binds(names: Sequence[str]) -> dict[str, Any]:
    return {f"n{i}": names[min(i, len(names) - 1)] for i in range(_size(len(names)))}


def _statement(what: str, kinds: Sequence[Counted], number: int) -> Prepared:
    key = (what, kinds, _size(number))
    if key not in _statements:
        these = Tally.c.name.in_([sa.bindparam(f"n{i}", type_=Tally.c.name.type) for i in range(key[2])])
        if what == "locked":
            columns = (Tally.c.name, Tally.c.owner_kind, Tally.c.owner_id, Tally.c.tag, Tally.c.above, Tally.c.limits)
            used = [Tally.c[kind] for kind in kinds]
            statement: Any = sa.select(*columns, *used, _TYPE).where(these, Tally.c.gone == 0).order_by(Tally.c.name)
            statement = statement.with_for_update()
        else:
            more = {kind.value: Tally.c[kind] + sa.bindparam(f"d_{kind}", type_=sa.BigInteger()) for kind in kinds}
            statement = Tally.t.update().where(these, Tally.c.gone == 0).values(more)
        _statements[key] = Prepared(statement)
    return _statements[key]


def _open_account(tx: Tx, account_id: int) -> Sequence[int]:
    """Make an account's tally. Its domain is held meanwhile, so that it is not moved."""
    account = tx.get(Account, account_id)
    above = ancestry(tx, tx.lock(tx.get(Domain, account.domain_id)))
    open_tally(tx, ACCOUNT, account_id, "", above)
    return above


def ancestry(reader: Reader, domain: Domain) -> tuple[int, ...]:
    """The ids of a domain and those above it, ROOT apart, outermost first."""
    names = domain.path.strip("/").split("/")
    paths = ["/" + "/".join(names[: i + 1]) + "/" for i in range(len(names))]
    found = reader.rows(sa.select(Domain.c.id).where(Domain.c.path.in_(paths), Domain.c.gone == 0).order_by(Domain.c.level))
    return tuple(row.id for row in found if row.id != ROOT_DOMAIN)


def open_tally(tx: Tx, owner_kind: str, owner_id: int, tag: str, above: Sequence[int] = ()) -> None:
    """Make a tally, unless another server is quicker."""
    row = Tally(name=named(owner_kind, owner_id, tag), owner_kind=owner_kind, owner_id=owner_id, tag=tag, above=list(above))
    dialect = tx.connection.dialect.name
    if dialect in ("mysql", "mariadb"):
        statement: Any = mysql.insert(Tally.t).prefix_with("IGNORE")
    else:
        statement = (postgresql if dialect == "postgresql" else sqlite).insert(Tally.t).on_conflict_do_nothing()
    tx.execute(statement.values(row.values()))


def forget(tx: Tx, owner_kind: str, owner_id: int) -> None:
    """Remove the tallies of an owner that is removed."""
    tx.execute(Tally.t.delete().where(Tally.c.owner_kind == owner_kind, Tally.c.owner_id == owner_id))


def _with_account(tx: Tx, row: Any) -> None:
    forget(tx, ACCOUNT, row.id)


def _with_domain(tx: Tx, row: Any) -> None:
    forget(tx, DOMAIN, row.id)


Tx.ledger = staticmethod(post)
Account.with_it = (*Account.with_it, _with_account)
Domain.with_it = (*Domain.with_it, _with_domain)
