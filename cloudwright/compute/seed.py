"""The service offerings that a new installation starts with."""

from __future__ import annotations

from cloudwright.compute.model import ServiceOffering
from cloudwright.core.tx import Tx

# name, processors, MHz, MiB
USERS = [("Small Instance", 1, 500, 512), ("Medium Instance", 1, 1000, 1024)]
# name, unique name, kind of machine, MHz, MiB, started again elsewhere
SYSTEMS = [
    ("System Offering For Software Router", "Cloud.Com-SoftwareRouter", "domainrouter", 500, 256, True),
    ("System Offering For Console Proxy", "Cloud.com-ConsoleProxy", "consoleproxy", 500, 1024, False),
    ("System Offering For Secondary Storage VM", "Cloud.com-SecondaryStorage", "secondarystoragevm", 500, 512, False),
    ("System Offering For Internal LB Instance", "Cloud.Com-InternalLBVm", "internalloadbalancervm", 256, 512, True),
]


def seed(tx: Tx) -> None:
    """Store the offerings that were never there: one that an operator deleted stays away."""
    for name, cpus, mhz, mib in USERS:
        _once(tx, ServiceOffering(name=name, display_text=name, cpus=cpus, cpu_mhz=mhz, memory=mib))
    for name, unique, kind, mhz, mib, ha in SYSTEMS:
        for ending, short, lies in (("", "", "shared"), (" - Local Storage", "-Local", "local")):
            _once(
                tx,
                ServiceOffering(
                    name=name + ending, display_text=name + ending, unique_name=unique + short, system_vm=kind,
                    cpus=1, cpu_mhz=mhz, memory=mib, ha=ha, storage_type=lies,
                ),
            )  # fmt: skip


def _once(tx: Tx, offering: ServiceOffering) -> None:
    ever = ServiceOffering.t.select().where(ServiceOffering.c.name == offering.name).limit(1)
    if tx.one(ever) is None:
        tx.insert(offering)
