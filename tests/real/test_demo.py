"""The demo's story on real hosts: an instance answers over SSH from outside; and nothing at all is left of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from cloudwright.cli.client import Api
from cloudwright.cli.demo import instance
from cloudwright.cli.demo.folder import CACHE, Folder
from cloudwright.cli.lab import leftovers
from tests.cli.serving import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


def demo(folder: Folder, *words: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "cloudwright", "demo", *words, "--folder", str(folder.path)]
    return subprocess.run(program, capture_output=True, text=True, timeout=800, check=False)


def machine_now(folder: Folder) -> dict[str, set[str]]:
    """What the demo could leave on this machine, as far as it can be told from what others do meanwhile."""
    args = subprocess.run(["ps", "-ww", "-eo", "pid,stat,args"], capture_output=True, text=True, check=True).stdout
    links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
    spaces = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    ours = (str(folder.path), folder.prefix)
    lines = {
        "processes": args,
        "links": links,
        "namespaces": spaces,
        "mounts": Path("/proc/self/mountinfo").read_text(),
        "routes": subprocess.run(["ip", "route"], capture_output=True, text=True, check=True).stdout,
    }
    return {kind: {line for line in text.splitlines() if any(o in line for o in ours)} for kind, text in lines.items()}


def files_of_the_system() -> set[str]:
    """Everything where the demo's programs would put things on a machine of their own."""
    tops = [
        "/etc/libvirt",
        "/var/lib/libvirt",
        "/var/log/libvirt",
        "/etc/openvswitch",
        "/var/lib/openvswitch",
        "/var/lib/cloudwright",
    ]
    tops += ["/run/libvirt", "/run/openvswitch", "/var/log/openvswitch", "/var/cache/libvirt"]
    return {os.path.join(where, name) for top in tops for where, _, names in os.walk(top) for name in names}


@pytest.fixture
def folder():
    """A folder with a short name, on a real disk."""
    with tempfile.TemporaryDirectory(prefix="cwdemo-", dir="/var/tmp") as directory:
        folder = Folder(Path(directory) / "demo")
        yield folder
        demo(folder, "down")
        assert leftovers(folder.prefix, folder.hosts) == []


def test_the_story_on_real_hosts(folder):
    files = files_of_the_system()
    up = demo(folder, "up")
    assert up.returncode == 0, up.stdout + up.stderr
    known = folder.read()
    assert "answers over SSH from outside" in up.stdout
    asked = [*instance.ssh_command(folder.key, known["address"]), "hostname; id -un"]
    said = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True)
    assert said.stdout.split() == ["demo", "root"]
    api = Api(known["console"] + "api", known["apikey"], known["secretkey"])
    machine = api.all("listVirtualMachines", id=known["instance"])[0]
    assert (machine["state"], machine["hypervisor"], machine["observedstate"]) == ("Running", "KVM", "running")
    assert {host["state"] for host in api.all("listHosts", type="Routing")} == {"Up"}

    refuse_without_the_rule(api, folder, known["address"])
    secrets = (known["password"], known["secretkey"])
    shown = machine_now(folder)["processes"]
    assert shown
    assert not any(secret in line for secret in secrets for line in shown)

    assert demo(folder, "down").returncode == 0
    assert not folder.path.exists() or os.listdir(folder.path) == [CACHE]
    assert {kind: found for kind, found in machine_now(folder).items() if found} == {}
    assert leftovers(folder.prefix, folder.hosts) == []
    assert files_of_the_system() <= files


def refuse_without_the_rule(api: Api, folder: Folder, address: str) -> None:
    """The rule is what lets SSH in: without it nobody answers."""
    rule = api.all("listPortForwardingRules")[0]
    api.job("deletePortForwardingRule", id=rule["id"])
    asked = [*instance.ssh_command(folder.key, address), "true"]
    assert subprocess.run(asked, capture_output=True, timeout=60, check=False).returncode != 0


def test_a_killed_builder_leaves_nothing(folder):
    program = [sys.executable, "-m", "cloudwright", "demo", "up", "--folder", str(folder.path)]
    with subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as up:
        try:
            eventually(lambda: any("cloudwright server" in line for line in machine_now(folder)["processes"]), 120.0)
        finally:
            up.send_signal(signal.SIGKILL)
    eventually(lambda: leftovers(folder.prefix, folder.hosts) == [], 120.0)
    eventually(lambda: not any(machine_now(folder).values()), 60.0)
