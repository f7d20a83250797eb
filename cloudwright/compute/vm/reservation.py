"""cleanVMReservations: what hosts have reserved is held against what their instances take."""

from __future__ import annotations

from cloudwright.compute.model import Vm
from cloudwright.core.access import Caller
from cloudwright.core.command import Command, Success
from cloudwright.core.task import Again, Task, step
from cloudwright.core.tx import Tx
from cloudwright.identity.model import Account
from cloudwright.infrastructure.model import Host


class CleanReservations(Task, rank=5):
    """See that each host has reserved what its instances take, no more and no less."""

    @step(deadline=300)
    def clean(self, tx: Tx) -> None:
        """A reservation is changed only together with an instance, so a host that is held can be compared."""
        hosts, wrong = tx.all(Host), 0
        for host in hosts:
            tx.lock(host)
            if tx.count(Vm, Vm.c.state == "Migrating"):  # it has room on two hosts
                raise Again(1.0, "waits for instances that move between hosts")
            here = tx.all(Vm, Vm.c.host_id == host.id)
            taken = {"cpu_reserved": sum(vm.cpu_taken for vm in here), "memory_reserved": sum(vm.memory_taken for vm in here)}
            if taken != {name: host.__dict__[name] for name in taken}:
                wrong += 1
                tx.update(host, **taken)
                self.say(f"{host.name} had reserved what no instance takes, or too little", **taken)
        self.say(f"{len(hosts)} hosts looked at, {wrong} mended", hosts=len(hosts), mended=wrong)


class CleanVMReservations(
    Command, starts=CleanReservations, event="VM.RESERVATION.CLEANUP", resp_key="cleanvmreservationresponse", form="success"
):
    """Gives back what hosts have reserved for instances that are not there."""

    def run(self, tx: Tx, caller: Caller) -> Success:
        self.start(tx, CleanReservations(), tx.get(Account, caller.account_id), caller)
        return Success()
