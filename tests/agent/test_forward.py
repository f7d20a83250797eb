"""A host that hangs on another server is driven through that server."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import aiohttp
import pytest

from cloudwright.agent.frame import Call, encode
from cloudwright.agent.hub import Callbacks, Hub
from cloudwright.agent.peers import Peers
from cloudwright.drivers.error import NotThere, Refused, Unreachable
from cloudwright.drivers.host import pki
from cloudwright.drivers.hypervisor.contract import Machine, Power
from tests.agent.test_streams import screen

if TYPE_CHECKING:
    from tests.agent.conftest import Site

MACHINE = Machine(name="i-1", uuid="7f3a2c7e-0d5f-4b1c-9a1a-0a0b0c0d0e0f", cpus=1, memory=256)


def nothing(*_: object) -> None:
    """These tests' second server has no hosts of its own."""


@pytest.fixture
def second(site: Site) -> Iterator[Hub]:
    """Another server of the same cloud: all hosts hang on the first."""
    callbacks = Callbacks(
        lambda token: None, lambda host, request: "", lambda serial, host: False, nothing, nothing, nothing,
        elsewhere=lambda host: site.address,
    )  # fmt: skip
    hub = Hub(site.material(), callbacks, "127.0.0.1", 0, heartbeat=2.0)
    hub.start()
    try:
        yield hub
    finally:
        hub.stop()


def test_calls_reach_a_host_of_another_server(site: Site, second: Hub) -> None:
    host, state = site.enrolled()
    with site.agent(host, state):
        hypervisor = second.drivers(host).hypervisor
        assert hypervisor.start(MACHINE).power is Power.RUNNING
        assert [each.name for each in site.hub.drivers(host).hypervisor.machines()] == ["i-1"]
        with pytest.raises(NotThere, match="i-9"):
            hypervisor.see("i-9")
        site.world.faults.fail(f"{host}/see", Refused("never"))
        with pytest.raises(Refused, match="never"):
            hypervisor.see("i-1")
        times = {}
        for name, hub in (("there", site.hub), ("by the other server", second)):
            began = time.monotonic()
            for _ in range(100):
                hub.drivers(host).hypervisor.see("i-1")
            times[name] = (time.monotonic() - began) * 10
        print(", ".join(f"a call {name}: {each:.1f} ms" for name, each in times.items()))
    with pytest.raises(Unreachable, match=f"host {host} is not connected"):
        second.drivers(host).hypervisor.see("i-1")


def test_a_slow_host_is_told_by_the_server_that_asked_it(site: Site, second: Hub) -> None:
    host, state = site.enrolled()
    with site.agent(host, state):
        site.world.faults.delay(f"{host}/facts", 1.0)
        with pytest.raises(Unreachable, match=r"did not answer hypervisor\.facts within 0\.2 seconds"):
            second.call(host, "hypervisor", "facts", b"\x80", 0.2)


def test_streams_reach_a_host_of_another_server(site: Site, second: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    host, state = site.enrolled()
    with screen(site, host, monkeypatch) as shown, site.agent(host, state):

        async def talk() -> bytes:
            with pytest.raises(Refused, match="no streams of kind"):
                await second.stream(host, "levitation", "i-1")
            stream = await second.stream(host, "console", "i-1")
            await stream.write(b"RFB 003.008\n")
            heard = await stream.read()
            await stream.close()
            return heard

        assert site.run(talk()) == b"RFB 003.008\n"
        assert shown.ended.wait(10)


def test_a_dead_server_is_told(site: Site, second: Hub) -> None:
    site.hub.stop()
    with pytest.raises(Unreachable, match=r"hangs on the server at 127\.0\.0\.1:.* which does not answer"):
        second.drivers("no-matter").hypervisor.see("i-1")
    with pytest.raises(Unreachable, match="which opened no stream"):
        asyncio.run(second.stream("no-matter", "console", "i-1"))
    site.hub = site.new_hub()
    site.hub.start()


def test_only_servers_may_ask(site: Site) -> None:
    host, state = site.enrolled()
    strangers = pki.create_authority("Another CA")
    call = encode(Call(0, "hypervisor", "facts", b"\x80", 5.0))

    def context(identity: pki.Identity | None) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.load_verify_locations(cadata=site.material().trust[0])
        if identity is not None:
            pki.load_identity(made, identity)
        return made

    async def ask(identity: pki.Identity | None) -> int:
        where = {"ssl": context(identity), "server_hostname": pki.SERVER_NAME}
        async with aiohttp.ClientSession() as client:
            async with client.get(f"https://{site.address}/hosts/{host}/stream/console/i-1", **where) as answer:
                assert answer.status == 403
            async with client.post(f"https://{site.address}/hosts/{host}/call", data=call, **where) as answer:
                return answer.status

    assert site.run(ask(None)) == 403
    assert site.run(ask(state.identity())) == 403  # a host is no server
    with pytest.raises((aiohttp.ClientError, OSError)):
        site.run(ask(pki.issue_server(strangers)))
    with pytest.raises(Unreachable, match="does not answer"):
        Peers(pki.Material(pki.issue_server(strangers), site.material().trust)).call(
            site.address, host, Call(0, "hypervisor", "facts", b"\x80", 5.0)
        )
