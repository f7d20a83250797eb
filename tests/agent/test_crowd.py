from __future__ import annotations

import gc
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.agent.conftest import Site

CROWD = 1000


def resident() -> int:
    """Memory of this process, in bytes."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_thousand_agents_hang_on_one_thread(site: Site) -> None:
    hosts = site.crowd(CROWD)
    before = resident()
    began = time.monotonic()
    with site.swarm():
        site.until(lambda: len(site.hub.hosts()) == CROWD, 120.0)
        print(f"{CROWD} agents connected in {time.monotonic() - began:.1f} s")
        each = (resident() - before) / CROWD
        print(f"{each / 1024:.1f} kB a connection")
        assert each < 100 * 1024
        for host in hosts[:: CROWD // 20]:
            assert site.hub.drivers(host).hypervisor.facts().hostname == host
        port = site.hub.port
        site.hub.stop()
        site.hub = site.new_hub(port)
        site.hub.start()
        began = time.monotonic()
        site.until(lambda: len(site.hub.hosts()) == CROWD, 120.0)
        print(f"all back {time.monotonic() - began:.1f} s after a restart")
        assert (resident() - before) / CROWD < 150 * 1024
    site.until(lambda: site.hub.hosts() == [], 30.0)
