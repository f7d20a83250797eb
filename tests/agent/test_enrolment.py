from __future__ import annotations

import asyncio
import logging
import shlex
import subprocess
import time
from typing import TYPE_CHECKING
from uuid import uuid4

import aiohttp
import pytest

from cloudwright.agent.dial import Dialer, EnrolmentFailed, enrol
from cloudwright.agent.enrol import Attempts
from cloudwright.agent.frame import PROTOCOL, Hello, encode
from cloudwright.agent.state import State
from cloudwright.drivers.host import pki
from cloudwright.drivers.hypervisor.contract import HostFacts
from cloudwright.infrastructure.authority import enrolment_command

if TYPE_CHECKING:
    from tests.agent.conftest import Site

FACTS = HostFacts("Simulator", "1", "h", 1, 1, 1)


def try_to_enrol(site: Site, token: str, fingerprint: str = "") -> State:
    state = site.new_state()
    site.run(enrol(site.address, fingerprint or site.fingerprint(), token, state))
    return state


async def greet(site: Site, state: State) -> bytes:
    """Connect as the host, say hello, and answer the first frame."""
    async with Dialer([site.address], state).dial("/agent", heartbeat=None) as socket:
        await socket.send_bytes(encode(Hello(PROTOCOL, "0", FACTS)))
        return await socket.receive_bytes(timeout=30)


def test_a_token_is_good_once(site: Site) -> None:
    site.tokens["once"] = str(uuid4())
    assert try_to_enrol(site, "once").identity() is not None
    with pytest.raises(EnrolmentFailed, match="unknown, used or expired"):
        try_to_enrol(site, "once")


def test_the_token_is_not_sent_to_a_server_of_another_authority(site: Site) -> None:
    site.tokens["precious"] = str(uuid4())
    other = pki.fingerprint(pki.create_authority().certificate)
    with pytest.raises(EnrolmentFailed, match="another server, or somebody stands in between"):
        try_to_enrol(site, "precious", other)
    assert "precious" in site.tokens


def test_a_copied_authority_does_not_make_a_server(site: Site) -> None:
    """Somebody in between shows the right CA certificate, but has no server certificate of it."""
    site.tokens["precious"] = str(uuid4())
    right = site.authorities[0]
    site.authorities = [pki.create_authority("Impostor"), right]
    impostor = site.new_hub()
    impostor.start()
    try:
        state, fingerprint = site.new_state(), pki.fingerprint(right.certificate)
        with pytest.raises(EnrolmentFailed, match="certificate verify failed"):
            site.run(enrol(f"127.0.0.1:{impostor.port}", fingerprint, "precious", state))
        assert "precious" in site.tokens
    finally:
        impostor.stop()


def test_a_host_certificate_does_not_make_a_server(site: Site) -> None:
    _, state = site.enrolled()
    stolen = state.identity()
    assert stolen is not None
    hub = site.hub
    hub.renew(type(site.material())(stolen, site.material().trust))
    with pytest.raises(aiohttp.ClientError, match="certificate"):
        site.run(greet(site, state))


def test_refusals_are_slow_alike_and_limited(site: Site) -> None:
    began = time.monotonic()
    with pytest.raises(EnrolmentFailed):
        try_to_enrol(site, "guess")
    assert time.monotonic() - began >= 0.5

    async def guess() -> list[int]:
        async with aiohttp.ClientSession() as client:
            answers = await asyncio.gather(
                *(client.post(f"https://{site.address}/enrol", data=b"{", ssl=False) for _ in range(12))
            )
            last = await client.post(f"https://{site.address}/enrol", data=b"{", ssl=False)
            return [answer.status for answer in (*answers, last)]

    statuses = site.run(guess())
    assert set(statuses) == {400, 429}
    assert statuses[-1] == 429


def test_attempts_are_counted_by_address_in_a_window() -> None:
    now = [100.0]
    attempts = Attempts(limit=2, window=60.0, clock=lambda: now[0])
    attempts.refused("a")
    assert attempts.wait("a") == 0.0
    now[0] = 110.0
    attempts.refused("a")
    assert attempts.wait("a") == 50.0
    assert attempts.wait("b") == 0.0
    now[0] = 161.0
    assert attempts.wait("a") == 0.0


def test_without_a_certificate_nobody_is_an_agent(site: Site) -> None:
    _, state = site.enrolled()
    (state.directory / "identity.pem").unlink()
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        site.run(greet(site, state))


