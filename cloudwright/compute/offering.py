"""Service offerings: how much of a machine. The system's own offerings are told apart by the kind of machine they are for."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.compute.model import ServiceOffering, Vm
from cloudwright.core.access import Caller, Kind, Use
from cloudwright.core.command import Command, Query, Success, Told
from cloudwright.core.error import Denied, ParamError
from cloudwright.core.listing import Condition, where
from cloudwright.core.param import Ref, param
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import computed, field
from cloudwright.identity.model import Account
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.model import Zone
from cloudwright.infrastructure.offered import OfferedList, in_zone, offer, reoffer
from cloudwright.infrastructure.placement import PLANNERS
from cloudwright.storage.clone import like, quality_of, unsaid
from cloudwright.storage.model import DiskOffering, Template
from cloudwright.storage.quality import (
    STORAGE,
    OfferingView,
    Quality,
    allow,
    may_tag,
    quality,
    state_of,
)
from cloudwright.storage.size import GIB

_BOUNDS = {
    "mincpunumber": "min_cpu_number", "maxcpunumber": "max_cpu_number", "minmemory": "min_memory", "maxmemory": "max_memory",
}  # fmt: skip
MOST_CORES = setting(
    "vm.serviceoffering.cpu.cores.max", 0, "how many processors a new service offering may have; 0: any number", minimum=0
)
MOST_MEMORY = setting(
    "vm.serviceoffering.ram.size.max", 0, "how much memory in MiB a new service offering may have; 0: any amount", minimum=0
)
SYSTEM_VMS = ("domainrouter", "consoleproxy", "secondarystoragevm", "internalloadbalancervm", "elasticloadbalancervm")
_c = ServiceOffering.c


def _root(disk: Any, own: Any) -> Any:
    """How root disks are: by the disk offering where there is one."""
    return sa.case((_c.disk_offering_id.is_not(None), disk), else_=own)


class ServiceOfferingView(
    OfferingView, of=ServiceOffering, key="serviceoffering", joins=[(DiskOffering, DiskOffering.c.id == _c.disk_offering_id)]
):
    """A service offering: MHz for each processor, MiB of memory, GiB of root disk."""

    id = field(_c.uuid, "the service offering's id")
    name = field(_c.name, "its name")
    state = field(_c.state, "Active or Inactive")
    displaytext = field(_c.display_text, "what it is told as")
    cpunumber = field(_c.cpus, "how many processors", "integer")
    cpuspeed = field(_c.cpu_mhz, "MHz of each processor", "integer")
    memory = field(_c.memory, "MiB of memory", "integer")
    created = field(_c.created, "when it was made")
    storagetype = field(_c.storage_type, "shared or local")
    provisioningtype = field(_c.provisioning, "thin, sparse or fat")
    offerha = field(_c.ha, "whether its machines are started again elsewhere when their host dies")
    limitcpuuse = field(_c.limit_cpu, "whether processors are held to their MHz")
    isvolatile = field(_c.volatile_vm, "whether the root disk is made anew at each start")
    storagetags = field(_root(DiskOffering.c.tags, _c.tags), "the tags that storage must have", convert=lambda text: text or None)
    hosttags = field(_c.host_tags, "the tag that hosts must have", convert=lambda text: text or None)
    systemvmtype = field(_c.system_vm, "the kind of system machine it is for")
    issystem = computed(lambda row, caller: "systemvmtype" in row, "whether it is for the system's machines", "boolean")
    defaultuse = computed(lambda row, caller: bool(row.get("_unique")), "whether the system uses it by default", "boolean")
    networkrate = field(_c.network_rate, "Mb/s of its interfaces", "integer")
    iscustomized = field(_c.custom, "whether the caller chooses processors and memory")
    iscustomizediops = computed(lambda row, caller: False, "whether the caller chooses guaranteed operations", "boolean")
    deploymentplanner = field(_c.deployment_planner, "the planner that places its machines")
    serviceofferingdetails = field(_c.details, "further details", convert=lambda details: details or None)
    purgeresources = field(_c.purge, "whether its expunged machines are forgotten soon")
    diskofferingid = field(DiskOffering.c.uuid, "the disk offering of its root disks")
    diskofferingname = field(DiskOffering.c.name, "the name of that")
    diskofferingdisplaytext = field(DiskOffering.c.display_text, "what that is told as")
    diskofferingstrictness = field(_c.disk_offering_strict, "whether its root disks keep to that disk offering")
    rootdisksize = field(
        _root(DiskOffering.c.size // GIB, _c.root_disk_gb), "GiB of the root disk", "long", convert=lambda gib: int(gib) or None
    )
    dynamicscalingenabled = field(_c.dynamic_scaling, "whether its machines may be scaled while they run")
    cacheMode = field(_root(DiskOffering.c.cache_mode, _c.cache_mode), "how the host caches the root disk")  # noqa: N815
    _limits = field(_root(DiskOffering.c.limits, _c.limits), "how fast its root disks may be")
    encryptroot = computed(lambda row, caller: False, "whether the root disk is encrypted", "boolean")
    _unique = field(_c.unique_name, "the name by which the system finds it")


class ListServiceOfferings(OfferedList, answers=ServiceOfferingView, keywords=[_c.name, _c.display_text]):
    """Lists the service offerings that the caller may use, or, for administrators, the system's."""

    id: str | None = where(_c.uuid, "only this one", kind="uuid")
    name: str | None = where(_c.name, "only those of this name")
    zone: Ref[Zone] | None = where(in_zone(ServiceOffering), "only those for this zone", since="4.13")
    cpu_number: int | None = where(lambda b: sa.or_(_c.custom, _c.cpus >= b), "with this many processors or more", since="4.15")
    cpu_speed: int | None = where(lambda b: sa.or_(_c.custom, _c.cpu_mhz >= b), "with this many MHz or more", since="4.15")
    memory: int | None = where(lambda b: sa.or_(_c.custom, _c.memory >= b), "with this many MiB or more", since="4.15")
    storage_type: str | None = where(_c.storage_type, "shared or local", choices=STORAGE, since="4.19")
    system_vm_type: str | None = where(_c.system_vm, "of the system's: only those for this kind of machine", choices=SYSTEM_VMS)
    is_system: bool = param("the system's offerings", default=False)
    state: str | None = param("Active (without it, too) or Inactive; administrators only", since="4.19")
    virtual_machine: Ref[Vm] | None = param("only those to which this machine can be changed")
    template: Ref[Template] | None = param("only those that fit this template; here each does", since="4.20.0")
    encrypt_root: bool | None = param("only those that encrypt", check=not_built("encrypted volumes"), since="4.18")
    vgpu_profile: str | None = param(
        "only of this vGPU", kind="uuid", wire_name="vgpuprofileid", check=not_built("GPUs"), since="4.21.0"
    )
    gpu_enabled: bool | None = param("only those with a GPU", check=not_built("GPUs"), since="4.21.0")

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        system = self.is_system and caller.kind is Kind.ROOT
        state = state_of(self.state) if self.state and caller.root else "Active"
        conditions: list[tuple[str, Condition, dict[str, Any]]] = [
            *super().narrow(reader, caller),
            (f"system {system}", _c.system_vm.is_not(None) if system else _c.system_vm.is_(None), {}),
            ("state", _c.state == sa.bindparam("state"), {"state": state}),
        ]
        if self.virtual_machine is not None:
            conditions.append(_changeable(reader, self.virtual_machine))
        return conditions


