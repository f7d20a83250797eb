from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from cloudwright.agent.drivers import BadConfiguration, read
from cloudwright.agent.frame import trace
from cloudwright.drivers.error import NotThere
from cloudwright.drivers.hypervisor.contract import Machine, Power
from cloudwright.drivers.pool.contract import PoolSpec

if TYPE_CHECKING:
    from tests.agent.conftest import Site

PROGRAM = [sys.executable, "-m", "cloudwright.agent"]


@contextmanager
def agent(site: Site, *arguments: str, token: str = "", environment: str = "") -> Iterator[subprocess.Popen[str]]:
    """The real program, whose log goes to the file `log`."""
    with (
        open(site.directory / "log", "a") as log,
        subprocess.Popen(
            [*PROGRAM, "--state", str(site.directory / "state"), "--simulator", *arguments],
            stdin=subprocess.PIPE,
            stderr=log,
            text=True,
            env=os.environ | ({"CLOUDWRIGHT_TOKEN": environment} if environment else {}),
        ) as process,
    ):
        assert process.stdin is not None
        process.stdin.write(token)
        process.stdin.close()
        try:
            yield process
        finally:
            process.kill()


def lines(site: Site) -> list[dict[str, object]]:
    return [json.loads(line) for line in (site.directory / "log").read_text().splitlines()]


def test_the_program_enrols_serves_and_comes_back_without_being_told_again(site: Site) -> None:
    token, host = uuid4().hex, str(uuid4())
    site.tokens[token] = host
    where = ["--server", site.address, "--fingerprint", site.fingerprint()]
    machine = Machine("i-1", str(uuid4()), 1, 128, console_password="s3cr3t.v")
    with agent(site, *where, "--token-file", "-", token=token + "\n") as process:
        site.until(lambda: site.hub.hosts() == [host], 30.0)
        assert token not in Path(f"/proc/{process.pid}/cmdline").read_text()
        drivers = site.hub.drivers(host)
        of = trace.set("task-42")
        assert drivers.hypervisor.start(machine).power is Power.RUNNING
        trace.reset(of)
        assert drivers.network.appliances() == []
        with pytest.raises(NotThere, match="not open"):
            drivers.images.images()
        assert drivers.pool.open(PoolSpec("p-1", "Simulator", "/p")).capacity > 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    site.until(lambda: site.hub.hosts() == [])
    with agent(site):
        site.until(lambda: site.hub.hosts() == [host], 30.0)
        assert [seen.name for seen in site.hub.drivers(host).hypervisor.machines()] == ["i-1"]
    log = lines(site)
    starts = [line for line in log if line.get("verb") == "hypervisor.start"]
    assert starts[0]["key"] == "hypervisor:i-1"
    assert starts[0]["outcome"] == "done"
    assert starts[0]["trace"] == "task-42"
    text = (site.directory / "log").read_text()
    assert token not in text
    assert "s3cr3t.v" not in text


def test_a_token_in_the_environment_is_taken_out_of_it(site: Site) -> None:
    token, host = uuid4().hex, str(uuid4())
    site.tokens[token] = host
    with agent(site, "--server", site.address, "--fingerprint", site.fingerprint(), "--enrol-only", environment=token) as process:
        assert process.wait(30) == 0
    assert site.tokens == {}
    assert (site.directory / "state" / "identity.pem").exists()


def test_a_host_that_cannot_enrol_says_why_and_ends(site: Site) -> None:
    with agent(site) as process:
        assert process.wait(30) == 1
    assert "never enrolled" in str(lines(site)[-1]["message"])
    with agent(site, "--server", site.address, "--fingerprint", site.fingerprint(), environment="wrong") as process:
        assert process.wait(30) == 1
    assert "unknown, used or expired" in str(lines(site)[-1]["message"])
    assert "wrong" not in (site.directory / "log").read_text()


def test_a_configuration_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('libvirt = "qemu+unix:///system"\n[uplinks]\ncloudbr0 = "eth0"\n')
    assert read(file).uplinks == {"cloudbr0": "eth0"}
    assert read(None).libvirt == "qemu:///system"
    file.write_text('libvrit = "x"\n')
    with pytest.raises(BadConfiguration, match="libvrit"):
        read(file)
    with pytest.raises(BadConfiguration, match="nowhere"):
        read(tmp_path / "nowhere")
