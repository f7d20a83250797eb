"""Linking registered user data to a template or ISO: machines made of it get that data."""

from __future__ import annotations

from cloudwright.compute.userdata import EVERYBODY, POLICIES, UserData
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Told
from cloudwright.core.error import ParamError
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Tx
from cloudwright.storage.model import Template
from cloudwright.storage.template.view import IsoView, TemplateView


class LinkUserDataToTemplate(Command, answers=TemplateView, since="4.18.0", authorized=EVERYBODY):
    """Links user data to a template or an ISO; without userdataid, unlinks what is linked."""

    template: Ref[Template] | None = param("the template", use=Use.CHANGE)
    iso: Ref[Template] | None = param("or the ISO", use=Use.CHANGE, wire_name="isoid")
    registered: Ref[UserData] | None = param("the user data", wire_name="userdataid")
    user_data_policy: str = param(
        "what becomes of user data that a caller gives: it replaces this, is appended, or refused",
        choices=POLICIES, default="ALLOWOVERRIDE",
    )  # fmt: skip

    def run(self, tx: Tx, caller: Caller) -> Told:
        row = self.template or self.iso
        if row is None or (self.template and self.iso):
            raise ParamError("Give one of the parameters templateid and isoid", param="templateid")
        if (row.format == "ISO") is not (self.iso is not None):
            name = "templateid" if self.template else "isoid"
            raise ParamError(f"Parameter {name}: {row.name} is {'an ISO' if self.template else 'a template'}", param=name)
        if self.registered is not None and self.registered.cni:
            raise ParamError(f"Parameter userdataid: {self.registered.name} is a CNI configuration", param="userdataid")
        tx.update(
            row, user_data_id=self.registered.id if self.registered else None, user_data_policy=self.user_data_policy.upper()
        )
        view = IsoView if self.iso else TemplateView
        return Told(view.key, [view.tell_one(tx, row.id, caller)], one=True)
