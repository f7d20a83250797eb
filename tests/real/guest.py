"""An instance of a real cloud, asked from within and from outside."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
import time
from typing import TYPE_CHECKING

from cloudwright.cli.demo import instance
from cloudwright.cli.lab.host import Host
from tests.real.story import eventually

if TYPE_CHECKING:
    from tests.real.cloud import Cloud


class Guest:
    """An instance, asked by its guest agent through its host's libvirt."""

    def __init__(self, cloud: Cloud, id: str) -> None:
        self.cloud, self.id, self.domain = cloud, id, f"i-{id}"
        self.ip = self.row()["nic"][0]["ipaddress"]

    def row(self) -> dict:
        return self.cloud.api.all("listVirtualMachines", id=self.id)[0]

    @property
    def host(self) -> Host:
        return self.cloud.host_of(self.row())

    def virsh(self, *words: str, check: bool = True) -> str:
        return self.host.run(["virsh", "-q", *words], check=check)

    def sh(self, command: str, seconds: float = 30.0, host: Host | None = None) -> str:
        """What a shell in the guest prints; waits for its agent."""
        host = host or self.host
        asked = {"path": "/bin/sh", "arg": ["-c", command], "capture-output": True}
        started = eventually(lambda: self._ask(host, "guest-exec", asked), 150)
        ended = eventually(
            lambda: (status := self._ask(host, "guest-exec-status", {"pid": started["pid"]})) and status["exited"] and status,
            seconds,
        )
        return base64.b64decode(ended.get("out-data", "")).decode().strip()

    def _ask(self, host: Host, verb: str, arguments: dict):
        question = json.dumps({"execute": verb, "arguments": arguments})
        answer = host.run(["virsh", "-q", "qemu-agent-command", "--timeout", "5", self.domain, question], check=False)
        return json.loads(answer)["return"] if answer.strip() else None

    def pings(self, address: str, count: int = 2) -> bool:
        return "heard" in self.sh(f"ping -c {count} -W 2 {address} >/dev/null && echo heard", 20 + 3 * count)

    def address(self) -> str:
        """The address it has by DHCP, once it has one."""
        show = "ip -4 -o addr show dev eth0 | awk '{print $4}'"
        return eventually(lambda: self.sh(show).partition("/")[0], 60)

    def uptime(self, host: Host | None = None) -> float:
        """Seconds since it booted."""
        return float(self.sh("cut -d' ' -f1 /proc/uptime", host=host))

    def qemu_pid(self) -> int:
        return int(self.host.run(["cat", f"/run/libvirt/qemu/{self.domain}.pid"]))


class Session:
    """An SSH session from outside, in which the guest tells its uptime every 100 ms."""

    def __init__(self, cloud: Cloud, address: str) -> None:
        tell = "while :; do cut -d' ' -f1 /proc/uptime; sleep 0.1; done"
        self._process = subprocess.Popen([*instance.ssh_command(cloud.key, address), tell], stdout=subprocess.PIPE, text=True)
        self._uptimes: list[float] = []
        self._at = 0.0
        self.longest = 0.0  # silence, in seconds
        self._reader = threading.Thread(target=self._read)

    def __enter__(self) -> Session:
        self._reader.start()
        eventually(lambda: len(self._uptimes) > 5, 60)
        return self

    def __exit__(self, kind, error, trace) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()

    def lives_and_grew(self) -> None:
        """It was never broken, and the guest's clock never went back."""
        seen = len(self._uptimes)
        eventually(lambda: len(self._uptimes) > seen, 10)
        assert self._process.poll() is None
        assert self._uptimes == sorted(self._uptimes)

    def _read(self) -> None:
        for line in self._process.stdout:
            now = time.monotonic()
            if self._at:
                self.longest = max(self.longest, now - self._at)
            self._at = now
            self._uptimes.append(float(line))
