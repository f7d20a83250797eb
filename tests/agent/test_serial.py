"""What is kept of a serial port for those who look at it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine

import pytest

from cloudwright.agent.serial import BUFFER, Ports, Viewer

Connect = Callable[[], Coroutine[object, object, tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


def looking(story: Callable[[Ports, Connect, socket.socket], Coroutine[object, object, None]]) -> None:
    """Tell a story about a machine whose port is the other end of the socket."""

    async def tell() -> None:
        machine, port = socket.socketpair()
        with machine:
            machine.settimeout(5)
            async with asyncio.timeout(10):
                await story(Ports(), lambda: asyncio.open_connection(sock=port), machine)

    asyncio.run(tell())


async def unwanted() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    raise AssertionError("the port is joined already")


async def everything(viewer: Viewer) -> bytes:
    """What waits for a viewer until the machine says no more."""
    got = b""
    while data := await viewer.read(10_000):
        got += data
    return got


def test_who_does_not_read_costs_a_buffer_and_the_machine_goes_on() -> None:
    async def story(ports: Ports, connect: Connect, machine: socket.socket) -> None:
        slow, quick = await ports.join("i-1", connect), await ports.join("i-1", unwanted)
        said = b"x" * (3 * BUFFER)
        saying = asyncio.create_task(asyncio.to_thread(machine.sendall, said))
        got = b""
        while len(got) < len(said):
            got += await quick.read(BUFFER)
        await saying
        machine.shutdown(socket.SHUT_RDWR)
        assert len(await everything(slow)) == BUFFER
        assert await quick.read(1) == b""

    looking(story)


def test_a_port_is_free_at_once_when_the_last_one_leaves_though_the_guest_reads_nothing() -> None:
    async def story(ports: Ports, connect: Connect, machine: socket.socket) -> None:
        viewers = [await ports.join("i-1", connect), await ports.join("i-1", unwanted)]
        viewers[0].write(b"y" * 2**22)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(viewers[0].drain(), 0.05)
        for viewer in viewers:
            viewer.close()
        taken = 0
        while data := await asyncio.to_thread(machine.recv, 2**20):
            taken += len(data)
        assert taken < 2**22  # nobody waited for it to take the rest
        again, port = socket.socketpair()
        with again:
            joined = await ports.join("i-1", lambda: asyncio.open_connection(sock=port))
            again.sendall(b"login: ")
            assert await joined.read(100) == b"login: "
            joined.close()

    looking(story)
