"""Templates and ISOs as answers tell them: one entry for each zone that has one."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.compute.userdata import UserData
from cloudwright.core.access import Caller, Kind, Use, rule
from cloudwright.core.command import Told
from cloudwright.core.error import ParamError
from cloudwright.core.listing import Condition, where
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Reader
from cloudwright.core.view import computed, field, many
from cloudwright.identity.model import Account
from cloudwright.identity.owner import OwnedList, OwnedView, account_named
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.model import Zone
from cloudwright.storage.model import ImageStore, OsCategory, OsType, StoragePool, Template, TemplateAt, shared_with_caller

_c = Template.c
_at = TemplateAt.t.alias("place")
_twin = TemplateAt.t.alias("twin")
_at_store = ImageStore.t.alias("at_store")
_in_store = sa.and_(_at.c.template_id == _c.id, _at.c.store_id != 0, _at.c.gone == 0)
_better = sa.exists().where(  # another copy in the same zone that shall be told instead
    _twin.c.template_id == _at.c.template_id, _twin.c.store_id != 0, _twin.c.gone == 0,
    sa.func.coalesce(_twin.c.zone_id, 0) == sa.func.coalesce(_at.c.zone_id, 0),
    sa.or_(
        sa.and_(_twin.c.state == "Ready", _at.c.state != "Ready"),
        sa.and_(sa.or_(_twin.c.state == "Ready", _at.c.state != "Ready"), _twin.c.id < _at.c.id),
    ),
)  # fmt: skip
_JOINS = [(_at, sa.and_(_in_store, ~_better)), (Zone, Zone.c.id == _at.c.zone_id), (OsType, OsType.c.id == _c.os_type_id)]
_JOINS.append((_at_store, _at_store.c.id == _at.c.store_id))
_JOINS.append((UserData, UserData.c.id == _c.user_data_id))
STATES = {"Ready": "DOWNLOADED", "Downloading": "DOWNLOAD_IN_PROGRESS", "Failed": "DOWNLOAD_ERROR", "Allocated": "NOT_DOWNLOADED"}


def ready_in(zone_id: Any = None) -> sa.ColumnElement[bool]:
    """The template is in an image store; `zone_id`: of that zone, or of all the region."""
    here = [TemplateAt.c.template_id == _c.id, TemplateAt.c.store_id != 0, TemplateAt.c.gone == 0, TemplateAt.c.state == "Ready"]
    if zone_id is not None:
        here.append(sa.or_(TemplateAt.c.zone_id == zone_id, TemplateAt.c.zone_id.is_(None)))
    return sa.exists().where(*here)


def _status(row: dict[str, Any], caller: Caller) -> str:
    state = row.get("_state", "Allocated")
    if state == "Ready":
        return "Download Complete"
    if state == "Failed":
        return str(row.get("_error"))
    if row.get("_store_error"):
        why = f"image store {row['_store']}, which cannot be used: {row['_store_error']}" if caller.root else "its image store"
        return f"waits for {why}"
    return f"{row.get('_progress', 0.0):.0%} Downloaded" if state == "Downloading" else ""


def _downloads(row: dict[str, Any], caller: Caller) -> list[dict[str, str]]:
    return [
        {
            "datastore": place["store"],
            "downloadPercent": f"{place['progress'] * 100:.0f}",
            "downloadState": STATES[place["state"]],
        }
        for place in row.get("_places") or []
    ]


class TemplateView(OwnedView, of=Template, key="template", joins=_JOINS):
    """A template, or an ISO."""

    id = field(_c.uuid, "the template's id")
    name = field(_c.name, "its name")
    displaytext = field(_c.display_text, "what it is told as")
    ispublic = field(_c.public, "whether everybody may use it")
    created = field(_c.created, "when it was registered")
    removed = field(_c.removed, "when it was deleted", "date")
    isready = computed(lambda row, caller: row.get("_state") == "Ready", "whether machines can be made of it", "boolean")
    passwordenabled = field(_c.password_enabled, "whether its guests ask for a password")
    format = field(_c.format, "its format as registered")
    bootable = field(_c.bootable, "whether one can boot from it")
    isfeatured = field(_c.featured, "whether it is recommended")
    crossZones = computed(lambda row, caller: not row.get("_zone_id") and not row.get("_zone_ids"), "in all zones", "boolean")  # noqa: N815
    ostypeid = field(OsType.c.uuid, "its operating system's id")
    ostypename = field(OsType.c.name, "its operating system")
    accountid = field(Account.c.uuid, "the id of its account")
    zoneid = field(Zone.c.uuid, "the zone that has it")
    zonename = field(Zone.c.name, "the name of that zone")
    status = computed(_status, "how far fetching is, or why it failed")
    size = field(sa.func.nullif(_c.size, 0, type_=sa.BigInteger), "bytes that a guest sees", "long")
    physicalsize = field(sa.func.nullif(_c.physical_size, 0, type_=sa.BigInteger), "bytes at rest", "long")
    templatetype = field(_c.template_type, "USER, BUILTIN, SYSTEM …")
    hypervisor = field(_c.hypervisor, "the hypervisor it is for")
    isextractable = field(_c.extractable, "whether it may be taken out")
    checksum = computed(lambda row, caller: row.get("_checksum") or None, "its checksum, as given or as found")
    templatetag = field(_c.tag, "the tag that hosts must have")
    details = field(_c.details, "further details", convert=lambda details: details or None)
    downloaddetails = computed(_downloads, "how far fetching is, by image store", "list")
    arch = field(_c.architecture, "the processor it is for")
    bits = computed(lambda row, caller: 64, "of its processor", "integer")
    sshkeyenabled = field(_c.ssh_key_enabled, "whether its guests ask for an SSH key")
    isdynamicallyscalable = field(_c.dynamically_scalable, "whether its machines may be scaled while they run")
    directdownload = field(_c.direct_download, "whether hosts fetch it themselves")
    deployasis = computed(lambda row, caller: False, "whether its OVF decides", "boolean")
    forcks = computed(lambda row, caller: False, "whether it is for Kubernetes clusters", "boolean")
    requireshvm = computed(lambda row, caller: True, "whether it needs hardware virtualisation", "boolean")
    url = field(_c.url, "where it came from")
    userdataid = field(UserData.c.uuid, "the registered user data that its machines get")
    userdataname = field(UserData.c.name, "the name of that user data")
    userdataparams = field(UserData.c.params, "the variables that it takes, by comma")
    userdatapolicy = field(
        sa.case((_c.user_data_id.is_not(None), _c.user_data_policy)), "what becomes of user data that a caller gives", "string"
    )
    _state = field(_at.c.state, "")
    _error = field(_at.c.error, "")
    _store = field(_at_store.c.name, "")
    _store_error = field(_at_store.c.error, "")
    _progress = field(_at.c.progress, "", "double")
    _checksum = field(sa.func.coalesce(sa.func.nullif(_c.checksum, "", type_=sa.Text), _at.c.checksum), "")
    _zone_id = field(_c.zone_id, "")
    _zone_ids = field(_c.zone_ids, "")
    _places = many(
        TemplateAt, sa.and_(TemplateAt.c.template_id == _c.id, TemplateAt.c.store_id != 0),
        {"store": ImageStore.c.name, "state": TemplateAt.c.state, "progress": field(TemplateAt.c.progress, "", "double")},
        "where it is", joins=[(ImageStore, ImageStore.c.id == TemplateAt.c.store_id)],
    )  # fmt: skip


class IsoView(TemplateView, of=Template, key="iso"):
    """An ISO."""


FILTERS = ("featured", "self", "selfexecutable", "shared", "sharedexecutable", "executable", "community", "all")
_public, _featured = _c.public.is_(True), _c.featured.is_(True)


class ImageList(OwnedList, ancestor=True):
    """What lists of templates and of ISOs have alike."""

    name: str | None = where(_c.name, "only those of this name")
    id: str | None = where(_c.uuid, "only this one", kind="uuid")
    hypervisor: str | None = where(_c.hypervisor, "only those for this hypervisor")
    zone: Ref[Zone] | None = param("only those of this zone")
    arch: str | None = where(_c.architecture, "only those for this processor", since="4.20")
    is_ready: bool | None = where(
        lambda b: sa.or_(sa.and_(b, ready_in()), sa.and_(sa.not_(b), ~ready_in())), "only those ready, or not"
    )
    os_category: Ref[OsCategory] | None = where(
        lambda b: _c.os_type_id.in_(sa.select(OsType.c.id).where(OsType.c.category_id == b)), "only those of this kind of system",
        since="4.21.0", wire_name="oscategoryid",
    )  # fmt: skip
    image_store: Ref[ImageStore] | None = where(
        lambda b: _c.id.in_(_resting(TemplateAt.c.store_id == b)), "only those there", since="4.19"
    )
    storage: Ref[StoragePool] | None = where(
        lambda b: _c.id.in_(_resting(TemplateAt.c.pool_id == b)), "only those there", since="4.19"
    )
    show_removed: bool = param("deleted ones, too", default=False, check=not_built("lists of deleted templates"))
    show_unique: bool = param("one entry for each template, not one for each zone", default=False, since="4.13.2")

    def chosen(self) -> str:
        """The filter asked for."""
        raise RuntimeError(f"BUG: {self.api.name} chooses nothing (ImageListWithoutFilter)")

    def run(self, reader: Reader, caller: Caller) -> Told:
        told = super().run(reader, caller)
        rows = told.rows
        if self.zone is not None:
            rows = [row for row in rows if row.get("zoneid", self.zone.uuid) == self.zone.uuid]
        if self.show_unique:
            rows = list({row["id"]: row for row in reversed(rows)}.values())[::-1]
        return Told(told.key, rows, told.count - len(told.rows) + len(rows) if told.count >= len(told.rows) else len(rows))

    def scope(self, caller: Caller) -> Condition | None:
        return None if self.chosen() != "all" else rule(Template, caller.kind, Use.SEE)

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        conditions: list[tuple[str, Condition, dict[str, Any]]] = [(f"active {self.chosen()}", _c.state == "Active", {})]
        if self.zone is not None:
            mine = sa.and_(_c.zone_id.is_(None), sa.cast(_c.zone_ids, sa.Text) == "[]")
            here = _c.id.in_(_resting(TemplateAt.c.zone_id == sa.bindparam("in_zone")))
            conditions.append(("zone", sa.or_(mine, _c.zone_id == sa.bindparam("in_zone"), here), {"in_zone": self.zone.id}))
        return [*conditions, *self._filtered(reader, caller)]

    def _filtered(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        chosen = self.chosen()
        if chosen == "all":
            if caller.kind is Kind.USER:
                raise ParamError(f"Parameter {self._filter_name()}: only administrators list all", param=self._filter_name())
            return self.of_owner(reader, caller) if self.account or self.domain or self.project else []
        shape, whose, binds = self._whose(reader, caller)
        conditions = {
            "featured": sa.and_(_public, _featured),
            "community": sa.and_(_public, sa.not_(_c.featured)),
            "self": whose,
            "selfexecutable": whose,
            "shared": shared_with_caller(),
            "sharedexecutable": shared_with_caller(),
            "executable": sa.or_(whose, _public, shared_with_caller()),
        }
        found = [(f"filter {shape}", conditions[chosen], binds)]
        if chosen.endswith("executable"):
            found.append(("executable", ready_in(), {}))
        return found

    def _whose(self, reader: Reader, caller: Caller) -> tuple[str, Condition, dict[str, Any]]:
        if self.account is not None:
            account = account_named(reader, caller, self.account, self.domain.id if self.domain else caller.domain_id)
            return "account", _c.account_id == sa.bindparam("whose"), {"whose": account.id}
        if self.project is not None:
            (shape, condition, binds), *more = self.of_owner(reader, caller) or [("all", sa.true(), {})]
            for name, also, values in more:
                shape, condition, binds = f"{shape} {name}", sa.and_(condition, also), {**binds, **values}
            return shape, condition, binds
        if self.list_all and caller.kind is not Kind.USER:
            seen = rule(Template, caller.kind, Use.CHANGE)
            return "all", sa.true() if seen is None else seen, {}
        if self.domain is not None:
            return "domain", _c.domain_id == sa.bindparam("whose_domain"), {"whose_domain": self.domain.id}
        return "own", _c.account_id == sa.bindparam("caller_account"), {}

    def _filter_name(self) -> str:
        return "templatefilter" if "template_filter" in self.api.params else "isofilter"


def _resting(condition: Condition) -> sa.Select[Any]:
    return sa.select(TemplateAt.c.template_id).where(TemplateAt.c.gone == 0, condition)


class ListTemplates(ImageList, answers=TemplateView, keywords=[_c.name, _c.display_text]):
    """Lists templates: those recommended, one's own, shared, or all, as templatefilter says."""

    template_filter: str = param("which", choices=FILTERS)
    ids: list[str] = where(_c.uuid, "only these", default=None, since="4.9")
    template_type: str | None = where(_c.template_type, "only those of this type", since="4.19.0")
    details: list[str] = param("which details are told; all are", default=[], since="4.15")
    parent_template: str | None = param(
        "only its children", kind="uuid", wire_name="parenttemplateid", check=not_built("templates of templates"), since="4.4"
    )
    is_vnf: bool | None = param("only network appliances", check=not_built("network appliances as templates"), since="4.19.0")
    for_cks: bool | None = param("only those for Kubernetes", check=not_built("Kubernetes clusters"), since="4.21.0")
    extension: str | None = param(
        "only those of this extension", kind="uuid", wire_name="extensionid", check=not_built("extensions"), since="4.21.0"
    )

    def chosen(self) -> str:
        return self.template_filter.lower()

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        return [("no iso", _c.format != "ISO", {}), *super().narrow(reader, caller)]


class ListIsos(ImageList, answers=IsoView, keywords=[_c.name, _c.display_text]):
    """Lists ISOs: those recommended, one's own, shared, or all, as isofilter says."""

    iso_filter: str = param("which", choices=FILTERS, default="selfexecutable")
    bootable: bool | None = where(_c.bootable, "only those one can boot from, or cannot")
    is_public: bool | None = where(_c.public, "only those that everybody may use, or may not")

    def chosen(self) -> str:
        return self.iso_filter.lower()

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        return [("iso", _c.format == "ISO", {}), *super().narrow(reader, caller)]