def _changeable(reader: Reader, vm: Vm) -> tuple[str, Condition, dict[str, Any]]:
    """A machine keeps its kind of storage; one that runs only grows."""
    now = reader.get(ServiceOffering, vm.service_offering_id)
    other = sa.and_(_c.id != sa.bindparam("now"), _c.storage_type == sa.bindparam("lies"))
    least = sa.and_(_c.cpus >= sa.bindparam("cpus"), _c.memory >= sa.bindparam("mib"))
    running = vm.state == "Running"
    cpus, mib = (vm.cpus, vm.memory) if running else (0, 0)
    binds = {"now": now.id, "lies": now.storage_type, "cpus": cpus, "mib": mib}
    return "change", sa.and_(other, sa.or_(_c.custom, least)), binds


class CreateServiceOffering(Quality, Command, answers=ServiceOfferingView, event="SERVICE.OFFERING.CREATE"):
    """Makes a service offering. Without processors, MHz and memory, callers choose them, within bounds where they are given."""

    name: str = param("its name")
    display_text: str | None = param("what it is told as; its name by default")
    cpu_number: int | None = param("how many processors", minimum=1, maximum=255)
    cpu_speed: int | None = param("MHz of each processor", minimum=1)
    memory: int | None = param("MiB of memory", minimum=32)
    customized: bool | None = param("whether the caller chooses processors and memory", since="4.13")
    min_cpu_number: int | None = param("the fewest processors a caller may choose", minimum=1, since="4.13")
    max_cpu_number: int | None = param("the most processors a caller may choose", maximum=255, since="4.13")
    min_memory: int | None = param("the least memory in MiB that a caller may choose", minimum=32, since="4.13")
    max_memory: int | None = param("the most memory in MiB that a caller may choose", since="4.13")
    offer_ha: bool = param("whether its machines are started again elsewhere when their host dies", default=False)
    limit_cpu_use: bool = param("whether processors are held to their MHz", default=False)
    is_volatile: bool = param("whether the root disk is made anew at each start", default=False)
    tags: str = param("tags, by comma, that storage must have", default="")
    host_tags: str = param("the tag that hosts must have", default="")
    is_system: bool = param("whether it is for the system's machines", default=False)
    system_vm_type: str | None = param("for which of them", choices=SYSTEM_VMS)
    network_rate: int | None = param("Mb/s of its interfaces", minimum=0)
    deployment_planner: str | None = param("the planner that places its machines", choices=PLANNERS)
    service_offering_details: dict[str, str] = param("further details", default={}, style="kv")
    root_disk_size: int | None = param("GiB of the root disk", kind="long", minimum=1, since="4.15")
    dynamic_scaling_enabled: bool = param("whether its machines may be scaled while they run", default=True, since="4.16")
    disk_offering: Ref[DiskOffering] | None = param("the disk offering of root disks, which are then as that says", since="4.17")
    disk_offering_strictness: bool = param("whether root disks keep to that disk offering", default=False, since="4.17")
    encrypt_root: bool | None = param("encrypt the root disk", check=not_built("encrypted volumes"), since="4.18")
    purge_resources: bool = param("whether its expunged machines are forgotten soon", default=False, since="4.20")
    lease_duration: int | None = param("days of the lease", check=not_built("leases of machines"), since="4.21.0")
    lease_expiry_action: str | None = param("what its end does", check=not_built("leases of machines"), since="4.21.0")
    vgpu_profile: str | None = param("a vGPU", kind="uuid", wire_name="vgpuprofileid", check=not_built("GPUs"), since="4.21")
    gpu_count: int | None = param("how many GPUs", check=not_built("GPUs"), since="4.21")
    gpu_display: bool | None = param("show the GPU's display", check=not_built("GPUs"), since="4.21")
    external_details: dict[str, str] = param("of extensions", default={}, check=not_built("extensions"), since="4.21.0")

    def run(self, tx: Tx, caller: Caller) -> ServiceOffering:
        allow(tx, caller, self, self.tags + self.host_tags)
        if self.is_system and not caller.root:
            raise Denied("Offerings for the system's machines are made by administrators of root", param="issystem")
        if self.is_system != (self.system_vm_type is not None):
            text = (
                "Parameter systemvmtype: it belongs to an offering for the system's machines (issystem=true), and to each of them"
            )
            raise ParamError(text, param="systemvmtype")
        self._check_disk()
        self._check_most(tx)
        custom = self._is_custom()
        if custom and self.is_system:
            raise ParamError("Parameter cpunumber: an offering for the system's machines says all sizes", param="cpunumber")
        made = tx.insert(
            ServiceOffering(
                name=self.name, display_text=self.display_text or self.name,
                cpus=self.cpu_number, cpu_mhz=self.cpu_speed, memory=self.memory, custom=custom,
                limit_cpu=self.limit_cpu_use, volatile_vm=self.is_volatile, ha=self.offer_ha, tags=self.tags,
                host_tags=self.host_tags, system_vm=self.system_vm_type.lower() if self.system_vm_type else None,
                network_rate=self.network_rate, deployment_planner=self.deployment_planner, root_disk_gb=self.root_disk_size,
                dynamic_scaling=self.dynamic_scaling_enabled, purge=self.purge_resources,
                details=self.service_offering_details | self._bounds(custom),
                **(quality(self) | self._disk()),
            )
        )  # fmt: skip
        return offer(tx, made, self.domain)

    def _disk(self) -> dict[str, Any]:
        """The columns that a disk offering decides."""
        by = self.disk_offering
        if by is None:
            return {}
        where_ = {"storage_type": by.storage_type, "provisioning": by.provisioning}
        return {"disk_offering_id": by.id, "disk_offering_strict": self.disk_offering_strictness, **where_}

    def _check_disk(self) -> None:
        """Raises ParamError where something beside a disk offering says how root disks are."""
        if self.disk_offering is None:
            if self.disk_offering_strictness:
                text = "Parameter diskofferingstrictness: there is no disk offering to keep to; give diskofferingid"
                raise ParamError(text, param="diskofferingstrictness")
            return
        said = (
            "tags",
            "root_disk_size",
            "cache_mode",
            *(p for p in CreateServiceOffering.api.params if p[:5] in ("bytes", "iops_")),
        )
        for name in said:
            if self.__dict__[name] not in (None, "", "none"):
                wire_name = self.api.params[name].wire_name
                text = f"Parameter {wire_name}: disk offering {self.disk_offering.name} says how root disks are"
                raise ParamError(text, param=wire_name)

    def _check_most(self, tx: Tx) -> None:
        for name, value, most in (
            ("cpunumber", self.cpu_number, MOST_CORES), ("maxcpunumber", self.max_cpu_number, MOST_CORES),
            ("memory", self.memory, MOST_MEMORY), ("maxmemory", self.max_memory, MOST_MEMORY),
        ):  # fmt: skip
            if value is not None and 0 < most.get(tx) < value:
                raise ParamError(f"Parameter {name}: {value} is more than the {most.get(tx)} of {most.name}", param=name)

    def _is_custom(self) -> bool:
        sizes = {"cpunumber": self.cpu_number, "cpuspeed": self.cpu_speed, "memory": self.memory}
        missing = [name for name, value in sizes.items() if value is None]
        custom = len(missing) == len(sizes) if self.customized is None else self.customized
        if not custom and missing:
            raise ParamError(
                f"Parameter {missing[0]}: an offering says processors, MHz and memory, or leaves them to the caller",
                param=missing[0],
                fix=[f"give {', '.join(missing)} too", "give customized=true"],
            )
        if custom and (self.cpu_number is not None or self.memory is not None):
            text = "Parameter customized: the caller chooses processors and memory, so the offering cannot fix them"
            raise ParamError(text, param="customized", fix=["bound them by mincpunumber, maxcpunumber, minmemory, maxmemory"])
        return custom

    def _bounds(self, custom: bool) -> dict[str, str]:
        pairs = [
            ("mincpunumber", self.min_cpu_number, "maxcpunumber", self.max_cpu_number),
            ("minmemory", self.min_memory, "maxmemory", self.max_memory),
        ]
        bounds: dict[str, str] = {}
        for low, least, high, most in pairs:
            if least is None and most is None:
                continue
            if not custom or self.cpu_speed is None:
                text = f"Parameter {low}: bounds belong to a customized offering that fixes cpuspeed"
                raise ParamError(text, param=low if least is not None else high)
            if least is None or most is None or least > most:
                raise ParamError(
                    f"Parameters {low} and {high}: {least} and {most} are not a lower and an upper bound", param=high
                )
            bounds |= {low: str(least), high: str(most)}
        return bounds


