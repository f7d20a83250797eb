"""The demo's story on the simulator, as a program: up, up again, status, down, and what an interruption leaves."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys

import pytest

from cloudwright.cli.client import Api
from cloudwright.cli.demo import hold
from cloudwright.cli.demo.folder import Folder
from tests.cli.serving import eventually

pytestmark = pytest.mark.timeout(300)


def demo(folder: Folder, *words: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "cloudwright", "demo", *words, "--folder", str(folder.path)]
    return subprocess.run(program, capture_output=True, text=True, timeout=200, check=False, env=os.environ | {"PATH": path})


def processes(folder: Folder) -> list[str]:
    """All processes whose command line names the folder."""
    shown = subprocess.run(["ps", "-ww", "-eo", "pid,stat,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in shown.splitlines() if str(folder.path) in line and " Z" not in line]


@pytest.fixture
def folder(tmp_path):
    folder = Folder(tmp_path / "demo")
    yield folder
    demo(folder, "down")
    assert processes(folder) == []


def test_the_story_on_the_simulator(folder):
    up = demo(folder, "up", "--simulator")
    assert up.returncode == 0, up.stdout + up.stderr
    known = folder.read()
    for shown in (known["console"], known["password"], known["apikey"], known["secretkey"], known["address"], "port forwarding"):
        assert shown in up.stdout
    assert os.stat(folder.path / "demo.json").st_mode & 0o777 == 0o600
    assert not any(known[secret] in line for secret in ("password", "secretkey") for line in processes(folder))
    api = Api(known["console"] + "api", known["apikey"], known["secretkey"])
    machine = api.all("listVirtualMachines", id=known["instance"])[0]
    assert (machine["state"], machine["nic"][0]["ipaddress"]) == ("Running", known["guest_address"])
    rule = api.all("listPortForwardingRules")[0]
    assert (rule["ipaddress"], rule["state"], rule["virtualmachineid"]) == (known["address"], "Active", machine["id"])
    assert api.one("createConsoleEndpoint", virtualmachineid=machine["id"])["url"].startswith(known["console"] + "console?token=")

    again = demo(folder, "up", "--simulator")
    assert again.returncode == 0
    assert "running already" in again.stdout
    assert folder.read()["pid"] == known["pid"]
    assert known["password"] in demo(folder, "status").stdout

    down = demo(folder, "down")
    assert (down.returncode, down.stderr) == (0, "")
    assert not folder.path.exists()
    assert processes(folder) == []
    assert demo(folder, "down").stdout.strip() == "There is no demo."
    assert demo(folder, "status").returncode == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_story_leaves_nothing_running(folder, number):
    program = [sys.executable, "-m", "cloudwright", "demo", "up", "--simulator", "--folder", str(folder.path)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as up:
        try:
            eventually(lambda: any("cloudwright server" in line for line in processes(folder)))
            up.send_signal(number)
            said, _ = up.communicate(timeout=100)
        finally:
            up.kill()
    eventually(lambda: processes(folder) == [])
    if number != signal.SIGKILL:
        assert up.returncode == 130
        assert "everything is taken down again" in said
        assert not folder.path.exists()


def test_a_demo_whose_holder_died_is_built_anew(folder):
    assert demo(folder, "up", "--simulator").returncode == 0
    first = folder.read()
    os.kill(first["pid"], signal.SIGKILL)
    eventually(lambda: processes(folder) == [])
    assert demo(folder, "status").returncode == 1
    assert demo(folder, "up", "--simulator").returncode == 0
    assert folder.read()["pid"] != first["pid"]


def test_a_port_that_another_takes_meanwhile_is_left_to_it(tmp_path, monkeypatch):
    folder = Folder(tmp_path / "demo")
    folder.make()
    with socket.create_server(("127.0.0.1", 0)) as other, contextlib.ExitStack() as held:
        taken = other.getsockname()[1]
        free = hold.free_port
        monkeypatch.setattr(hold, "free_port", lambda first: taken if first == hold.FIRST_PORT else free(first))
        server, port = hold._server(folder, "127.0.0.1", held)
        assert server.poll() is None
        assert port > taken
        socket.create_connection(("127.0.0.1", port), 5).close()


def test_what_stands_in_the_way_is_said(folder):
    up = demo(folder, "up", path=os.path.dirname(sys.executable))
    if os.geteuid() == 0:
        assert "The program qemu-system-x86_64 is missing; the package qemu-system-x86 has it." in up.stdout
    else:
        assert "need root" in up.stdout
    assert "Instances will be simulated" in up.stdout
    assert up.returncode == 0, up.stdout + up.stderr
