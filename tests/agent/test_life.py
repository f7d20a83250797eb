from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientError, WSMsgType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudwright.agent.dial import Dialer
from cloudwright.agent.frame import PROTOCOL, Hello, Push, Renew, Reply, encode
from cloudwright.agent.session import Pace
from cloudwright.drivers.error import Unreachable
from cloudwright.drivers.hypervisor.contract import HostFacts

if TYPE_CHECKING:
    from tests.agent.conftest import Site

HELLO = encode(Hello(PROTOCOL, "0", HostFacts("Simulator", "1", "h", 1, 1, 1)))


def test_an_agent_outlives_its_server(site: Site) -> None:
    host, state = site.enrolled()
    with site.agent(host, state):
        for _ in range(2):
            port = site.hub.port
            site.hub.stop()
            time.sleep(0.3)
            site.hub = site.new_hub(port)
            site.hub.start()
            began = time.monotonic()
            site.until(lambda: host in site.hub.hosts())
            print(f"back after {time.monotonic() - began:.3f} s")
            assert site.hub.drivers(host).hypervisor.machines() == []


def test_an_agent_that_starts_before_its_server_finds_it(site: Site) -> None:
    host, state = site.enrolled()
    port = site.hub.port
    site.hub.stop()
    with site.started(host, state):
        time.sleep(0.3)
        site.hub = site.new_hub(port)
        site.hub.start()
        site.until(lambda: host in site.hub.hosts())


def test_an_agent_whose_server_is_gone_goes_to_another(site: Site) -> None:
    host, state = site.enrolled()
    first, other = site.hub, site.new_hub()
    other.start()
    with site.agent(host, state):
        site.hub = other
        addresses = [f"127.0.0.1:{port}" for port in (first.port, 1, other.port)]
        first.tell(addresses)
        site.until(lambda: state.servers() == addresses)
        first.stop()
        site.until(lambda: host in other.hosts())
        assert other.drivers(host).hypervisor.machines() == []
    assert sorted(state.servers()) == sorted(addresses)  # told nothing by the other, it forgets none


def test_a_silent_agent_is_found_out(site: Site) -> None:
    host, state = site.enrolled()

    async def freeze() -> None:
        async with Dialer([site.address], state).dial("/agent", heartbeat=None) as socket:
            await socket.send_bytes(HELLO)
            await socket.receive_bytes(timeout=30)
            assert site.hub.hosts() == [host]
            end = time.monotonic() + 60
            while site.hub.hosts():
                assert time.monotonic() < end
                time.sleep(0.05)  # the loop stands still: no pong leaves

    site.run(freeze())
    site.until(lambda: site.gone == [host])
    with pytest.raises(Unreachable):
        site.hub.drivers(host).hypervisor.machines()


def test_an_idle_agent_stays(site: Site) -> None:
    host, state = site.enrolled()
    with site.agent(host, state, pace=Pace(heartbeat=1.0, stats=60.0)):
        time.sleep(5.5)  # longer than the hub waits for a silent one
        assert len(site.facts[host]) == 1
        assert site.gone == []


def test_a_failing_callback_harms_nobody(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    host, state = site.enrolled()
    monkeypatch.setattr(site, "pushed", None)
    with site.agent(host, state):
        time.sleep(0.3)
        assert site.hub.drivers(host).hypervisor.machines() == []


frames = st.one_of(
    st.binary(max_size=300),
    st.binary(max_size=60).map(lambda rest: HELLO[:20] + rest),
    st.builds(Reply, st.integers(-5, 2**63 - 1), st.binary(max_size=20), st.text(max_size=9), st.text(max_size=9)).map(encode),
    st.builds(Push, st.sampled_from(["machines", "seen", "stats", "tea"]), st.binary(max_size=50)).map(encode),
    st.builds(Renew, st.text(max_size=50)).map(encode),
    st.just(HELLO),
)


def test_no_frame_whatever_kills_the_hub(site: Site) -> None:
    good = site.crowd(1)[0]  # in a process of its own: hypothesis wants `random` for itself
    _, bad_state = site.enrolled()
    dialer = Dialer([site.address], bad_state)

    async def say(greet: bool, said: list[bytes], as_text: bool) -> None:
        try:
            async with dialer.dial("/agent", heartbeat=None) as socket:
                if greet:
                    await socket.send_bytes(HELLO)
                for data in said:
                    await socket.send_bytes(data)
                if as_text:
                    await socket.send_str("hello")
        except (ClientError, OSError):
            pass  # the hub hung up on us, as it may

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.booleans(), st.lists(frames, max_size=4), st.booleans())
    def attack(greet: bool, said: list[bytes], as_text: bool) -> None:
        site.run(say(greet, said, as_text))
        assert site.hub.drivers(good).hypervisor.machines() == []

    with site.swarm():
        site.until(lambda: site.hub.hosts() == [good], 30.0)
        attack()
        assert len(site.facts[good]) == 1


def test_an_oversized_frame_ends_only_its_own_connection(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudwright.agent.listener.MAX_MESSAGE", 64 * 1024)
    good, good_state = site.enrolled()
    bad, bad_state = site.enrolled()

    async def shout() -> WSMsgType:
        async with Dialer([site.address], bad_state).dial("/agent", heartbeat=None) as socket:
            await socket.send_bytes(HELLO)
            await socket.receive_bytes(timeout=30)
            await socket.send_bytes(b"x" * 100_000)
            return (await socket.receive(timeout=30)).type

    with site.agent(good, good_state):
        assert site.run(shout()) in (WSMsgType.CLOSE, WSMsgType.CLOSED)
        site.until(lambda: bad in site.gone)
        assert site.hub.drivers(good).hypervisor.machines() == []
