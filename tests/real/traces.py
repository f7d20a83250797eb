"""What a cloud leaves on its hosts: frames on their wires, and all that it made there."""

from __future__ import annotations

import subprocess
import time

from cloudwright.cli.lab.host import Host
from tests.real.cloud import AGENT_STATE, Cloud


class Capture:
    """Frames at a host's device, as tcpdump tells them, a line each."""

    def __init__(self, host: Host, device: str, *filter: str) -> None:
        program = ["tcpdump", "-Z", "root", "-l", "-n", "-e", "-i", device, *filter]
        self._process = host.popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.heard: list[str] = []

    def __enter__(self) -> Capture:
        for line in self._process.stderr:
            if "listening" in line:
                return self
        raise AssertionError("tcpdump does not listen")

    def __exit__(self, kind, error, trace) -> None:
        time.sleep(0.5)
        self._process.kill()
        self.heard = self._process.communicate(timeout=10)[0].splitlines()


def holds(cloud: Cloud) -> dict[str, set[str]]:
    """What hosts and pool really hold of the cloud, by kind."""
    found: dict[str, set[str]] = {"pool": {file.name for file in cloud.pool.iterdir()}}
    asked = {
        "domains": "virsh -q list --all --name",
        "ports": "for bridge in $(ovs-vsctl list-br); do ovs-vsctl list-ports $bridge; done",
        "namespaces": "ip netns list",
        "links": "ls /sys/class/net",
        "segments": f"find {AGENT_STATE}/network -mindepth 1 -not -name segments",
        "processes": "ps -eo args | grep -E '^(/usr/bin/)?(qemu-system|dnsmasq|haproxy)|cloudwright.guest' | grep -v grep; true",
    }
    for host in cloud.dc.hosts():
        for kind, command in asked.items():
            lines = host.run(["sh", "-c", command]).splitlines()
            found[f"{kind} of {host.name}"] = {line.strip() for line in lines if line.strip()}
    return found
