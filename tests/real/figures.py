"""What the platform adds on real hosts: to the start of an instance, and to a change of rules."""

from __future__ import annotations

import re
import socket
import uuid

from tests.real.cloud import Cloud
from tests.real.guest import Guest
from tests.real.story import Stopwatch, eventually

TRY = 0.02  # seconds until an attempt to connect counts as dropped


def starts(cloud: Cloud, guest: Guest, number: int) -> tuple[list[float], list[float], list[float]]:
    """Seconds that libvirt alone takes to start the guest's machine; that the API takes; that the steps of the latter take.
    The guest runs on host 2, and does again afterwards."""
    host, other = guest.host, str(uuid.uuid4())
    xml = guest.virsh("dumpxml", "--migratable", guest.domain).replace(guest.id, other)
    xml = re.sub(r"<metadata>.*?</metadata>", "", xml, flags=re.DOTALL)
    cloud.api.job("stopVirtualMachine", id=guest.id, forced=True)
    plain, ours, steps = [], [], []
    for _ in range(number):
        watch = Stopwatch()
        host.run(["virsh", "-q", "version"])
        virsh = watch.seconds  # the program itself, and the way into the host
        watch = Stopwatch()
        host.run(["virsh", "-q", "create", "/dev/stdin"], input=xml)
        plain.append(watch.seconds - virsh)
        host.run(["virsh", "-q", "destroy", f"i-{other}"])
        watch = Stopwatch()
        job = cloud.api.call("startVirtualMachine", id=guest.id, hostid=cloud.host_ids[1])["jobid"]
        eventually(lambda job=job: cloud.job(job)["jobstatus"], 60, 0.01)
        ours.append(watch.seconds)
        steps.append(sum(row["seconds"] for row in cloud.api.all("listJobStory", jobid=job)))
        cloud.api.job("stopVirtualMachine", id=guest.id, forced=True)
    cloud.api.job("startVirtualMachine", id=guest.id, hostid=cloud.host_ids[1])
    return plain, ours, steps


def openings(cloud: Cloud, address: dict[str, str], port: int, number: int) -> list[float]:
    """Seconds from asking for a firewall rule until a port that is forwarded to a guest can be connected to from outside."""
    taken = []
    for _ in range(number):
        watch = Stopwatch()
        rule = cloud.api.call("createFirewallRule", ipaddressid=address["id"], protocol="tcp", startport=port, endport=port)
        eventually(lambda: connects(address["ipaddress"], port, TRY), 10, 0.0)
        taken.append(watch.seconds)
        cloud.finish(rule["jobid"])
        cloud.api.job("deleteFirewallRule", id=rule["id"])
        assert not connects(address["ipaddress"], port, 0.5)
    return taken


def loading(cloud: Cloud, router: dict[str, str], number: int) -> list[float]:
    """Seconds that nft alone takes over all rules of a router, on its host, without putting them in force anew."""
    host, inside = cloud.host_of(router), ["ip", "netns", "exec", f"r-{router['id']}"]
    rules = host.run([*inside, "nft", "list", "ruleset"])
    taken = []
    for _ in range(number):
        watch = Stopwatch()
        host.run([*inside, "nft", "--check", "-f", "/dev/stdin"], input=rules)
        taken.append(watch.seconds)
    return taken


def connects(address: str, port: int, seconds: float) -> bool:
    """Whether somebody accepts a connection there."""
    try:
        with socket.create_connection((address, port), seconds):
            return True
    except OSError:
        return False
