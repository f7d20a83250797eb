"""Image stores: where templates and ISOs rest until a pool needs them."""

from __future__ import annotations

from urllib.parse import urlsplit

from cloudwright.core import task as tasks
from cloudwright.core.access import Caller
from cloudwright.core.command import Command, Success
from cloudwright.core.error import InUse, ParamError, counted
from cloudwright.core.listing import List, where
from cloudwright.core.loop import wake
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Tx
from cloudwright.core.view import View, field
from cloudwright.infrastructure.model import Cluster, Zone
from cloudwright.storage.model import ImageStore, Template, TemplateAt
from cloudwright.storage.template.builtin import give_builtin
from cloudwright.storage.template.register import spread
from cloudwright.storage.upkeep import MeasureStorage

PROTOCOLS = ("file", "nfs", "sim")


class ImageStoreView(View, of=ImageStore, key="imagestore", joins=[(Zone, Zone.c.id == ImageStore.c.zone_id)]):
    """An image store."""

    id = field(ImageStore.c.uuid, "the image store's id")
    zoneid = field(Zone.c.uuid, "the zone it is for; none: all of the region")
    zonename = field(Zone.c.name, "the name of that zone")
    name = field(ImageStore.c.name, "its name")
    url = field(ImageStore.c.url, "where it is")
    protocol = field(ImageStore.c.protocol, "file, nfs or sim")
    providername = field(ImageStore.c.provider, "its provider")
    scope = field(ImageStore.c.scope, "ZONE or REGION")
    readonly = field(ImageStore.c.read_only, "whether nothing new is put there")
    disksizetotal = field(ImageStore.c.capacity, "its room in bytes")
    disksizeused = field(ImageStore.c.used, "how much of it is taken")
    error = field(ImageStore.c.error, "why it cannot be used just now; absent while it can", convert=lambda error: error or None)


class SecondaryStorageView(ImageStoreView, of=ImageStore, key="secondarystorage"):
    """The same under its old name."""


class ListImageStores(List, answers=ImageStoreView, keywords=[ImageStore.c.name]):
    """Lists image stores."""

    id: str | None = where(ImageStore.c.uuid, "only this one", kind="uuid")
    name: str | None = where(ImageStore.c.name, "only the one of this name")
    protocol: str | None = where(ImageStore.c.protocol, "only those of this protocol")
    provider: str | None = where(ImageStore.c.provider, "only those of this provider")
    zone: Ref[Zone] | None = where(ImageStore.c.zone_id, "only those of this zone")
    read_only: bool | None = where(ImageStore.c.read_only, "only those where nothing new is put, or where it is", since="4.15.0")


class AddImageStore(Command, answers=ImageStoreView, since="4.2.0"):
    """Adds an image store: file:///a/path of the servers', nfs://host/export (with the detail mountpoint, where servers have it
    mounted), or sim://name."""

    provider: str = param("NFS, or the name of what it is on")
    url: str | None = param("where it is", length=2048)
    name: str | None = param("its name; where it is, by default")
    zone: Ref[Zone] | None = param("the zone it is for; without: all of the region")
    details: dict[str, str] = param("mountpoint: where servers have an NFS export mounted", default={}, style="kv")

    def run(self, tx: Tx, caller: Caller) -> ImageStore:
        if self.url is None:
            raise ParamError("Parameter url: an image store of this kind needs one", param="url", fix=["give file:///a/path"])
        return add(tx, ImageStore(name=self.name or self.url, url=self.url, provider=self.provider), self.zone, self.details)


class AddSecondaryStorage(Command, answers=SecondaryStorageView):
    """Adds an image store; the old name of addImageStore."""

    url: str = param("where it is", length=2048)
    zone: Ref[Zone] | None = param("the zone it is for; without: all of the region")
    details: dict[str, str] = param("mountpoint: where servers have an NFS export mounted", default={})

    def run(self, tx: Tx, caller: Caller) -> ImageStore:
        return add(tx, ImageStore(name=self.url, url=self.url), self.zone, self.details)


def add(tx: Tx, store: ImageStore, zone: Zone | None, details: dict[str, str]) -> ImageStore:
    """Store a new image store, and have the templates of all zones brought to it."""
    parts = urlsplit(store.url)
    if parts.scheme not in PROTOCOLS:
        text = f"Parameter url: {store.url[:80]!r} is of none of the kinds {', '.join(f'{p}://' for p in PROTOCOLS)}"
        raise ParamError(text, param="url")
    store.protocol, store.path = parts.scheme, details.get("mountpoint", "")
    if parts.scheme == "file":
        store.path = parts.path
    if parts.scheme == "nfs" and not store.path and zone is not None and _simulated(tx, zone):
        store.protocol = "sim"  # nobody can mount it there, and nobody needs to
    if store.protocol != "sim" and (
        not store.path.startswith("/") or ".." in store.path.split("/") or store.path.strip("/") == ""
    ):
        text = f"Parameter url: servers need an absolute path below the root directory, not {store.path!r}"
        raise ParamError(text, param="url", fix=["file:///a/path", "nfs://host/export with details[0].key=mountpoint"])
    store.zone_id, store.scope = (zone.id, "ZONE") if zone else (None, "REGION")
    tx.insert(store)
    if store.protocol == "sim":
        give_builtin(tx)
    spread(tx, store)
    wake(tx, MeasureStorage)
    return store


def _simulated(tx: Tx, zone: Zone) -> bool:
    kinds = {cluster.hypervisor for cluster in tx.all(Cluster, Cluster.c.zone_id == zone.id)}
    return kinds == {"Simulator"}


class UpdateImageStore(
    Command, answers=ImageStoreView, resp_key="updateImageStore", ok_resp_key="updateImageStoreresponse", since="4.15.0"
):
    """Renames an image store, lets nothing new be put there, or says how much room it has."""

    id: Ref[ImageStore] = param("the image store")
    name: str | None = param("its new name")
    read_only: bool | None = param("whether nothing new is put there")
    capacity_bytes: int | None = param("its room in bytes, until it is measured", kind="long", minimum=0)

    def run(self, tx: Tx, caller: Caller) -> ImageStore:
        given = {"name": self.name, "read_only": self.read_only, "capacity": self.capacity_bytes}
        tx.update(self.id, **{name: value for name, value in given.items() if value is not None})
        return self.id


class DeleteImageStore(Command, since="4.2.0"):
    """Forgets an image store on which no template rests. What lies in it stays."""

    id: Ref[ImageStore] = param("the image store")

    def run(self, tx: Tx, caller: Caller) -> Success:
        store = self.id
        places = tx.all(TemplateAt, TemplateAt.c.store_id == store.id)
        live = [f"{place.kind}:{place.id}" for place in places]
        names = [tx.get(Template, place.template_id).name for place in places if place.state == "Ready"]
        busy = tx.count(tasks.TaskRow, tasks.TaskRow.c.live == 1, tasks.TaskRow.c.subject.in_(live)) if live else 0
        if names or busy:
            there = counted({"image": len(names), "running job": busy})
            raise InUse(
                f"Image store {store.name} is in use: it has {there}",
                param="id",
                why=[", ".join(names[:10])] if names else [],
                fix=["delete them first"],
            )
        for place in places:
            tx.remove(place)
        tx.remove(store)
        return Success()
