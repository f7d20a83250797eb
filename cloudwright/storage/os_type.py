"""Guest operating systems and their families. `os_types.txt` has those of a new installation: families after #, systems below."""

from __future__ import annotations

from importlib import resources

import sqlalchemy as sa

from cloudwright.core.access import Caller
from cloudwright.core.listing import List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Tx
from cloudwright.core.view import View, field
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.model import Zone
from cloudwright.storage.model import OsCategory, OsType, Template


class OsCategoryView(View, of=OsCategory, key="oscategory"):
    """A family of operating systems."""

    id = field(OsCategory.c.uuid, "the family's id")
    name = field(OsCategory.c.name, "its name")
    isfeatured = field(OsCategory.c.featured, "whether it is recommended")
    created = field(OsCategory.c.created, "when it was added")


def _with_images(iso: bool) -> sa.ColumnElement[bool]:
    kind = Template.c.format == "ISO" if iso else Template.c.format != "ISO"
    types = sa.select(Template.c.os_type_id).where(Template.c.gone == 0, kind, Template.c.os_type_id.is_not(None))
    return OsCategory.c.id.in_(sa.select(OsType.c.category_id).where(OsType.c.id.in_(types)))


class ListOsCategories(List, answers=OsCategoryView, keywords=[OsCategory.c.name]):
    """Lists families of guest operating systems."""

    id: str | None = where(OsCategory.c.uuid, "only this one", kind="uuid")
    name: str | None = where(OsCategory.c.name, "only the one of this name")
    is_featured: bool | None = where(OsCategory.c.featured, "only those recommended, or not", since="4.21.0")
    is_iso: bool | None = where(
        lambda b: sa.or_(sa.and_(b, _with_images(True)), sa.and_(sa.not_(b), _with_images(False))),
        "only those with an ISO, or with a template", since="4.21.0",
    )  # fmt: skip
    zone: Ref[Zone] | None = where(
        lambda b: OsCategory.c.id.in_(
            sa.select(OsType.c.category_id).join(Template.t, Template.c.os_type_id == OsType.c.id).where(
                Template.c.gone == 0, sa.or_(Template.c.zone_id.is_(None), Template.c.zone_id == b)
            )
        ),
        "only those with an image in this zone", since="4.21.0",
    )  # fmt: skip
    arch: str | None = where(
        lambda b: OsCategory.c.id.in_(
            sa.select(OsType.c.category_id).join(Template.t, Template.c.os_type_id == OsType.c.id).where(
                Template.c.gone == 0, Template.c.architecture == b
            )
        ),
        "only those with an image for this processor", since="4.21.0",
    )  # fmt: skip
    is_vnf: bool | None = param("only network appliances", check=not_built("network appliances as templates"), since="4.21.0")


class OsTypeView(View, of=OsType, key="ostype", joins=[(OsCategory, OsCategory.c.id == OsType.c.category_id)]):
    """An operating system."""

    id = field(OsType.c.uuid, "the operating system's id")
    oscategoryid = field(OsCategory.c.uuid, "its family")
    oscategoryname = field(OsCategory.c.name, "the name of its family")
    name = field(sa.func.coalesce(OsType.c.short_name, OsType.c.name), "its name", "string")
    description = field(OsType.c.name, "what people are shown")
    isuserdefined = field(OsType.c.user_defined, "whether an operator added it")
    fordisplay = field(OsType.c.display, "whether it is shown to users")


class ListOsTypes(List, answers=OsTypeView, keywords=[OsType.c.name]):
    """Lists guest operating systems."""

    id: str | None = where(OsType.c.uuid, "only this one", kind="uuid")
    ids: list[str] = where(OsType.c.uuid, "only these", since="4.22.1")
    os_category: Ref[OsCategory] | None = where(OsType.c.category_id, "only those of this family", wire_name="oscategoryid")
    description: str | None = where(OsType.c.name, "only the one of this name", since="3.0.1")
    for_display: bool | None = where(
        OsType.c.display, "only those shown to users, or only the others", roles=["Admin"], since="4.18.1"
    )

    def scope(self, caller: Caller) -> sa.ColumnElement[bool] | None:
        return None if caller.root else OsType.c.display.is_(True)


def seed_os_types(tx: Tx) -> None:
    """Store the families and systems that are missing."""
    families = {row.name: row for row in tx.all(OsCategory)}
    known = set(tx.rows(sa.select(OsType.c.name)))
    family: OsCategory | None = None
    for line in resources.files("cloudwright.storage").joinpath("os_types.txt").read_text().splitlines():
        if line.startswith("# "):
            name = line[2:]
            if name not in families:
                families[name] = tx.insert(OsCategory(name=name, featured=True, sort_key=len(families) + 1))
            family = families[name]
        elif family is not None and (line,) not in known:
            tx.insert(OsType(name=line, category_id=family.id))
