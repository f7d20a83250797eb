"""The agent as a program, between a real server side and a real libvirtd."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from cloudwright.agent.hub import Stream
from cloudwright.drivers.hypervisor.contract import Disk, Machine, Power, Seen
from cloudwright.drivers.pool.contract import PoolSpec
from tests.agent.conftest import Site
from tests.contract.one_host import BOOT_SECTOR, OneHost

pytestmark = pytest.mark.real


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory with a short name: unix sockets live below it."""
    with tempfile.TemporaryDirectory(prefix="cwa-") as directory:
        yield Path(directory)


@pytest.fixture
def libvirt() -> Iterator[OneHost]:
    """A host with a libvirtd of its own."""
    host = OneHost("ag1", "10.232.0.1")
    try:
        yield host
    finally:
        host.close()


def test_a_machine_starts_shows_its_screen_and_is_missed(place: Path, libvirt: OneHost) -> None:
    site = Site(place)
    site.hub.start()
    token, host, id = uuid4().hex, str(uuid4()), str(uuid4())
    site.tokens[token] = host
    (place / "agent.toml").write_text(f'libvirt = "{libvirt.uri}"\nimages = "{place}/images"\n')
    where = ["--server", site.address, "--fingerprint", site.fingerprint(), "--state", str(place / "state")]
    enter = ["nsenter", "-t", str(libvirt.pid), "-m", "-p"]  # to where QEMU's sockets are; the network stays ours
    program = [*enter, sys.executable, "-m", "cloudwright.agent", *where, "--config", str(place / "agent.toml")]
    environment = os.environ | {"CLOUDWRIGHT_TOKEN": token}
    with open(place / "log", "w") as log, subprocess.Popen(program, stderr=log, env=environment) as agent:
        try:
            site.until(lambda: site.hub.hosts() == [host], 240.0)
            drive(site, host, id, libvirt)
        except BaseException:
            print((place / "log").read_text())
            raise
        finally:
            for child in Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split():
                os.kill(int(child), signal.SIGTERM)
            agent.wait(30)
            site.hub.stop()


def drive(site: Site, host: str, id: str, libvirt: OneHost) -> None:
    """Storage, a machine, its screen, a restart of the server, and a machine that dies."""
    assert site.facts[host][0].hypervisor == "KVM"
    far = site.hub.drivers(host)
    assert far.images.images() == []
    assert far.pool.open(PoolSpec("p-1", "Filesystem", str(libvirt.directory / "pool"))).capacity > 0
    assert far.pool.create("p-1", f"v-{id}", 1 << 20, "qcow2").size == 1 << 20
    disk = Disk(f"v-{id}", str(libvirt.directory / f"v-{id}.raw"), 0, "raw")
    Path(disk.path).write_bytes(BOOT_SECTOR + bytes(1 << 20))
    assert far.hypervisor.start(Machine(f"i-{id}", id, 1, 32, [disk])).power is Power.RUNNING

    async def banner() -> bytes:
        stream: Stream = await site.hub.stream(host, "console", f"i-{id}")
        try:
            return await stream.read()
        finally:
            await stream.close()

    assert site.run(banner()).startswith(b"RFB 003.")
    port = site.hub.port
    site.hub.stop()
    site.hub = site.new_hub(port)
    site.hub.start()
    site.until(lambda: site.hub.hosts() == [host], 60.0)
    assert site.hub.drivers(host).hypervisor.see(f"i-{id}").power is Power.RUNNING
    site.hub.drivers(host).hypervisor.stop(f"i-{id}", force=True)
    site.until(lambda: any(isinstance(seen, Seen) and seen.power is Power.STOPPED for _, _, seen in site.pushed), 30.0)
    site.hub.drivers(host).hypervisor.remove(f"i-{id}")
    assert site.hub.drivers(host).hypervisor.machines() == []