def test_a_certificate_of_another_authority_is_refused(site: Site) -> None:
    host, state = site.enrolled()
    key = pki.new_key()
    state.keep_identity(pki.Identity(pki.issue_host(pki.create_authority(), pki.request(key), host), key))
    with pytest.raises((aiohttp.ClientError, OSError)):
        site.run(greet(site, state))
    assert site.hub.hosts() == []


def test_a_certificate_that_ended_is_refused(site: Site) -> None:
    site.host_days = 0
    _, state = site.enrolled()
    time.sleep(1.1)
    with pytest.raises((aiohttp.ClientError, OSError)):
        site.run(greet(site, state))


def test_a_revoked_host_is_cut_and_refused(site: Site) -> None:
    host, state = site.enrolled()
    other, other_state = site.enrolled()
    with site.agent(host, state), site.agent(other, other_state):
        site.revoked.update(site.signed[:1])
        site.hub.cut(host)
        site.until(lambda: host not in site.hub.hosts())
        site.until(lambda: site.gone == [host])
        time.sleep(0.5)  # it dials again meanwhile
        assert len(site.facts[host]) == 1
        assert site.hub.hosts() == [other]
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            site.run(greet(site, state))


def test_a_host_renews_its_certificate_by_itself(site: Site) -> None:
    site.host_days = 0.01  # of which two thirds, with the hour of tolerance before, are already over
    host, state = site.enrolled()
    before = state.identity()
    assert before is not None
    site.host_days = 90
    with site.agent(host, state):
        site.until(lambda: state.identity() != before)
        after = state.identity()
        assert after is not None
        assert after.key != before.key
        assert pki.serial(after.certificate) == site.signed[-1]
        site.hub.cut(host)
        site.until(lambda: len(site.facts[host]) == 2)
        site.revoked.add(pki.serial(before.certificate))
        assert site.hub.drivers(host).hypervisor.machines() == []
    assert len(site.signed) == 2


def test_authorities_are_replaced_without_anybody_enrolling_anew(site: Site) -> None:
    host, state = site.enrolled()
    old = site.authorities[0]
    before = state.identity()
    assert before is not None
    with site.agent(host, state):
        site.authorities = [pki.create_authority("new"), old]
        site.hub.renew(site.material())
        site.until(lambda: state.trust()[0] == site.authorities[0].certificate)
        site.until(lambda: state.identity() != before)
        after = state.identity()
        assert after is not None
        assert after.key != before.key
        assert not pki.renewal_due(after.certificate, state.trust())
        site.authorities = site.authorities[:1]
        site.hub.renew(site.material())
        site.until(lambda: len(state.trust()) == 1)
        site.hub.cut(host)
        site.until(lambda: len(site.facts[host]) == 2)
        assert site.hub.drivers(host).hypervisor.machines() == []
    state.keep_identity(before)
    with pytest.raises((aiohttp.ClientError, OSError)):
        site.run(greet(site, state))


def test_sessions_are_resumed_and_still_know_who_is_there(site: Site) -> None:
    host, state = site.enrolled()

    async def twice() -> list[bool]:
        dialer, resumed = Dialer([site.address], state), []
        for _ in range(2):
            async with dialer.dial("/agent", heartbeat=None) as socket:
                await socket.send_bytes(encode(Hello(PROTOCOL, "0", FACTS)))
                await socket.receive_bytes(timeout=30)
                resumed.append(dialer.remember(socket))
        return resumed

    assert site.run(twice()) == [False, True]
    assert len(site.facts[host]) == 2
    site.revoked.update(site.signed)
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        site.run(greet(site, state))


def test_the_command_shows_the_token_to_no_process_list() -> None:
    command = enrolment_command("cloud.example.org:8250", "s3cr3t 'x'", "sha256:ab")
    first, second = command.split(" | ")
    words = shlex.split(first)
    assert words == ["echo", "s3cr3t 'x'"]
    assert shlex.split(second) == [
        "cloudwright", "agent", "--server", "cloud.example.org:8250", "--fingerprint", "sha256:ab", "--token-file", "-",
    ]  # fmt: skip
    said = subprocess.run(["sh", "-c", f"{first} | cat"], capture_output=True, text=True, check=True)
    assert said.stdout == "s3cr3t 'x'\n"


def test_no_token_and_no_key_is_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    site.tokens["hush-hush"] = str(uuid4())
    state = try_to_enrol(site, "hush-hush")
    with pytest.raises(EnrolmentFailed) as refused:
        try_to_enrol(site, "hush-hush")
    identity = state.identity()
    assert identity is not None
    everything = "\n".join(str(vars(record)) for record in caplog.records) + str(refused.value)
    assert "hush-hush" not in everything
    assert identity.key not in everything
