"""The event stream: who sees what, resuming, falling behind."""

from __future__ import annotations

import asyncio

from cloudwright.web import events
from cloudwright.web.events import Event, Hub


def event(number, owner="u-ann"):
    return Event(number, "vm", {"id": f"vm-{number}", "owner": owner})


class Ann:
    user = "u-ann"
    two_factor = False
    root = False


def own(identity, one):
    return one.data["owner"] == identity.user


async def yes():
    return True


async def no():
    return False


async def take(stream, count):
    return [await asyncio.wait_for(anext(stream), 5) for _ in range(count)]


def test_an_event_is_written_as_browsers_read_it():
    assert event(7).text() == b'id: 7\nevent: vm\ndata: {"id":"vm-7","owner":"u-ann"}\n\n'


def test_each_subscriber_gets_what_it_may_see_in_order():
    async def story():
        hub = Hub(own)
        hub.attach(asyncio.get_running_loop())
        stream = hub.stream(Ann(), None, yes)
        assert await take(stream, 1) == [b"retry: 1000\n\n"]
        for one in (event(1), event(2, "u-bob"), event(3)):
            hub.publish(one)
        assert await take(stream, 2) == [event(1).text(), event(3).text()]
        await stream.aclose()
        assert len(hub) == 0

    asyncio.run(story())


def resumed(hub, last):
    async def story():
        stream = hub.stream(Ann(), last, yes)
        [first] = await take(stream, 1)
        await stream.aclose()
        return first.removeprefix(b"retry: 1000\n\n")

    return asyncio.run(story())


def test_a_stream_resumes_after_the_last_event_it_saw():
    hub = Hub(own, kept=5)
    for one in (event(4), event(5, "u-bob"), event(6), event(7)):
        hub.publish(one)
    assert resumed(hub, 4) == event(6).text() + event(7).text()
    assert resumed(hub, 3) == event(4).text() + event(6).text() + event(7).text()
    assert resumed(hub, 7) == b""
    assert resumed(hub, None) == b""


def test_what_is_not_kept_any_more_is_a_reset():
    hub = Hub(own, kept=2)
    assert resumed(hub, 4) == b"event: reset\ndata: {}\n\n"
    for number in range(5, 9):
        hub.publish(event(number))
    assert resumed(hub, 5) == b"event: reset\ndata: {}\n\n"
    assert resumed(hub, 99) == b"event: reset\ndata: {}\n\n"
    assert resumed(hub, 6) == event(7).text() + event(8).text()


def test_the_stream_beats_and_ends_when_the_session_does():
    async def story():
        hub = Hub(own, beat=0.01)
        stream = hub.stream(Ann(), None, yes)
        assert (await take(stream, 3))[1:] == [b": beat\n\n"] * 2
        ended = hub.stream(Ann(), None, no)
        assert len([text async for text in ended]) == 1

    asyncio.run(story())


def test_a_slow_subscriber_is_dropped_and_others_are_not():
    async def story():
        hub = Hub(own, waiting=10)
        hub.attach(asyncio.get_running_loop())
        slow, quick = hub.stream(Ann(), None, yes), hub.stream(Ann(), None, yes)
        await take(slow, 1)
        await take(quick, 1)
        for number in range(30):
            hub.publish(event(number))
            assert await take(quick, 1) == [event(number).text()]
        assert [text async for text in slow] == []
        assert len(hub) == 1

    asyncio.run(story())


def test_no_stream_grows_past_its_bytes(monkeypatch):
    monkeypatch.setattr(events, "STREAM_BYTES", 200)

    async def story():
        hub = Hub(own)
        hub.attach(asyncio.get_running_loop())
        stream = hub.stream(Ann(), None, yes)
        await take(stream, 1)
        for number in range(50):
            hub.publish(event(number))
        assert sum([len(text) async for text in stream]) < 300

    asyncio.run(story())


def test_closing_ends_every_stream():
    async def story():
        hub = Hub(own)
        stream = hub.stream(Ann(), None, yes)
        await take(stream, 1)
        hub.close()
        assert [text async for text in stream] == []

    asyncio.run(story())
