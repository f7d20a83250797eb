"""The rows of storage: pools, image stores, disk offerings, templates and volumes. Sizes are in bytes."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Kind, Use, owned_by_caller, projects_of_caller
from cloudwright.core.resource import Owned, Resource, column
from cloudwright.core.tally import Counted, Counts
from cloudwright.drivers.hypervisor.contract import Limits
from cloudwright.infrastructure.offered import Offering, changed_by_caller, offered_to_caller


class StoragePool(Resource, table="storage_pool", unique=[("zone_id", "name")], indexes=[("cluster_id", "id"), ("host_id",)]):
    """Primary storage. `scope` is ZONE, CLUSTER or HOST. `reserved` is what volumes may grow to, by conditional updates."""

    name: str
    zone_id: int
    pod_id: int | None = None
    cluster_id: int | None = None
    host_id: int | None = None
    scope: str = "CLUSTER"
    pool_type: str  # Filesystem, SharedMountPoint, NetworkFilesystem, Simulator
    url: str
    address: str = ""
    path: str = ""
    hypervisor: str = "KVM"
    provider: str = "DefaultPrimary"
    state: str = "Up"
    capacity: int = 0
    used: int = 0
    reserved: int = 0
    tags: list[str] = column(default=[])
    options: dict[str, str] = column(default={})

    @property
    def pool_name(self) -> str:
        """What drivers call it."""
        return f"p-{self.uuid}"


class ImageStore(Resource, table="image_store", unique=[("name",)]):
    """Secondary storage. `protocol` nfs, file or sim; `zone_id` None: of the whole region. `path` is where servers see it,
    `error` why they do not; "" while they do."""

    name: str
    zone_id: int | None = None
    url: str
    path: str = ""
    provider: str = "NFS"
    protocol: str = "nfs"
    scope: str = "ZONE"
    read_only: bool = False
    capacity: int = 0
    used: int = 0
    error: str = column(text=True, default="")


class DiskOffering(Offering, table="disk_offering"):
    """A size and quality of data disks. A custom one leaves the size to the caller."""

    name: str
    display_text: str
    size: int = 0
    custom: bool = False
    custom_iops: bool = False
    storage_type: str = "shared"
    provisioning: str = "thin"
    tags: str = ""
    limits: Limits = column(default=Limits())
    min_iops: int | None = None
    max_iops: int | None = None
    cache_mode: str = "none"
    display: bool = True
    state: str = "Active"
    sort_key: int = 0
    details: dict[str, str] = column(default={})

    @classmethod
    def access(cls, kind: Kind, use: Use) -> Any:
        """Callers use those that are public or of their domain or one above."""
        return changed_by_caller(cls, kind) if use is Use.CHANGE else offered_to_caller(cls)


class OsCategory(Resource, table="os_category", unique=[("name",)]):
    """A family of guest operating systems."""

    name: str
    featured: bool = False
    sort_key: int = 0

    @classmethod
    def access(cls, kind: Kind, use: Use) -> Any:
        """Everybody may look."""
        return sa.false() if use is Use.CHANGE else None


class OsType(Resource, table="os_type", indexes=[("category_id", "id"), ("name",)]):
    """A guest operating system. `name` is what people are shown, `short_name` what programs may call it."""

    name: str
    short_name: str | None = None
    category_id: int
    user_defined: bool = False
    display: bool = True
    details: dict[str, str] = column(default={})

    @classmethod
    def access(cls, kind: Kind, use: Use) -> Any:
        """Everybody may look."""
        return sa.false() if use is Use.CHANGE else None


class OsMapping(Resource, table="os_mapping", unique=[("os_type_id", "hypervisor", "hypervisor_version")]):
    """What a hypervisor, of a version or "default", calls a guest operating system."""

    os_type_id: int
    hypervisor: str
    hypervisor_version: str
    os_name: str
    user_defined: bool = True


class Template(Owned, table="template", indexes=[("format", "id")]):
    """A template or (format ISO) an ISO image. `state` Active or Inactive; where it rests is in TemplateAt."""

    name: str
    display_text: str
    url: str | None = column(text=True, default=None)
    format: str  # QCOW2, RAW, VMDK, VHD, OVA, ISO … as registered
    hypervisor: str
    os_type_id: int | None = None
    zone_id: int | None = None  # None: in all zones
    public: bool = False
    featured: bool = False
    extractable: bool = False
    bootable: bool = True
    password_enabled: bool = False
    ssh_key_enabled: bool = False
    dynamically_scalable: bool = False
    direct_download: bool = False
    architecture: str = "x86_64"
    tag: str | None = None
    user_data_id: int | None = None  # registered user data that its machines get
    user_data_policy: str = "ALLOWOVERRIDE"  # APPEND, DENYOVERRIDE: what becomes of what a caller gives
    template_type: str = "USER"  # USER, BUILTIN, SYSTEM, PERHOST
    checksum: str | None = None
    size: int = 0  # what a guest sees
    physical_size: int = 0
    state: str = "Active"
    sort_key: int = 0
    details: dict[str, str] = column(default={})
    zone_ids: list[int] = column(default=[])  # where it is registered for several zones, but not for all

    @property
    def image_name(self) -> str:
        """What image stores and pools call it."""
        return f"t-{self.uuid}"

    def tally(self) -> Counts:
        """Once, wherever it rests."""
        return {Counted.TEMPLATE: 1} if self.state == "Active" else {}

    @classmethod
    def access(cls, kind: Kind, use: Use) -> Any:
        """Everybody uses public and featured ones, and those shared with the account; only the owner and its administrators
        change one."""
        own = owned_by_caller(cls, kind)
        if use is Use.CHANGE:
            return own
        return sa.or_(own, cls.c.public.is_(True), cls.c.featured.is_(True), shared_with_caller())


class TemplateGrant(Resource, table="template_grant", unique=[("template_id", "account_id")], indexes=[("account_id",)]):
    """An account that a template's owner lets use it."""

    template_id: int
    account_id: int


