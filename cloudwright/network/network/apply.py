"""Bringing a network to its current generation: implementing it where it is not, then its router runs the whole truth."""

from __future__ import annotations

import sqlalchemy as sa

from cloudwright.compute.model import Vm
from cloudwright.core.error import WrongState
from cloudwright.core.task import Again, Task, TaskRow, start, step
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity.model import Account
from cloudwright.infrastructure.model import Host
from cloudwright.network.address.take import take_address
from cloudwright.network.model import FirewallRule, Network, NetworkOffering, Nic, PublicIp, Router
from cloudwright.network.network.bring import bring, clear, halt
from cloudwright.network.network.generation import bump, in_force, record
from cloudwright.network.network.nic import new_mac
from cloudwright.network.router.place import dead, place_router
from cloudwright.network.segment import give_number_back, take_number
from cloudwright.network.services import ROUTER


class ApplyNetwork(Task, rank=30):
    """Bring a network to its generation.

    `rules` and `address` are what the command that started this made: where they cannot be applied they are taken away again.
    `wake` False leaves a network alone that is not implemented, or whose router an administrator stopped: what changed is in its
    rows and comes with the next start. Undoing takes down a network that this implemented, unless another machine runs on it.
    """

    network: int
    rules: list[int] = []
    address: int = 0
    wake: bool = True
    took: int = 0  # the public address taken for source NAT
    asleep: bool = False  # there is no router to tell
    implemented: bool = False  # by this task
    kept: bool = False  # when undoing: others rely on it

    @step
    def settle(self, tx: Tx) -> None:
        """Take what the network needs: a segment number, a public address, a router with a host."""
        network = tx.get(Network, self.network)
        if network.gone or network.state in ("Shutdown", "Destroy"):
            raise WrongState(f"Network {network.name} is {'deleted' if network.gone else network.state}")
        offering = tx.get(NetworkOffering, network.offering_id)
        routed = ROUTER in offering.services.values()
        self.asleep = not routed or not (self.wake or _awake(tx, network))
        if self.wake or not self.asleep:
            self._implement(tx, network, offering)
        if not routed and network.state != "Allocated":
            record(tx, network, network.generation)
        elif self.asleep:
            in_force(tx, network.id, network.generation)

    @settle.undo
    def unsettle(self, tx: Tx) -> None:
        network = tx.get(Network, self.network)
        if network.state == "Implementing":
            withdraw(tx, network, "Allocated")
            if self.took and tx.find(FirewallRule, FirewallRule.c.public_ip_id == self.took) is None:
                _remove_if_living(tx, tx.get(PublicIp, self.took))
        self._unmake(tx, network)

    @step(deadline=120)
    def bring(self) -> None:
        """Have the router run the network's whole document."""
        network = self.read.get(Network, self.network)
        if self.asleep:
            return
        if up_to_date(self.read, network):
            self.say("another change of the network took this one along", generation=network.applied)
        else:
            bring(self, network)

    @bring.undo
    def unbring(self) -> None:
        network = self.read.get(Network, self.network)
        if network.state == "Implemented" and self.implemented and not self.kept:
            self.write(self._reopen)
            raise Again(0.0, f"sees whether others use network {network.name}")
        if network.state == "Implementing":
            halt(self, network)
            clear(self, network)

    def _reopen(self, tx: Tx) -> None:
        """Take back that the network is implemented, unless another machine has come to rely on it."""
        network = tx.lock(tx.get(Network, self.network))
        mine = tx.get(TaskRow, self.row.parent).subject if self.row.parent else ""
        others = sa.cast(Vm.c.id, sa.String(20)) != mine.removeprefix("vm:")
        on = (Nic.c.network_id == network.id, Nic.c.gone == 0, Vm.c.id == Nic.c.vm_id, Vm.c.host_id.is_not(None))
        self.kept = bool(tx.value(sa.select(sa.exists().where(*on, others))))
        if not self.kept:
            tx.update(network, state="Implementing")

    def _implement(self, tx: Tx, network: Network, offering: NetworkOffering) -> None:
        number = take_number(tx, network)
        if network.state == "Allocated" or number != network.segment_number:
            self.implemented = self.implemented or network.state == "Allocated"
            tx.update(network, state="Implementing", segment_number=number)
            self.say(f"implements network {network.name}", segment=network.segment_kind, number=number)
        if self.asleep:
            return
        self._router(tx, network)
        source = (PublicIp.c.network_id == network.id, PublicIp.c.source_nat.is_(True))
        if "SourceNat" in offering.services and tx.find(PublicIp, *source) is None:
            owner = tx.get(Account, network.account_id)
            address = take_address(
                tx, network.zone_id, owner, network_id=network.id, source_nat=True, generation=network.generation
            )
            self.took = address.id
            self.say(f"source NAT leaves by {address.address}", address=address.address)

    def _router(self, tx: Tx, network: Network) -> None:
        if network.router_id is None:
            host = place_router(tx, network)
            router = Router(
                name="", zone_id=network.zone_id, network_id=network.id, host_id=host.id, guest_mac=new_mac(),
                public_mac=f"1e:00:{new_mac()[6:]}", account_id=network.account_id, domain_id=network.domain_id,
            )  # fmt: skip
            tx.insert(router)
            tx.update(router, name=f"r-{router.id}-VM")
            tx.update(network, router_id=router.id)
            self.say(f"a host was chosen for router {router.name}", host=host.name)
            return
        router = tx.get(Router, network.router_id)
        old = tx.get(Host, router.host_id) if router.host_id is not None else None
        if old is None or dead(old):
            host = place_router(tx, network)
            tx.update(router, host_id=host.id, state="Starting", ports="")
            self.say(f"router {router.name} moves: its host is dead", host=host.name)
        elif router.state == "Stopped":
            tx.update(router, state="Starting")

    def _unmake(self, tx: Tx, network: Network) -> None:
        """Take away what could not be applied, and have the router told so."""
        made = [rule for id in self.rules if (rule := tx.get(FirewallRule, id)).state == "Add"]
        changed = [_remove_if_living(tx, rule) for rule in made]
        if self.address and (address := tx.get(PublicIp, self.address)).state == "Allocating":
            changed.append(_remove_if_living(tx, address))
        if any(changed) and not network.gone:
            bump(tx, network)
            tell(tx, network)


