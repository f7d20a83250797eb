"""Moving a domain with all below it to another place in the tree, with what the ledger counts for it, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from cloudwright.core.access import Caller, Use, within
from cloudwright.core.command import Command
from cloudwright.core.error import ParamError, WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.tally import Counted
from cloudwright.core.tx import Tx
from cloudwright.identity import ledger
from cloudwright.identity.domain import PATH_LENGTH, DomainView, check_free
from cloudwright.identity.ledger import ACCOUNT, DOMAIN, Tally
from cloudwright.identity.limit import refuse_beyond
from cloudwright.identity.model import ROOT_DOMAIN, Account, Domain


class MoveDomain(Command, answers=DomainView, event="DOMAIN.MOVE", since="4.19.0.0", authorized=("Admin",)):
    """Moves a domain, with all below it, under another one. What it has counts there from then on, if the limits allow it."""

    domain: Ref[Domain] = param("the domain", use=Use.CHANGE)
    parent_domain: Ref[Domain] = param("the domain it shall be below", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Domain:
        moved, parent = self.domain, self.parent_domain
        if moved.id == ROOT_DOMAIN:
            raise ParamError("Parameter domainid: the domain ROOT cannot be moved", param="domainid")
        for row in sorted((moved, parent), key=lambda domain: domain.id):
            tx.lock(row)
        if parent.path.startswith(moved.path):
            text = f"Parameter parentdomainid: {parent.path} is {moved.path} or below it"
            raise ParamError(text, param="parentdomainid")
        if parent.id == moved.parent_id:
            raise ParamError(f"Parameter parentdomainid: {moved.path} is already below it", param="parentdomainid")
        for row in (moved, parent):
            if row.gone or row.state != "Active":
                raise WrongState(f"Domain {row.path} is being deleted", param="domainid")
        check_free(tx, parent.id, moved.name, moved.id)
        before = ledger.ancestry(tx, moved)[:-1]
        _move(tx, moved, parent)
        _recount(tx, moved, before, ledger.ancestry(tx, moved)[:-1])
        return moved


def _move(tx: Tx, moved: Domain, parent: Domain) -> None:
    """New paths and levels for the domain and all below it."""
    below = within(Domain.c.path, moved.path)
    path = f"{parent.path}{moved.name}/"
    longest = int(tx.value(sa.select(sa.func.max(sa.func.char_length(Domain.c.path))).where(below)) or 0)
    if longest + len(path) - len(moved.path) > PATH_LENGTH:
        text = f"Parameter parentdomainid: a path below would have more than {PATH_LENGTH} characters"
        raise ParamError(text, param="parentdomainid")
    rest = sa.func.substr(Domain.c.path, len(moved.path) + 1)
    level = Domain.c.level + (parent.level + 1 - moved.level)
    values = {"path": sa.literal(path).concat(rest), "level": level, "version": Domain.c.version + 1}
    tx.execute(Domain.t.update().where(below, Domain.c.id != moved.id).values(values))
    tx.update(moved, path=path, level=parent.level + 1, parent_id=parent.id)


def _recount(tx: Tx, moved: Domain, before: Sequence[int], after: Sequence[int]) -> None:
    """What the domain has counts no more in those it left and in those it came to. Raises LimitReached."""
    below = sa.select(Domain.c.id).where(within(Domain.c.path, moved.path))
    accounts = sa.select(Account.c.id).where(Account.c.domain_id.in_(below))
    left, joined = [id for id in before if id not in after], [id for id in after if id not in before]
    mine = sa.and_(Tally.c.owner_kind == ACCOUNT, Tally.c.owner_id.in_(accounts))
    domains = sa.and_(Tally.c.owner_kind == DOMAIN, Tally.c.owner_id.in_([moved.id, *left, *joined]))
    for id in joined:  # they are limited, too, if they had nothing yet
        ledger.open_tally(tx, DOMAIN, id, "")
    held = sa.select(Tally.t).where(sa.or_(mine, domains), Tally.c.gone == 0).order_by(Tally.c.name).with_for_update()
    rows = [Tally.load(row) for row in tx.rows(held)]
    counts = {row.tag: _counts(row) for row in rows if row.owner_kind == DOMAIN and row.owner_id == moved.id}
    new = [row for row in rows if row.owner_kind == DOMAIN and row.owner_id in joined]
    refuse_beyond(tx, [ledger.held({**row.__dict__, "account_type": None}) for row in new], counts)
    there = {row.name for row in rows}
    for tag, counted in counts.items():
        for id in joined:
            if ledger.named(DOMAIN, id, tag) not in there:
                ledger.open_tally(tx, DOMAIN, id, tag)
        for ids, sign in ((left, -1), (joined, 1)):
            if ids and counted:
                names = [ledger.named(DOMAIN, id, tag) for id in ids]
                ledger.add(tx, names, {kind: sign * number for kind, number in counted.items()})
    for row in rows:
        if row.owner_kind == ACCOUNT and moved.id in row.above:
            tx.update(row, above=[*after, *row.above[row.above.index(moved.id) :]])


def _counts(row: Tally) -> dict[Counted, int]:
    return {kind: number for kind in Counted if (number := getattr(row, kind))}
