"""Telling webhooks of events: each event leaves a delivery for each webhook in its own transaction, and a loop sends them.

A try is counted and committed before it is sent, by a thread of its own, so a slow server keeps nobody else waiting and a server
of ours that is killed never makes the same try twice.
"""

from __future__ import annotations

import time
import weakref
from typing import Any

import msgspec
import sqlalchemy as sa

from cloudwright.core.event import Event, hearers
from cloudwright.core.loop import Loop, wake
from cloudwright.core.prepared import Prepared
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import date
from cloudwright.identity.model import Account, Domain
from cloudwright.operations.flight import Flights
from cloudwright.operations.kinds import kind_of_instance
from cloudwright.operations.webhook.model import DONE, SENDING, WAITING, Delivery, Webhook, WebhookFilter
from cloudwright.operations.webhook.send import TIMEOUT, TRIES, Outcome, message, send

THREADS = setting("webhook.delivery.thread.pool.size", 5, "how many deliveries are sent at a time", minimum=1, maximum=100)
KEPT = setting("webhook.deliveries.limit", 10, "how many deliveries of a webhook are kept, once they ended", minimum=0)
TRIM_EVERY = setting("webhook.deliveries.cleanup.interval", 3600, "seconds between two looks for old deliveries", minimum=1)
SLACK = 5.0  # seconds after its timeout at which a try that nobody knows of has failed
LONGEST_REST = 60.0  # seconds between two tries
LOOK = 0.05

_mine, _theirs = Domain.t.alias("hook_domain"), Domain.t.alias("event_domain")
_above = sa.select(_mine.c.id).where(
    _theirs.c.id == sa.bindparam("domain"), _mine.c.path == sa.func.substr(_theirs.c.path, 1, sa.func.char_length(_mine.c.path))
)
_HEARING = Prepared(
    sa.select(Webhook.c.id, Webhook.c.account_id, Webhook.c.domain_id).where(
        Webhook.c.gone == 0,
        Webhook.c.state == "Enabled",
        sa.or_(
            Webhook.c.scope == "Global",
            sa.and_(Webhook.c.scope == "Local", Webhook.c.account_id == sa.bindparam("account")),
            sa.and_(Webhook.c.scope == "Domain", Webhook.c.domain_id.in_(_above)),
        ),
    )
)


def hear(tx: Tx, event: Event) -> None:
    """Leave a delivery for each webhook that is to be told."""
    hooks = tx.rows(_HEARING, {"account": event.account_id, "domain": event.domain_id})
    if not hooks:
        return
    filters = tx.all(WebhookFilter, WebhookFilter.c.webhook_id.in_([hook["id"] for hook in hooks]))
    told = [hook for hook in hooks if _wanted([f for f in filters if f.webhook_id == hook["id"]], event.kind_of)]
    payload = payload_of(tx, event) if told else ""
    for hook in told:
        whose: dict[str, Any] = {"account_id": hook["account_id"], "domain_id": hook["domain_id"], "webhook_id": hook["id"]}
        about: dict[str, Any] = {"event_id": event.uuid, "event_type": event.kind_of, "payload": payload}
        tx.insert(Delivery(due=tx.now, most=TRIES.get(tx, domain=hook["domain_id"]), **about, **whose))
    if told:
        wake(tx, DeliverWebhooks)


hearers.append(hear)


def _wanted(filters: list[WebhookFilter], type_: str) -> bool:
    """Included by one, where any includes; excluded by none."""
    includes = [f for f in filters if f.mode == "Include"]
    included = not includes or any(f.fits(type_) for f in includes)
    return included and not any(f.fits(type_) for f in filters if f.mode == "Exclude")


def payload_of(reader: Reader, event: Event) -> str:
    """An event as it is told, in JSON."""
    told = {
        "eventid": event.uuid,
        "event": event.kind_of,
        "status": event.state,
        "level": event.level,
        "eventDateTime": date(event.created),
        "description": event.description,
        "username": event.username,
        "account": reader.get(Account, event.account_id).uuid,
        "domain": reader.get(Domain, event.domain_id).uuid,
        "entity": kind_of_instance(event.instance),
        "entityuuid": event.instance_uuid,
        "entityname": event.instance_name,
        "jobid": event.job,
    }
    return msgspec.json.encode({name: value for name, value in told.items() if value}).decode()


_flights: weakref.WeakKeyDictionary[sa.Engine, Flights[Outcome]] = weakref.WeakKeyDictionary()


