"""Bringing a registered template or ISO into image stores. What comes from a stranger is trusted in nothing."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from cloudwright.core import task as tasks
from cloudwright.core.error import ParamError
from cloudwright.core.event import emit
from cloudwright.core.setting import bad_networks, setting
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Reader, Tx
from cloudwright.drivers.error import Refused
from cloudwright.drivers.images import address, terms
from cloudwright.drivers.images.contract import FetchPolicy, ImageSeen
from cloudwright.infrastructure.model import Zone
from cloudwright.storage.image.use import in_store
from cloudwright.storage.model import ImageStore, Template, TemplateAt
from cloudwright.storage.pool.use import awaited
from cloudwright.storage.size import GIB, MAX_VOLUME

MAX_IMAGE = setting("max.template.iso.size", 50, "GiB that a template or ISO may have when it is fetched", minimum=1)
INTERNAL = setting(
    "secstorage.allowed.internal.sites",
    "",
    "CIDRs, by comma, of internal addresses from which templates and ISOs may be fetched",
    check=bad_networks,
)
REDIRECTS = setting(
    "template.download.redirects", 3, "how many redirects a download follows; each is held to the rules of the first address",
    minimum=0, maximum=20,
)  # fmt: skip
WAIT = 86400.0  # seconds that a download may take


def policy(reader: Reader) -> FetchPolicy:
    """What downloads may do now."""
    return FetchPolicy(
        max_bytes=MAX_IMAGE.get(reader) * GIB,
        max_virtual_bytes=MAX_VOLUME.get(reader) * GIB,
        timeout=WAIT,
        redirects=REDIRECTS.get(reader),
        allow=[cidr.strip() for cidr in INTERNAL.get(reader).split(",") if cidr.strip()],
    )


def check_source(reader: Reader, url: str, format: str, checksum: str) -> None:
    """What can be refused without looking. Raises ParamError naming the rule."""
    for name, check in (
        ("url", lambda: address.parse(url, policy(reader))),
        ("format", lambda: terms.claim_of(format)),
        ("checksum", lambda: terms.checksum_of(checksum)),
    ):
        try:
            check()
        except Refused as error:
            raise ParamError(f"Parameter {name}: {error}", param=name) from None


def wanted_in(template: Template, zone_id: int | None) -> bool:
    """Whether a template is for a zone; a store of the whole region (None) takes all."""
    if zone_id is None or (template.zone_id is None and not template.zone_ids):
        return True
    return zone_id == template.zone_id or zone_id in template.zone_ids


def bring(tx: Tx, template: Template, store: ImageStore) -> TemplateAt:
    """Begin to bring a template to a store."""
    row = TemplateAt(
        template_id=template.id, account_id=template.account_id, store_id=store.id, zone_id=store.zone_id, url=template.url or ""
    )
    place = tx.insert(row)
    task = RegisterTemplate(place=place.id)
    tasks.start(tx, task, place, account_id=template.account_id, domain_id=template.domain_id)
    return place


def bring_to_all(tx: Tx, template: Template) -> None:
    """Bring it to each store of its zones. Raises ParamError where there is none."""
    stores = [s for s in tx.all(ImageStore, ImageStore.c.read_only.is_(False)) if wanted_in(template, s.zone_id)]
    if not stores:
        ids = [template.zone_id, *template.zone_ids]
        where = ", ".join(z.name for z in tx.all(Zone) if z.id in ids) or "any zone"
        text = f"{template.name} has nowhere to go: there is no image store for {where} that takes new images"
        raise ParamError(
            text,
            param="zoneid",
            fix=["add an image store (addImageStore)", "or open one for new images (updateImageStore with readonly=false)"],
        )
    for store in stores:
        bring(tx, template, store)


def spread(tx: Tx, store: ImageStore) -> None:
    """Bring to a new store what its zone does not have yet."""
    here = TemplateAt.c.zone_id == store.zone_id if store.zone_id is not None else TemplateAt.c.zone_id.is_(None)
    have = sa.select(TemplateAt.c.template_id).where(TemplateAt.c.gone == 0, TemplateAt.c.store_id != 0, here)
    for template in tx.all(Template, Template.c.url.is_not(None), Template.c.id.not_in(have), Template.c.state == "Active"):
        simulated = template.template_type == "BUILTIN" and template.hypervisor == "Simulator"
        if wanted_in(template, store.zone_id) and simulated <= (store.protocol == "sim"):
            bring(tx, template, store)


class RegisterTemplate(Task, rank=10):
    """Fetch a template or ISO into an image store; on its TemplateAt row there."""

    place: int

    @step
    def begin(self, tx: Tx) -> None:
        """Mark it as under way."""
        place = tx.get(TemplateAt, self.place)
        if place.state != "Ready":
            tx.update(place, state="Downloading", progress=0.0, error="")
            template = tx.get(Template, place.template_id)
            emit(tx, "TEMPLATE.DOWNLOAD.START", f"Fetching {template.name} began", about=template)

    @begin.undo
    def unbegin(self, tx: Tx) -> None:
        """Say why it is not there."""
        place = tx.get(TemplateAt, self.place)
        if place.state != "Ready" and not place.gone:
            known = msgspec.json.decode(self.row.error) if self.row.error else {}
            why = str(known.get("text") or "its registration was cancelled")
            tx.update(place, state="Failed", error=why, progress=0.0)
            template = tx.get(Template, place.template_id)
            emit(tx, "TEMPLATE.DOWNLOAD.FAILED", f"Fetching {template.name} failed: {why}", about=template, level="ERROR")

    @step(deadline=WAIT)
    def fetch(self) -> None:
        """Have the store fetch, check and convert it, and wait."""
        place = self.read.get(TemplateAt, self.place)
        template, store = self.read.get(Template, place.template_id), self.read.get(ImageStore, place.store_id)
        key, what = self.row.uuid, f"image store {store.name} fetches {template.name}"
        work = in_store(self, store, lambda s: s.work(key))
        self.write(lambda tx: _progress(tx, place, work.progress))
        if awaited(self, work, what) is None:
            rules = policy(self.read)
            name, url, checksum = template.image_name, place.url, template.checksum or ""
            in_store(self, store, lambda s: s.begin_fetch(key, name, url, template.format, checksum, rules))
            awaited(self, in_store(self, store, lambda s: s.work(key)), what)
        image = in_store(self, store, lambda s: s.see(template.image_name))
        in_store(self, store, lambda s: s.cancel(key))
        self.write(lambda tx: _arrived(tx, place, image))
        self.say(
            f"{template.name} is in secondary storage",
            store=store.name,
            bytes=image.size,
            virtual=image.virtual,
            sha256=image.checksum,
        )

    @fetch.undo
    def unfetch(self) -> None:
        """Remove what was half made."""
        place = self.read.get(TemplateAt, self.place)
        if place.state == "Ready":
            return
        template, store = self.read.get(Template, place.template_id), self.read.get(ImageStore, place.store_id)
        in_store(self, store, lambda s: s.cancel(self.row.uuid))
        in_store(self, store, lambda s: s.remove(template.image_name))


def _progress(tx: Tx, place: TemplateAt, part: float) -> None:
    tx.execute(TemplateAt.t.update().where(TemplateAt.c.id == place.id).values(progress=part))


def _arrived(tx: Tx, place: TemplateAt, image: ImageSeen) -> None:
    fresh = tx.get(TemplateAt, place.id)
    sizes = {"size": image.size, "virtual": image.virtual, "checksum": image.checksum}
    tx.update(fresh, state="Ready", progress=1.0, error="", **sizes)
    template = tx.get(Template, place.template_id)
    tx.update(template, size=image.virtual, physical_size=image.size)
    emit(tx, "TEMPLATE.DOWNLOAD.SUCCESS", f"Fetching {template.name} is done", about=template)