class CloneServiceOffering(
    CreateServiceOffering, answers=ServiceOfferingView, event="SERVICE.OFFERING.CLONE", since="4.23.0",
    authorized=("Admin", "DomainAdmin"),
):  # fmt: skip
    """Makes a service offering like another: what is not said is taken from that."""

    source_offering: Ref[ServiceOffering] = param("the service offering to take after", wire_name="sourceofferingid")

    def run(self, tx: Tx, caller: Caller) -> ServiceOffering:
        s = self.source_offering
        sized = self.cpu_number is not None or self.memory is not None
        custom = (s.custom and not sized) if self.customized is None else self.customized
        bounds = {name: int(s.details[name]) for name in _BOUNDS if name in s.details} if custom else {}
        known = {
            "cpu_number": None if custom else s.cpus, "cpu_speed": s.cpu_mhz, "memory": None if custom else s.memory,
            "customized": custom, "offer_ha": s.ha, "limit_cpu_use": s.limit_cpu, "is_volatile": s.volatile_vm, "tags": s.tags,
            "host_tags": s.host_tags, "is_system": s.system_vm is not None, "system_vm_type": s.system_vm,
            "network_rate": s.network_rate, "deployment_planner": s.deployment_planner, "root_disk_size": s.root_disk_gb,
            "dynamic_scaling_enabled": s.dynamic_scaling, "disk_offering_strictness": s.disk_offering_strict,
            "purge_resources": s.purge,
            "disk_offering": tx.get(DiskOffering, s.disk_offering_id) if s.disk_offering_id else None,
            "service_offering_details": {name: value for name, value in s.details.items() if name not in _BOUNDS},
            **{_BOUNDS[name]: value for name, value in bounds.items()}, **quality_of(tx, s),
        }  # fmt: skip
        return like(self, CreateServiceOffering, known).run(tx, caller)


