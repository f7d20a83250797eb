"""Deploying the demo's instance through the public API: image, network, instance, a way in from outside."""

from __future__ import annotations

import functools
import http.server
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cloudwright.cli.client import Api
from cloudwright.cli.demo.progress import Tell

OFFERING = "DefaultIsolatedNetworkOfferingWithSourceNatService"
IMAGE_WAIT = 300.0
SSH_WAIT = 240.0  # seconds; without KVM a guest boots in some ten, on a loaded machine in a minute
LOOPBACK = "127.0.0.1/32"


@contextmanager
def offered(image: Path) -> Iterator[str]:
    """The image at an address of this machine alone, as long as the block runs: its URL."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the demo's progress is what people watch."""

    handler = functools.partial(Quiet, directory=str(image.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/{image.name}"
        finally:
            server.shutdown()


def register(api: Api, image: Path, zone: str, tell: Tell) -> dict[str, Any]:
    """Register the image as a template and wait until it is ready."""
    api.call("updateConfiguration", name="secstorage.allowed.internal.sites", value=LOOPBACK)
    with offered(image) as url:
        template = api.one(
            "registerTemplate", name="demo-guest", displaytext="Small Linux with SSH", url=url, format="QCOW2", hypervisor="KVM",
            zoneid=zone, ispublic=True, isfeatured=True, passwordenabled=True, requireshvm=True,
        )  # fmt: skip
        return wait_for_template(api, template["id"], zone, tell)


def wait_for_template(api: Api, template: str, zone: str, tell: Tell) -> dict[str, Any]:
    """The template, once it is ready in the zone. Raises TimeoutError."""
    until = time.monotonic() + IMAGE_WAIT
    while True:
        rows = api.all("listTemplates", templatefilter="all", id=template, zoneid=zone)
        if rows and rows[0]["isready"]:
            tell(f"{int(rows[0].get('physicalsize', rows[0].get('size', 0))) >> 20} MiB")
            return rows[0]
        status = rows[0].get("status", "") if rows else "it is not listed"
        if time.monotonic() > until or "fail" in status.lower():
            raise TimeoutError(f"the template is not ready: {status}")
        tell(status)
        time.sleep(0.2)


def make_key(path: Path) -> str:
    """A new key pair at `path`; answers the public key."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "demo", "-f", path], check=True, capture_output=True)
    return path.with_name(path.name + ".pub").read_text().strip()


def deploy(api: Api, zone: str, template: str, public_key: str, tell: Tell) -> dict[str, Any]:
    """An isolated network with its router, and an instance on it. Answers both, and the size."""
    size = api.one(
        "createServiceOffering", name="demo", displaytext="1 x 500 MHz, 128 MiB", cpunumber=1, cpuspeed=500, memory=128
    )
    offering = api.all("listNetworkOfferings", name=OFFERING)[0]
    network = api.one("createNetwork", name="demo-net", displaytext="demo-net", networkofferingid=offering["id"], zoneid=zone)
    if public_key:
        api.one("registerSSHKeyPair", name="demo", publickey=public_key)
    machine = api.job(
        "deployVirtualMachine", tell, name="demo", displayname="demo", zoneid=zone, templateid=template,
        serviceofferingid=size["id"], networkids=network["id"], keypair="demo" if public_key else None,
    )  # fmt: skip
    tell(f"{machine['nic'][0]['ipaddress']} on {machine.get('hostname', 'a host')}")
    return {"network": network, "machine": machine}


def open_ssh(api: Api, made: dict[str, Any], tell: Tell) -> str:
    """Forward port 22 of the network's public address to the instance. Answers the address."""
    address = api.all("listPublicIpAddresses", associatednetworkid=made["network"]["id"], issourcenat=True)[0]
    api.job(
        "createPortForwardingRule", tell, ipaddressid=address["id"], protocol="tcp", publicport=22, privateport=22,
        virtualmachineid=made["machine"]["id"], openfirewall=True,
    )  # fmt: skip
    tell(f"{address['ipaddress']}:22 to {made['machine']['nic'][0]['ipaddress']}:22")
    return str(address["ipaddress"])


def ssh_command(key: Path, address: str) -> list[str]:
    """How to sign in to the instance. Its host key is made at its first boot, so nobody can know it before."""
    known = f"UserKnownHostsFile={key.with_name('known_hosts')}"
    options = ["BatchMode=yes", "StrictHostKeyChecking=accept-new", known, "ConnectTimeout=5", "IdentitiesOnly=yes"]
    return ["ssh", "-i", str(key), *(part for option in options for part in ("-o", option)), f"root@{address}"]


def answers_over_ssh(key: Path, address: str, tell: Tell) -> str:
    """Wait until the instance answers from outside: what it says of itself. Raises TimeoutError with the last reason."""
    if shutil.which("ssh") is None:
        raise OSError("the program ssh is missing; the package openssh-client has it")
    until = time.monotonic() + SSH_WAIT
    while True:
        asked = [*ssh_command(key, address), "hostname && uname -sr && cut -d' ' -f1 /proc/uptime"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode == 0:
            name, system, uptime = done.stdout.split("\n")[:3]
            tell(f"{name}, {system}, up {float(uptime):.0f} s")
            return done.stdout.strip()
        why = done.stderr.strip().splitlines()[-1:] or ["no answer"]
        if time.monotonic() > until:
            raise TimeoutError(f"the instance did not answer over SSH within {SSH_WAIT:g} s: {why[0]}")
        tell(f"the guest boots; {why[0].removeprefix('ssh: ')}")
        time.sleep(0.5)
