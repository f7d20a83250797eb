"""How fast a router follows its document. Prints figures (pytest -s); what fails here is only that which never arrives."""

from __future__ import annotations

import contextlib
import os
import socket
import statistics
import threading
import time
from collections.abc import Iterator

import pytest

from cloudwright.appliance import router
from cloudwright.appliance.facts import FirewallRule, PortForward
from tests.real.routed import ROUTER, SOURCE, WEB, Routed, forward, open_port, routed

pytestmark = pytest.mark.real
PORT = 5000


@pytest.fixture(scope="module")
def scene() -> Iterator[Routed]:
    with routed() as built:
        yield built


def rules(count: int) -> tuple[list[FirewallRule], list[PortForward]]:
    """Half of them firewall rules, half port forwards."""
    firewall = [open_port(SOURCE, 10000 + at, sources=[f"198.18.{at >> 8}.{at & 255}/32"]) for at in range(count // 2)]
    return firewall, [forward(SOURCE, 20000 + at, WEB, 30000 + at) for at in range(count - count // 2)]


def milliseconds(values: list[float]) -> str:
    return f"median {statistics.median(values) * 1000:.1f} ms, worst {max(values) * 1000:.1f} ms"


@pytest.mark.parametrize("count", [10, 1000])
def test_a_rule_change_reaches_packets(scene: Routed, count: int) -> None:
    firewall, forwards = rules(count)
    forwards = [*forwards, forward(SOURCE, PORT, WEB, PORT, protocol="udp")]
    closed = {"firewall": firewall, "forwards": forwards}
    opened = {"firewall": [*firewall, open_port(SOURCE, PORT, protocol="udp")], "forwards": forwards}
    applied, arrived = [], []
    with scene.web.receiving(PORT) as receiver, sending(scene):
        for _ in range(5):
            scene.apply(scene.facts(**closed))
            drain(receiver)
            facts = scene.facts(**opened)
            begun = time.perf_counter()
            first: list[float] = []
            waiting = threading.Thread(target=lambda: first.append(receiver.recv(9) and time.perf_counter()))  # noqa: B023
            waiting.start()
            scene.host.network.apply(ROUTER, router.document(facts))
            applied.append(time.perf_counter() - begun)
            waiting.join()
            arrived.append(first[0] - begun)
    print(f"\n{count} rules: apply {milliseconds(applied)}; rule change to packet {milliseconds(arrived)}")


@contextlib.contextmanager
def sending(scene: Routed) -> Iterator[None]:
    """A datagram a millisecond from the internet to the public port."""
    over = threading.Event()

    def send() -> None:
        with scene.internet.socket(socket.SOCK_DGRAM) as sender:
            while not over.wait(0.001):
                sender.sendto(b"x", (SOURCE, PORT))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def drain(receiver: socket.socket) -> None:
    """Until the cut flow is silent."""
    receiver.settimeout(0.1)
    with contextlib.suppress(TimeoutError):
        while receiver.recv(9):
            pass
    receiver.settimeout(5)


def test_an_appliance_starts(scene: Routed) -> None:
    taken, memory = [], []
    for _ in range(5):
        scene.host.network.remove(ROUTER)
        begun = time.perf_counter()
        scene.host.network.start(scene.spec())
        taken.append(time.perf_counter() - begun)
        scene.apply(scene.facts())
        for pid in scene.host.run("ip", "netns", "pids", ROUTER).split():
            with open(f"/proc/{pid}/smaps_rollup") as file:
                memory.append((open_name(pid), int(next(line for line in file if line.startswith("Pss:")).split()[1])))
    sizes = {name: max(size for other, size in memory if other == name) for name, _ in memory}
    print(f"\nstart with 3 ports on Open vSwitch: {milliseconds(taken)}; memory (PSS, KiB, each): {sizes}")
    assert scene.host.network.see(ROUTER).running


def open_name(pid: str) -> str:
    """The program of a process."""
    return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
