"""What an agent sees of its host, unasked: machines that change, and now and then everything."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable

import msgspec

from cloudwright.agent.frame import Push
from cloudwright.agent.remote import Drivers
from cloudwright.drivers.host.contract import Stats
from cloudwright.drivers.hypervisor.contract import Hypervisor, Seen

log = logging.getLogger(__name__)


class Changes:
    """Machines seen to change. Of each only the newest sight is kept, so that a silent server costs no memory."""

    def __init__(self, hypervisor: Hypervisor) -> None:
        self._hypervisor = hypervisor
        self._newest: dict[str, Seen] = {}
        self._any = asyncio.Event()
        self._end: Callable[[], None] | None = None

    async def begin(self) -> None:
        """Watch the hypervisor, once. Raises what the driver raises."""
        if self._end is not None:
            return
        loop = asyncio.get_running_loop()

        def changed(seen: Seen) -> None:  # on a thread of the driver's
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._put, seen)

        self._end = await asyncio.to_thread(self._hypervisor.watch, changed)

    def end(self) -> None:
        """Watch no more."""
        if self._end is not None:
            self._end()
            self._end = None

    async def take(self) -> list[Seen]:
        """The newest sights not taken yet; waits for one."""
        await self._any.wait()
        self._any.clear()
        taken, self._newest = self._newest, {}
        return list(taken.values())

    def _put(self, seen: Seen) -> None:
        self._newest[seen.name] = seen
        self._any.set()


class Observer:
    """Makes the periodic pushes. Blocks; what a driver cannot tell is left out and logged, never reported as absence."""

    def __init__(self, drivers: Drivers) -> None:
        self._drivers = drivers
        self._busy, self._total = _processor()

    def everything(self) -> list[Push]:
        """All machines and all appliances: fewer than two pushes when a driver could not tell."""
        sources: dict[str, Callable[[], object]] = {
            "machines": self._drivers.hypervisor.machines,
            "appliances": self._drivers.network.appliances,
        }
        return [push for kind, source in sources.items() if (push := _push(kind, source)) is not None]

    def stats(self) -> list[Push]:
        """How busy the host and its machines are."""
        push = _push("stats", self._stats)
        return [] if push is None else [push]

    def _stats(self) -> Stats:
        (busy, total), (memory, free) = _processor(), _memory()
        share = (busy - self._busy) / max(1, total - self._total)
        self._busy, self._total = busy, total
        return Stats(list(os.getloadavg()), memory, free, share, self._drivers.hypervisor.machines())


def _push(kind: str, source: Callable[[], object]) -> Push | None:
    try:
        return Push(kind, msgspec.msgpack.encode(source()))
    except Exception as error:
        log.warning("cannot see", extra={"what": kind, "why": f"{type(error).__name__}: {error}"})
        return None


def _processor() -> tuple[int, int]:
    """Ticks that the processors were busy, and all ticks, since the host started."""
    with open("/proc/stat") as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def _memory() -> tuple[int, int]:
    """Total and available memory, in MiB."""
    with open("/proc/meminfo") as file:
        lines = {name: int(rest.split()[0]) for name, rest in (line.split(":") for line in file)}
    return lines["MemTotal"] // 1024, lines["MemAvailable"] // 1024
