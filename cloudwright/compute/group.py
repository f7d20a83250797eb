"""Instance groups: names under which people gather their instances."""

from __future__ import annotations

from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Success
from cloudwright.core.error import ParamError
from cloudwright.core.listing import where
from cloudwright.core.param import Ref, param
from cloudwright.core.resource import Owned
from cloudwright.core.tx import Tx
from cloudwright.core.view import field
from cloudwright.identity.belongings import belongs
from cloudwright.identity.model import Account
from cloudwright.identity.owner import OwnedBy, OwnedList, OwnedView, owner


class InstanceGroup(Owned, table="instance_group", unique=[("account_id", "name")]):
    """A group; an instance is in one at most."""

    name: str


belongs(InstanceGroup)


class InstanceGroupView(OwnedView, of=InstanceGroup, key="instancegroup"):
    """A group of instances."""

    id = field(InstanceGroup.c.uuid, "the group's id")
    name = field(InstanceGroup.c.name, "its name, unique in the account")
    created = field(InstanceGroup.c.created, "when it was made")


class CreateInstanceGroup(OwnedBy, Command, answers=InstanceGroupView):
    """Makes a group of instances."""

    name: str = param("its name, unique in the account")

    def run(self, tx: Tx, caller: Caller) -> InstanceGroup:
        account = owner(tx, caller, self)
        return tx.insert(InstanceGroup(account_id=account.id, domain_id=account.domain_id, name=self.name))


class UpdateInstanceGroup(Command, answers=InstanceGroupView):
    """Renames a group of instances."""

    id: Ref[InstanceGroup] = param("the group", use=Use.CHANGE)
    name: str | None = param("its new name")

    def run(self, tx: Tx, caller: Caller) -> InstanceGroup:
        if self.name is not None:
            tx.update(self.id, name=self.name)
        return self.id


class DeleteInstanceGroup(Command):
    """Deletes a group. The instances stay, in no group."""

    id: Ref[InstanceGroup] = param("the group", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        for vm in tx.all(Vm, Vm.c.group_id == self.id.id):
            tx.update(vm, group_id=None)
        tx.remove(self.id)
        return Success()


class ListInstanceGroups(OwnedList, answers=InstanceGroupView, keywords=[InstanceGroup.c.name]):
    """Lists groups of instances."""

    id: Ref[InstanceGroup] | None = where(InstanceGroup.c.id, "only this one")
    name: str | None = where(InstanceGroup.c.name, "only those of this name")


def group_called(tx: Tx, account: Account, name: str | None) -> int | None:
    """The id of the account's group of this name, made where there is none. An empty name means no group."""
    if not name:
        return None
    if not name.strip():
        raise ParamError("Parameter group: a group's name has other characters than spaces", param="group")
    mine = (InstanceGroup.c.account_id == account.id, InstanceGroup.c.name == name)
    row = tx.find(InstanceGroup, *mine)
    return (row or tx.insert(InstanceGroup(account_id=account.id, domain_id=account.domain_id, name=name))).id
