"""User data and CNI configurations that are registered once and named by many: rows, commands, and how they are put together."""

from __future__ import annotations

import base64
import re
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.mime.text import MIMEText
from typing import Any

import msgspec

from cloudwright.compute.model import Vm
from cloudwright.compute.vm.given import bad_user_data, check_user_data
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Success
from cloudwright.core.error import InUse, ParamError
from cloudwright.core.listing import Condition, where
from cloudwright.core.param import Ref, param
from cloudwright.core.resource import Owned, column
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import field
from cloudwright.identity.belongings import belongs
from cloudwright.identity.model import Account
from cloudwright.identity.owner import OwnedBy, OwnedList, OwnedView, owner
from cloudwright.storage.model import Template

POLICIES = ("ALLOWOVERRIDE", "APPEND", "DENYOVERRIDE")
EVERYBODY = ("Admin", "ResourceAdmin", "DomainAdmin", "User")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}").fullmatch
_TYPES = {  # how cloud-init tells parts apart: by their first line
    "#cloud-config": "cloud-config", "#!": "x-shellscript", "#include": "x-include-url", "## template: jinja": "jinja2",
    "#cloud-boothook": "cloud-boothook", "#part-handler": "part-handler",
}  # fmt: skip


class UserData(Owned, table="user_data", unique=[("account_id", "cni", "name")]):
    """Data for guests in base64. `params`: names of variables, by comma, that whoever uses it gives values."""

    name: str
    data: str = column(text=True)
    params: str | None = column(length=4096, default=None)
    cni: bool = False  # a network configuration of Kubernetes clusters


belongs(UserData)


class UserDataView(OwnedView, of=UserData, key="userdata"):
    """Registered user data."""

    id = field(UserData.c.uuid, "its id")
    name = field(UserData.c.name, "its name, unique in the account")
    accountid = field(Account.c.uuid, "the id of the account that owns it")
    userdata = field(UserData.c.data, "the data, base64")
    params = field(UserData.c.params, "the variables that it takes, by comma")


class CniConfigurationView(UserDataView, key="cniconfig"):
    """A registered CNI configuration."""


def _bad_params(text: str) -> str | None:
    wrong = [name for name in _names(text) if not _KEY(name)]
    return f"has names that are none: {', '.join(wrong)[:200]}" if wrong else None


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


class _Register(OwnedBy, Command, ancestor=True):
    name: str = param("a name, unique in the account")
    params: str | None = param("the variables that it takes, by comma", length=4096, check=_bad_params)

    def store(self, tx: Tx, caller: Caller, data: str, cni: bool) -> UserData:
        """Keep it for the owner."""
        check_user_data(tx, data)
        account = owner(tx, caller, self)
        about: dict[str, Any] = {"account_id": account.id, "domain_id": account.domain_id, "cni": cni}
        return tx.insert(UserData(name=self.name, data=data, params=self.params, **about))


class RegisterUserData(_Register, answers=UserDataView, event="REGISTER.USER.DATA", since="4.18", authorized=EVERYBODY):
    """Registers user data, to be named by its id."""

    user_data: str = param("the data, base64", length=1048576, check=bad_user_data)

    def run(self, tx: Tx, caller: Caller) -> UserData:
        return self.store(tx, caller, self.user_data, False)


class RegisterCniConfiguration(
    _Register, answers=CniConfigurationView, event="REGISTER.CNI.CONFIG", since="4.21.0", authorized=EVERYBODY
):
    """Registers a CNI configuration, to be named by its id."""

    cni_config: str | None = param(
        "the configuration, base64", length=1048576, check=bad_user_data, wire_name="cniconfig", optional_in_api=True
    )

    def run(self, tx: Tx, caller: Caller) -> UserData:
        if not self.cni_config:
            raise ParamError("Parameter cniconfig is missing: there is nothing to register", param="cniconfig")
        return self.store(tx, caller, self.cni_config, True)


class _Listed(OwnedList, ancestor=True):
    id: Ref[UserData] | None = where(UserData.c.id, "only this one")
    name: str | None = where(UserData.c.name, "only the one of this name")


class ListUserData(_Listed, answers=UserDataView, keywords=[UserData.c.name], since="4.18", authorized=EVERYBODY):
    """Lists registered user data."""

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        return [*super().narrow(reader, caller), ("plain", UserData.c.cni.is_(False), {})]


