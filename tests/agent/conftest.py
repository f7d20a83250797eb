"""A server's hub and real agents on 127.0.0.1, each agent with its own loop and simulated drivers."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar, cast
from uuid import uuid4

import pytest

from cloudwright.agent.dial import enrol
from cloudwright.agent.hub import Callbacks, Hub, Material
from cloudwright.agent.remote import Drivers
from cloudwright.agent.run import Agent
from cloudwright.agent.session import Pace
from cloudwright.agent.state import State
from cloudwright.drivers.host import pki
from cloudwright.drivers.hypervisor.contract import HostFacts
from cloudwright.drivers.hypervisor.fake import FakeHypervisor
from cloudwright.drivers.images.contract import ImageStore
from cloudwright.drivers.network.contract import ApplianceSeen, HostNetwork
from cloudwright.drivers.pool.contract import Pool
from cloudwright.drivers.pool.fake import FakePool
from cloudwright.drivers.world import MemoryWorld

T = TypeVar("T")
FAST = Pace(heartbeat=2.0, stats=0.2, first_retry=0.05, last_retry=0.2)


async def _settled(work: Awaitable[T]) -> T:
    """Do the work, then give TLS connections the moment in which they say goodbye."""
    try:
        return await work
    finally:
        await asyncio.sleep(0.1)


class OneRouter:
    """A network driver that only knows of one router."""

    def appliances(self) -> list[ApplianceSeen]:
        """The router."""
        return [ApplianceSeen("r-1", 7, True)]


class Site:
    """A server: authorities, tokens, revocations, and what its hub reported."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authorities = [pki.create_authority()]
        self.tokens: dict[str, str] = {}
        self.revoked: set[str] = set()
        self.facts: dict[str, list[HostFacts]] = {}
        self.gone: list[str] = []
        self.pushed: list[tuple[str, str, object]] = []
        self.signed: list[str] = []
        self.host_days: float = pki.HOST_DAYS
        self.world = MemoryWorld()
        self.hub = self.new_hub()
        self._numbers = itertools.count()

    def material(self) -> Material:
        """With a fresh server certificate of the first authority."""
        trust = [authority.certificate for authority in self.authorities]
        return Material(pki.issue_server(self.authorities[0], ["127.0.0.1"]), trust)

    def new_hub(self, port: int = 0) -> Hub:
        """Not yet started."""
        callbacks = Callbacks(
            redeem=lambda token: self.tokens.pop(token, None),
            sign=self._sign,
            revoked=lambda serial, host: serial in self.revoked,
            connected=lambda host, facts: self.facts.setdefault(host, []).append(facts),
            gone=self.gone.append,
            pushed=lambda host, kind, payload: self.pushed.append((host, kind, payload)),
        )
        return Hub(self.material(), callbacks, "127.0.0.1", port, heartbeat=2.0)

    @property
    def address(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self.hub.port}"

    def fingerprint(self) -> str:
        """Of the authority that signs now."""
        return pki.fingerprint(self.authorities[0].certificate)

    def new_state(self) -> State:
        """Of a host that is not enrolled."""
        return State(self.directory / f"host-{next(self._numbers)}")

    def enrolled(self, host: str = "") -> tuple[str, State]:
        """A host that went through enrolment: uuid and state."""
        token = uuid4().hex
        self.tokens[token] = host or str(uuid4())
        state = self.new_state()
        return self.run(enrol(self.address, self.fingerprint(), token, state)), state

    @staticmethod
    def run(work: Coroutine[object, object, T]) -> T:
        """Run a coroutine to its end, in a loop of its own."""
        return asyncio.run(_settled(work))

    @staticmethod
    def until(true: Callable[[], object], seconds: float = 15.0) -> None:
        """Wait for something to become true."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, "it did not become true in time"
            time.sleep(0.01)

    def drivers(self, host: str) -> Drivers:
        """Simulated ones, over the site's world."""
        return Drivers(
            FakeHypervisor(self.world, host),
            cast(Pool, FakePool(self.world, host)),
            cast(ImageStore, object()),
            cast(HostNetwork, OneRouter()),
        )

    @contextmanager
    def agent(self, host: str, state: State, drivers: Drivers | None = None, pace: Pace = FAST) -> Iterator[None]:
        """A running agent, in a thread of its own."""
        with self.started(host, state, drivers, pace):
            self.until(lambda: host in self.hub.hosts())
            yield

    @contextmanager
    def started(self, host: str, state: State, drivers: Drivers | None = None, pace: Pace = FAST) -> Iterator[None]:
        """The same without waiting until it is connected."""
        loop, made = asyncio.new_event_loop(), threading.Event()
        running: list[asyncio.Task[None]] = []

        async def live() -> None:
            running.append(asyncio.create_task(Agent([self.address], state, drivers or self.drivers(host), pace).run()))
            made.set()
            await _settled(asyncio.gather(*running, return_exceptions=True))

        thread = threading.Thread(target=lambda: loop.run_until_complete(live()), name="test-agent")
        thread.start()
        made.wait()
        try:
            yield
        finally:
            loop.call_soon_threadsafe(running[0].cancel)
            thread.join(10)
            assert not thread.is_alive()
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    def crowd(self, count: int) -> list[str]:
        """Hosts with certificates, but without the way over HTTP. One key serves them all."""
        key = pki.new_key()
        request, hosts = pki.request(key), [str(uuid4()) for _ in range(count)]
        for host in hosts:
            state = State(self.directory / "crowd" / host)
            state.keep_identity(pki.Identity(pki.issue_host(self.authorities[0], request, host), key))
            state.keep_trust([self.authorities[0].certificate])
        return hosts

    @contextmanager
    def swarm(self) -> Iterator[None]:
        """Agents for all of the crowd, in a process of their own."""
        program = [sys.executable, str(Path(__file__).with_name("swarm.py")), self.address, str(self.directory / "crowd")]
        with subprocess.Popen(program, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            try:
                yield
            finally:
                assert process.stdin is not None
                process.stdin.close()
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()

    def _sign(self, host: str, request: str) -> str:
        certificate = pki.issue_host(self.authorities[0], request, host, self.host_days)
        self.signed.append(pki.serial(certificate))
        return certificate


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site whose hub listens."""
    site = Site(tmp_path)
    site.hub.start()
    try:
        yield site
    finally:
        site.hub.stop()
