"""The commands about deliveries: what was told, telling it again, forgetting it."""

from __future__ import annotations

import datetime
from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Use, rule
from cloudwright.core.command import Command, Exchange, Success, Verb
from cloudwright.core.db import Database
from cloudwright.core.error import ParamError
from cloudwright.core.listing import Condition, List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.resource import Seconds
from cloudwright.core.secret import Secret
from cloudwright.core.server import Server
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, field
from cloudwright.identity.owner import closed
from cloudwright.operations.webhook.command import EVERYBODY
from cloudwright.operations.webhook.deliver import begin_try, end_try
from cloudwright.operations.webhook.model import Delivery, Webhook
from cloudwright.operations.webhook.send import Message, bad_url, send

TEST = "TEST.WEBHOOK"
"""What a delivery by hand is called, where it tells no event."""


class DeliveryView(
    View, of=Delivery, key="webhookdelivery",
    joins=[(Webhook, Webhook.c.id == Delivery.c.webhook_id), (Server, Server.c.id == Delivery.c.server_id)],
):  # fmt: skip
    """A delivery."""

    id = field(Delivery.c.uuid, "the delivery's id")
    eventid = field(Delivery.c.event_id, "the event it tells", convert=lambda text: text or None)
    eventtype = field(Delivery.c.event_type, "the type of that event")
    webhookid = field(Webhook.c.uuid, "the webhook")
    webhookname = field(Webhook.c.name, "the name of that webhook")
    managementserverid = field(Server.c.uuid, "the server that sent it", admin=True)
    managementservername = field(Server.c.node, "the name of that server", admin=True)
    headers = field(Delivery.c.headers, "the headers that were sent", convert=lambda text: text or None)
    payload = field(Delivery.c.payload, "what was sent")
    success = field(Delivery.c.success, "whether the other side accepted it")
    response = field(Delivery.c.response, "what it answered, or what hindered it", convert=lambda text: text or None)
    startdate = field(Delivery.c.began, "when it was first tried", "date")
    enddate = field(Delivery.c.ended, "when it succeeded, or was given up", "date")


class _Which(Verb):
    id: Ref[Delivery] | None = param("only this one", use=Use.CHANGE)
    webhook: Ref[Webhook] | None = param("only those of this webhook")
    server: Ref[Server] | None = param("only those that this server sent", wire_name="managementserverid", roles=("Admin",))
    start_date: datetime.datetime | None = param("only those since then")
    end_date: datetime.datetime | None = param("only those until then")

    def conditions(self) -> list[tuple[str, Condition, dict[str, Any]]]:
        """Which deliveries are meant."""
        found: list[tuple[str, Condition, dict[str, Any]]] = []
        for name, row, column in (
            ("delivery", self.id, Delivery.c.id), ("hook", self.webhook, Delivery.c.webhook_id),
            ("server", self.server, Delivery.c.server_id),
        ):  # fmt: skip
            if row is not None:
                found.append((name, column == sa.bindparam(f"of_{name}"), {f"of_{name}": row.id}))
        since, until = (sa.bindparam(name, type_=Seconds) for name in ("since", "until"))
        if self.start_date is not None:
            found.append(("since", Delivery.c.created >= since, {"since": self.start_date.timestamp()}))
        if self.end_date is not None:
            found.append(("until", Delivery.c.created <= until, {"until": self.end_date.timestamp()}))
        return found


class ListWebhookDeliveries(
    _Which, List, answers=DeliveryView, newest_first=True, keywords=[Delivery.c.payload, Delivery.c.event_type],
    since="4.20.0", authorized=EVERYBODY,
):  # fmt: skip
    """Lists deliveries, the latest first."""

    event_type: str | None = where(Delivery.c.event_type, "only those of this type of event")

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        return [*super().narrow(reader, caller), *self.conditions()]


class DeleteWebhookDelivery(_Which, Command, since="4.20.0", authorized=EVERYBODY):
    """Deletes deliveries that the caller may see. What was not sent yet is not sent."""

    def run(self, tx: Tx, caller: Caller) -> Success:
        named = self.conditions()
        if not named:
            text = "Name the deliveries: by id, webhookid, startdate or enddate"
            raise ParamError(text, param="id")
        allowed = rule(Delivery, caller.kind, Use.CHANGE)
        which = [condition for _, condition, _ in named] + ([] if allowed is None else [allowed])
        which.append(Delivery.c.account_id.not_in(closed(tx, caller, self.api.name)))
        binds = {name: value for _, _, values in named for name, value in values.items()}
        tx.execute(Delivery.t.delete().where(*which), {**binds, **caller.binds()})
        return Success()


class ExecuteWebhookDelivery(Exchange, answers=DeliveryView, since="4.20.0", authorized=EVERYBODY):
    """Sends once and tells how it went: a delivery again, a test to a webhook, or a test to any URL."""

    id: Ref[Delivery] | None = param("the delivery to make again")
    webhook: Ref[Webhook] | None = param("or the webhook to test")
    payload_url: str | None = param("where to send to, instead of the webhook's", length=2048, wire_name="payloadurl")
    secret_key: Secret | None = param("the key to sign with, instead of the webhook's")
    ssl_verification: bool | None = param("whether the server's certificate must be valid, instead of as the webhook says")
    payload: str | None = param("what to send", length=65535)

    def run(self, db: Database, caller: Caller) -> Delivery:
        row, what = db.write(lambda tx: self._begin(tx, caller))
        outcome = send(what)
        db.write(lambda tx: end_try(tx, row.id, outcome))
        return row

    def _begin(self, tx: Tx, caller: Caller) -> tuple[Delivery, Message]:
        hook = self.webhook
        if self.id is not None and hook is None and self.id.webhook_id:
            hook = tx.get(Webhook, self.id.webhook_id)
        url = self.payload_url or (self.id.url if self.id else None)
        if hook is None and url is None:
            raise ParamError("One of the parameters id, webhookid and payloadurl is needed", param="webhookid")
        if url is not None and (wrong := bad_url(tx, url)):
            raise ParamError(f"Parameter payloadurl: {wrong}", param="payloadurl")
        account, domain = (hook.account_id, hook.domain_id) if hook else (caller.account_id, caller.domain_id)
        old = self.id
        row = Delivery(
            account_id=account, domain_id=domain, webhook_id=hook.id if hook else 0, due=tx.now, url=url,
            secret=self.secret_key or (old.secret if old else None), verify=self.ssl_verification,
            event_id=old.event_id if old else "", event_type=old.event_type if old else TEST,
            payload=self.payload if self.payload is not None else old.payload if old else '{"event":"TEST.WEBHOOK"}',
        )  # fmt: skip
        tx.insert(row)
        return row, begin_try(tx, row, None)
