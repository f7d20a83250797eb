"""Destroying, recovering and expunging instances."""

from __future__ import annotations

from cloudwright.compute.model import Vm
from cloudwright.compute.vm.placing import give_back
from cloudwright.compute.vm.stop import StopVm, take_down
from cloudwright.compute.vm.view import VmView
from cloudwright.core.access import Caller, Kind, Use
from cloudwright.core.command import Command, Success
from cloudwright.core.error import Denied, InUse, ParamError, WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.setting import setting
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Tx
from cloudwright.identity.belongings import belongs
from cloudwright.infrastructure.model import Host
from cloudwright.network.model import Nic
from cloudwright.network.network.nic import take_back
from cloudwright.storage.model import Volume
from cloudwright.storage.volume.remove import RemoveVolume

MAY_EXPUNGE = setting(
    "allow.user.expunge.recover.vm",
    False,
    "whether users may expunge and recover their own instances",
    scopes=("domain", "account"),
)
DESTROYABLE = ("Running", "Stopped", "Error", "Unknown", "Destroyed")


class DestroyVm(Task, rank=50):
    """Stop an instance for good; with `expunge` remove it whole."""

    vm: int
    expunge: bool = False
    force: bool = False
    volumes: list[int] = []

    @step(deadline=600, final=True)
    def halt(self) -> None:
        """Stop it where it runs."""
        vm = self.read.get(Vm, self.vm)
        if vm.host_id is None:
            return
        if not take_down(self, vm, self.read.get(Host, vm.host_id), self.force):
            self.say("it did not run")

    @step
    def destroyed(self, tx: Tx) -> None:
        """It holds nothing on a host; until it is expunged it can be recovered."""
        vm = tx.get(Vm, self.vm)
        give_back(tx, vm)
        tx.update(
            vm, state="Expunging" if self.expunge else "Destroyed", destroyed_at=tx.now, observed="stopped", observed_at=tx.now
        )
        for volume in tx.all(Volume, Volume.c.vm_id == vm.id, Volume.c.vol_type == "DATADISK"):
            if volume.id not in self.volumes:
                tx.update(volume, vm_id=None, slot=None, attached_at=None)

    @step
    def remove_volumes(self, tx: Tx) -> None:
        """Its root disk, and the data disks named, go with it."""
        if not self.expunge:
            return
        volumes = tx.all(Volume, Volume.c.vm_id == self.vm)
        self.children(tx, [(RemoveVolume(volume=volume.id), volume) for volume in volumes])

    @step
    def expunged(self, tx: Tx) -> None:
        """Nothing of it is left."""
        if not self.expunge:
            return
        for nic in tx.all(Nic, Nic.c.vm_id == self.vm):
            take_back(tx, nic)
        vm = tx.get(Vm, self.vm)
        if not vm.gone:
            tx.remove(vm)
        self.say("expunged")


class DestroyVirtualMachine(Command, states=DESTROYABLE, answers=VmView, starts=DestroyVm, event="VM.DESTROY"):
    """Destroys an instance. It can be recovered until it is expunged."""

    id: Ref[Vm] = param("the instance", use=Use.CHANGE)
    expunge: bool = param("true removes it at once and for good", default=False)
    volumes: list[Ref[Volume]] | None = param("data volumes that go with it", default=None, use=Use.CHANGE)
    forced: bool = param("true pulls the plug instead of asking the guest", default=False)

    def run(self, tx: Tx, caller: Caller) -> Vm:
        vm = self.id
        if vm.state not in self.api.states:
            raise WrongState(
                f"{vm.name} cannot be destroyed: it is {vm.state}", param="id", fix=["wait until the job on it is done"]
            )
        if vm.delete_protection:
            raise InUse(
                f"{vm.name} is protected from being destroyed",
                fix=["end the protection first (updateVirtualMachine with deleteprotection=false)"],
            )
        _may_expunge(tx, caller, vm, self.expunge)
        for volume in self.volumes or []:
            if volume.vm_id != vm.id:
                raise ParamError(f"Parameter volumeids: volume {volume.name} is not attached to {vm.name}", param="volumeids")
        ids = [volume.id for volume in self.volumes or []]
        self.start(tx, DestroyVm(vm=vm.id, expunge=self.expunge, force=self.forced, volumes=ids), vm, caller)
        return vm


class ExpungeVirtualMachine(Command, states=("Destroyed", "Expunging", "Error"), starts=DestroyVm, event="VM.EXPUNGE"):
    """Removes a destroyed instance for good."""

    id: Ref[Vm] = param("the instance", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Success:
        if self.id.state not in self.api.states:
            text = f"{self.id.name} cannot be expunged: it is {self.id.state}"
            raise WrongState(text, param="id", fix=["destroy it first, or destroy it with expunge=true"])
        _may_expunge(tx, caller, self.id, True)
        self.start(tx, DestroyVm(vm=self.id.id, expunge=True, force=True), self.id, caller)
        return Success()


class RecoverVirtualMachine(Command, states=("Destroyed",), answers=VmView, event="VM.RECOVER"):
    """Brings a destroyed instance back; it is then stopped."""

    id: Ref[Vm] = param("the instance", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Vm:
        if self.id.state not in self.api.states:
            raise WrongState(f"{self.id.name} cannot be recovered: it is {self.id.state}, not Destroyed", param="id")
        _may_expunge(tx, caller, self.id, True)
        tx.update(self.id, state="Stopped", destroyed_at=None)
        return self.id


def _stopped(vm: Vm) -> StopVm | None:
    return StopVm(vm=vm.id) if vm.state == "Running" else None


def _may_expunge(tx: Tx, caller: Caller, vm: Vm, wanted: bool) -> None:
    allowed = caller.kind is not Kind.USER or MAY_EXPUNGE.get(tx, account=vm.account_id, domain=vm.domain_id)
    if wanted and not allowed:
        text = "Only administrators expunge and recover instances here"
        raise Denied(text, why=["setting allow.user.expunge.recover.vm is false"], fix=["ask an administrator"])


belongs(Vm, order=10, remove=lambda vm: DestroyVm(vm=vm.id, expunge=True, force=True), stop=_stopped)
