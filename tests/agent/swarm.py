"""A process full of agents, one for each directory below the one given (`swarm.py HOST:PORT DIRECTORY`), until its input ends."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import cast

from cloudwright.agent.remote import Drivers
from cloudwright.agent.run import Agent
from cloudwright.agent.session import Pace
from cloudwright.agent.state import State
from cloudwright.drivers.hypervisor.fake import FakeHypervisor
from cloudwright.drivers.images.contract import ImageStore
from cloudwright.drivers.network.contract import ApplianceSeen, HostNetwork
from cloudwright.drivers.pool.contract import Pool
from cloudwright.drivers.pool.fake import FakePool
from cloudwright.drivers.world import MemoryWorld


class NoRouters:
    """A network driver without routers."""

    def appliances(self) -> list[ApplianceSeen]:
        """None."""
        return []


async def live(server: str, directory: Path) -> None:
    """Run all agents until nobody holds our standard input any more."""
    world = MemoryWorld()
    pace = Pace(stats=60.0)
    agents = []
    for place in sorted(directory.iterdir()):
        host = place.name
        network, images = cast(HostNetwork, NoRouters()), cast(ImageStore, object())
        drivers = Drivers(FakeHypervisor(world, host), cast(Pool, FakePool(world, host)), images, network)
        agents.append(asyncio.create_task(Agent([server], State(place), drivers, pace).run()))
    await asyncio.to_thread(sys.stdin.read)
    for agent in agents:
        agent.cancel()
    await asyncio.gather(*agents, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(live(sys.argv[1], Path(sys.argv[2])))
