"""One private libvirtd in namespaces of its own (mount, network, process ids, host name), for contract tests.

The test process stays outside: it talks over the daemon's unix socket, and sees the host's files under `/proc/<pid>/root`.
Killing the first process of the host is a power cut: everything in it dies.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

# A 512 byte operating system, assembled by hand. It prints "up" on COM1, arms the ACPI power button, and then at
# each timer tick ejects whatever PCI slots the host asks back (i440fx hot-plug registers at 0xae00) and
# powers off when the button was pressed (PIIX4 power management at 0x600).
BOOT_SECTOR = (
    bytes.fromhex(
        "fa 31c0 8ed8 be457c"  # cli; ds = 0; si = message
        "ac 84c0 7406 baf803 ee ebf5"  # print it on port 0x3f8
        "ba0206 b80001 ef"  # PM1_EN: power button
        "fb f4"  # sti; hlt
        "ba10ae 6631c0 66ef ba04ae 66ed"  # bus 0; which slots shall go?
        "6685c0 7405 ba08ae 66ef"  # eject them
        "ba0006 ed a90001 74de"  # PM1_STS: was the button pressed?
        "ba0406 b80020 ef ebd5"  # soft off, and round again
        "75700d0a00"  # "up\r\n"
    ).ljust(510, b"\0")
    + b"\x55\xaa"
)

_INIT = r"""
set -e
D=$1
mount --make-rprivate /
mount -t proc proc /proc
mount -t sysfs sys /sys 2>/dev/null || true
mount -t tmpfs -o mode=755 none /sys/fs/cgroup 2>/dev/null || true
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/lock /run/libvirt
mount --bind $D/run /run/libvirt
mount --bind $D/etc /etc/libvirt
mount --bind $D/lib /var/lib/libvirt
mount --bind $D/log /var/log/libvirt
mkdir -p /var/cache/libvirt
mount --bind $D/cache /var/cache/libvirt
hostname $2
echo "127.0.0.1 localhost $2" > $D/hosts
mount --bind $D/hosts /etc/hosts
ip link set lo up
ip link add cloudbr0 type bridge
ip addr add $3/24 dev cloudbr0
ip link set cloudbr0 up
ip link add cloudbr1 type bridge
ip link set cloudbr1 up
mkdir -p /var/log/libvirt/qemu
touch $D/ready
while :; do sleep 3600 & wait $!; done  # a first process must reap the orphans: libvirt waits for its probes' end
"""


_ENTER = ["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child=KILL"]


def wait_until(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll until `true()`; an AssertionError names what did not come."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what}: not within {seconds:g} s"
        time.sleep(0.05)


class OneHost:
    """A host: `uri` for this process, `directory` for its disks, `pid` of its first process."""

    def __init__(self, name: str = "hv1", address: str = "10.231.0.1") -> None:
        self.name = name
        self.address = address
        self.directory = Path(tempfile.mkdtemp(prefix="cwhv-", dir="/var/tmp"))
        self.uri = f"qemu+unix:///system?socket={self.directory}/run/libvirt-sock"
        for part in ("run", "etc", "lib", "log", "cache"):
            (self.directory / part).mkdir()
        os.chmod(self.directory, 0o755)
        self._configure()
        self._process = subprocess.Popen(
            [*_ENTER, "bash", "-c", _INIT, "init", str(self.directory), name, address],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            wait_until((self.directory / "ready").exists, 20, f"host {name}")
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
            self.pid = int(children[0])
            self.start_libvirtd()
        except BaseException:
            self.close()
            raise

    def _configure(self) -> None:
        for part in ("nwfilter", "libvirtd.conf", "qemu.conf"):
            source = Path("/etc/libvirt") / part
            if source.is_dir():
                shutil.copytree(source, self.directory / "etc" / part)
        (self.directory / "etc/libvirtd.conf").write_text(
            f'host_uuid = "{uuid.uuid4()}"\nunix_sock_rw_perms = "0700"\nauth_unix_rw = "none"\n'
            f'listen_tls = 0\nlisten_tcp = 1\nlisten_addr = "{self.address}"\nauth_tcp = "none"\n'
            'log_outputs = "3:file:/var/log/libvirt/libvirtd.log"\n'
        )
        (self.directory / "etc/qemu.conf").write_text(
            'user = "root"\ngroup = "root"\nsecurity_driver = "none"\nstdio_handler = "file"\nnamespaces = []\n'
            f'remember_owner = 0\ncgroup_controllers = []\nmigration_host = "{self.address}"\n'
        )

    def run(self, *command: str, check: bool = True) -> str:
        """Run a program inside the host and answer what it printed."""
        enter = ["nsenter", "-t", str(self.pid), "-m", "-n", "-u", "-i", "-p"]
        return subprocess.run([*enter, *command], check=check, capture_output=True, text=True, timeout=60).stdout

    def start_libvirtd(self) -> None:
        self.run("bash", "-c", "libvirtd -d --listen >/var/log/libvirt/start.log 2>&1 </dev/null")
        wait_until(self._answers, 30, f"libvirtd of {self.name}")

    def _answers(self) -> bool:
        done = subprocess.run(["virsh", "-q", "-c", self.uri, "uri"], check=False, capture_output=True, timeout=30)
        return done.returncode == 0

    def start_openvswitch(self, bridge: str) -> None:
        """Open vSwitch with one bridge that forwards in userspace."""
        self.run("mkdir", "-p", "/run/openvswitch")
        self.run("ovsdb-tool", "create", "/run/openvswitch/conf.db", "/usr/share/openvswitch/vswitch.ovsschema")
        quiet = "--detach --pidfile --no-chdir --log-file=/dev/null >/dev/null 2>&1 </dev/null"
        self.run("bash", "-c", f"ovsdb-server /run/openvswitch/conf.db --remote=punix:/run/openvswitch/db.sock {quiet}")
        self.run("ovs-vsctl", "--no-wait", "init")
        self.run("bash", "-c", f"ovs-vswitchd {quiet}")
        self.run("ovs-vsctl", "add-br", bridge, "--", "set", "bridge", bridge, "datapath_type=netdev")
        self.run("ip", "link", "set", bridge, "up")

    def kill_libvirtd(self) -> None:
        pid = int((self.run("cat", "/run/libvirtd.pid")).strip())
        self.run("kill", "-9", str(pid))
        wait_until(lambda: str(pid) not in self.run("ps", "-eo", "pid=,stat=").replace(f"{pid} Z", ""), 10, "libvirtd's end")

    def kill_qemu(self, machine: str) -> None:
        """kill -9 of the machine's process."""
        self.run("bash", "-c", f"kill -9 $(cat /run/libvirt/qemu/{machine}.pid)")

    def inside(self, path: str) -> str:
        """Where this process sees a path of the host."""
        return f"/proc/{self.pid}/root{path}"

    def close(self) -> None:
        self._process.kill()  # unshare takes the host's first process with it
        self._process.wait(20)
        shutil.rmtree(self.directory)


def join(one: OneHost, two: OneHost) -> None:
    """A cable between the bridges cloudbr0 of two hosts, which have different addresses there."""
    cable = ["ip", "link", "add", "cable", "netns", str(one.pid), "type", "veth", "peer", "name", "cable"]
    subprocess.run([*cable, "netns", str(two.pid)], check=True, timeout=10)
    for host in (one, two):
        host.run("ip", "link", "set", "cable", "master", "cloudbr0", "up")
