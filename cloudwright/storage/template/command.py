"""Registering templates and ISOs, and changing what they say of themselves."""

from __future__ import annotations

from typing import Any

from cloudwright.core.access import Caller, Kind, Use, lookup
from cloudwright.core.command import Command
from cloudwright.core.error import Denied, ParamError
from cloudwright.core.param import Ref, param
from cloudwright.core.setting import setting
from cloudwright.core.tx import Reader, Tx
from cloudwright.drivers.images.terms import CLAIMS
from cloudwright.identity.owner import OwnedBy, owner
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.hypervisor import HYPERVISORS, hypervisor_named
from cloudwright.infrastructure.model import Zone
from cloudwright.storage.model import OsType, Template
from cloudwright.storage.template.register import bring_to_all, check_source
from cloudwright.storage.template.view import IsoView, TemplateView

PUBLIC_ALLOWED = setting(
    "allow.public.user.templates", True, "whether accounts other than the root administrator's may make templates public",
    scopes=("account",),
)  # fmt: skip
ARCHITECTURES = ("x86_64", "aarch64", "s390x")
TYPES = ("USER", "ROUTING", "SYSTEM", "BUILTIN")


class Registration(OwnedBy, Command):
    """What registering a template and an ISO have alike."""

    name: str = param("its name")
    display_text: str | None = param("what it is told as; its name by default", length=4096)
    url: str = param("where it is fetched from: http:// or https://", length=2048)
    os_type: Ref[OsType] | None = param("its operating system")
    checksum: str = param("the file's checksum: hex, or {algorithm}hex, of md5, sha1, sha256 or sha512", default="")
    is_public: bool = param("whether everybody may use it", default=False)
    is_featured: bool = param("whether it is recommended; administrators only", default=False)
    is_extractable: bool = param("whether it may be taken out", default=False)
    password_enabled: bool = param("whether its guests ask for a password", default=False)
    is_dynamically_scalable: bool = param("whether its machines may be scaled while they run", default=False)
    direct_download: bool = param("hosts fetch it themselves", default=False, check=not_built("direct downloads by hosts"))
    arch: str = param("the processor it is for", default="x86_64", choices=ARCHITECTURES, since="4.20")

    def register(self, tx: Tx, caller: Caller, zones: list[Zone], **values: Any) -> Template:
        """Check what can be checked now, store the row, and begin to fetch."""
        check_public(tx, caller, self.is_public, self.is_featured)
        account = owner(tx, caller, self)
        check_source(tx, self.url, values["format"], self.checksum)
        template = tx.insert(
            Template(
                account_id=account.id, domain_id=account.domain_id, name=self.name, url=self.url,
                display_text=self.display_text or self.name, os_type_id=self.os_type.id if self.os_type else None,
                checksum=self.checksum or None, public=self.is_public, featured=self.is_featured,
                extractable=self.is_extractable, password_enabled=self.password_enabled,
                dynamically_scalable=self.is_dynamically_scalable, architecture=self.arch.lower(),
                zone_id=zones[0].id if len(zones) == 1 else None, zone_ids=[z.id for z in zones] if len(zones) > 1 else [],
                **values,
            )
        )  # fmt: skip
        bring_to_all(tx, template)
        return template


def check_public(reader: Reader, caller: Caller, public: bool | None, featured: bool | None) -> None:
    """Raises Denied where the caller may not show it to everybody."""
    if caller.root:
        return
    if public and not PUBLIC_ALLOWED.get(reader, account=caller.account_id):
        raise Denied("Only the root administrator makes templates public here", why=[f"{PUBLIC_ALLOWED.name} is false"])
    if featured and caller.kind is Kind.USER:
        raise Denied("Only administrators recommend templates (isfeatured)", fix=["leave isfeatured out"])


def zones_named(reader: Reader, caller: Caller, ids: list[str]) -> list[Zone]:
    """The zones of these ids; none for "-1", which is all of them. Raises ParamError."""
    if "-1" in ids or not ids:
        return []
    found = []
    for uuid in dict.fromkeys(str(id) for id in ids):
        row = reader.one(lookup(Zone, caller.kind, Use.USE), {"value": uuid, **caller.binds()})
        if row is None:
            raise ParamError(f"Parameter zoneid: there is no zone {uuid[:64]} that you may use", param="zoneid")
        found.append(Zone.load(row))
    return found


class RegisterTemplate(Registration, answers=TemplateView, event="TEMPLATE.CREATE"):
    """Registers a template: the answer comes at once, and image stores begin to fetch it."""

    format: str = param("the file's format, whatever it is packed in", choices=CLAIMS)
    hypervisor: str = param("the hypervisor it is for", choices=HYPERVISORS)
    zone: str | None = param("the zone it is for, or -1 for all", kind="uuid", wire_name="zoneid")
    zone_ids: list[str] = param("the zones it is for; instead of zoneid", default=[])
    ssh_key_enabled: bool = param("whether its guests ask for an SSH key", default=False)
    template_tag: str | None = param("the tag that hosts must have")
    details: dict[str, str] = param("further details", default={})
    bits: int = param("of its processor: 64", default=64, minimum=64, maximum=64)
    requires_hvm: bool = param("whether it needs hardware virtualisation; here all do", default=True, wire_name="requireshvm")
    is_routing: bool | None = param("for routers", wire_name="isrouting", check=not_built("routers made of templates"))
    template_type: str = param("its type; administrators only", default="USER", choices=TYPES, since="4.19.0")
    deploy_as_is: bool | None = param("by its OVF", check=not_built("deployments as an OVF says"), since="4.15.1")
    for_cks: bool | None = param("for Kubernetes", check=not_built("Kubernetes clusters"), since="4.21.0")
    extension: str | None = param(
        "of an extension", kind="uuid", wire_name="extensionid", check=not_built("extensions"), since="4.21.0"
    )
    external_details: dict[str, str] = param("of an extension", default={}, check=not_built("extensions"), since="4.21.0")

    def run(self, tx: Tx, caller: Caller) -> list[Template]:
        if (self.zone is None) == (not self.zone_ids):
            raise ParamError("Parameter zoneid: one of zoneid and zoneids is needed, and only one", param="zoneid")
        check_type(caller, self.template_type)
        zones = zones_named(tx, caller, self.zone_ids or [str(self.zone)])
        template = self.register(
            tx, caller, zones, format=self.format.upper(), hypervisor=hypervisor_named(self.hypervisor),
            ssh_key_enabled=self.ssh_key_enabled, tag=self.template_tag, details=self.details,
            template_type=self.template_type.upper(),
        )  # fmt: skip
        return [template]


