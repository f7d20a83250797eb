"""The event stream's two halves joined: what the feed reads is what browsers are told."""

from __future__ import annotations

from typing import Any, cast

from cloudwright.core.access import Caller
from cloudwright.core.db import Database
from cloudwright.operations.stream import Feed, News, authorised
from cloudwright.web.events import Event, Hub


class Told(Event, frozen=True):
    """News as the stream sends it."""

    news: News


def hub_and_feed(db: Database) -> tuple[Hub, Feed]:
    """A hub, and the feed that fills it once it is started."""
    hub = Hub(lambda identity, event: authorised(cast(Caller, identity), cast(Told, event).news))

    def publish(news: News) -> Any:
        hub.publish(Told(news.id, news.kind, news.data, news))

    return hub, Feed(db, publish, lambda: len(hub) > 0)
