"""From where accounts and domains take values of settings that they have not set themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from cloudwright.core.setting import Setting, SettingRow, setting
from cloudwright.core.tx import Reader
from cloudwright.identity.model import Account, Domain

FOR_ACCOUNTS = setting(
    "enable.account.settings.for.domain", False, "whether an account takes its domain's values of settings that it has not set"
)
FOR_CHILDREN = setting(
    "enable.domain.settings.for.child.domain", False, "whether a domain takes the values of those above that it has not set"
)


def wider(reader: Reader, scope: Mapping[str, int | None]) -> Iterator[tuple[str, int]]:
    """The scopes to ask beyond those that were named, the nearest first."""
    domain_id, account_id = scope.get("domain"), scope.get("account")
    if domain_id is None and account_id is not None and FOR_ACCOUNTS.get(reader):
        domain_id = reader.get(Account, account_id).domain_id
        yield "domain", domain_id
    if domain_id is not None and FOR_CHILDREN.get(reader):
        domain = reader.get(Domain, domain_id)
        while domain.parent_id and domain.parent_id != domain.id:
            domain = reader.get(Domain, domain.parent_id)
            yield "domain", domain.id


Setting.wider = staticmethod(wider)


def told_in(which: Setting[Any], domain_id: Any) -> sa.ColumnElement[str]:
    """The value in force for the domain of that id as text, for the columns of views: as `get`, those above asked, too."""
    here, above = Domain.t.alias("here"), Domain.t.alias("above")
    length = sa.func.char_length(above.c.path)
    theirs = (SettingRow.c.name == which.name, SettingRow.c.scope == "domain", SettingRow.c.gone == 0, here.c.id == domain_id)
    among = sa.select(SettingRow.c.value).join(above, above.c.id == SettingRow.c.scope_id).where(*theirs)
    of = among.join(here, sa.func.substr(here.c.path, 1, length) == above.c.path)
    nearest = of.order_by(length.desc()).limit(1).correlate_except(SettingRow.t, here, above).scalar_subquery()
    asked = sa.func.lower(FOR_CHILDREN.told()) == "true"
    return sa.case((asked, sa.func.coalesce(nearest, which.told())), else_=which.told(domain=domain_id))