unsaid(CloneServiceOffering)


class IsAccountAllowedToCreateOfferingsWithTags(
    Query, response={"isallowed": ("boolean", "whether it may make offerings with tags")}
):
    """Tells whether an account may make offerings with tags of storage and hosts."""

    id: Ref[Account] = param("the account")

    def run(self, reader: Reader, caller: Caller) -> Told:
        return Told("isallowed", [{"isallowed": may_tag(reader, self.id.id)}], one=True)


class UpdateServiceOffering(Command, answers=ServiceOfferingView, event="SERVICE.OFFERING.EDIT"):
    """Changes what a service offering is called and whom it is for. Its sizes never change: machines were placed by them."""

    id: Ref[ServiceOffering] = param("the service offering", use=Use.CHANGE)
    name: str | None = param("its new name")
    display_text: str | None = param("what it is told as")
    sort_key: int | None = param("where it stands in lists")
    domain: str | None = param("the domains it is for, by comma, or public", wire_name="domainid", length=4096)
    zone: str | None = param("the zones it is for, by comma, or all", wire_name="zoneid", length=4096, since="4.13")
    storage_tags: str | None = param("tags, by comma, that storage must have; empty: none", clears=True, since="4.16")
    host_tags: str | None = param("the tag that hosts must have; empty: none", clears=True, since="4.16")
    state: str | None = param("Active or Inactive")
    purge_resources: bool | None = param("whether its expunged machines are forgotten soon", since="4.20")
    external_details: dict[str, str] = param("of extensions", default={}, check=not_built("extensions"), since="4.21.0")
    cleanup_external_details: bool | None = param("of extensions", check=not_built("extensions"), since="4.22.0")

    def run(self, tx: Tx, caller: Caller) -> ServiceOffering:
        given = {
            "name": self.name, "display_text": self.display_text, "sort_key": self.sort_key,
            "tags": self.storage_tags, "host_tags": self.host_tags, "purge": self.purge_resources,
        }  # fmt: skip
        values = {name: value for name, value in given.items() if value is not None}
        if self.state is not None:
            values["state"] = state_of(self.state)
        tx.update(self.id, **values)
        reoffer(tx, caller, self.id, self.domain, self.zone)
        return self.id


class DeleteServiceOffering(Command, event="SERVICE.OFFERING.DELETE"):
    """Deletes a service offering. Machines made by it stay as they are."""

    id: Ref[ServiceOffering] = param("the service offering", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        if self.id.unique_name is not None:
            raise ParamError(
                f"Parameter id: the system makes its own machines by {self.id.name}; it cannot be deleted", param="id"
            )
        tx.remove(self.id)
        return Success()
