"""The commands about webhooks and their filters."""

from __future__ import annotations

from typing import Any

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Success, Verb
from cloudwright.core.error import ParamError
from cloudwright.core.listing import List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.secret import Secret
from cloudwright.core.tx import Tx
from cloudwright.core.view import View, computed, field
from cloudwright.identity.owner import OwnedBy, OwnedList, OwnedView, owner
from cloudwright.operations.webhook.model import MATCHES, MODES, SCOPES, STATES, Webhook, WebhookFilter
from cloudwright.operations.webhook.send import bad_url

EVERYBODY = ("Admin", "ResourceAdmin", "DomainAdmin", "User")
_ABOVE = ("Admin", "DomainAdmin")


class WebhookView(OwnedView, of=Webhook, key="webhook"):
    """A webhook."""

    id = field(Webhook.c.uuid, "the webhook's id")
    name = field(Webhook.c.name, "its name, unique in the account")
    description = field(Webhook.c.description, "what it is for", convert=lambda text: text or None)
    state = field(Webhook.c.state, "Enabled or Disabled")
    payloadurl = field(Webhook.c.url, "where events are sent to")
    sslverification = field(Webhook.c.verify, "whether the certificate of that server must be valid")
    scope = field(Webhook.c.scope, "Local: events of its account; Domain: of its domain and those below; Global: all")
    created = field(Webhook.c.created, "when it was made")
    _account = field(Webhook.c.account_id, "")
    _secret = field(Webhook.c.secret, "", "string")
    secretkey = computed(
        lambda row, caller: row["_secret"].reveal() if "_secret" in row and caller.account_id == row["_account"] else None,
        "the key that signs what is sent, told to the account that owns it",
    )


class _Scoped(Verb):
    scope: str | None = param(
        "Local: events of its account; Domain: of its domain and those below; Global: all", choices=SCOPES, roles=_ABOVE
    )

    def wanted_scope(self, caller: Caller) -> str:
        """The scope asked for. Raises ParamError where it reaches further than the caller sees."""
        scope = next(known for known in SCOPES if known.lower() == (self.scope or "Local").lower())
        if scope == "Global" and not caller.root:
            raise ParamError(f"Parameter scope: {scope} tells more than you may see", param="scope", fix=["give Local"])
        return scope


def _state(given: str) -> str:
    return next(known for known in STATES if known.lower() == given.lower())


def _check(tx: Tx, url: str) -> None:
    wrong = bad_url(tx, url)
    if wrong:
        raise ParamError(f"Parameter payloadurl: {wrong}", param="payloadurl")


class CreateWebhook(OwnedBy, _Scoped, Command, answers=WebhookView, since="4.20.0", authorized=EVERYBODY):
    """Makes a webhook: events are sent to its URL."""

    name: str = param("its name, unique in the account")
    description: str | None = param("what it is for", length=1024)
    state: str = param("Enabled or Disabled", choices=STATES, default="Enabled")
    payload_url: str = param("where events are sent to, by http or https", length=2048, wire_name="payloadurl")
    secret_key: Secret | None = param("the key that signs what is sent (HMAC-SHA256)")
    ssl_verification: bool = param("whether the server's certificate must be valid", default=True)

    def run(self, tx: Tx, caller: Caller) -> Webhook:
        _check(tx, self.payload_url)
        account = owner(tx, caller, self)
        about: dict[str, Any] = {"account_id": account.id, "domain_id": account.domain_id, "state": _state(self.state)}
        about |= {"verify": self.ssl_verification, "scope": self.wanted_scope(caller), "description": self.description or ""}
        return tx.insert(Webhook(name=self.name, url=self.payload_url, secret=self.secret_key, **about))


