"""Changing what is written about an instance, and what its guest is told at its next start."""

from __future__ import annotations

import secrets
from typing import Any

from cloudwright.compute.group import group_called
from cloudwright.compute.model import Vm
from cloudwright.compute.userdata import Given, UserData, bad_values, columns_of
from cloudwright.compute.vm.given import bad_host_name, bad_user_data, check_details, new_password, public_keys
from cloudwright.compute.vm.refused import RefusedOfChanged
from cloudwright.compute.vm.view import NewVmView, VmView
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Query, Told
from cloudwright.core.error import ParamError, WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.secret import Secret
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.model import Account
from cloudwright.identity.owner import OwnedBy, owner
from cloudwright.network.model import Network, Nic
from cloudwright.network.network.apply import ApplyNetwork
from cloudwright.network.network.generation import bump
from cloudwright.storage.model import OsType, Template


class UpdateVirtualMachine(RefusedOfChanged, Command, answers=VmView, event="VM.UPDATE"):
    """Changes what is written about an instance."""

    id: Ref[Vm] = param("the instance", use=Use.CHANGE)
    name: str | None = param("its new host name; it must be stopped", check=bad_host_name, length=63)
    display_name: str | None = param("the name that people are shown")
    group: str | None = param("the name of the instance group it shall be in; one is made where there is none")
    ha_enable: bool | None = param("whether it is started elsewhere when its host dies")
    os_type: Ref[OsType] | None = param("its operating system")
    user_data: str | None = param("data for the guest, base64", length=1048576, check=bad_user_data)
    registered: Ref[UserData] | None = param("registered user data, instead", wire_name="userdataid", since="4.18")
    user_data_details: dict[str, str] | None = param("values of its variables", default=None, check=bad_values, since="4.18")
    display_vm: bool | None = param("whether its owner is shown it", roles=("Admin",))
    is_dynamically_scalable: bool | None = param("whether it may be resized while it runs")
    details: dict[str, str] | None = param("further settings; they replace the old ones", default=None)
    clean_up_details: bool = param("true removes all further settings", default=False, wire_name="cleanupdetails")
    delete_protection: bool | None = param("whether it is kept from being destroyed")

    def run(self, tx: Tx, caller: Caller) -> Vm:
        vm = self.id
        if self.name is not None and self.name != vm.name and vm.state != "Stopped":
            raise WrongState(f"{vm.name} cannot be renamed: it is {vm.state}", param="name", fix=["stop it first"])
        held = vm.details.items()
        check_details(tx, caller, [name for name, value in (self.details or {}).items() if (name, value) not in held])
        wanted = {
            "name": self.name, "display_name": self.display_name, "ha": self.ha_enable,
            "os_type_id": self.os_type.id if self.os_type else None, "display": self.display_vm,
            "dynamically_scalable": self.is_dynamically_scalable, "delete_protection": self.delete_protection,
            "details": {} if self.clean_up_details else self.details,
        }  # fmt: skip
        changes: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
        if self.group is not None:
            changes["group_id"] = group_called(tx, tx.get(Account, vm.account_id), self.group)
        if self.user_data or self.registered:
            changes |= columns_of(tx, Given(self.user_data, self.registered, self.user_data_details or {}), template_of(tx, vm))
        elif self.user_data_details is not None:
            changes["user_data_details"] = self.user_data_details
        if changes:
            tx.update(vm, **changes)
        if changes.keys() & {"name", "user_data", "user_data_details"}:
            tell_networks(tx, vm)
        return vm


def tell_networks(tx: Tx, vm: Vm) -> None:
    """What the guest asks its network for has changed: the document is due again."""
    for nic in tx.all(Nic, Nic.c.vm_id == vm.id):
        bump(tx, tx.get(Network, nic.network_id))


def template_of(reader: Reader, vm: Vm) -> Template | None:
    """What the instance was made of."""
    return reader.get(Template, vm.template_id) if vm.template_id else None


class RefreshGuest(Task, rank=50):
    """Have the networks of an instance tell it what changed (password, keys, user data)."""

    vm: int

    @step
    def tell(self, tx: Tx) -> None:
        """Apply the networks that are behind."""
        networks = [tx.get(Network, nic.network_id) for nic in tx.all(Nic, Nic.c.vm_id == self.vm)]
        behind = [n for n in networks if n.state == "Implemented" and n.applied < n.generation]
        self.children(tx, [(ApplyNetwork(network=network.id), network) for network in behind])


