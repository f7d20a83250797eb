"""Which affinity groups an instance is in."""

from __future__ import annotations

from cloudwright.compute.affinity import AffinityGroup, groups_given, join_groups
from cloudwright.compute.model import Vm
from cloudwright.compute.vm.view import VmView
from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command
from cloudwright.core.error import WrongState
from cloudwright.core.param import Ref, param
from cloudwright.core.record import Record, changed
from cloudwright.core.tx import Tx
from cloudwright.identity.model import Account


class UpdateVMAffinityGroup(
    Command,
    states=("Stopped", "Error"),
    answers=VmView,
    starts=Record,
    event="VM.AG.UPDATE",
    resp_key="updatevirtualmachineresponse",
):
    """Puts an instance that does not run into these affinity groups, and out of all others. Its next start obeys them."""

    id: Ref[Vm] = param("the instance; it must be stopped, or have failed to start", use=Use.CHANGE)
    affinity_groups: list[Ref[AffinityGroup]] | None = param("the groups; none named takes it out of all", default=None)
    affinity_group_names: list[str] | None = param("their names, instead of ids", default=None)

    def run(self, tx: Tx, caller: Caller) -> Vm:
        vm = self.id
        if vm.state not in self.api.states:
            text = f"The affinity groups of {vm.name} cannot be changed: it is {vm.state}"
            raise WrongState(text, param="id", fix=["stop it first"])
        account = tx.get(Account, vm.account_id)
        groups = groups_given(tx, account, self.affinity_groups, self.affinity_group_names)
        join_groups(tx, vm, groups)
        self.start(tx, changed(f"{vm.name} is in {len(groups)} affinity groups"), vm, caller)
        return vm
