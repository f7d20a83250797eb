"""The zone that an account is shown first."""

from __future__ import annotations

import sqlalchemy as sa

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.param import Ref, param
from cloudwright.core.record import Record, changed
from cloudwright.core.tx import Tx
from cloudwright.core.view import View, field
from cloudwright.identity.account import AccountView
from cloudwright.identity.model import Account, Domain
from cloudwright.identity.owner import account_named
from cloudwright.infrastructure.model import Zone

_ZONE = sa.select(Zone.c.uuid).where(Zone.c.id == Account.c.default_zone_id, Zone.c.gone == 0).scalar_subquery()

View.every(Account, defaultzoneid=field(_ZONE, "the zone that it is shown first", "string"))


class MarkDefaultZoneForAccount(Command, answers=AccountView, starts=Record, event="ACCOUNT.MARK.DEFAULT.ZONE", since="4.0"):
    """Says which zone an account is shown first."""

    account: str = param("the account's name")
    domain: Ref[Domain] = param("its domain")
    zone: Ref[Zone] = param("the zone")

    def run(self, tx: Tx, caller: Caller) -> Account:
        row = account_named(tx, caller, self.account, self.domain.id, Use.CHANGE)
        tx.update(row, default_zone_id=self.zone.id)
        self.start(tx, changed(f"zone {self.zone.name} is the default of account {row.name}"), row, caller)
        return row
