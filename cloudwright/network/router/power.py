"""Starting, stopping, rebooting and destroying routers. All of it is work on the router's network: one thing at a time there."""

from __future__ import annotations

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Tx
from cloudwright.network.model import Network, Router
from cloudwright.network.network.apply import ApplyNetwork, tell
from cloudwright.network.network.bring import bring, halt
from cloudwright.network.router.view import RouterView


class StopRouter(Task, rank=30):
    """Stop a network's router. Its guests lose their way out until it is started."""

    network: int

    @step(deadline=300, final=True)
    def halt(self) -> None:
        """Take it from its host, and remember that it shall not run."""
        network = self.read.get(Network, self.network)
        halt(self, network)
        self.write(lambda tx: put_state(tx, network, "Stopped"))


class DestroyRouter(Task, rank=30):
    """Destroy a network's router. The next change of the network, or machine on it, makes a new one."""

    network: int

    @step(deadline=300, final=True)
    def halt(self) -> None:
        """Take it from its host."""
        network = self.read.get(Network, self.network)
        halt(self, network)
        self.write(lambda tx: put_state(tx, network, "Stopped"))

    @step
    def forget(self, tx: Tx) -> None:
        """Remove its row."""
        network = tx.get(Network, self.network)
        if network.router_id is not None:
            tx.remove(tx.get(Router, network.router_id))
            tx.update(network, router_id=None)


class RebootRouter(Task, rank=30):
    """Take a network's router from its host and start it there again."""

    network: int

    @step(deadline=300)
    def halt(self) -> None:
        """Take it from its host."""
        network = self.read.get(Network, self.network)
        halt(self, network)
        self.write(lambda tx: put_state(tx, network, "Starting"))

    @halt.undo
    def unhalt(self, tx: Tx) -> None:
        start_again(tx, tx.get(Network, self.network))

    @step(deadline=300)
    def bring(self) -> None:
        """Start it with the whole truth."""
        bring(self, self.read.get(Network, self.network))


def put_state(tx: Tx, network: Network, state: str) -> None:
    """The router runs nothing: what the network was brought to is void."""
    if network.router_id is None:
        return
    router = tx.get(Router, network.router_id)
    tx.update(tx.lock(router), state=state, ports="", observed_generation=0)
    tx.lock(network)
    tx.update(network, applied=0)


def start_again(tx: Tx, network: Network) -> None:
    """Have a router that may have been taken from its host run there again."""
    put_state(tx, network, "Starting")
    tell(tx, network)


class _OnRouter(Command):
    """What commands on a router take."""

    id: Ref[Router] = param("the router", use=Use.CHANGE)

    def _begin(self, tx: Tx, task: type[Task], caller: Caller) -> Router:
        network = tx.get(Network, self.id.network_id)
        self.start(tx, task(network=network.id), network, caller, about=self.id)
        return self.id


class StartRouter(_OnRouter, states=("Stopped",), answers=RouterView, starts=ApplyNetwork, event="ROUTER.START"):
    """Starts a router."""

    def run(self, tx: Tx, caller: Caller) -> Router:
        return self._begin(tx, ApplyNetwork, caller)


class StopRouterCommand(
    _OnRouter, states=("Running", "Starting"), answers=RouterView, starts=StopRouter, event="ROUTER.STOP", name="stopRouter"
):
    """Stops a router. Its guests lose their way out until it is started."""

    forced: bool = param("no different: a router in a namespace always stops at once", default=False)

    def run(self, tx: Tx, caller: Caller) -> Router:
        if self.id.state == "Stopped":
            raise WrongState(f"Router {self.id.name} is stopped already", param="id")
        return self._begin(tx, StopRouter, caller)


class RebootRouterCommand(
    _OnRouter, states=("Running",), answers=RouterView, starts=RebootRouter, event="ROUTER.REBOOT", name="rebootRouter"
):
    """Restarts a router on its host."""

    forced: bool = param("no different: a router in a namespace always stops at once", default=False)

    def run(self, tx: Tx, caller: Caller) -> Router:
        return self._begin(tx, RebootRouter, caller)


class DestroyRouterCommand(_OnRouter, answers=RouterView, starts=DestroyRouter, event="ROUTER.DESTROY", name="destroyRouter"):
    """Destroys a router. The next change of its network, or machine on it, makes a new one."""

    def run(self, tx: Tx, caller: Caller) -> Router:
        return self._begin(tx, DestroyRouter, caller)
