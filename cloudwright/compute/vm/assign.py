"""Giving an instance to another owner."""

from __future__ import annotations

from cloudwright.compute.affinity import AffinityMember
from cloudwright.compute.model import ServiceOffering, Vm
from cloudwright.compute.vm.interfaces import default_network
from cloudwright.compute.vm.view import VmView
from cloudwright.core import task as tasks
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import ParamError, WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Tx
from cloudwright.identity.model import Account
from cloudwright.identity.owner import OwnedBy, check_for, owner
from cloudwright.infrastructure.absent import not_built
from cloudwright.infrastructure.model import Zone
from cloudwright.network.model import Network, Nic
from cloudwright.network.network.apply import ApplyNetwork
from cloudwright.network.network.nic import give_nic, take_back
from cloudwright.network.nic.plug import refuse_rules
from cloudwright.storage.model import DiskOffering, Template, Volume


class AssignVirtualMachine(OwnedBy, Command, states=("Stopped",), answers=VmView, event="VM.MOVE", since="3.0.0"):
    """Gives a stopped instance with its disks to another account or project. It leaves its networks for the new owner's."""

    virtual_machine: Ref[Vm] = param("the instance; it must be stopped", use=Use.CHANGE)
    networks: list[Ref[Network]] | None = param("its networks from then on; without, the new owner's own", default=None)
    security_groups: list[str] | None = param(
        "its security groups", wire_name="securitygroupids", default=None, check=not_built("security groups")
    )

    def run(self, tx: Tx, caller: Caller) -> Vm:
        vm, account = self.virtual_machine, self._to(tx, caller)
        if vm.state not in self.api.states:
            raise WrongState(f"{vm.name} cannot change hands: it is {vm.state}", param="virtualmachineid", fix=["stop it first"])
        disks = {volume.disk_offering_id for volume in tx.all(Volume, Volume.c.vm_id == vm.id)}
        things = ((ServiceOffering, vm.service_offering_id), (Template, vm.template_id), *((DiskOffering, id) for id in disks))
        for kind, id in things:
            if id is not None:
                check_for(tx, account, tx.get(kind, id), "account")
        old = tx.all(Nic, Nic.c.vm_id == vm.id)
        for nic in old:
            refuse_rules(tx, nic)
        networks = self._networks(tx, caller, account)
        for nic in old:
            take_back(tx, nic)
        self._hand_over(tx, account)
        for network in networks:
            give_nic(tx, network, vm)
        for network in {nic.network_id: tx.get(Network, nic.network_id) for nic in old}.values():
            if network.state == "Implemented":
                tasks.start(tx, ApplyNetwork(network=network.id, wake=False), network)
        return vm

    def _to(self, tx: Tx, caller: Caller) -> Account:
        if self.account is None and self.project is None:
            raise ParamError("assignVirtualMachine needs one of the parameters account and projectid", param="account")
        account = owner(tx, caller, self)
        if account.id == self.virtual_machine.account_id:
            raise ParamError(f"Parameter account: {self.virtual_machine.name} is its own already", param="account")
        return account

    def _networks(self, tx: Tx, caller: Caller, account: Account) -> list[Network]:
        zone = tx.get(Zone, self.virtual_machine.zone_id)
        for network in self.networks or ():
            check_for(tx, account, network, "networkids")
            if network.zone_id != zone.id:
                text = f"Parameter networkids: network {network.name} is not in zone {zone.name}"
                raise ParamError(text, param="networkids")
        return self.networks or [default_network(tx, caller, account, zone)]

    def _hand_over(self, tx: Tx, account: Account) -> None:
        vm, whose = self.virtual_machine, {"account_id": account.id, "domain_id": account.domain_id}
        for one in tx.all(AffinityMember, AffinityMember.c.vm_id == vm.id):
            tx.remove(one)  # groups are their owner's
        for volume in tx.all(Volume, Volume.c.vm_id == vm.id):
            tx.update(volume, **whose)
        tx.update(vm, group_id=None, **whose)
