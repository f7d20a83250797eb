"""The rows of webhooks: where events are told, which, and each telling."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Kind, Use, owned_by_caller
from cloudwright.core.resource import Owned, Resource, column
from cloudwright.core.secret import Secret
from cloudwright.core.tx import Tx
from cloudwright.identity.belongings import belongs

SCOPES = ("Local", "Domain", "Global")
STATES = ("Enabled", "Disabled")
MODES = ("Include", "Exclude")
MATCHES = ("Exact", "Prefix", "Suffix", "Contains")
WAITING, SENDING, DONE = "waiting", "sending", "done"


class Webhook(Owned, table="webhook", unique=[("account_id", "name")], indexes=[("state", "scope")]):
    """A URL that is told events: of its account (Local), of its domain and those below (Domain), or all (Global)."""

    name: str
    description: str = column(length=1024, default="")
    state: str = "Enabled"
    url: str = column(text=True)
    secret: Secret | None = None  # signs what is sent
    verify: bool = True  # whether the certificate of the URL's server must be valid
    scope: str = "Local"


class WebhookFilter(Resource, table="webhook_filter", unique=[("webhook_id", "mode", "matching", "value")]):
    """Which types of events a webhook is told. Without any it is told all."""

    webhook_id: int
    mode: str = column(length=16, default="Include")
    matching: str = column(length=16, default="Exact")
    value: str

    @classmethod
    def access(cls, kind: Kind, use: Use) -> Any:
        """Whoever may have the webhook."""
        return cls.c.webhook_id.in_(sa.select(Webhook.c.id).where(owned_by_caller(Webhook, kind)))

    def fits(self, type_: str) -> bool:
        """Whether it speaks of this type of event."""
        value = self.value
        if self.matching == "Exact":
            return type_ == value
        if self.matching == "Contains":
            return value in type_
        return type_.startswith(value) if self.matching == "Prefix" else type_.endswith(value)


class Delivery(Owned, table="webhook_delivery", indexes=[("webhook_id", "id"), ("state", "due"), ("event_id",)]):
    """One telling of an event. `tries` counts a try from before it is sent, so that none is made twice: a try of which nobody
    knows the outcome at `due` has failed. What is set here goes before the webhook's own."""

    webhook_id: int = 0  # 0: a test of a URL that is no webhook's yet
    event_id: str = ""
    event_type: str = ""
    payload: str = column(text=True)
    url: str | None = column(text=True, default=None)
    secret: Secret | None = None
    verify: bool | None = None
    state: str = column(length=16, default=WAITING)
    due: float
    tries: int = 0
    most: int = 1
    server_id: int | None = None
    headers: str = column(text=True, default="")
    success: bool = False
    response: str = column(text=True, default="")
    began: float | None = None
    ended: float | None = None


def _with_it(tx: Tx, webhook: Resource) -> None:
    for kind in (WebhookFilter, Delivery):
        tx.execute(kind.t.delete().where(kind.c.webhook_id == webhook.id))


Webhook.with_it = (*Webhook.with_it, _with_it)
belongs(Webhook)
belongs(Delivery, along=True)