def withdraw(tx: Tx, network: Network, state: str) -> None:
    """Give back what implementing took, but for its public addresses: nothing of the network is on any host any more."""
    if network.router_id is not None:
        _remove_if_living(tx, tx.get(Router, network.router_id))
    values: dict[str, object] = {"state": state, "router_id": None, "applied": 0, "idle_since": None}
    if not network.vlan_given:
        give_number_back(tx, network)
        values["segment_number"] = None
    tx.lock(network)
    tx.update(network, **values)


def up_to_date(reader: Reader, network: Network) -> bool:
    """Whether the router runs the network's generation, as far as is known."""
    if network.state != "Implemented" or network.applied < network.generation or network.router_id is None:
        return False
    router = reader.get(Router, network.router_id)
    return router.state == "Running" and router.observed_generation >= network.applied


def tell(tx: Tx, network: Network) -> None:
    """Have a change of rows told to the network's router, without anybody waiting for it."""
    start(tx, ApplyNetwork(network=network.id, wake=False), network)


def _awake(tx: Tx, network: Network) -> bool:
    if network.state not in ("Implemented", "Implementing") or network.router_id is None:
        return False
    return tx.get(Router, network.router_id).state != "Stopped"


def _remove_if_living(tx: Tx, row: FirewallRule | PublicIp | Router) -> bool:
    if row.gone:
        return False
    tx.remove(row)
    return True
