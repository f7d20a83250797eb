"""The real listener: requests, streams and consoles over sockets."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import threading
import time

import aiohttp
import pytest
import requests
from cs import CloudStack

from cloudwright.core.ticket import mint
from cloudwright.web.console import Door
from cloudwright.web.events import Event, Hub
from cloudwright.web.gate import Answer, Outcome, Request
from cloudwright.web.server import Options, Server, packed
from tests.web.conftest import once

KEY = b"k" * 32


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Flood:
    """Says as much as anybody takes."""

    said = 0

    async def read(self, most):
        self.said += most
        return b"x" * most

    def close(self):
        """Nothing is held."""


class Site:
    """A running server on free ports."""

    def __init__(self, house):
        self.house = house
        self.hub = Hub(lambda identity, event: event.data["owner"] == identity.user)
        self.port, self.integration = free_port(), free_port()
        options = Options(port=self.port, integration_port=self.integration, grace=3)
        self.server = Server(house.face, options, hub=self.hub, door=Door(KEY, self.screen, once()))
        started = time.monotonic()
        self.server.start()
        self.ready = time.monotonic() - started
        self.url = f"http://127.0.0.1:{self.port}/client"

    async def screen(self, claims):
        """An echoing byte stream in place of a machine's screen."""
        if claims.vm == "vm-off":
            raise OSError("vm-off is not running")
        if claims.vm == "vm-flood":
            self.flood = Flood()
            return self.flood, self.flood
        ours, theirs = socket.socketpair()
        self.screen_task = asyncio.ensure_future(self.echo(*await asyncio.open_connection(sock=theirs)))
        return await asyncio.open_connection(sock=ours)

    @staticmethod
    async def echo(reader, writer):
        while data := await reader.read(1000):
            writer.write(data.upper())
        writer.close()


@pytest.fixture
def site(house):
    site = Site(house)
    yield site
    site.server.stop()
    assert not site.server._thread.is_alive()


def test_it_is_ready_at_once_and_stops_at_once(house):
    site = Site(house)
    assert site.ready < 5
    assert requests.get(f"{site.url}/api?command=listZones", timeout=30).status_code == 401
    site.server.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(site.url, timeout=30)


def test_a_taken_port_is_told(site):
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1 port {site.port}"):
        Server(site.house.face, Options(port=site.port)).start()


def test_a_client_library_lists_by_get_and_post(site):
    from datetime import UTC, datetime

    site.house.clock = datetime.now(UTC)
    for method in ("get", "post"):
        client = CloudStack(endpoint=f"{site.url}/api", key="KEY", secret="secret", method=method)
        assert client.listZones(name="ä ~ *'") == {"count": 1, "zone": [{"id": "0b7e", "name": "alpha"}]}


def test_a_browser_session_over_http(site):
    browser = requests.Session()
    form = {"command": "login", "username": "ann", "password": "pass", "response": "json"}
    answer = browser.post(f"{site.url}/api", data=form, timeout=30)
    key = answer.json()["loginresponse"]["sessionkey"]
    query = {"command": "listZones", "response": "json", "sessionkey": key}
    assert browser.get(f"{site.url}/api", params=query, timeout=30).status_code == 200
    assert browser.get(f"{site.url}/api/sub", params=query, timeout=30).status_code == 200
    assert requests.get(f"{site.url}/api", params=query, timeout=30).status_code == 401


def test_limits_and_methods(site):
    assert requests.post(f"{site.url}/api", data={"a": "x" * 1_100_000}, timeout=30).status_code == 413
    chunks = (b"x" * 100_000 for _ in range(20))
    with contextlib.suppress(requests.ConnectionError):
        assert requests.post(f"{site.url}/api", data=chunks, timeout=30).status_code == 413
    assert requests.put(f"{site.url}/api", timeout=30).status_code == 405


def test_the_integration_port_needs_no_credentials(site):
    answer = requests.get(f"http://127.0.0.1:{site.integration}/?command=listZones&response=json", timeout=30)
    assert answer.json()["listzonesresponse"]["count"] == 1


def test_a_running_request_is_finished_before_the_stop(house, monkeypatch):
    site = Site(house)
    begun = threading.Event()

    def slow(*_):
        begun.set()
        time.sleep(0.5)
        return Outcome({"success": True})

    monkeypatch.setattr(house, "run", slow)
    answers = []
    query = "command=listZones&response=json"
    caller = threading.Thread(
        target=lambda: answers.append(requests.get(f"http://127.0.0.1:{site.integration}/?{query}", timeout=30))
    )
    caller.start()
    begun.wait(5)
    site.server.stop()
    caller.join(5)
    assert answers[0].json() == {"listzonesresponse": {"success": True}}


def signed_in(site):
    browser = requests.Session()
    form = {"command": "login", "username": "ann", "password": "pass", "response": "json"}
    key = browser.post(f"{site.url}/api", data=form, timeout=30).json()["loginresponse"]["sessionkey"]
    return browser, key


def lines_of(stream):
    return stream.iter_lines(chunk_size=1, decode_unicode=True)


def read_until(lines, wanted):
    seen = []
    for line in lines:
        seen.append(line)
        if line == wanted:
            return seen
    raise AssertionError(f"{wanted!r} never came: {seen}")


