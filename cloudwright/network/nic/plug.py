"""Interfaces of machines that exist: plugged in and out, the default one chosen, addresses changed."""

from __future__ import annotations

from cloudwright.compute.model import Vm
from cloudwright.compute.vm.machine import nic_of
from cloudwright.compute.vm.view import VmView
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import InUse, ParamError, WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Reader, Tx
from cloudwright.drivers.error import NotThere
from cloudwright.drivers.hypervisor.contract import Hypervisor
from cloudwright.drivers.network.contract import HostNetwork
from cloudwright.identity.model import Account
from cloudwright.identity.owner import check_for
from cloudwright.infrastructure.model import Host
from cloudwright.network.model import FirewallRule, Network, Nic, PublicIp
from cloudwright.network.network.apply import ApplyNetwork, tell
from cloudwright.network.network.generation import bump
from cloudwright.network.network.nic import free_address, give_nic, take_back
from cloudwright.network.rules.check import named

MOST = 24  # interfaces of a machine, as many as fit beside its disks on one PCI bus


class PlugNic(Task, rank=50):
    """Plug an interface into a machine, whose network first learns of it. Where that fails the interface is gone again."""

    vm: int
    nic: int

    @step
    def network(self, tx: Tx) -> None:
        """Have the network serve it."""
        network = tx.get(Network, tx.get(Nic, self.nic).network_id)
        running = tx.get(Vm, self.vm).host_id is not None
        self.child(tx, ApplyNetwork(network=network.id, wake=running), network)

    @network.undo
    def give_up(self, tx: Tx) -> None:
        nic = tx.get(Nic, self.nic)
        if not nic.gone:
            take_back(tx, nic)

    @step(deadline=120)
    def plug(self) -> None:
        """Plug it in, if the machine is on a host."""
        vm, nic = self.read.get(Vm, self.vm), self.read.get(Nic, self.nic)
        if vm.host_id is None:
            self.say(f"{vm.name} is stopped: it has the interface when it starts")
            return
        host = self.read.get(Host, vm.host_id)
        wanted = nic_of(self.read, nic)
        self.reach(HostNetwork, host).ensure(wanted.segment)
        self.reach(Hypervisor, host).attach_nic(vm.instance_name, wanted)
        self.say(f"plugged {nic.mac} into {vm.name}", mac=nic.mac, address=nic.ip or "", host=host.name)

    @plug.undo
    def unplug(self) -> None:
        _unplug(self, self.read.get(Vm, self.vm), self.read.get(Nic, self.nic))


class UnplugNic(Task, rank=50):
    """Unplug an interface from a machine, then let its network forget it."""

    vm: int
    nic: int

    @step(deadline=120, final=True)
    def unplug(self) -> None:
        """Unplug it, if the machine is on a host."""
        _unplug(self, self.read.get(Vm, self.vm), self.read.get(Nic, self.nic))

    @step
    def forget(self, tx: Tx) -> None:
        """Free its address; the rules that lead to it end, and its network is told."""
        nic = tx.get(Nic, self.nic)
        take_back(tx, nic)
        tell(tx, tx.get(Network, nic.network_id))


class ChooseDefaultNic(Task, rank=50):
    """Tell a machine's networks which of them carries its default route. The guest hears of it with its next lease."""

    vm: int

    @step
    def networks(self, tx: Tx) -> None:
        """Have them say so."""
        ids = {nic.network_id for nic in tx.all(Nic, Nic.c.vm_id == self.vm)}
        networks = [tx.get(Network, id) for id in sorted(ids)]
        self.children(tx, [(ApplyNetwork(network=one.id, wake=False), one) for one in networks])


def _unplug(task: Task, vm: Vm, nic: Nic) -> None:
    if vm.host_id is None:
        return
    try:
        task.reach(Hypervisor, task.read.get(Host, vm.host_id)).detach_nic(vm.instance_name, nic.mac)
    except NotThere:
        return
    task.say(f"unplugged {nic.mac} from {vm.name}", mac=nic.mac)


class _OnMachine(Command):
    """What commands on a machine's interfaces take."""

    virtual_machine: Ref[Vm] = param("the machine", use=Use.CHANGE)

    def _settled(self) -> Vm:
        vm = self.virtual_machine
        if vm.state not in ("Running", "Stopped"):
            text = f"{vm.name} is {vm.state}; its interfaces change while it is Running or Stopped"
            raise WrongState(text, param="virtualmachineid")
        return vm


