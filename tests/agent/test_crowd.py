from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from cloudwright.agent import pki
from cloudwright.agent.state import State

if TYPE_CHECKING:
    from tests.agent.conftest import Site

CROWD = 1000


def resident() -> int:
    """Memory of this process, in bytes."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def enrol_crowd(site: Site, directory: Path, count: int) -> list[str]:
    """State directories of as many hosts, with certificates but without the way over HTTP. One key serves them all."""
    key = pki.new_key()
    request, hosts = pki.request(key), [str(uuid4()) for _ in range(count)]
    for host in hosts:
        state = State(directory / host)
        state.keep_identity(pki.Identity(pki.issue_host(site.authorities[0], request, host), key))
        state.keep_trust([site.authorities[0].certificate])
    return hosts


@contextmanager
def swarm(site: Site, directory: Path) -> Iterator[None]:
    """Agents for all those directories, in a process of their own."""
    program = [sys.executable, str(Path(__file__).with_name("swarm.py")), site.address, str(directory)]
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


def test_a_thousand_agents_hang_on_one_thread(site: Site, tmp_path: Path) -> None:
    hosts = enrol_crowd(site, tmp_path / "crowd", CROWD)
    before = resident()
    began = time.monotonic()
    with swarm(site, tmp_path / "crowd"):
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
