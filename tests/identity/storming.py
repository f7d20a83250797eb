"""A server process of the limit storms: `storming.py URL WORLD NODE`; its first line of input is the master key.

It says "ready" and takes orders by line: `volumes N` asks by so many threads at once, one volume each; `anything N` by a few
threads, so many things each, while its engine runs. To each it answers what came of it.
"""

from __future__ import annotations

import json
import random
import sys
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from cloudwright.core.error import CloudError, LimitReached
from cloudwright.identity.caller import caller_of, root_caller
from cloudwright.identity.model import NORMAL, Account, User
from tests.conftest import call
from tests.proofs.stage import open_cloud

CALLERS = 6
NOBODY = "00000000-0000-0000-0000-000000000000"


class Storm:
    """What the threads share."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        reader = cloud.db.read()
        mine = sa.select(Account.c.id).where(Account.c.type_ == NORMAL)
        self.root = root_caller(reader)
        self.callers = [caller_of(reader, user) for user in reader.all(User, User.c.account_id.in_(mine))]
        self.zone = self.first("listZones", "zone")
        self.disks = {one["name"]: one["id"] for one in self.ask(self.root, "listDiskOfferings")["diskoffering"]}
        self.sizes = {one["name"]: one["id"] for one in self.ask(self.root, "listServiceOfferings")["serviceoffering"]}
        self.template = self.first("listTemplates", "template", templatefilter="featured")
        self.outcome: Counter[str] = Counter()

    def ask(self, who: Caller, command: str, **params: Any) -> Any:
        return call(self.cloud, who, command, **params)

    def first(self, command: str, key: str, **params: Any) -> str:
        return str(self.ask(self.root, command, **params)[key][0]["id"])

    def one(self, act: Callable[[], object]) -> None:
        """Do it, and note what came of it: done, beyond a limit, refused for another reason, or broken."""
        try:
            act()
            self.outcome["done"] += 1
        except LimitReached:
            self.outcome["beyond"] += 1
        except CloudError:
            self.outcome["refused"] += 1
        except Exception as error:  # the test tells
            self.outcome[f"broken: {type(error).__name__} {error}"[:300]] += 1

    def volume(self, who: Caller) -> None:
        self.ask(who, "createVolume", name="v", zoneid=self.zone, diskofferingid=self.disks["Small"])

    def anything(self, luck: random.Random) -> None:
        """One thing of those that change what counts."""
        who = luck.choice(self.callers)
        volumes = self.ask(self.root, "listVolumes", listall="true").get("volume", [])
        machines = self.ask(self.root, "listVirtualMachines", listall="true").get("virtualmachine", [])
        a_volume = luck.choice(volumes)["id"] if volumes else NOBODY
        a_machine = luck.choice(machines)["id"] if machines else NOBODY
        about = {"zoneid": self.zone, "templateid": self.template, "serviceofferingid": luck.choice(list(self.sizes.values()))}
        acts: list[Callable[[], object]] = [
            lambda: self.volume(who),
            lambda: self.ask(who, "deployVirtualMachine", **about, startvm=luck.choice(["true", "false"])),
            lambda: self.ask(self.root, "resizeVolume", id=a_volume, size=luck.randint(1, 20), shrinkok="true"),
            lambda: self.ask(self.root, luck.choice(["destroyVolume", "recoverVolume", "deleteVolume"]), id=a_volume),
            lambda: self.ask(self.root, "destroyVirtualMachine", id=a_machine, expunge=luck.choice(["true", "false"])),
            lambda: self.ask(self.root, luck.choice(["start", "stop", "recover"]) + "VirtualMachine", id=a_machine),
        ]
        self.one(luck.choice(acts))


def together(number: int, act: Callable[[int], object]) -> None:
    """So many threads that begin at once."""
    gate = threading.Barrier(number)

    def run(i: int) -> None:
        gate.wait()
        act(i)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main(url: str, world: str, node: str) -> None:
    """Serve until there are no more orders."""
    cloud = open_cloud(url, world, key=sys.stdin.readline().strip().encode(), node=node)
    storm = Storm(cloud)
    print("ready", flush=True)
    for line in sys.stdin:
        what, number = line.split()
        storm.outcome.clear()
        if what == "volumes":
            together(int(number), lambda i: storm.one(lambda: storm.volume(storm.callers[i % len(storm.callers)])))
        else:
            cloud.engine.start()
            lucks = [random.Random(f"{node} {i}") for i in range(CALLERS)]
            together(CALLERS, lambda i, n=int(number), of=lucks: [storm.anything(of[i]) for _ in range(n)])  # type: ignore[misc]
        print(json.dumps(storm.outcome), flush=True)
    cloud.stop()


if __name__ == "__main__":
    main(*sys.argv[1:4])
