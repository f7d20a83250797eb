"""Full deploys on simulated hosts, and steps of the task engine."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet

from cloudwright.cloud import Cloud, master_key
from cloudwright.compute.model import Vm
from cloudwright.compute.vm.boot import DeployVm
from cloudwright.core.task import TaskRow
from cloudwright.drivers.world import MemoryWorld
from tests.bench import bulk
from tests.bench.figure import Figure, percentile, say
from tests.bench.replay import copied, recorded, replay
from tests.conftest import call, finished
from tests.infrastructure.zone import Built, simulated_zone

CALLERS = 8
SIZE = "cpus=640&mhz=2000&memory=26214400"
OFFERING = "DefaultIsolatedNetworkOfferingWithSourceNatService"


class Site:
    """A cloud in this process with a zone that is ready to deploy to."""

    def __init__(self, directory: Path, networks: int = 20, data: bool = False, url: str = "") -> None:
        """With `data` its database lies where a server of that directory will look for it; or it is the one at `url`."""
        directory.mkdir(exist_ok=True)
        self.key = master_key(directory / "data") if data else Fernet.generate_key()
        file = directory / "data" / "cloudwright.db" if data else directory / "cloud.db"
        self.cloud = Cloud(url or f"sqlite:///{file}", key=self.key, world=MemoryWorld())
        self.cloud.install()
        self.cloud.start()
        self.zone: Built = simulated_zone(self.cloud, hosts=10, size=SIZE)
        zone = self.zone.zone.uuid
        template = self.call("listTemplates", templatefilter="featured", zoneid=zone)["template"][0]["id"]
        size = self.call("listServiceOfferings", name="Small Instance")["serviceoffering"][0]["id"]
        self.params = {"zoneid": zone, "templateid": template, "serviceofferingid": size}
        offering = self.call("listNetworkOfferings", name=OFFERING)["networkoffering"][0]["id"]
        self.networks = [
            self.call("createNetwork", name=f"net {i}", zoneid=zone, networkofferingid=offering, gateway="10.1.0.1",
                      netmask="255.255.252.0")["network"]["id"]
            for i in range(networks)
        ]  # fmt: skip
        for number in range(networks):
            self.deployed(number)

    def call(self, command: str, **params: Any) -> Any:
        return call(self.cloud, self.zone.caller, command, **params)

    def deploy(self, number: int) -> str:
        """Accept one; answers its job."""
        network = self.networks[number % len(self.networks)]
        return str(self.call("deployVirtualMachine", **self.params, networkids=network)["jobid"])

    def deployed(self, number: int) -> float:
        """Seconds from the call to the running instance."""
        began = time.perf_counter()
        row = finished(self.cloud, self.deploy(number), 300)
        assert row.state == "done", row.error
        return time.perf_counter() - began

    def many(self, number: int) -> float:
        """Seconds that so many take, asked for by eight callers at once."""
        jobs: list[str] = []

        def ask(caller: int) -> None:
            jobs.extend(self.deploy(i) for i in range(caller, number, CALLERS))

        began = time.perf_counter()
        callers = [threading.Thread(target=ask, args=(i,)) for i in range(CALLERS)]
        for thread in callers:
            thread.start()
        for thread in callers:
            thread.join()
        while self.cloud.db.read().count(TaskRow, TaskRow.c.live == 1, TaskRow.c.kind_name == DeployVm.__name__):
            time.sleep(0.02)
        seconds = time.perf_counter() - began
        failed = self.cloud.db.read().count(TaskRow, TaskRow.c.uuid.in_(jobs), TaskRow.c.state != "done")
        assert not failed, f"{failed} of {number} deploys failed"
        return seconds


@contextlib.contextmanager
def one_processor() -> Iterator[None]:
    """Meanwhile all threads of this process share one processor."""
    all_ = os.sched_getaffinity(0)

    def hold(processors: set[int]) -> None:
        for thread in os.listdir("/proc/self/task"):
            with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
                os.sched_setaffinity(int(thread), processors)

    hold({min(all_)})
    try:
        yield
    finally:
        hold(all_)


def steps_of(site: Site) -> int:
    """How many steps were done."""
    return int(site.cloud.db.read().value(sa.text("SELECT count(*) FROM task_story WHERE verb = 'did'")))


def sustained(directory: Path, number: int) -> list[Figure]:
    """Deploys and steps a second, and what the database alone would take for the same statements."""
    site = Site(directory)
    say(f"{number} deploys by {CALLERS} callers")
    before, cpu = steps_of(site), time.process_time()
    seconds = site.many(number)
    cpu = (time.process_time() - cpu) / number * 1e3
    steps = (steps_of(site) - before) / seconds
    few = max(40, number // 10)
    say(f"{few * 4} more, on one processor")
    with one_processor():
        held = few * 4 / site.many(few * 4)
    say(f"{few} more, recorded for the floor")
    file = copied(site.cloud, directory / "floor.db")
    with recorded() as statements:
        site.many(few)
    site.cloud.stop()
    began = time.process_time()
    alone = replay(file, statements) / few
    least = (time.process_time() - began) / few * 1e3
    floor = f"{1 / alone:.0f} /s, {len(statements) / few:.0f} statements, {least:.1f} ms of CPU"
    rate = number / seconds
    share = cpu * rate / 1e3
    why = (
        f"{cpu:.1f} ms of CPU each, and it got {share:.0%} of one processor; one thread runs Python at a time, and threads"
        f" on several processors wake each other in vain: held to one it is {held:.0f} /s"
    )
    return [
        Figure("full deploys on simulated hosts", f"{rate:.0f} /s", "> 100 /s", rate > 100, floor, why),
        Figure("steps of tasks, in those deploys", f"{steps:.0f} /s", "", None, f"{steps / rate / alone:.0f} /s"),
    ]


def latency(directory: Path, many: int, number: int) -> list[Figure]:
    """One deploy at a time, at 10 hosts and at many, in turns: what else the machine does meanwhile slows both."""
    directory.mkdir()
    small, large = Site(directory / "small", networks=4), Site(directory / "large", networks=4)
    say(f"{many} hosts")
    bulk.hosts(large.cloud, large.zone, many)
    large.deployed(0)
    pairs = [(small.deployed(i), large.deployed(i)) for i in range(number)]
    used = large.cloud.db.read().value(sa.select(sa.func.count(Vm.c.host_id.distinct())))
    small.cloud.stop()
    large.cloud.stop()
    few, lots = zip(*pairs, strict=True)
    a, b = percentile(few, 0.5), percentile(lots, 0.5)
    measured = f"{a * 1e3:.0f} ms -> {b * 1e3:.0f} ms ({b / a:.2f} x), on {used} hosts"
    floor = f"p99 {percentile(few, 0.99) * 1e3:.0f} -> {percentile(lots, 0.99) * 1e3:.0f} ms"
    return [Figure(f"deploy latency, 10 -> {many} hosts", measured, "<= 1.2 x", b / a <= 1.2, floor)]
