"""The demo's story, from nothing to an instance that answers over SSH from outside."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from cloudwright.cli.client import Api
from cloudwright.cli.demo import instance, zone
from cloudwright.cli.demo.folder import Folder
from cloudwright.cli.demo.progress import Progress
from cloudwright.cli.lab import LabError, why_not
from cloudwright.cli.server import CREDENTIALS

NAMESPACES = Path("/run/netns")
SIMULATED = {f"sim{number}": f"http://sim/sim{number}" for number in (1, 2)}


class Holder:
    """The process that holds the demo, talked to by lines of JSON."""

    def __init__(self, folder: Folder, real: bool) -> None:
        mounted = namespaces_mounted()  # before the first one is made
        log = (folder.path / "hold.log").open("wb")
        program = [sys.executable, "-m", "cloudwright", "demo", "hold", str(folder.path), "real" if real else "simulator"]
        self._process = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True, text=True
        )
        log.close()
        stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        folder.write(pid=self._process.pid, started=stat.rpartition(")")[2].split()[19], real=real, namespaces_mounted=mounted)
        self.where = self._hear()

    def wait_for_server(self) -> int:
        """Returns when the server answers: its port. Raises OSError."""
        return int(self._hear()["port"])

    def join(self, host: str, command: str) -> None:
        """Have a host run the command that addHost answered."""
        self._tell({"join": host, "command": command})
        self._hear()

    def leave(self) -> None:
        """The demo is whole: it goes on without this process."""
        self._tell({"running": True})
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _tell(self, words: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        heard: dict[str, Any] = json.loads(line) if line else {"error": "the process that holds the demo ended"}
        if "error" in heard:
            raise OSError(heard["error"])
        return heard


def tell(folder: Folder, simulator: bool) -> None:
    """Build the demo. Raises what went wrong; whoever calls takes it down again."""
    folder.make()
    progress, began = Progress(), time.monotonic()
    image, reasons = _image(simulator, progress)
    if reasons:
        print("Instances will be simulated.", *[f"  {reason}" for reason in reasons], "", sep="\n")
    with progress.part("processes" if reasons else "hosts and their networks") as say:
        holder = Holder(folder, not reasons)
        say("" if reasons else f"{', '.join(holder.where['hosts'])}: libvirt and Open vSwitch each")
    with progress.part("server") as say:
        console = f"http://127.0.0.1:{holder.wait_for_server()}/client/"
        password = password_of(folder)
        api = keys(f"{console}api", password)
        say(console)
    zone_id = _zone(api, _site(folder, holder), progress)
    known = _instance(folder, api, zone_id, image, progress)
    folder.write(
        console=console, username="admin", password=password, apikey=api.key, secretkey=api.secret, seconds=progress.seconds,
        total=round(time.monotonic() - began, 1), whole=True, reasons=reasons, **known,
    )  # fmt: skip
    holder.leave()
    print(f"\n{summary(folder.read())}")


def _image(simulator: bool, progress: Progress) -> tuple[Path | None, list[str]]:
    """The guest's image; or None, and why instances must be simulated."""
    from cloudwright.cli.lab.guest import guest_image

    reasons = ["The simulator was asked for."] if simulator else why_not()
    if reasons:
        return None, reasons
    try:
        with progress.part("guest image built from packages") as say:
            image = guest_image()
            say(f"{image.stat().st_size >> 20} MiB")
    except LabError as error:
        return None, [f"There is no image for a guest: {error}"]
    return image, []


def _zone(api: Api, site: zone.Site, progress: Progress) -> str:
    """The id of the zone, enabled."""
    with progress.part("zone") as say:
        parts = zone.build(api, site, say)
    with progress.part("hosts join") as say:
        zone.add_hosts(api, site, parts, say)
    with progress.part("storage") as say:
        zone.add_storage(api, site, parts, say)
    return str(parts["zone"]["id"])


def _instance(folder: Folder, api: Api, zone_id: str, image: Path | None, progress: Progress) -> dict[str, Any]:
    """Template, instance and the way in; the proof from outside where the instance is real."""
    public_key = instance.make_key(folder.key) if image else ""
    with progress.part("template") as say:
        if image:
            template = instance.register(api, image, zone_id, say)
        else:
            builtin = api.all("listTemplates", templatefilter="all", hypervisor="Simulator")[0]
            template = instance.wait_for_template(api, builtin["id"], zone_id, say)
    with progress.part("network, router and instance") as say:
        made = instance.deploy(api, zone_id, template["id"], public_key, say)
    with progress.part("port forwarding") as say:
        address = instance.open_ssh(api, made, say)
    if image:
        with progress.part("answers over SSH from outside") as say:
            instance.answers_over_ssh(folder.key, address, say)
    machine = made["machine"]
    return {
        "instance": machine["id"], "name": machine["name"], "host": machine.get("hostname", ""), "address": address,
        "guest_address": machine["nic"][0]["ipaddress"], "key": str(folder.key),
    }  # fmt: skip


def _site(folder: Folder, holder: Holder) -> zone.Site:
    where = holder.where
    if "hosts" not in where:
        management, public = IPv4Network("192.0.2.0/24"), IPv4Network("203.0.113.0/24")
        return zone.Site("Simulator", management, public, SIMULATED, "sim://demo/primary", "sim://demo-secondary")
    for name in ("primary", "secondary"):
        (folder.path / name).mkdir(mode=0o700, exist_ok=True)
    return zone.Site(
        "KVM", IPv4Network(where["management"]), IPv4Network(where["public"]),
        {name: f"http://{address}/{name}" for name, address in where["hosts"].items()},
        f"SharedMountPoint://localhost{folder.path}/primary", f"file://{folder.path}/secondary", holder.join,
    )  # fmt: skip


def namespaces_mounted() -> bool:
    """Whether `ip netns` was used on this machine, so that its directory is mounted."""
    return any(line.split()[4] == str(NAMESPACES) for line in Path("/proc/self/mountinfo").read_text().splitlines())


def password_of(folder: Folder) -> str:
    """The administrator's password, where the server left it."""
    lines = (folder.data / CREDENTIALS).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)["password"]


def keys(url: str, password: str) -> Api:
    """The API as admin, by signed requests from now on."""
    api = Api(url)
    user = api.login("admin", password)
    made = api.job("registerUserKeys", id=user["userid"])
    return Api(url, made["apikey"], made["secretkey"])


def summary(known: dict[str, Any]) -> str:
    """What was made, how long each part took, and how to get in."""
    real = known["real"]
    lines = [
        f"A cloud: a zone, two {'' if real else 'simulated '}hosts, an isolated network behind a router, an instance in it.",
        "",
        f"  instance   {known['name']} ({known['guest_address']}) on {known['host']}, reached at {known['address']}:22",
    ]
    if real:
        command = " ".join(instance.ssh_command(Path(known["key"]), known["address"]))
        lines.append(f"  sign in    {command}")
    lines += [
        f"  console    {known['console']}",
        f"             user {known['username']}, password {known['password']}",
        f"  API        {known['console']}api",
        f"             key {known['apikey']}",
        f"             secret {known['secretkey']}",
        "",
        f"  took       {known['total']} s: " + ", ".join(f"{name} {took} s" for name, took in known["seconds"].items()),
        "",
        "It runs until `make demo-down` (`cloudwright demo down`).",
    ]
    return "\n".join(lines)
