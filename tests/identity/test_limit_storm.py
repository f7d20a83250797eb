"""Limits under storms: servers that ask at once get exactly what the limit leaves; whoever dies when, the ledger is right."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.identity.caller import root_caller
from cloudwright.identity.recount import differences
from cloudwright.storage.model import Volume
from tests import databases
from tests.conftest import call
from tests.identity.conftest import account
from tests.infrastructure.zone import simulated_zone
from tests.installed import KEY, installed
from tests.proofs.oracle import leaks
from tests.proofs.stage import open_cloud, settle

SERVERS = 3
ROOT = Path(__file__).parents[2]
FULL = os.environ.get("CLOUDWRIGHT_PROOFS") == "full"


class Site:
    """A cloud with accounts in a domain; the processes that serve it."""

    def __init__(self, engine: str, directory: Path) -> None:
        self.url, self.world = installed(directory, engine), databases.fresh("sqlite", directory)
        self.log = directory / "log"
        self.servers: list[subprocess.Popen[str]] = []
        cloud = open_cloud(self.url, self.world)
        cloud.engine.start()
        root = root_caller(cloud.db.read())
        simulated_zone(cloud, hosts=2)
        self.domain = call(cloud, root, "createDomain", name="eng")["domain"]["id"]
        below = call(cloud, root, "createDomain", name="dev", parentdomainid=self.domain)["domain"]["id"]
        for i in range(12):
            account(cloud, root, f"u{i}", 0, below if i % 2 else self.domain)
        cloud.stop()

    def open(self) -> Cloud:
        return open_cloud(self.url, self.world)

    def set(self, **values: Any) -> None:
        """Settings, and the limit `volumes` of the domain."""
        cloud = self.open()
        root = root_caller(cloud.db.read())
        most = values.pop("volumes", None)
        if most is not None:
            call(cloud, root, "updateResourceLimit", resourcetype=2, max=most, domainid=self.domain)
        for name, value in values.items():
            call(cloud, root, "updateConfiguration", name=name.replace("_", "."), value=value)
        cloud.stop()

    def serve(self) -> None:
        """Start the servers; answers once all are ready."""
        with self.log.open("a") as log:
            pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log}
            for i in range(SERVERS):
                command = [sys.executable, "-m", "tests.identity.storming", self.url, self.world, f"n{i}"]
                self.servers.append(subprocess.Popen(command, cwd=ROOT, text=True, **pipes))
        self.order(KEY.decode())
        told = {process.stdout.readline() for process in self.servers if process.stdout}
        assert told == {"ready\n"}, self.log.read_text()[-3000:]

    def order(self, line: str) -> None:
        """Tell all servers."""
        for process in self.servers:
            assert process.stdin is not None
            process.stdin.write(line + "\n")
            process.stdin.flush()

    def outcome(self) -> Counter[str]:
        """What came of what was asked of those that live."""
        told = [process.stdout.readline() for process in self.servers if process.stdout]
        return sum((Counter(json.loads(text)) for text in told if text), Counter[str]())

    def close(self) -> None:
        for process in self.servers:
            process.kill()
            process.communicate()
        self.servers.clear()
        databases.drop(self.url)


@pytest.fixture(params=databases.ENGINES)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(dir=databases.roomy()) as directory:
        made = Site(request.param, Path(directory))
        yield made
        made.close()


@pytest.mark.timeout(400)
def test_limits_hold_in_a_storm(site: Site) -> None:
    """Three servers, twelve accounts of two domains. First 201 requests at once: as many are done as the limit above them says.
    Then anything that counts, at the edge of limits: two servers are killed in the middle, another completes their work."""
    site.set(volumes=77)
    site.serve()
    site.order("volumes 67")
    assert site.outcome() == {"done": 77, "beyond": 3 * 67 - 77}
    cloud = site.open()
    assert cloud.db.read().count(Volume) == 77
    assert differences(cloud.db.read()) == []
    root = root_caller(cloud.db.read())
    told = {one["name"]: one for one in call(cloud, root, "listDomains")["domain"]}
    assert [(told[name]["volumetotal"], told[name]["volumelimit"]) for name in ("ROOT", "eng")] == [(77, "Unlimited"), (77, "77")]
    assert sum(one["volumetotal"] for one in call(cloud, root, "listAccounts", listall="true")["account"]) == 77
    counts = call(cloud, root, "updateResourceCount", domainid=told["ROOT"]["id"], resourcetype=2)["resourcecount"]
    assert [one["resourcecount"] for one in counts] == [77]
    cloud.stop()
    site.set(volumes=90, max_account_user_vms=3, max_account_volumes=8)
    site.order(f"anything {60 if FULL else 10}")
    for process in site.servers[1:]:
        time.sleep(1.0)  # the moment is meant to be any
        process.send_signal(signal.SIGKILL)
    outcome = site.outcome()
    assert outcome["done"] > 0
    assert [what for what in outcome if what.startswith("broken")] == []
    cloud = site.open()
    cloud.engine.start()
    settle(cloud)
    assert leaks(cloud) == []  # the ledger among them
    cloud.stop()
