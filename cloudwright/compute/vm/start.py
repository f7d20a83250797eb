"""Starting a stopped instance."""

from __future__ import annotations

from cloudwright.compute.model import Vm
from cloudwright.compute.vm.boot import StartVm
from cloudwright.compute.vm.placing import Pin
from cloudwright.compute.vm.refused import RefusedOfStarted
from cloudwright.compute.vm.view import VmView
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.tx import Tx
from cloudwright.infrastructure.model import Cluster, Host, Pod


class StartVirtualMachine(RefusedOfStarted, Command, states=("Stopped",), answers=VmView, starts=StartVm, event="VM.START"):
    """Starts a stopped instance."""

    id: Ref[Vm] = param("the instance", use=Use.CHANGE)
    host: Ref[Host] | None = param("the host it shall start on", roles=("Admin",))
    cluster: Ref[Cluster] | None = param("the cluster it shall start in", roles=("Admin",))
    pod: Ref[Pod] | None = param("the pod it shall start in", roles=("Admin",))

    def run(self, tx: Tx, caller: Caller) -> Vm:
        if self.id.state not in self.api.states:
            fix = ["destroy it; what failed is told by its job"] if self.id.state == "Error" else []
            raise WrongState(f"{self.id.name} cannot be started: it is {self.id.state}", param="id", fix=fix)
        pin = Pin(host=self.host, cluster=self.cluster, pod=self.pod)
        self.start(tx, StartVm(vm=self.id.id, pin=pin.ids()), self.id, caller)
        return self.id