class DeliverWebhooks(Loop, every=5.0):
    """Sends what webhooks are to be told."""

    trimmed_at: float = 0.0

    def turn(self) -> float | None:
        read, now = self.read, time.time()
        flights = _flights.setdefault(read.connection.engine, Flights("webhook"))
        for id, outcome in flights.landed().items():
            self._store(flights, id, outcome)
        free = THREADS.get(read) - len(flights.going)
        due = read.rows(_DUE, {"now": now, "most": max(0, free)})
        for row in due:
            if row["id"] not in flights.going:
                self.write(lambda tx, which=row["id"]: _begin(tx, which, flights, self.row.owner))  # type: ignore[misc]
        if now - self.trimmed_at > TRIM_EVERY.get(read):
            self.trimmed_at = now
            self._trim(read)
        return LOOK if flights.going or due else self._rest(read, now)

    def _store(self, flights: Flights[Outcome], id: int, outcome: Outcome) -> None:
        def store(tx: Tx) -> None:
            end_try(tx, id, outcome)
            tx.after(lambda: flights.forget(id))

        self.write(store)

    def _rest(self, read: Reader, now: float) -> float:
        """Until there is something to do."""
        first = read.value(sa.select(sa.func.min(Delivery.c.due)).where(Delivery.c.gone == 0, Delivery.c.state != DONE))
        trim = self.trimmed_at + TRIM_EVERY.get(read) - now
        return max(LOOK, min(self.every, trim, self.every if first is None else float(first) - now))

    def _trim(self, read: Reader) -> None:
        most = KEPT.get(read)
        for hook, _ in map(tuple, read.rows(_MANY, {"most": most})):
            mine = (Delivery.c.webhook_id == hook, Delivery.c.state == DONE)
            kept = sa.select(Delivery.c.id).where(*mine).order_by(Delivery.c.id.desc()).limit(most).subquery()
            newest = [row.id for row in read.rows(sa.select(kept.c.id))]
            older = Delivery.c.id < min(newest) if newest else sa.true()
            self.write(lambda tx, w=(*mine, older): tx.execute(Delivery.t.delete().where(*w)))  # type: ignore[misc]


_DUE = Prepared(
    sa.select(Delivery.c.id)
    .where(
        Delivery.c.gone == 0, Delivery.c.state.in_([sa.literal_column(f"'{WAITING}'"), sa.literal_column(f"'{SENDING}'")]),
        Delivery.c.due <= sa.bindparam("now", type_=sa.Double()),
    )
    .order_by(Delivery.c.due)
    .limit(sa.bindparam("most", type_=sa.Integer()))
)  # fmt: skip
_MANY = (
    sa.select(Delivery.c.webhook_id, sa.func.count())
    .where(Delivery.c.gone == 0, Delivery.c.state == DONE)
    .group_by(Delivery.c.webhook_id)
    .having(sa.func.count() > sa.bindparam("most"))
)


def _begin(tx: Tx, id: int, flights: Flights[Outcome], server: int) -> None:
    """Count a try and, once that is committed, make it. One of which nothing was heard has failed."""
    row = tx.find(Delivery, Delivery.c.id == id)
    if row is None or row.state == DONE:
        return
    if row.state == SENDING:
        end_try(tx, id, Outcome(False, "the server that sent it stopped before it knew the outcome"))
        return
    what = begin_try(tx, row, server)
    tx.after(lambda: flights.begin(id, lambda: send(what)))


def begin_try(tx: Tx, row: Delivery, server: int | None) -> Any:
    """Note that a try begins. Answers what is to be sent."""
    what = message(tx, row)
    late = tx.now + TIMEOUT.get(tx, domain=row.domain_id) + SLACK
    shown = msgspec.json.encode(what.headers).decode()
    began = row.began or tx.now
    tx.update(row, state=SENDING, tries=row.tries + 1, due=late, began=began, server_id=server or None, headers=shown)
    return what


def end_try(tx: Tx, id: int, outcome: Outcome) -> None:
    """Note how a try went, and when the next is due if there is one."""
    row = tx.find(Delivery, Delivery.c.id == id, Delivery.c.state == SENDING)
    if row is None:
        return  # deleted meanwhile
    if outcome.success or row.tries >= row.most:
        tx.update(row, state=DONE, success=outcome.success, response=outcome.response, ended=tx.now)
    else:
        tx.update(row, state=WAITING, response=outcome.response, due=tx.now + min(LONGEST_REST, 2.0**row.tries))
