"""The volumes that a new instance is born with."""

from __future__ import annotations

from msgspec import Struct

from cloudwright.compute.model import ServiceOffering, Vm
from cloudwright.core.error import ParamError
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.limit import tags_of
from cloudwright.storage.model import DiskOffering, Template, Volume

GIB = 1 << 30


class Disks(Struct):
    """What the caller said of them. Sizes in GiB."""

    offering: DiskOffering | None = None
    size: int | None = None
    root_size: int | None = None
    root_offering: DiskOffering | None = None  # of the root disk, in place of the service offering's


def make_disks(tx: Tx, vm: Vm, template: Template, service: ServiceOffering, said: Disks) -> None:
    """Insert the root volume and, where one is asked for, a data volume. An ISO's root disk is of the disk offering."""
    if template.format == "ISO":
        if said.offering is None:
            raise ParamError(
                "Parameter diskofferingid: an instance from an ISO needs one for its root disk", param="diskofferingid"
            )
        root = _volume(vm, 0, disk_size(said.offering, said.size))
        root.disk_offering_id = said.offering.id
    else:
        by = said.root_offering or root_offering(tx, service)
        root = _volume(vm, 0, root_size(template, service, by, said.root_size))
        root.template_id, root.disk_offering_id = template.id, by.id if by else None
    root.service_offering_id = service.id
    like = tx.get(DiskOffering, root.disk_offering_id) if root.disk_offering_id else service
    _as_offered(root, like)
    root.tally_tags = tags_of(like.tags)
    tx.insert(root)
    if said.offering is not None and template.format != "ISO":
        data = _volume(vm, 1, disk_size(said.offering, said.size))
        data.disk_offering_id = said.offering.id
        _as_offered(data, said.offering)
        data.tally_tags = tags_of(said.offering.tags)
        tx.insert(data)


def _as_offered(volume: Volume, offering: ServiceOffering | DiskOffering) -> None:
    """How fast a volume is and how it is made."""
    volume.limits, volume.cache_mode, volume.provisioning = offering.limits, offering.cache_mode, offering.provisioning


def disk_size(offering: DiskOffering, gib: int | None) -> int:
    """The size in bytes of a disk of this offering. Raises ParamError where the caller must say it and did not."""
    if not offering.custom:
        return offering.size
    if gib is None:
        raise ParamError(f"Parameter size: disk offering {offering.name} leaves the size to you", param="size")
    return gib * GIB


def root_offering(reader: Reader, service: ServiceOffering) -> DiskOffering | None:
    """The disk offering of a service offering's root disks, where it has one."""
    return reader.get(DiskOffering, service.disk_offering_id) if service.disk_offering_id else None


def root_size(template: Template, service: ServiceOffering, by: DiskOffering | None, gib: int | None) -> int:
    """The size in bytes of a root disk made of a template, by a disk offering where there is one. Raises ParamError where `gib`
    is too little for it, or not what the disk offering says."""
    if by is not None and not by.custom:
        if gib is not None and gib * GIB != by.size:
            text = f"Parameter rootdisksize: disk offering {by.name} has {by.size // GIB} GiB and cannot have {gib}"
            raise ParamError(text, param="rootdisksize", fix=["leave it out"])
        if by.size < template.size:
            text = f"Disk offering {by.name} has {by.size // GIB} GiB, less than the template's {template.size / GIB:.2f} GiB"
            raise ParamError(text, param="serviceofferingid", fix=["take one of a larger or of chosen size"])
        return by.size
    wanted = (gib or 0) * GIB
    if 0 < wanted < template.size:
        text = f"Parameter rootdisksize: {gib} GiB is less than the template's {template.size / GIB:.2f} GiB"
        raise ParamError(text, param="rootdisksize")
    return wanted or max((service.root_disk_gb or 0) * GIB, template.size)


def _volume(vm: Vm, slot: int, size: int) -> Volume:
    kind, name = ("ROOT", f"ROOT-{vm.id}") if slot == 0 else ("DATADISK", f"DATA-{vm.id}")
    return Volume(
        account_id=vm.account_id, domain_id=vm.domain_id, zone_id=vm.zone_id, vm_id=vm.id,
        slot=slot, vol_type=kind, name=name, size=size,
    )  # fmt: skip
