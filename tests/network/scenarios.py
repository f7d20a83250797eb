"""A scenario for each task on networks: how it is started on a fresh cloud. The universal proofs run over them."""

from __future__ import annotations

from collections.abc import Callable

from cloudwright.cloud import Cloud
from cloudwright.core.task import TaskRow, start
from cloudwright.network.model import Network
from cloudwright.network.network.apply import ApplyNetwork
from cloudwright.network.network.shutdown import ShutdownNetwork
from tests.conftest import call, done
from tests.network.built import job, machine, network, on_network, root

Start = Callable[[Cloud], TaskRow]


def scenario_ApplyNetwork(cloud: Cloud) -> Start:
    made = network(cloud)
    return lambda c: c.db.write(lambda tx: start(tx, ApplyNetwork(network=made.id), made))


def scenario_ShutdownNetwork(cloud: Cloud) -> Start:
    made = on_network(cloud)
    return lambda c: c.db.write(lambda tx: start(tx, ShutdownNetwork(network=made.id), tx.get(Network, made.id)))


def scenario_DeleteNetwork(cloud: Cloud) -> Start:
    made = on_network(cloud)
    return lambda c: job(c, "deleteNetwork", id=made.uuid)


def scenario_RestartNetwork(cloud: Cloud) -> Start:
    made = on_network(cloud)
    return lambda c: job(c, "restartNetwork", id=made.uuid, cleanup="true")


def _router(cloud: Cloud) -> str:
    made = on_network(cloud)
    found: str = call(cloud, root(cloud), "listRouters", networkid=made.uuid)["router"][0]["id"]
    return found


def scenario_StopRouter(cloud: Cloud) -> Start:
    router = _router(cloud)
    return lambda c: job(c, "stopRouter", id=router)


def scenario_RebootRouter(cloud: Cloud) -> Start:
    router = _router(cloud)
    return lambda c: job(c, "rebootRouter", id=router)


def scenario_DestroyRouter(cloud: Cloud) -> Start:
    router = _router(cloud)
    return lambda c: job(c, "destroyRouter", id=router)


def scenario_PlugNic(cloud: Cloud) -> Start:
    vm = machine(cloud)
    second = network(cloud, name="second")
    return lambda c: job(c, "addNicToVirtualMachine", virtualmachineid=vm.uuid, networkid=second.uuid)


def _second_nic(cloud: Cloud) -> tuple[str, str]:
    vm = machine(cloud)
    second = network(cloud, name="second")
    done(cloud, root(cloud), "addNicToVirtualMachine", virtualmachineid=vm.uuid, networkid=second.uuid)
    nics = call(cloud, root(cloud), "listNics", virtualmachineid=vm.uuid)["nic"]
    return vm.uuid, next(nic["id"] for nic in nics if not nic["isdefault"])


def scenario_UnplugNic(cloud: Cloud) -> Start:
    vm, nic = _second_nic(cloud)
    return lambda c: job(c, "removeNicFromVirtualMachine", virtualmachineid=vm, nicid=nic)


def scenario_LinkNic(cloud: Cloud) -> Start:
    _, nic = _second_nic(cloud)
    return lambda c: job(c, "updateVmNic", nicid=nic, enabled="false")


def scenario_ChooseDefaultNic(cloud: Cloud) -> Start:
    vm, nic = _second_nic(cloud)
    return lambda c: job(c, "updateDefaultNicForVirtualMachine", virtualmachineid=vm, nicid=nic)


def scenario_HoldAddress(cloud: Cloud) -> Start:
    _, nic = _second_nic(cloud)
    return lambda c: job(c, "addIpToNic", nicid=nic)


def scenario_DropAddress(cloud: Cloud) -> Start:
    _, nic = _second_nic(cloud)
    secondary = done(cloud, root(cloud), "addIpToNic", nicid=nic).instance_uuid
    return lambda c: job(c, "removeIpFromNic", id=secondary)
