"""Disk offerings: sizes and qualities of data disks."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Success, Told
from cloudwright.core.error import ParamError
from cloudwright.core.listing import Condition, where
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import computed, field
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.model import Host, Zone
from cloudwright.infrastructure.offered import OfferedList, in_zone, offer, reoffer
from cloudwright.storage.clone import like, quality_of, unsaid
from cloudwright.storage.model import DiskOffering, StoragePool, Volume
from cloudwright.storage.pool.open import pools_of
from cloudwright.storage.quality import (
    STORAGE,
    OfferingView,
    Quality,
    Rates,
    allow,
    quality,
    rates,
    state_of,
)

GIB = 1 << 30


class DiskOfferingView(OfferingView, of=DiskOffering, key="diskoffering"):
    """A disk offering; `disksize` is in GiB."""

    id = field(DiskOffering.c.uuid, "the disk offering's id")
    name = field(DiskOffering.c.name, "its name")
    displaytext = field(DiskOffering.c.display_text, "what it is told as")
    state = field(DiskOffering.c.state, "Active or Inactive")
    disksize = field(DiskOffering.c.size, "the size of its disks in GiB; 0: the caller chooses", convert=lambda size: size // GIB)
    created = field(DiskOffering.c.created, "when it was made")
    iscustomized = field(DiskOffering.c.custom, "whether the caller chooses the size")
    iscustomizediops = field(DiskOffering.c.custom_iops, "whether the caller chooses guaranteed operations")
    tags = field(DiskOffering.c.tags, "the tags that its storage must have")
    storagetype = field(DiskOffering.c.storage_type, "shared or local")
    provisioningtype = field(DiskOffering.c.provisioning, "thin, sparse or fat")
    _limits = field(DiskOffering.c.limits, "how fast its disks may be")
    cacheMode = field(DiskOffering.c.cache_mode, "how the host caches the disk")  # noqa: N815
    displayoffering = field(DiskOffering.c.display, "whether it is shown to users")
    details = field(DiskOffering.c.details, "further details")
    disksizestrictness = computed(lambda row, caller: False, "whether the size of its disks can never change", "boolean")
    encrypt = computed(lambda row, caller: False, "whether its disks are encrypted", "boolean")


class ListDiskOfferings(
    OfferedList, answers=DiskOfferingView, keywords=[DiskOffering.c.name, DiskOffering.c.display_text],
    response={"suitableforvirtualmachine": ("boolean", "with virtualmachineid: whether that machine reaches a pool for it")},
):  # fmt: skip
    """Lists the disk offerings that the caller may use."""

    id: str | None = where(DiskOffering.c.uuid, "only this one", kind="uuid")
    name: str | None = where(DiskOffering.c.name, "only those of this name")
    zone: Ref[Zone] | None = where(in_zone(DiskOffering), "only those for this zone", since="4.13")
    storage_type: str | None = where(DiskOffering.c.storage_type, "shared or local", choices=STORAGE, since="4.19")
    state: str | None = param("Active (without it, too) or Inactive; administrators only", since="4.19")
    volume: Ref[Volume] | None = param("only those to which this volume can be changed", since="4.17")
    storage: Ref[StoragePool] | None = param("only those whose disks this storage pool takes", since="4.17")
    virtual_machine: Ref[Vm] | None = param("only those for disks of this machine", since="4.20.0")
    encrypt: bool | None = param("only those that encrypt", check=not_built("encrypted volumes"), since="4.18")

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        state = state_of(self.state) if self.state and caller.root else "Active"
        c = DiskOffering.c
        conditions: list[tuple[str, Condition, dict[str, Any]]] = [
            *super().narrow(reader, caller),
            ("state", c.state == sa.bindparam("state"), {"state": state}),
        ]
        if self.volume is not None:
            other = c.id != sa.bindparam("not_this")
            conditions.append(("volume", other, {"not_this": self.volume.disk_offering_id or 0}))
        for near in (self.volume, self.virtual_machine):
            if near is not None:
                zone = in_zone(DiskOffering)(sa.bindparam("near"))
                conditions.append(("near", zone, {"near": near.zone_id}))
        if self.storage is not None:
            conditions += _taken_by(reader, self.storage)
        return conditions

    def run(self, reader: Reader, caller: Caller) -> Told:
        told = super().run(reader, caller)
        if self.virtual_machine is not None:
            pools = _reached(reader, self.virtual_machine)
            for row in told.rows:
                taken = (_has(pool, row["tags"]) for pool in pools if _kind(pool) == row["storagetype"])
                row["suitableforvirtualmachine"] = any(taken)
        return told


def _reached(reader: Reader, vm: Vm) -> list[StoragePool]:
    """The pools of the host that a machine is on or was on last; of one that never was, those of its zone."""
    at = vm.host_id or vm.last_host_id
    here = StoragePool.c.zone_id == vm.zone_id if at is None else pools_of(reader.get(Host, at))
    return reader.all(StoragePool, here, StoragePool.c.state == "Up", StoragePool.c.hypervisor == vm.hypervisor)


def _kind(pool: StoragePool) -> str:
    return "local" if pool.scope == "HOST" else "shared"


def _has(pool: StoragePool, tags: str) -> bool:
    return set(filter(None, tags.split(","))) <= set(pool.tags)


def _taken_by(reader: Reader, pool: StoragePool) -> list[tuple[str, Condition, dict[str, Any]]]:
    fitting = [text for text in {o.tags for o in reader.all(DiskOffering)} if _has(pool, text)]
    return [
        ("kind", DiskOffering.c.storage_type == sa.bindparam("kind"), {"kind": _kind(pool)}),
        ("tags", DiskOffering.c.tags.in_(sa.bindparam("fitting", expanding=True)), {"fitting": fitting}),
    ]


class CreateDiskOffering(Quality, Command, answers=DiskOfferingView, event="DISK.OFFERING.CREATE"):
    """Makes a disk offering."""

    name: str = param("its name")
    display_text: str | None = param("what it is told as; its name by default", length=4096)
    disk_size: int | None = param("the size of its disks in GiB", kind="long", minimum=1)
    customized: bool = param("whether the caller chooses the size", default=False)
    tags: str = param("tags, by comma, that storage must have", default="", length=4096)
    display_offering: bool = param("whether users see it", default=True)
    disk_size_strictness: bool | None = param(
        "whether the size of its disks can never change", check=not_built("disks of fixed size"), since="4.17"
    )
    encrypt: bool | None = param("whether its disks are encrypted", check=not_built("encrypted volumes"), since="4.18")
    details: dict[str, str] = param("further details", default={}, since="4.16")

    def run(self, tx: Tx, caller: Caller) -> DiskOffering:
        allow(tx, caller, self, self.tags)
        if self.customized == (self.disk_size is not None):
            raise ParamError(
                "Parameter disksize: an offering has a size or leaves it to the caller (customized=true), one of the two",
                param="disksize",
            )
        made = tx.insert(
            DiskOffering(
                name=self.name, display_text=self.display_text or self.name, size=(self.disk_size or 0) * GIB,
                custom=self.customized, tags=_tags(self.tags), display=self.display_offering, details=self.details,
                **quality(self),
            )
        )  # fmt: skip
        return offer(tx, made, self.domain)


class CloneDiskOffering(
    CreateDiskOffering, answers=DiskOfferingView, event="DISK.OFFERING.CLONE", since="4.23.0", authorized=("Admin", "DomainAdmin")
):
    """Makes a disk offering like another: what is not said is taken from that."""

    source_offering: Ref[DiskOffering] = param("the disk offering to take after", wire_name="sourceofferingid")

    def run(self, tx: Tx, caller: Caller) -> DiskOffering:
        source = self.source_offering
        custom = source.custom if self.customized is None and self.disk_size is None else bool(self.customized)
        known = {
            "disk_size": None if custom else source.size // GIB, "customized": custom, "tags": source.tags,
            "display_offering": source.display, "details": source.details, **quality_of(tx, source),
        }  # fmt: skip
        return like(self, CreateDiskOffering, known).run(tx, caller)


unsaid(CloneDiskOffering)


class UpdateDiskOffering(Rates, Command, answers=DiskOfferingView, event="DISK.OFFERING.EDIT"):
    """Changes a disk offering. Volumes made by it keep what they have."""

    id: Ref[DiskOffering] = param("the disk offering", use=Use.CHANGE)
    name: str | None = param("its new name")
    display_text: str | None = param("what it is told as", length=4096)
    sort_key: int | None = param("where it stands in lists")
    display_offering: bool | None = param("whether users see it")
    domain: str | None = param("the domains it is for, by comma, or public", wire_name="domainid", length=4096, since="4.13")
    zone: str | None = param("the zones it is for, by comma, or all", wire_name="zoneid", length=4096, since="4.13")
    tags: str | None = param("tags, by comma, that storage must have; empty: none", clears=True, since="4.15")
    state: str | None = param("Active or Inactive")

    def run(self, tx: Tx, caller: Caller) -> DiskOffering:
        given = {
            "name": self.name,
            "display_text": self.display_text,
            "sort_key": self.sort_key,
            "display": self.display_offering,
        }
        values = {name: value for name, value in given.items() if value is not None}
        values |= rates(self, self.id.limits)
        if self.tags is not None:
            values["tags"] = _tags(self.tags)
        if self.state is not None:
            values["state"] = state_of(self.state)
        tx.update(self.id, **values)
        reoffer(tx, caller, self.id, self.domain, self.zone)
        return self.id


class DeleteDiskOffering(Command, event="DISK.OFFERING.DELETE"):
    """Deletes a disk offering. Volumes made by it stay as they are."""

    id: Ref[DiskOffering] = param("the disk offering", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        tx.remove(self.id)
        return Success()


def _tags(text: str) -> str:
    return ",".join(tag.strip() for tag in text.split(",") if tag.strip())
