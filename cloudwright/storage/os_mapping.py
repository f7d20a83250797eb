"""What hypervisors call guest operating systems."""

from __future__ import annotations

import sqlalchemy as sa

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Success
from cloudwright.core.error import ParamError
from cloudwright.core.listing import List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.record import Record, changed, created
from cloudwright.core.tx import Tx
from cloudwright.core.view import View, field
from cloudwright.infrastructure.hypervisor import HYPERVISORS, hypervisor_named
from cloudwright.storage.model import OsMapping, OsType

_c = OsMapping.c


def _no_list(hypervisor: str) -> ParamError:
    return ParamError(
        f"Parameter hypervisor: {hypervisor} keeps no list of names of guest operating systems: it takes any",
        param="hypervisor", fix=["leave the check out"],
    )  # fmt: skip


class OsMappingView(View, of=OsMapping, key="guestosmapping", joins=[(OsType, OsType.c.id == OsMapping.c.os_type_id)]):
    """What a hypervisor calls a guest operating system."""

    id = field(_c.uuid, "the mapping's id")
    hypervisor = field(_c.hypervisor, "the hypervisor")
    hypervisorversion = field(_c.hypervisor_version, "its version, or default")
    ostypeid = field(OsType.c.uuid, "the operating system")
    osdisplayname = field(OsType.c.name, "what people call it")
    osnameforhypervisor = field(_c.os_name, "what the hypervisor calls it")
    isuserdefined = field(_c.user_defined, "whether an operator said so", "string", convert=lambda own: str(bool(own)).lower())


class ListGuestOsMapping(List, answers=OsMappingView, keywords=[_c.os_name, _c.hypervisor], since="4.4.0"):
    """Lists what hypervisors call guest operating systems."""

    id: str | None = where(_c.uuid, "only this one", kind="uuid")
    os_type: Ref[OsType] | None = where(_c.os_type_id, "only those of this operating system", wire_name="ostypeid")
    os_display_name: str | None = where(
        lambda b: _c.os_type_id.in_(sa.select(OsType.c.id).where(OsType.c.name == b)),
        "only those of the operating system that people call so",
    )
    os_name_for_hypervisor: str | None = where(_c.os_name, "only those by this name")
    hypervisor: str | None = where(_c.hypervisor, "only those of this hypervisor")
    hypervisor_version: str | None = where(_c.hypervisor_version, "only those of this version of it")


class AddGuestOsMapping(
    Command, answers=OsMappingView, creates=OsMapping, starts=Record, event="GUEST.OS.MAPPING.ADD", since="4.4.0"
):
    """Says what a hypervisor calls a guest operating system."""

    os_type: Ref[OsType] | None = param("the operating system", wire_name="ostypeid")
    os_display_name: str | None = param("or what people call it")
    hypervisor: str = param("the hypervisor", choices=HYPERVISORS)
    hypervisor_version: str = param("its version, or default")
    os_name_for_hypervisor: str = param("what it calls the operating system")
    os_mapping_check_enabled: bool = param("ask the hypervisor whether it knows the name", default=False, since="4.19.0")
    forced: bool = param("say so instead of what was said before", default=False, since="4.19.0")

    def run(self, tx: Tx, caller: Caller) -> OsMapping:
        os_type, hypervisor = self._os_type(tx), hypervisor_named(self.hypervisor)
        if self.os_mapping_check_enabled:
            raise _no_list(hypervisor)
        same = (_c.os_type_id == os_type.id, _c.hypervisor == hypervisor, _c.hypervisor_version == self.hypervisor_version)
        row = tx.find(OsMapping, *same)
        if row is not None and not self.forced:
            text = f"{hypervisor} {self.hypervisor_version} already calls {os_type.name} {row.os_name!r}"
            raise ParamError(
                text,
                param="osnameforhypervisor",
                fix=["change that mapping (updateGuestOsMapping)", "or give forced=true to replace it"],
            )
        what = f"{hypervisor} {self.hypervisor_version} calls {os_type.name} {self.os_name_for_hypervisor}"
        if row is not None:
            tx.update(row, os_name=self.os_name_for_hypervisor, user_defined=True)
            self.start(tx, changed(what), row, caller)
            return row
        row = tx.insert(
            OsMapping(
                os_type_id=os_type.id, hypervisor=hypervisor, hypervisor_version=self.hypervisor_version,
                os_name=self.os_name_for_hypervisor,
            )
        )  # fmt: skip
        self.start(tx, created(row, what), row, caller)
        return row

    def _os_type(self, tx: Tx) -> OsType:
        if (self.os_type is None) == (self.os_display_name is None):
            raise ParamError("Either ostypeid or osdisplayname must be given, and one of them only", param="ostypeid")
        row = self.os_type or tx.find(OsType, OsType.c.name == (self.os_display_name or ""))
        if row is None:
            text = f"Parameter osdisplayname: there is no guest operating system {self.os_display_name!r}"
            raise ParamError(text, param="osdisplayname")
        return row


class UpdateGuestOsMapping(Command, answers=OsMappingView, starts=Record, event="GUEST.OS.MAPPING.UPDATE", since="4.4.0"):
    """Changes what a hypervisor calls a guest operating system."""

    id: Ref[OsMapping] = param("the mapping", use=Use.CHANGE)
    os_name_for_hypervisor: str = param("what the hypervisor calls it")
    os_mapping_check_enabled: bool = param("ask the hypervisor whether it knows the name", default=False, since="4.19.0")

    def run(self, tx: Tx, caller: Caller) -> OsMapping:
        if self.os_mapping_check_enabled:
            raise _no_list(self.id.hypervisor)
        tx.update(self.id, os_name=self.os_name_for_hypervisor, user_defined=True)
        self.start(tx, changed(f"{self.id.hypervisor} calls it {self.id.os_name} now"), self.id, caller)
        return self.id


class RemoveGuestOsMapping(Command, starts=Record, event="GUEST.OS.MAPPING.REMOVE", since="4.4.0"):
    """Forgets what a hypervisor calls a guest operating system."""

    id: Ref[OsMapping] = param("the mapping", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        tx.remove(self.id)
        self.start(tx, changed(f"what {self.id.hypervisor} calls {self.id.os_name} is forgotten"), self.id, caller)
        return Success()


class GetHypervisorGuestOsNames(
    Command, starts=Record, event="GUEST.OS.HYPERVISOR.NAME.FETCH", since="4.19.0", authorized=("Admin",),
    response={
        "hypervisor": ("string", "the hypervisor"),
        "hypervisorversion": ("string", "its version"),
        "guestoslist": ("list", "what it calls guest operating systems"),
        "guestoscount": ("integer", "how many there are"),
    },
):  # fmt: skip
    """Asks a hypervisor which guest operating systems it knows. Those with a driver here keep no such list, and say so."""

    hypervisor: str = param("the hypervisor", choices=HYPERVISORS)
    hypervisor_version: str = param("its version")
    keyword: str | None = param("only those in whose names this occurs")

    def run(self, tx: Tx, caller: Caller) -> Success:
        raise _no_list(hypervisor_named(self.hypervisor))
