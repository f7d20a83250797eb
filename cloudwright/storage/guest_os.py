"""Guest operating systems that an operator adds, and their families."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Success
from cloudwright.core.error import InUse, ParamError, counted
from cloudwright.core.param import Ref, param
from cloudwright.core.record import Record, changed, created
from cloudwright.core.tx import Tx
from cloudwright.storage.model import OsCategory, OsMapping, OsType, Template
from cloudwright.storage.os_type import OsCategoryView, OsTypeView


class AddOsCategory(Command, answers=OsCategoryView, since="4.21.0", authorized=("Admin",)):
    """Adds a family of guest operating systems."""

    name: str = param("its name")
    is_featured: bool = param("whether it is recommended", default=False)

    def run(self, tx: Tx, caller: Caller) -> OsCategory:
        _check_category(tx, self.name)
        last = int(tx.value(sa.select(sa.func.max(OsCategory.c.sort_key))) or 0)
        return tx.insert(OsCategory(name=self.name, featured=self.is_featured, sort_key=last + 1))


class UpdateOsCategory(Command, answers=OsCategoryView, since="4.21.0", authorized=("Admin",)):
    """Changes a family of guest operating systems."""

    id: Ref[OsCategory] = param("the family", use=Use.CHANGE)
    name: str | None = param("its new name")
    is_featured: bool | None = param("whether it is recommended")
    sort_key: int | None = param("where it stands in lists")

    def run(self, tx: Tx, caller: Caller) -> OsCategory:
        if self.name is not None and self.name != self.id.name:
            _check_category(tx, self.name)
        given = {"name": self.name, "featured": self.is_featured, "sort_key": self.sort_key}
        tx.update(self.id, **{name: value for name, value in given.items() if value is not None})
        return self.id


class DeleteOsCategory(Command, since="4.21.0", authorized=("Admin",)):
    """Deletes an empty family of guest operating systems."""

    id: Ref[OsCategory] = param("the family", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        systems = tx.count(OsType, OsType.c.category_id == self.id.id)
        if systems:
            raise InUse(
                f"Family {self.id.name} cannot be deleted: it has {counted({'operating system': systems})}", param="id",
                fix=["remove them (removeGuestOs), or give them another family (updateGuestOs with oscategoryid), first"],
            )  # fmt: skip
        tx.remove(self.id)
        return Success()


def _check_category(tx: Tx, name: str) -> None:
    if tx.find(OsCategory, OsCategory.c.name == name) is not None:
        raise ParamError(f"Parameter name: there is already a family {name!r}", param="name")


class AddGuestOs(Command, answers=OsTypeView, creates=OsType, starts=Record, event="GUEST.OS.ADD", since="4.4.0"):
    """Adds a guest operating system."""

    os_category: Ref[OsCategory] = param("its family", wire_name="oscategoryid")
    os_display_name: str = param("what people are shown, unlike any other")
    name: str | None = param("what programs call it; the same by default")
    details: dict[str, str] = param("further details", default={}, style="kv")
    for_display: bool = param("whether users are shown it", wire_name="forDisplay", default=True, roles=["Admin"])

    def run(self, tx: Tx, caller: Caller) -> OsType:
        _check_name(tx, self.os_display_name)
        row = tx.insert(
            OsType(
                name=self.os_display_name, short_name=self.name, category_id=self.os_category.id, user_defined=True,
                display=self.for_display, details=self.details,
            )
        )  # fmt: skip
        self.start(tx, created(row, f"guest operating system {row.name} is known"), row, caller)
        return row


class UpdateGuestOs(Command, answers=OsTypeView, starts=Record, event="GUEST.OS.UPDATE", since="4.4.0"):
    """Changes a guest operating system. What the installation came with keeps its name."""

    id: Ref[OsType] = param("the operating system", use=Use.CHANGE)
    os_display_name: str | None = param("what people are shown")
    details: dict[str, str] = param("its details, instead of those it has", default={}, style="kv")
    for_display: bool | None = param("whether users are shown it", wire_name="forDisplay", roles=["Admin"])
    os_category: Ref[OsCategory] | None = param("its new family", wire_name="oscategoryid", since="4.21.0")

    def run(self, tx: Tx, caller: Caller) -> OsType:
        values: dict[str, Any] = {}
        if self.os_display_name not in (None, self.id.name):
            _check_own(self.id, "renamed", "osdisplayname")
            _check_name(tx, self.os_display_name or "")
            values["name"] = self.os_display_name
        if self.details:
            values["details"] = self.details
        if self.for_display is not None:
            values["display"] = self.for_display
        if self.os_category is not None:
            values["category_id"] = self.os_category.id
        tx.update(self.id, **values)
        self.start(tx, changed(f"guest operating system {self.id.name} changed"), self.id, caller)
        return self.id


class RemoveGuestOs(Command, starts=Record, event="GUEST.OS.REMOVE", since="4.4.0"):
    """Removes a guest operating system that an operator added and nothing has."""

    id: Ref[OsType] = param("the operating system", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        _check_own(self.id, "removed", "id")
        users = {
            "instance": tx.count(Vm, Vm.c.os_type_id == self.id.id),
            "template": tx.count(Template, Template.c.os_type_id == self.id.id),
        }
        if any(users.values()):
            text = f"Guest operating system {self.id.name} cannot be removed: {counted(users)} say they run it"
            raise InUse(text, param="id", fix=["give them another one by updateVirtualMachine and updateTemplate"])
        for row in tx.all(OsMapping, OsMapping.c.os_type_id == self.id.id):
            tx.remove(row)
        tx.remove(self.id)
        self.start(tx, changed(f"guest operating system {self.id.name} is removed"), self.id, caller)
        return Success()


def _check_name(tx: Tx, name: str) -> None:
    if tx.find(OsType, OsType.c.name == name) is not None:
        raise ParamError(f"Parameter osdisplayname: there is already an operating system {name!r}", param="osdisplayname")


def _check_own(row: OsType, what: str, param: str) -> None:
    if not row.user_defined:
        text = f"Parameter {param}: {row.name} came with the installation and cannot be {what}"
        raise ParamError(text, param=param, fix=["hide it (updateGuestOs with fordisplay=false)"])
