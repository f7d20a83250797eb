"""The demo guest boots under plain QEMU, with its own network namespace around QEMU and a small metadata service."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cloudwright.cli.lab.guest import guest_image

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
USER_DATA = '#!/bin/bash\necho "ran on $(hostname)" >>/root/user-data-ran\n'


class Guest:
    """One guest, its disk, its metadata and its console in `directory`."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.namespace = f"cwguest{os.getpid()}"
        self.inside = ["ip", "netns", "exec", self.namespace]
        self.metadata = directory / "metadata.json"
        self.asked = directory / "asked.log"
        self.console = directory / "console.log"
        self.processes = []

    def prepare(self):
        base = guest_image()
        disk = self.directory / "disk.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", disk], check=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.directory / "key"], check=True)
        self.tell(password="first-Passw0rd")
        subprocess.run(["ip", "netns", "add", self.namespace], check=True)
        subprocess.run([*self.inside, "ip", "link", "set", "lo", "up"], check=True)
        server = [sys.executable, str(Path(__file__).with_name("metadata_server.py")), str(self.metadata), str(self.asked)]
        self.processes.append(subprocess.Popen([*self.inside, *server]))

    def tell(self, password):
        facts = {
            "meta-data/instance-id": "i-1",
            "meta-data/local-hostname": "web-1",
            "meta-data/public-keys": (self.directory / "key.pub").read_text(),
            "user-data": USER_DATA,
            "password": password,
        }
        self.metadata.write_text(json.dumps(facts))

    def boot(self):
        machine = ["-accel", "tcg", "-m", "128", "-nodefaults", "-display", "none", "-vga", "std"]
        disk = ["-drive", f"file={self.directory}/disk.qcow2,if=virtio"]
        nics = ["-netdev", "user,id=n0,hostfwd=tcp:127.0.0.1:2222-:22", "-device", "virtio-net-pci,netdev=n0,romfile="]
        nics += ["-netdev", "user,id=n1,net=10.0.3.0/24,restrict=on", "-device", "virtio-net-pci,netdev=n1,romfile="]
        ports = ["-serial", f"file:{self.console}", "-qmp", f"unix:{self.directory}/qmp,server=on,wait=off"]
        self.qemu = subprocess.Popen([*self.inside, "qemu-system-x86_64", *machine, *disk, *nics, *ports])
        self.processes.append(self.qemu)

    def ssh(self, command, *options):
        options = options or ("-i", str(self.directory / "key"), "-o", "BatchMode=yes")
        trust = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=5"]
        argv = [*self.inside, "ssh", "-p", "2222", *trust, *options, "root@127.0.0.1", command]
        env = {**os.environ, "SSH_ASKPASS": str(self.directory / "askpass"), "SSH_ASKPASS_REQUIRE": "force"}
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, env=env)

    def ssh_by_password(self, password):
        askpass = self.directory / "askpass"
        askpass.write_text(f"#!/bin/sh\necho {password}\n")
        askpass.chmod(0o700)
        return self.ssh("id -u", "-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1").stdout.strip() == "0"

    def qmp(self, command, **arguments):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.directory / "qmp"))
            with client.makefile("rw") as stream:
                stream.readline()
                for name, words in (("qmp_capabilities", {}), (command, arguments)):
                    stream.write(json.dumps({"execute": name, "arguments": words}))
                    stream.flush()
                    while "event" in (answer := json.loads(stream.readline())):
                        pass
        assert "return" in answer, answer

    def screen(self, path):
        self.qmp("screendump", filename=str(path))
        return path.read_bytes()

    def close(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait(timeout=20)
        subprocess.run(["ip", "netns", "delete", self.namespace], check=False)


def eventually(check, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(0.2)
    return found


def bright_pixels(ppm):
    """The pixels of a binary PPM that are not black."""
    kind, size, depth, pixels = ppm.split(b"\n", 3)
    assert (kind, depth) == (b"P6", b"255")
    width, height = map(int, size.split())
    assert len(pixels) == 3 * width * height
    return sum(1 for at in range(0, len(pixels), 3) if max(pixels[at : at + 3]) > 64)


@pytest.fixture(scope="module")
def guest(tmp_path_factory):
    guest = Guest(tmp_path_factory.mktemp("guest"))
    try:
        guest.prepare()
        guest.boot()
        began = time.monotonic()
        eventually(lambda: guest.ssh("true").returncode == 0)
        print(f"power-on to SSH with the key: {time.monotonic() - began:.1f} s")
        eventually(lambda: "metadata of i-1" in guest.console.read_text())
        yield guest
    finally:
        guest.close()


def test_takes_key_name_and_user_data_from_the_metadata_service(guest):
    seen = guest.ssh("hostname; cat /root/user-data-ran; . /etc/os-release; echo $ID; cat /proc/1/comm")
    assert seen.stdout.split("\n")[:4] == ["web-1", "ran on web-1", "cloudwright-guest", "init"], seen


def test_every_interface_has_an_address(guest):
    seen = guest.ssh("ip -4 -o addr | awk '{print $2, $4}'").stdout.split("\n")
    assert {"eth0 10.0.2.15/24", "eth1 10.0.3.15/24"} <= set(seen)


def test_password_is_taken_once_and_acknowledged(guest):
    asked = guest.asked.read_text().splitlines()
    assert asked.count("8080 / send_my_password") == 1
    assert asked.count("8080 / saved_password") == 1
    assert guest.ssh_by_password("first-Passw0rd")
    assert not guest.ssh_by_password("another-Passw0rd")
    assert "first-Passw0rd" not in guest.console.read_text()


def test_serial_console_shows_a_login_prompt_with_name_and_address(guest):
    last = eventually(lambda: guest.console.read_text().rpartition("Cloudwright demo guest")[2])
    assert "name     web-1" in last
    assert "eth0     10.0.2.15/24" in last
    assert "web-1 login:" in last


def test_screen_shows_the_login_prompt(guest, tmp_path):
    lines = eventually(lambda: guest.ssh("cat /dev/vcs1 | fold -w 80").stdout)
    assert "web-1 login:" in lines, lines
    shot = guest.screen(Path(os.environ.get("GUEST_SCREENSHOT", tmp_path / "screen.ppm")))
    # four lines of text: more than a cursor, less than a picture
    assert 1000 < bright_pixels(shot) < 40000


def test_second_boot_takes_a_new_password_and_runs_user_data_no_more(guest):
    host_key = guest.ssh("sha256sum /etc/dropbear/host_key").stdout
    guest.tell(password="second-Passw0rd")
    guest.qmp("system_powerdown")
    assert guest.qemu.wait(timeout=60) == 0, "the guest did not obey the power button"
    guest.boot()
    eventually(lambda: guest.ssh("true").returncode == 0)
    eventually(lambda: "password set" in guest.console.read_text())
    eventually(lambda: "metadata of i-1" in guest.console.read_text())
    assert guest.ssh_by_password("second-Passw0rd")
    assert not guest.ssh_by_password("first-Passw0rd")
    assert guest.ssh("cat /root/user-data-ran").stdout == "ran on web-1\n"
    assert guest.ssh("sha256sum /etc/dropbear/host_key").stdout == host_key != ""
