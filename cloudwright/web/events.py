"""The event stream: what happens, sent to each browser tab that may see it, as server-sent events.

A stream that broke resumes by the id of the last event it saw. What happened too long ago is not kept: such a stream, and
one that fell behind, gets `reset` and reads its lists again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
from msgspec import Struct

from cloudwright.web.gate import Identity

HEADERS = [
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-store"),
    ("x-accel-buffering", "no"),
    ("x-content-type-options", "nosniff"),
]
# The HTTP server buffers what a client does not read without end and without a word, so no stream lives longer than this
# many bytes: the browser comes back by itself, and resumes.
STREAM_BYTES = 1 << 20
_RESET = b"event: reset\ndata: {}\n\n"
_BEAT = b": beat\n\n"


class Event(Struct, frozen=True):
    """One thing that happened. Ids grow; `kind` names the event for browsers; `data` is written as JSON."""

    id: int
    kind: str
    data: dict[str, Any]

    def text(self) -> bytes:
        """The event as sent."""
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (self.id, self.kind.encode(), msgspec.json.encode(self.data))


class _Subscriber(Struct, eq=False):
    identity: Identity
    waiting: asyncio.Queue[Event | None]
    behind: bool = False


class Hub:
    """Passes events on. `authorised(identity, event)` is asked for each subscriber; it must answer from memory.

    Everything but `publish` belongs to the loop given to `attach`.
    """

    def __init__(
        self, authorised: Callable[[Identity, Event], bool], kept: int = 10_000, waiting: int = 1_000, beat: float = 15.0
    ) -> None:
        self._authorised = authorised
        self._kept: deque[Event] = deque(maxlen=kept)
        self._waiting = waiting
        self._beat = beat
        self._subscribers: set[_Subscriber] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def attach(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Work on this loop from now on; None when it ends."""
        self._loop = loop

    def publish(self, event: Event) -> None:
        """Tell every subscriber that may know. From any thread; events come in the order of their ids."""
        if self._loop is None:
            self._kept.append(event)
            return
        self._loop.call_soon_threadsafe(self._pass_on, event)

    def __len__(self) -> int:
        return len(self._subscribers)

    def close(self) -> None:
        """End every stream."""
        for subscriber in self._subscribers:
            self._end(subscriber)

    async def stream(self, identity: Identity, last: int | None, still: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
        """What to send to one subscriber. `last` is the id it saw last; `still` is asked at each beat whether it may stay."""
        subscriber = _Subscriber(identity, asyncio.Queue(self._waiting + 1))
        missed = self._missed(identity, last)
        self._subscribers.add(subscriber)
        try:
            yield b"retry: 1000\n\n" + (_RESET if missed is None else b"".join(event.text() for event in missed))
            sent = 0
            while sent < STREAM_BYTES:
                try:
                    event = await asyncio.wait_for(subscriber.waiting.get(), self._beat)
                except TimeoutError:
                    if not await still():
                        return
                    yield _BEAT
                    continue
                if event is None or subscriber.behind:
                    return
                text = event.text()
                sent += len(text)
                yield text
        finally:
            self._subscribers.discard(subscriber)

    def _missed(self, identity: Identity, last: int | None) -> list[Event] | None:
        """The events after `last` that the subscriber may know; None when that cannot be told any more."""
        if last is None:
            return []
        if not self._kept or not self._kept[0].id - 1 <= last <= self._kept[-1].id:
            return None
        return [event for event in self._kept if event.id > last and self._authorised(identity, event)]

    def _pass_on(self, event: Event) -> None:
        self._kept.append(event)
        for subscriber in tuple(self._subscribers):
            if subscriber.behind or not self._authorised(subscriber.identity, event):
                continue
            if subscriber.waiting.qsize() >= self._waiting:
                self._end(subscriber)
            else:
                subscriber.waiting.put_nowait(event)

    @staticmethod
    def _end(subscriber: _Subscriber) -> None:
        subscriber.behind = True
        while not subscriber.waiting.empty():
            subscriber.waiting.get_nowait()
        subscriber.waiting.put_nowait(None)