class UpdateWebhook(_Scoped, Command, answers=WebhookView, since="4.20.0", authorized=EVERYBODY):
    """Changes a webhook."""

    id: Ref[Webhook] = param("the webhook", use=Use.CHANGE)
    name: str | None = param("its new name")
    description: str | None = param("what it is for", length=1024)
    state: str | None = param("Enabled or Disabled", choices=STATES)
    payload_url: str | None = param("where events are sent to", length=2048, wire_name="payloadurl")
    secret_key: Secret | None = param("the key that signs what is sent")
    ssl_verification: bool | None = param("whether the server's certificate must be valid")

    def run(self, tx: Tx, caller: Caller) -> Webhook:
        if self.payload_url is not None:
            _check(tx, self.payload_url)
        wanted = {
            "name": self.name, "description": self.description, "url": self.payload_url, "secret": self.secret_key,
            "verify": self.ssl_verification, "state": _state(self.state) if self.state else None,
            "scope": self.wanted_scope(caller) if self.scope else None,
        }  # fmt: skip
        changes = {name: value for name, value in wanted.items() if value is not None}
        if changes:
            tx.update(self.id, **changes)
        return self.id


class DeleteWebhook(Command, since="4.20.0", authorized=EVERYBODY):
    """Deletes a webhook, with its filters and deliveries."""

    id: Ref[Webhook] = param("the webhook", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        tx.remove(self.id)
        return Success()


class ListWebhooks(OwnedList, answers=WebhookView, keywords=[Webhook.c.name], since="4.20.0", authorized=EVERYBODY):
    """Lists webhooks."""

    id: Ref[Webhook] | None = where(Webhook.c.id, "only this one")
    name: str | None = where(Webhook.c.name, "only the one of this name")
    state: str | None = where(Webhook.c.state, "only those Enabled, or Disabled", choices=STATES)
    scope_: str | None = where(Webhook.c.scope, "only those of this scope", choices=SCOPES, roles=_ABOVE)


class WebhookFilterView(
    View, of=WebhookFilter, key="webhookfilter", joins=[(Webhook, Webhook.c.id == WebhookFilter.c.webhook_id)]
):
    """A filter of a webhook."""

    id = field(WebhookFilter.c.uuid, "the filter's id")
    webhookid = field(Webhook.c.uuid, "its webhook")
    webhookname = field(Webhook.c.name, "the name of that webhook")
    type = computed(lambda row, caller: "EventType", "what it looks at: EventType")
    mode = field(WebhookFilter.c.mode, "Include or Exclude")
    matchtype = field(WebhookFilter.c.matching, "Exact, Prefix, Suffix or Contains")
    value = field(WebhookFilter.c.value, "what it compares with")
    created = field(WebhookFilter.c.created, "when it was made")


class AddWebhookFilter(Command, answers=WebhookFilterView, since="4.23.0", authorized=EVERYBODY):
    """Narrows the types of events that a webhook is told."""

    webhook: Ref[Webhook] = param("the webhook", use=Use.CHANGE)
    mode: str = param("whether what matches is told, or not", choices=MODES, default="Include")
    match_type: str = param("how the type is compared", choices=MATCHES, default="Exact")
    value: str = param("what it is compared with, such as VM.CREATE")

    def run(self, tx: Tx, caller: Caller) -> WebhookFilter:
        about = {"mode": self.mode.capitalize(), "matching": self.match_type.capitalize(), "value": self.value}
        return tx.insert(WebhookFilter(webhook_id=self.webhook.id, **about))


class DeleteWebhookFilter(Command, since="4.20.0", authorized=EVERYBODY):
    """Deletes a filter, or all of a webhook."""

    id: Ref[WebhookFilter] | None = param("the filter", use=Use.CHANGE)
    webhook: Ref[Webhook] | None = param("the webhook that shall have none", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        if (self.id is None) == (self.webhook is None):
            raise ParamError("Give one of the parameters id and webhookid", param="id")
        doomed = [self.id] if self.id else []
        self.judge(tx, caller, *(tx.get(Webhook, row.webhook_id) for row in doomed))
        if self.webhook is not None:
            doomed = tx.all(WebhookFilter, WebhookFilter.c.webhook_id == self.webhook.id)
        for row in doomed:
            tx.remove(row)
        return Success()


class ListWebhookFilters(List, answers=WebhookFilterView, keywords=[WebhookFilter.c.value], since="4.23.0", authorized=EVERYBODY):
    """Lists filters of webhooks."""

    id: Ref[WebhookFilter] | None = where(WebhookFilter.c.id, "only this one")
    webhook: Ref[Webhook] | None = where(WebhookFilter.c.webhook_id, "only those of this webhook")
