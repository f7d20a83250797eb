"""Restarting a network: its router gets the whole truth again or, with cleanup, is made anew."""

from __future__ import annotations

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import ParamError, WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.resource import Resource
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Tx
from cloudwright.infrastructure.host.maintain import movers
from cloudwright.infrastructure.model import Host
from cloudwright.network.model import Network, Router
from cloudwright.network.network.bring import bring, halt
from cloudwright.network.network.generation import bump, record
from cloudwright.network.router.place import place_router
from cloudwright.network.router.power import put_state, start_again


class RestartNetwork(Task, rank=30):
    """Have a network's router do everything again. With `cleanup` it is taken from its host first and may live elsewhere after;
    where there is no router to take away, one is made."""

    network: int
    cleanup: bool = False
    was: int = 0  # the host it came from

    @step
    def begin(self, tx: Tx) -> None:
        """A new generation, so that everything is applied again."""
        network = tx.get(Network, self.network)
        if network.gone or network.state != "Implemented":
            raise WrongState(f"Network {network.name} is {'deleted' if network.gone else network.state}, not Implemented")
        bump(tx, network)

    @step(deadline=300)
    def remove(self) -> None:
        """With cleanup: take the router from its host."""
        network = self.read.get(Network, self.network)
        if self.cleanup:
            halt(self, network)
            self.write(lambda tx: put_state(tx, network, "Starting"))

    @remove.undo
    def unremove(self, tx: Tx) -> None:
        if self.cleanup:
            start_again(tx, tx.get(Network, self.network))

    @step
    def place(self, tx: Tx) -> None:
        """With cleanup: choose a host for it."""
        network = tx.get(Network, self.network)
        if not self.cleanup or network.router_id is None:
            return
        host, router = place_router(tx, network), tx.get(Router, network.router_id)
        self.was = router.host_id or 0
        tx.update(router, host_id=host.id)
        self.say("a host was chosen for the router", host=host.name)

    @place.undo
    def unplace(self, tx: Tx) -> None:
        network = tx.get(Network, self.network)
        if self.was and network.router_id is not None:
            tx.update(tx.get(Router, network.router_id), host_id=self.was)

    @step(deadline=300)
    def bring(self) -> None:
        """Start it with the whole truth."""
        network = self.read.get(Network, self.network)
        if network.router_id is not None:
            bring(self, network)
        else:
            self.write(lambda tx: record(tx, network, network.generation))

    @bring.undo
    def unbring(self) -> None:
        if self.cleanup:
            halt(self, self.read.get(Network, self.network))

    @step
    def done(self, tx: Tx) -> None:
        """No restart is wanted any more."""
        network = tx.get(Network, self.network)
        if network.restart_required:
            tx.update(network, restart_required=False)


def _moves(tx: Tx, host: Host) -> list[tuple[Task, Resource]]:
    """What takes the routers from a host that is emptied: each is made anew on another. Those that were stopped stay."""
    here = tx.all(Router, Router.c.host_id == host.id, Router.c.state != "Stopped")
    networks = [tx.get(Network, router.network_id) for router in here]
    return [(RestartNetwork(network=n.id, cleanup=True), n) for n in networks if n.state == "Implemented"]


movers.append(_moves)


class RestartNetworkCommand(Command, starts=RestartNetwork, event="NETWORK.RESTART", name="restartNetwork"):
    """Restarts a network: its router does everything again. With cleanup it is made anew, and guests are cut off for a moment."""

    id: Ref[Network] = param("the network", use=Use.CHANGE)
    cleanup: bool = param("true: make the router anew, perhaps on another host", default=False)
    make_redundant: bool = param("true: give the router a twin", default=False)
    live_patch: bool = param("true: renew what the router runs, without an interruption", default=False, since="4.17.0")

    def run(self, tx: Tx, caller: Caller) -> Network:
        if self.make_redundant:
            raise ParamError("Parameter makeredundant: redundant routers are not built yet", param="makeredundant")
        if self.cleanup and self.live_patch:
            text = "Parameter livepatch: cleanup makes the router anew, so there is nothing left to patch"
            raise ParamError(text, param="livepatch", fix=["give one of the two"])
        network = self.id
        if network.state != "Implemented":
            raise WrongState(
                f"Network {network.name} cannot be restarted: it is {network.state}", param="id",
                fix=["start a machine on it: that implements it"],
            )  # fmt: skip
        self.start(tx, RestartNetwork(network=network.id, cleanup=self.cleanup), network, caller)
        return network
