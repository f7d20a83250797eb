"""A cloud of two real hosts: a server and agents as programs, driven through the public API, and looked at from below."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

from cloudwright.cli.client import Api
from cloudwright.cli.demo import instance, zone
from cloudwright.cli.lab import Datacenter
from cloudwright.cli.lab.guest import guest_image
from cloudwright.cli.lab.host import Host
from tests.cli.serving import Serving
from tests.real.guest import Guest
from tests.real.story import eventually, quiet, told

AGENT_STATE = "/var/lib/libvirt/cloudwright"  # on the host's own disk, and short enough for the unix sockets below it
MEMORY = 96  # MiB of a guest


class Agents:
    """The agent of each host, as a process that can be killed and started again."""

    def __init__(self, dc: Datacenter, directory: Path) -> None:
        self._dc, self._directory = dc, directory
        self._running: dict[str, subprocess.Popen[str]] = {}

    def enrol(self, name: str, command: str) -> None:
        """Run what addHost answered, then serve."""
        host = self._host(name)
        peers = [other.address for other in self._dc.hosts() if other is not host]
        (host.disk / "agent.toml").write_text(
            f'migration = "{host.migration_uri}"\nunderlay = "mgmt"\nunderlay_address = "{host.address}"\n'
            f"underlay_peers = {json.dumps(peers)}\n[uplinks]\n"
        )
        script = f"export PATH={shlex.quote(os.environ['PATH'])}\n{command} --state {AGENT_STATE} --enrol-only\n"
        host.run(["sh", "-e"], input=script.replace("cloudwright agent", f"{sys.executable} -m cloudwright agent", 1))
        self.start(name)

    def start(self, name: str) -> None:
        host = self._host(name)
        if name in self._running:  # it died with its host
            self._running[name].wait(10)
        program = [
            sys.executable,
            "-m",
            "cloudwright",
            "agent",
            "--state",
            AGENT_STATE,
            "--config",
            str(host.disk / "agent.toml"),
        ]
        with (self._directory / f"agent-{name}.log").open("a") as log:
            self._running[name] = host.popen(program, stdout=log, stderr=log)

    def kill(self, name: str) -> None:
        """kill -9, and it is dead."""
        process = self._running.pop(name)
        process.kill()
        process.wait(10)

    def stop(self) -> None:
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)

    def _host(self, name: str) -> Host:
        return next(host for host in self._dc.hosts() if host.name == name)


class Cloud:
    """`with Cloud(directory) as cloud:` a zone with two hosts, an image and an offering; `api` is the administrator's."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.dc = Datacenter(f"tr{os.getpid() % 100000}", directory / "hosts", hosts=2)
        self.agents = Agents(self.dc, directory)
        self.pool, self.key = directory / "primary", directory / "key"
        self._held = contextlib.ExitStack()

    def __enter__(self) -> Cloud:
        with contextlib.ExitStack() as building:
            building.enter_context(self.dc)
            where = ["--agents-bind", self.dc.server_address, "--advertise", self.dc.server_address, "--agents-port", "8250"]
            self.server = building.enter_context(Serving(self.directory, *where))
            building.callback(self.agents.stop)
            self.api = self.server.with_keys()
            self._build()
            self._held = building.pop_all()
        return self

    def __exit__(self, kind, error, trace) -> None:
        self._held.close()

    def _build(self) -> None:
        for name in ("primary", "secondary"):
            (self.directory / name).mkdir(mode=0o700)
        hosts = {host.name: f"http://{host.address}/{host.name}" for host in self.dc.hosts()}
        site = zone.Site(
            "KVM", self.dc.management, self.dc.public, hosts,
            f"SharedMountPoint://localhost{self.pool}", f"file://{self.directory}/secondary", self.agents.enrol,
        )  # fmt: skip
        parts = zone.build(self.api, site, quiet)
        zone.add_hosts(self.api, site, parts, told)
        zone.add_storage(self.api, site, parts, quiet)
        self.zone, self.physical = parts["zone"]["id"], parts["physical"]["id"]
        self.template = instance.register(self.api, guest_image(), self.zone, quiet)["id"]
        self.offering = self.api.one(
            "createServiceOffering", name="small", displaytext="small", cpunumber=1, cpuspeed=200, memory=MEMORY
        )["id"]
        self.api.one("registerSSHKeyPair", name="key", publickey=instance.make_key(self.key))
        rows = self.api.all("listHosts", type="Routing")
        self.host_ids = [next(row["id"] for row in rows if row["name"] == host.name) for host in self.dc.hosts()]

    def tenant(self, name: str) -> Api:
        """A new account's own client."""
        role = next(row["id"] for row in self.api.all("listRoles") if row["name"] == "User")
        account = self.api.one(
            "createAccount", roleid=role, username=name, password=f"{name}-Pass-1", email=f"{name}@example.org", firstname=name,
            lastname=name, account=name,
        )  # fmt: skip
        made = self.api.job("registerUserKeys", id=account["user"][0]["id"])
        return Api(self.api.url, made["apikey"], made["secretkey"])

    def network(self, api: Api, name: str, **more: object) -> dict:
        offering = api.all("listNetworkOfferings", name=instance.OFFERING)[0]["id"]
        return api.one("createNetwork", name=name, displaytext=name, networkofferingid=offering, zoneid=self.zone, **more)

    def begin(self, api: Api, name: str, network: str, **more: object) -> dict:
        """Ask for an instance; answers what deployVirtualMachine did: id and jobid."""
        size = {"zoneid": self.zone, "templateid": self.template, "serviceofferingid": self.offering}
        return api.call("deployVirtualMachine", name=name, displayname=name, networkids=network, **size, **more)

    def deploy(self, name: str, network: str, host: int, api: Api | None = None, **more: object) -> Guest:
        """An instance on host 1 or 2, running."""
        made = (
            self.begin(self.api, name, network, hostid=self.host_ids[host - 1], **more)
            if api is None
            else self.begin(api, name, network, **more)
        )
        self.finish(made["jobid"])
        return Guest(self, made["id"])

    def finish(self, job: str, seconds: float = 180.0) -> dict:
        """The outcome of a job that must succeed."""
        known = eventually(lambda: (row := self.job(job))["jobstatus"] and row, seconds)
        assert known["jobstatus"] == 1, json.dumps(known, indent=1) + "\n" + "\n".join(self.story(job))
        return known

    def job(self, job: str) -> dict:
        return self.api.call("queryAsyncJobResult", jobid=job)

    def story(self, job: str) -> list[str]:
        rows = self.api.all("listJobStory", jobid=job)
        return [f"{row['task']}.{row['step']} {row['verb']} {row['seconds']:.3f} s: {row['said']}" for row in rows]

    def host_of(self, machine: dict) -> Host:
        return next(host for host in self.dc.hosts() if host.name == machine["hostname"])

    def host_state(self, number: int) -> str:
        return self.api.all("listHosts", id=self.host_ids[number - 1])[0]["state"]

    def overlay(self) -> str:
        """A second physical network, whose guest networks are kept apart by VXLAN. Answers its id."""
        made = self.api.job(
            "createPhysicalNetwork", name="overlay", zoneid=self.zone, vlan="5000-5099", isolationmethods="VXLAN", tags="overlay"
        )["id"]
        self.api.job("addTrafficType", physicalnetworkid=made, traffictype="Guest", kvmnetworklabel="cloudbr0")
        for provider in self.api.all("listNetworkServiceProviders", physicalnetworkid=made, name="VirtualRouter"):
            for element in self.api.all("listVirtualRouterElements", nspid=provider["id"]):
                self.api.job("configureVirtualRouterElement", id=element["id"], enabled=True)
            self.api.job("updateNetworkServiceProvider", id=provider["id"], state="Enabled")
        self.api.job("updatePhysicalNetwork", id=made, state="Enabled")
        return made

    def ssh(self, address: str, command: str) -> str:
        """What a command in the instance behind a public address prints."""
        asked = [*instance.ssh_command(self.key, address), command]
        return subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout.strip()

    def kill_server(self) -> None:
        self.server.end(signal.SIGKILL)

    def start_server(self) -> None:
        self.server.__enter__()
