"""Further addresses of a machine's interface. The guest configures them itself; rules may lead to them."""

from __future__ import annotations

from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import LimitReached, ParamError
from cloudwright.core.param import Ref, param
from cloudwright.core.setting import setting
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Tx
from cloudwright.core.view import View, field
from cloudwright.network.model import Network, Nic, NicSecondary
from cloudwright.network.network.generation import bump
from cloudwright.network.network.nic import free_address
from cloudwright.network.nic.plug import refuse_rules

MOST = setting("vm.network.nic.max.secondary.ipaddresses", 10, "how many further addresses an interface may have", minimum=0)


class NicSecondaryView(
    View,
    of=NicSecondary,
    key="nicsecondaryip",
    joins=[
        (Nic, Nic.c.id == NicSecondary.c.nic_id),
        (Network, Network.c.id == NicSecondary.c.network_id),
        (Vm, Vm.c.id == NicSecondary.c.vm_id),
    ],
):
    """A further address of an interface."""

    id = field(NicSecondary.c.uuid, "the address's id")
    ipaddress = field(NicSecondary.c.ip, "the address")
    nicid = field(Nic.c.uuid, "the interface")
    networkid = field(Network.c.uuid, "the network")
    virtualmachineid = field(Vm.c.uuid, "the machine")
    description = field(NicSecondary.c.description, "what it is for")


class HoldAddress(Task, rank=10):
    """Keep a further address for an interface. Routers need not know of it: guests configure it themselves."""

    secondary: int

    @step
    def hold(self, tx: Tx) -> None:
        """It is the machine's."""
        row = tx.get(NicSecondary, self.secondary)
        self.say(f"{row.ip} is kept for the machine", address=row.ip)


class DropAddress(Task, rank=10):
    """Let a further address of an interface go."""

    secondary: int

    @step
    def drop(self, tx: Tx) -> None:
        """It is free."""
        row = tx.get(NicSecondary, self.secondary)
        if not row.gone:
            tx.remove(row)
            self.say(f"{row.ip} is free", address=row.ip)


class AddIpToNic(
    Command,
    answers=NicSecondaryView,
    creates=NicSecondary,
    starts=HoldAddress,
    event="NIC.SECONDARY.IP.ASSIGN",
    resp_key="addiptovmnicresponse",
):
    """Gives an interface a further address. The guest configures it itself."""

    nicid: Ref[Nic] = param("the interface", wire_name="nicid", use=Use.CHANGE)
    ip_address: str | None = param("this address and no other")
    description: str | None = param("what it is for", length=2048)

    def run(self, tx: Tx, caller: Caller) -> NicSecondary:
        nic = self.nicid
        network, vm = tx.get(Network, nic.network_id), tx.get(Vm, nic.vm_id)
        self.judge(tx, caller, vm)
        bump(tx, network)
        most = MOST.get(tx)
        if tx.count(NicSecondary, NicSecondary.c.nic_id == nic.id) >= most:
            text = f"The interface of {vm.name} on network {network.name} has {most} further addresses, the most allowed"
            raise LimitReached(text, fix=[f"the setting {MOST.name} allows more"])
        address = free_address(tx, network, self.ip_address)
        if address is None:
            raise ParamError(f"Network {network.name} has no addresses", param="nicid")
        row = NicSecondary(
            nic_id=nic.id, network_id=network.id, vm_id=vm.id, ip=address, description=self.description,
            account_id=vm.account_id, domain_id=vm.domain_id,
        )  # fmt: skip
        tx.insert(row)
        self.start(tx, HoldAddress(secondary=row.id), row, caller)
        return row


class RemoveIpFromNic(Command, starts=DropAddress, event="NIC.SECONDARY.IP.UNASSIGN"):
    """Takes a further address from an interface."""

    id: Ref[NicSecondary] = param("the address's id", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> NicSecondary:
        row = self.id
        refuse_rules(tx, tx.get(Nic, row.nic_id), row.ip)
        self.start(tx, DropAddress(secondary=row.id), row, caller)
        return row
