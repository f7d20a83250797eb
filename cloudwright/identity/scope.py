"""From where accounts and domains take values of settings that they have not set themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cloudwright.core.setting import Setting, setting
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