class ListCniConfiguration(
    _Listed, answers=CniConfigurationView, keywords=[UserData.c.name], since="4.21.0", authorized=EVERYBODY
):
    """Lists registered CNI configurations."""

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        return [*super().narrow(reader, caller), ("cni", UserData.c.cni.is_(True), {})]


class _Delete(OwnedBy, Command, ancestor=True):
    id: Ref[UserData] = param("which", use=Use.CHANGE)

    def drop(self, tx: Tx, caller: Caller, cni: bool) -> Success:
        """Remove it, unless something still names it."""
        row = self.id
        if row.cni is not cni:
            what = "CNI configuration" if cni else "user data"
            text = f"Invalid parameter id value={row.uuid} due to incorrect long value format, or entity does not exist"
            raise ParamError(text, param="id", why=[f"there is no {what} {row.uuid}"])
        if (self.account or self.project) and owner(tx, caller, self).id != row.account_id:
            raise ParamError(f"Parameter id: {row.name} is not of that account", param="id")
        vms, templates = (tx.count(kind, kind.c.user_data_id == row.id) for kind in (Vm, Template))
        if vms or templates:
            fix = ["unlink it from templates (linkUserDataToTemplate without userdataid)",
                   "give instances other user data (resetUserDataForVirtualMachine)"]  # fmt: skip
            raise InUse(f"User data {row.name} is used by {vms} instances and {templates} templates", fix=fix)
        tx.remove(row)
        return Success()


class DeleteUserData(_Delete, since="4.18", authorized=EVERYBODY):
    """Deletes registered user data that nothing uses."""

    def run(self, tx: Tx, caller: Caller) -> Success:
        return self.drop(tx, caller, False)


class DeleteCniConfiguration(_Delete, event="DELETE.CNI.CONFIG", since="4.21.0", authorized=EVERYBODY):
    """Deletes a registered CNI configuration."""

    def run(self, tx: Tx, caller: Caller) -> Success:
        return self.drop(tx, caller, True)


class Given(msgspec.Struct):
    """What a caller gives a guest: data, or registered data with values of its variables."""

    data: str | None = None
    registered: UserData | None = None
    details: dict[str, str] = {}


def bad_values(details: dict[str, str]) -> str | None:
    """What is wrong with values of variables."""
    wrong = [name for name in details if not _KEY(name)]
    return f"has names that are none: {', '.join(wrong)[:200]}" if wrong else None


def columns_of(reader: Reader, given: Given, template: Template | None) -> dict[str, Any]:
    """What an instance keeps of it: the whole data, as its template's policy says. Raises ParamError."""
    if given.data and given.registered:
        raise ParamError("Parameter userdataid: give userdata or userdataid, not both", param="userdataid")
    if given.registered is not None and given.registered.cni:
        raise ParamError(f"Parameter userdataid: {given.registered.name} is a CNI configuration", param="userdataid")
    data = given.registered.data if given.registered else given.data
    linked = reader.get(UserData, template.user_data_id) if template and template.user_data_id else None
    used = [given.registered] if given.registered else []
    if template is not None and linked is not None:
        if data and template.user_data_policy == "DENYOVERRIDE":
            name = "userdataid" if given.registered else "userdata"
            raise ParamError(f"Parameter {name}: template {template.name} has user data that nobody may replace", param=name)
        if not data or template.user_data_policy == "APPEND":
            used.append(linked)
            data = together(linked.data, data) if data else linked.data
    check_user_data(reader, data)
    lacks = [name for row in used for name in _names(row.params) if name not in given.details]
    if lacks:
        text = f"Parameter userdatadetails: the user data takes values for {', '.join(dict.fromkeys(lacks))}"
        raise ParamError(text, param="userdatadetails")
    id = given.registered.id if given.registered else None
    return {"user_data": data, "user_data_id": id, "user_data_details": given.details}


def together(first: str, second: str) -> str:
    """Two pieces of user data as one: MIME of several parts, as cloud-init reads it. All are base64."""
    whole = MIMEMultipart()
    for piece in (first, second):
        whole.attach(_part(base64.b64decode(piece)))
    return base64.b64encode(whole.as_bytes()).decode()


def _part(data: bytes) -> MIMENonMultipart:
    try:
        text = data.decode()
    except UnicodeDecodeError:  # compressed, for instance
        return MIMEApplication(data)
    return MIMEText(text, next((kind for sign, kind in _TYPES.items() if text.startswith(sign)), "plain"), "utf-8")