def test_events_stream_and_resume(site):
    browser, key = signed_in(site)
    url = f"{site.url}/events?sessionkey={key}"
    with browser.get(url, stream=True, timeout=30) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = lines_of(stream)
        read_until(lines, "retry: 1000")
        for number, owner in ((1, "u-ann"), (2, "u-bob"), (3, "u-ann")):
            site.hub.publish(Event(number, "vm", {"owner": owner}))
        assert "id: 2" not in read_until(lines, "id: 3")
    site.hub.publish(Event(4, "vm", {"owner": "u-ann"}))
    with browser.get(url, stream=True, timeout=30, headers={"last-event-id": "1"}) as stream:
        assert "id: 3" in read_until(lines_of(stream), "id: 4")


def test_events_need_a_session_and_end_with_the_server(site):
    assert requests.get(f"{site.url}/events", timeout=30).status_code == 401
    browser, key = signed_in(site)
    stream = browser.get(f"{site.url}/events?sessionkey={key}", stream=True, timeout=30)
    lines = lines_of(stream)
    read_until(lines, "retry: 1000")
    assert browser.get(f"{site.url}/events?sessionkey=wrong", timeout=30).status_code == 401
    site.server.stop()
    with contextlib.suppress(requests.RequestException):
        assert "event" not in "".join(lines)
    stream.close()


def test_a_gone_subscriber_is_forgotten(site):
    browser, key = signed_in(site)
    stream = browser.get(f"{site.url}/events?sessionkey={key}", stream=True, timeout=30)
    lines = lines_of(stream)  # kept: the connection ends with it
    read_until(lines, "retry: 1000")
    assert len(site.hub) == 1
    stream.close()
    deadline = time.monotonic() + 60
    while len(site.hub) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(site.hub) == 0


async def talk(site, token, origin=None):
    headers = {"origin": origin} if origin else {}
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(f"{site.url}/console?token={token}", headers=headers) as screen,
    ):
        await screen.send_bytes(b"hello" * 50_000)
        got = b""
        while len(got) < 250_000:
            got += (await asyncio.wait_for(screen.receive(), 5)).data
        return got


def refused(site, token, origin=None):
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        asyncio.run(talk(site, token, origin))
    return caught.value.status


def test_a_console_carries_bytes_once(site):
    token = mint(KEY, "vm-1", "u-ann", time.time())
    assert asyncio.run(talk(site, token)) == b"HELLO" * 50_000
    assert refused(site, token) == 403


def test_consoles_refuse_what_is_not_genuine(site):
    now = time.time()
    assert refused(site, mint(KEY, "vm-1", "u-ann", now - 100)) == 403
    assert refused(site, mint(b"other", "vm-1", "u-ann", now)) == 403
    assert refused(site, "") == 403
    good = mint(KEY, "vm-1", "u-ann", now)
    assert refused(site, good, "https://evil.example") == 403
    assert asyncio.run(talk(site, good, f"http://127.0.0.1:{site.port}"))
    assert refused(site, mint(KEY, "vm-off", "u-ann", now)) == 502


def test_who_looks_away_holds_back_the_machine_not_the_servers_memory(site):
    async def story():
        token = mint(KEY, "vm-flood", "u-ann", time.time())
        async with aiohttp.ClientSession() as client, client.ws_connect(f"{site.url}/console?token={token}") as screen:
            await screen.receive()
            before = -1
            while site.flood.said != before:  # until every buffer on the way is full
                before = site.flood.said
                await asyncio.sleep(0.2)
            assert before < 32 * 2**20

    asyncio.run(story())


def test_an_open_console_does_not_hold_up_the_stop(house):
    site = Site(house)

    async def story():
        token = mint(KEY, "vm-1", "u-ann", time.time())
        async with aiohttp.ClientSession() as client, client.ws_connect(f"{site.url}/console?token={token}") as screen:
            await screen.send_bytes(b"a")
            await screen.receive()
            started = time.monotonic()
            await asyncio.to_thread(site.server.stop)
            assert time.monotonic() - started < 2.5

    asyncio.run(story())


def test_the_console_page_is_there(site):
    assert "console.js" in requests.get(f"{site.url}/console?token=x", timeout=30).text


def test_raw_nonsense_harms_nothing(site):
    for text in (b"\x00\xff\r\n\r\n", b"GET /client/api?\xff HTTP/1.1\r\nhost: h\r\n\r\n", b"GET / HTTP/9\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", site.port), 5) as raw:
            raw.sendall(text)
            raw.settimeout(5)
            with contextlib.suppress(OSError):
                raw.recv(1000)
    answer = requests.get(f"{site.url}/api?command=listZones&response=json", timeout=30)
    assert json.loads(answer.text)["listzonesresponse"]["errorcode"] == 401


def test_long_answers_are_compressed_for_those_who_take_that():
    request = Request("POST", "/client/api", headers={"accept-encoding": "gzip, br"})
    long = Answer(200, [("content-type", "application/json")], b'{"list": "' + b"word " * 8000 + b'"}')
    sent = packed(request, long)
    assert gzip.decompress(sent.body) == long.body
    assert ("content-encoding", "gzip") in sent.headers
    assert len(sent.body) < len(long.body) / 50
    assert packed(Request("POST", "/client/api"), long) is long
    assert packed(request, Answer(200, [], b"short")).body == b"short"