class AddNicToVirtualMachine(_OnMachine, states=("Running", "Stopped"), answers=VmView, starts=PlugNic, event="NIC.CREATE"):
    """Gives a machine an interface on another network."""

    network: Ref[Network] = param("the network")
    ip_address: str | None = param("this address and no other")
    mac_address: str | None = param("this hardware address and no other")
    dhcp_options: dict[str, str] | None = param("further DHCP options", style="fields", keys=("dhcp:<code>",))

    def run(self, tx: Tx, caller: Caller) -> Vm:
        vm, network = self._settled(), self.network
        if self.dhcp_options:
            raise ParamError("Parameter dhcpoptions: further DHCP options are not built yet", param="dhcpoptions")
        if network.zone_id != vm.zone_id:
            raise ParamError(f"Network {network.name} is in another zone than {vm.name}", param="networkid")
        check_for(tx, tx.get(Account, vm.account_id), network, "networkid")
        if network.state in ("Shutdown", "Destroy"):
            raise WrongState(f"Network {network.name} is {network.state}", param="networkid")
        nics = tx.all(Nic, Nic.c.vm_id == vm.id)
        if any(nic.network_id == network.id for nic in nics):
            raise ParamError(f"{vm.name} has an interface on network {network.name} already", param="networkid")
        if len(nics) >= MOST:
            raise ParamError(f"{vm.name} has {len(nics)} interfaces, as many as fit", param="virtualmachineid")
        nic = give_nic(tx, network, vm, self.ip_address, self.mac_address)
        self.start(tx, PlugNic(vm=vm.id, nic=nic.id), vm, caller)
        return vm


class RemoveNicFromVirtualMachine(
    _OnMachine, states=("Running", "Stopped"), answers=VmView, starts=UnplugNic, event="NIC.DELETE"
):
    """Takes an interface from a machine, with its addresses."""

    nicid: Ref[Nic] = param("the interface", wire_name="nicid", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Vm:
        vm, nic = self._settled(), _own(self.virtual_machine, self.nicid)
        if nic.is_default:
            raise ParamError(
                f"The default interface of {vm.name} cannot be taken away", param="nicid",
                fix=["choose another with updateDefaultNicForVirtualMachine first"],
            )  # fmt: skip
        refuse_rules(tx, nic)
        self.start(tx, UnplugNic(vm=vm.id, nic=nic.id), vm, caller)
        return vm


class UpdateDefaultNicForVirtualMachine(_OnMachine, answers=VmView, starts=ChooseDefaultNic, event="NIC.UPDATE"):
    """Chooses which interface carries a machine's default route."""

    nicid: Ref[Nic] = param("the interface", wire_name="nicid", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Vm:
        vm, wanted = self._settled(), _own(self.virtual_machine, self.nicid)
        if wanted.is_default:
            raise ParamError(f"This is the default interface of {vm.name} already", param="nicid")
        for nic in tx.all(Nic, Nic.c.vm_id == vm.id):
            if nic.is_default != (nic.id == wanted.id):
                bump(tx, tx.get(Network, nic.network_id))
                tx.update(nic, is_default=nic.id == wanted.id)
        self.start(tx, ChooseDefaultNic(vm=vm.id), vm, caller)
        return vm


class UpdateVmNicIp(Command, answers=VmView, starts=ChooseDefaultNic, event="NET.IPASSIGN"):
    """Changes the address of a stopped machine's interface."""

    nicid: Ref[Nic] = param("the interface", wire_name="nicid", use=Use.CHANGE)
    ip_address: str | None = param("the new address; any free one without")

    def run(self, tx: Tx, caller: Caller) -> Vm:
        nic = self.nicid
        vm, network = tx.get(Vm, nic.vm_id), tx.get(Network, nic.network_id)
        self.judge(tx, caller, vm)
        if vm.state != "Stopped":
            text = f"{vm.name} is {vm.state}: its guest would keep the old address"
            raise WrongState(text, param="nicid", fix=["stop it first"])
        refuse_rules(tx, nic)
        bump(tx, network)
        address = free_address(tx, network, self.ip_address)
        if address is None:
            raise ParamError(f"Network {network.name} has no addresses", param="nicid")
        tx.update(nic, ip=address)
        self.start(tx, ChooseDefaultNic(vm=vm.id), vm, caller)
        return vm


def _own(vm: Vm, nic: Nic) -> Nic:
    if nic.vm_id != vm.id:
        raise ParamError(f"Interface {nic.uuid} is not one of {vm.name}", param="nicid")
    return nic


def refuse_rules(reader: Reader, nic: Nic, address: str | None = None) -> None:
    """Raises InUse that names what leads to an interface, or to one of its addresses."""
    rules = [FirewallRule.c.nic_id == nic.id, FirewallRule.c.state != "Revoke"]
    nats = [PublicIp.c.nic_id == nic.id, PublicIp.c.static_nat.is_(True)]
    if address is not None:
        rules.append(FirewallRule.c.private_ip == address)
        nats.append(PublicIp.c.static_to == address)
    why = [named(reader, rule) for rule in reader.all(FirewallRule, *rules)]
    why += [f"static NAT of {nat.address}" for nat in reader.all(PublicIp, *nats)]
    if why:
        what = address or nic.ip or nic.mac
        raise InUse(
            f"{what} is in use", why=why[:8], fix=["delete these rules first", "or end static NAT first (disableStaticNat)"]
        )
