"""Shutting a network down, deleting it: nothing of it stays on any host."""

from __future__ import annotations

from typing import ClassVar

import sqlalchemy as sa

from cloudwright.compute.model import Vm
from cloudwright.core.error import InUse, WrongState, counted
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Reader, Tx
from cloudwright.network.model import FirewallRule, Network, Nic, PublicIp
from cloudwright.network.network.apply import withdraw
from cloudwright.network.network.bring import clear, halt
from cloudwright.network.segment import give_number_back

_SHOWN = 5


def machines_on(reader: Reader, network: Network, running: bool) -> list[str]:
    """The names of machines with an interface on the network; `running`: only of those that are on a host."""
    statement = sa.select(Vm.c.name).join(Nic.t, Nic.c.vm_id == Vm.c.id).where(Nic.c.network_id == network.id, Nic.c.gone == 0)
    if running:
        statement = statement.where(Vm.c.host_id.is_not(None))
    return [row[0] for row in reader.rows(statement.order_by(Vm.c.id))]


def refuse_in_use(reader: Reader, network: Network, running: bool) -> None:
    """Raises InUse with the number of the machines in the way, and the names of the first."""
    names = machines_on(reader, network, running)
    if names:
        doing = "running on it" if running else "with an interface on it"
        shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
        raise InUse(
            f"Network {network.name} is in use",
            why=[f"{counted({'instance': len(names)})} {doing}: {shown}"],
            fix=["stop them" if running else "expunge them, or take them off the network (removeNicFromVirtualMachine)"],
        )


class ShutdownNetwork(Task, rank=30):
    """Take a network that no machine runs on from all hosts. Its rules and public addresses stay, for when it is wanted again."""

    network: int
    going: ClassVar[str] = "Shutdown"

    @step
    def begin(self, tx: Tx) -> None:
        """See that nobody is cut off."""
        network = tx.get(Network, self.network)
        if network.gone or network.state == "Implementing":
            raise WrongState(f"Network {network.name} is {'deleted' if network.gone else network.state}")
        refuse_in_use(tx, network, running=self.going == "Shutdown")
        tx.update(network, state=self.going)

    @begin.undo
    def unbegin(self, tx: Tx) -> None:
        network = tx.get(Network, self.network)
        if network.state == self.going and not network.gone:
            before = "Implemented" if network.router_id or network.applied else "Setup" if network.vlan_given else "Allocated"
            tx.update(network, state=before)

    @step(deadline=300, final=True)
    def remove(self) -> None:
        """Remove the router."""
        network = self.read.get(Network, self.network)
        halt(self, network)
        clear(self, network)

    @step
    def release(self, tx: Tx) -> None:
        """Give the segment number back."""
        network = tx.get(Network, self.network)
        if network.state == self.going:
            withdraw(tx, network, "Setup" if network.vlan_given else "Allocated")
            self.say(f"network {network.name} is on no host any more")


class DeleteNetwork(ShutdownNetwork, rank=30):
    """Take a network without machines from all hosts, then away, with its rules and public addresses."""

    network: int
    going = "Destroy"

    @step
    def erase(self, tx: Tx) -> None:
        """Remove its rows."""
        network = tx.get(Network, self.network)
        if network.gone:
            return
        for kind in (FirewallRule, PublicIp):
            rows = tx.all(kind, kind.c.network_id == network.id)
            for row in rows:
                tx.remove(row)
        give_number_back(tx, network)
        tx.remove(network)
        self.say(f"network {network.name} is deleted")