def check_type(caller: Caller, kind: str | None) -> None:
    """Raises Denied where the caller may not make a template of this type."""
    if kind and kind.upper() != "USER" and not caller.root:
        raise Denied(f"Only the root administrator makes templates of type {kind.upper()}", fix=["leave templatetype out"])


class RegisterIso(Registration, answers=IsoView, event="ISO.CREATE"):
    """Registers an ISO: the answer comes at once, and image stores begin to fetch it."""

    zone: str = param("the zone it is for, or -1 for all", kind="uuid", wire_name="zoneid")
    bootable: bool = param("whether one can boot from it", default=True)
    image_store_uuid: str | None = param(
        "only into this image store", wire_name="imagestoreuuid", check=not_built("registrations in a single image store")
    )

    def run(self, tx: Tx, caller: Caller) -> list[Template]:
        if self.bootable and self.os_type is None:
            text = "Parameter ostypeid: a machine made of a bootable ISO needs to know its operating system"
            raise ParamError(text, param="ostypeid", fix=["give ostypeid", "give bootable=false"])
        zones = zones_named(tx, caller, [str(self.zone)])
        return [self.register(tx, caller, zones, format="ISO", hypervisor="None", bootable=self.bootable)]


class ImageUpdate(Command):
    """What changing a template and an ISO have alike."""

    id: Ref[Template] = param("it", use=Use.CHANGE)
    name: str | None = param("its new name", length=251)
    display_text: str | None = param("what it is told as", length=4096)
    os_type: Ref[OsType] | None = param("its operating system")
    force_update_os_type: bool | None = param("even where machines use it; they keep theirs", since="4.21")
    format: str | None = param("its format", check=not_built("other formats of what is already fetched"))
    bootable: bool | None = param("whether one can boot from it")
    password_enabled: bool | None = param("whether its guests ask for a password")
    ssh_key_enabled: bool | None = param("whether its guests ask for an SSH key")
    requires_hvm: bool | None = param("whether it needs hardware virtualisation; here all do", wire_name="requireshvm")
    sort_key: int | None = param("where it stands in lists")
    is_dynamically_scalable: bool | None = param("whether its machines may be scaled while they run")
    is_routing: bool | None = param("for routers", wire_name="isrouting", check=not_built("routers made of templates"))
    details: dict[str, str] = param("further details, replacing those of before", default={})
    cleanup_details: bool = param("take all details away", default=False)
    arch: str | None = param("the processor it is for", choices=ARCHITECTURES, since="4.20")

    def change(self, tx: Tx, **more: Any) -> Template:
        """Change the row."""
        given = {
            "name": self.name, "display_text": self.display_text, "bootable": self.bootable,
            "os_type_id": self.os_type.id if self.os_type else None, "password_enabled": self.password_enabled,
            "ssh_key_enabled": self.ssh_key_enabled, "sort_key": self.sort_key,
            "dynamically_scalable": self.is_dynamically_scalable, "architecture": self.arch.lower() if self.arch else None,
            "details": self.details or None, **more,
        }  # fmt: skip
        values = {name: value for name, value in given.items() if value is not None}
        if self.cleanup_details:
            values["details"] = {}
        tx.update(self.id, **values)
        return self.id


def the(template: Template, iso: bool) -> Template:
    """The row, if it is an ISO, or is none, as the command is about. Raises ParamError."""
    if (template.format == "ISO") != iso:
        is_, not_ = ("a template", "an ISO") if iso else ("an ISO", "a template")
        raise ParamError(f"Parameter id: {template.name} is {is_}, not {not_}", param="id")
    return template


class UpdateTemplate(ImageUpdate, answers=TemplateView, event="TEMPLATE.UPDATE"):
    """Changes what a template says of itself. Machines made of it stay as they are."""

    template_type: str | None = param("its type; administrators only", choices=TYPES)
    template_tag: str | None = param("the tag that hosts must have", since="4.20.0")
    for_cks: bool | None = param("for Kubernetes", check=not_built("Kubernetes clusters"), since="4.21.0")

    def run(self, tx: Tx, caller: Caller) -> Template:
        the(self.id, iso=False)
        check_type(caller, self.template_type)
        return self.change(tx, template_type=self.template_type.upper() if self.template_type else None, tag=self.template_tag)


class UpdateIso(ImageUpdate, answers=IsoView, event="ISO.UPDATE"):
    """Changes what an ISO says of itself."""

    def run(self, tx: Tx, caller: Caller) -> Template:
        the(self.id, iso=True)
        return self.change(tx)