class ResetPasswordForVirtualMachine(
    Command, states=("Stopped",), answers=NewVmView, starts=RefreshGuest, event="VM.RESETPASSWORD"
):
    """Gives an instance a new password, which its guest takes at its next start."""

    id: Ref[Vm] = param("the instance; it must be stopped", use=Use.CHANGE)
    password: Secret | None = param("the password; one is made where none is given", length=64)

    def run(self, tx: Tx, caller: Caller) -> Vm:
        vm = self.id
        if not vm.password_enabled:
            raise ParamError(
                f"Parameter id: the template of {vm.name} takes no passwords",
                param="id",
                fix=["use a template with passwordenabled=true"],
            )
        if vm.state not in self.api.states:
            raise WrongState(f"The password of {vm.name} cannot be reset: it is {vm.state}", param="id", fix=["stop it first"])
        tx.update(vm, password=self.password or new_password(tx), password_serial=secrets.token_hex(8))
        tell_networks(tx, vm)
        self.start(tx, RefreshGuest(vm=vm.id), vm, caller)
        return vm


def _check_owner(tx: Tx, caller: Caller, command: OwnedBy, vm: Vm) -> None:
    """Refuse where a command names another owner than the instance's. Raises ParamError."""
    if (command.account or command.project) and owner(tx, caller, command).id != vm.account_id:
        raise ParamError(f"Parameter id: {vm.name} is not of that account", param="id")


class ResetSSHKeyForVirtualMachine(
    OwnedBy,
    Command,
    states=("Stopped",),
    answers=VmView,
    starts=RefreshGuest,
    event="VM.RESETSSHKEY",
    resp_key="resetSSHKeyforvirtualmachineresponse",
):
    """Gives an instance other SSH keys, which its guest takes at its next start."""

    id: Ref[Vm] = param("the instance; it must be stopped", use=Use.CHANGE)
    key_pair: str | None = param("the name of the key pair")
    key_pairs: list[str] | None = param("the names of several", default=None)

    def run(self, tx: Tx, caller: Caller) -> Vm:
        vm = self.id
        _check_owner(tx, caller, self, vm)
        names = [*(self.key_pairs or []), *([self.key_pair] if self.key_pair else [])]
        if not names:
            raise ParamError("Parameter keypair: name at least one key pair", param="keypair")
        if vm.state not in self.api.states:
            raise WrongState(f"The keys of {vm.name} cannot be changed: it is {vm.state}", param="id", fix=["stop it first"])
        tx.update(vm, key_pairs=names, public_keys=public_keys(tx, tx.get(Account, vm.account_id), names))
        tell_networks(tx, vm)
        self.start(tx, RefreshGuest(vm=vm.id), vm, caller)
        return vm


class ResetUserDataForVirtualMachine(OwnedBy, Command, states=("Stopped",), answers=VmView, event="VM.RESETUSERDATA"):
    """Gives an instance other user data, which its guest takes at its next start."""

    id: Ref[Vm] = param("the instance; it must be stopped", use=Use.CHANGE)
    user_data: str | None = param("the data, base64; without, it has its template's", length=1048576, check=bad_user_data)
    registered: Ref[UserData] | None = param("registered user data, instead", wire_name="userdataid")
    user_data_details: dict[str, str] | None = param("values of its variables", default=None, check=bad_values)

    def run(self, tx: Tx, caller: Caller) -> Vm:
        if self.id.state not in self.api.states:
            raise WrongState(
                f"The user data of {self.id.name} cannot be changed: it is {self.id.state}", param="id", fix=["stop it first"]
            )
        _check_owner(tx, caller, self, self.id)
        given = Given(self.user_data, self.registered, self.user_data_details or {})
        tx.update(self.id, **columns_of(tx, given, template_of(tx, self.id)))
        tell_networks(tx, self.id)
        return self.id


_DATA = {"virtualmachineid": ("string", "the instance"), "userdata": ("string", "its user data, base64")}


class GetVirtualMachineUserData(Query, response=_DATA):
    """Answers an instance's user data."""

    virtual_machine: Ref[Vm] = param("the instance")

    def run(self, reader: Reader, caller: Caller) -> Told:
        vm = self.virtual_machine
        row = {"virtualmachineid": vm.uuid, "userdata": vm.user_data}
        return Told("virtualmachineuserdata", [{k: v for k, v in row.items() if v is not None}], one=True)