def shared_with_caller() -> sa.ColumnElement[bool]:
    """The template was shared with the caller's account, or a project that it is in."""
    of = TemplateGrant.c
    mine = sa.or_(of.account_id == sa.bindparam("caller_account"), of.account_id.in_(projects_of_caller()))
    return Template.c.id.in_(sa.select(of.template_id).where(of.gone == 0, mine))


class TemplateAt(Resource, table="template_at", unique=[("template_id", "store_id", "pool_id")]):
    """A template at rest in an image store (pool_id 0) or installed in a pool (store_id 0). `state`: Allocated, Downloading,
    Ready, Failed."""

    template_id: int
    account_id: int = 0  # the template's
    store_id: int = 0
    pool_id: int = 0
    zone_id: int | None = None
    state: str = "Allocated"
    progress: float = 0.0
    error: str = column(text=True, default="")
    size: int = 0
    virtual: int = 0
    checksum: str = ""
    url: str = column(text=True, default="")
    last_used: float | None = None

    def tally(self) -> Counts:
        """Each copy in an image store, as soon as its size is known. What pools keep of it is the cloud's."""
        return {Counted.SECONDARY_STORAGE: self.size} if self.store_id else {}


class Volume(
    Owned,
    table="volume",
    indexes=[("vm_id", "id"), ("pool_id", "id"), ("zone_id", "id"), ("template_id",), ("state", "id")],
    searched=["name"],
):
    """A root (slot 0) or data disk. `state`: Allocated, Creating, Ready, Resizing, Attaching, Destroy, Expunging …"""

    name: str
    zone_id: int
    vol_type: str  # ROOT, DATADISK
    state: str = "Allocated"
    size: int
    pool_id: int | None = None
    vm_id: int | None = None
    slot: int | None = None
    disk_offering_id: int | None = None
    service_offering_id: int | None = None
    template_id: int | None = None
    format: str = "QCOW2"
    provisioning: str = "thin"
    full_clone: bool = False
    limits: Limits = column(default=Limits())
    cache_mode: str = "none"
    display: bool = True
    attached_at: float | None = None
    delete_protection: bool = False
    destroyed_at: float | None = None
    tally_tags: list[str] = column(default=[])  # the storage tags that its offering asks for
    grows_to: int = 0  # bytes, while it is resized

    def tally(self) -> Counts:
        """From when it is asked for, before a pool has it, until it is destroyed; what is hidden does not count."""
        if self.destroyed_at is not None or not self.display:
            return {}
        return {Counted.VOLUME: 1, Counted.PRIMARY_STORAGE: max(self.size, self.grows_to)}

    @property
    def disk_name(self) -> str:
        """What pools call it."""
        return f"v-{self.uuid}"
