"""The rows of compute: offerings, machines, and what a machine is given."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Kind, Use
from cloudwright.core.resource import Owned, column
from cloudwright.core.secret import Secret
from cloudwright.core.tally import Counted, Counts
from cloudwright.drivers.hypervisor.contract import Limits
from cloudwright.infrastructure.offered import Offering, changed_by_caller, offered_to_caller

RUNS = ("Starting", "Running", "Stopping", "Migrating", "Unknown")
"""States of an instance that runs, or may."""


class ServiceOffering(Offering, table="service_offering"):
    """How much of a machine: processors, MHz of each, MiB of memory. A custom one leaves them to the caller."""

    name: str
    display_text: str
    cpus: int | None = None
    cpu_mhz: int | None = None
    memory: int | None = None  # MiB
    custom: bool = False
    limit_cpu: bool = False
    volatile_vm: bool = False
    ha: bool = False
    storage_type: str = "shared"  # shared, local
    provisioning: str = "thin"
    tags: str = ""  # storage tags
    host_tags: str = ""
    system_vm: str | None = None  # domainrouter, consoleproxy …: an offering for system VMs
    unique_name: str | None = None
    network_rate: int | None = None  # Mb/s
    deployment_planner: str | None = None
    root_disk_gb: int | None = None
    disk_offering_id: int | None = None  # of root disks, which are then as that says
    disk_offering_strict: bool = False  # it is kept to
    purge: bool = False  # its expunged machines are forgotten soon
    limits: Limits = column(default=Limits())
    cache_mode: str = "none"
    dynamic_scaling: bool = True
    state: str = "Active"
    sort_key: int = 0
    details: dict[str, str] = column(default={})

    @classmethod
    def access(cls, kind: Kind, use: Use) -> Any:
        """Callers use those that are public or of their domain or one above; none of the system's."""
        if use is Use.CHANGE:
            return changed_by_caller(cls, kind)
        return sa.and_(cls.c.system_vm.is_(None), offered_to_caller(cls))


class SshKeyPair(Owned, table="ssh_key_pair", unique=[("account_id", "name")]):
    """A public key of an account. The private key was told once, when it was made here."""

    name: str
    fingerprint: str
    public_key: str = column(text=True)


class Vm(
    Owned,
    table="vm",
    indexes=[("host_id", "id"), ("zone_id", "id"), ("state", "id"), ("name",), ("service_offering_id",), ("template_id",)],
    searched=["name", "display_name", "instance_name"],
):
    """An instance. `state` is the API's (Starting, Running, Stopping, Stopped, Destroyed, Expunging, Error, Migrating, Unknown):
    what is desired shows in the task on it, what was seen last in `observed` with its time."""

    name: str  # also the host name in the guest
    display_name: str | None = None
    user_id: int | None = None  # who asked for it
    group_id: int | None = None
    instance_name: str  # what the hypervisor calls it: i-<uuid>
    state: str = "Stopped"
    zone_id: int
    host_id: int | None = None
    target_id: int | None = None  # the host that it is moving to
    last_host_id: int | None = None
    service_offering_id: int
    template_id: int | None = None
    iso_id: int | None = None
    hypervisor: str
    os_type_id: int | None = None
    cpus: int
    cpu_mhz: int
    memory: int  # MiB
    cpu_taken: int = 0  # MHz reserved on host_id (0: none)
    memory_taken: int = 0  # bytes reserved on host_id
    ha: bool = False
    user_data: str | None = column(text=True, default=None)  # base64 as given
    user_data_id: int | None = None  # registered user data that it was given
    user_data_details: dict[str, str] = column(default={})  # values of variables, told as metadata
    key_pairs: list[str] = column(default=[])  # names
    public_keys: str = column(text=True, default="")
    password: Secret | None = None  # until the guest fetched it and a new one is made
    password_serial: str = ""
    password_enabled: bool = False
    details: dict[str, str] = column(default={})
    delete_protection: bool = False
    display: bool = True
    dynamically_scalable: bool = False
    observed: str = ""  # running, stopped …, as last reported
    observed_at: float | None = None
    destroyed_at: float | None = None
    tally_tags: list[str] = column(default=[])  # the host tags that its offering and its template ask for
    grows_cpus: int = 0  # while it is scaled: what it shall have
    grows_memory: int = 0

    def tally(self) -> Counts:
        """From when it is asked for until it is destroyed; what failed or is hidden does not count."""
        if self.destroyed_at is not None or self.state == "Error" or not self.display:
            return {}
        cpus, memory = max(self.cpus, self.grows_cpus), max(self.memory, self.grows_memory)
        counts = {Counted.INSTANCE: 1, Counted.CPU: cpus, Counted.MEMORY: memory}
        if self.state in RUNS:
            counts |= {Counted.RUNNING: 1, Counted.RUNNING_CPU: cpus, Counted.RUNNING_MEMORY: memory}
        return counts
