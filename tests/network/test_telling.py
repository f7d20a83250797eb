"""What is told of networks, interfaces and addresses, and which of them a name means: to root, and to those who own them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cloudwright.cloud import Cloud
from cloudwright.core.access import Caller
from cloudwright.core.error import Denied, ParamError, WrongState
from cloudwright.drivers.error import Refused
from cloudwright.drivers.hypervisor import contract
from cloudwright.identity.model import Domain
from cloudwright.infrastructure.model import Zone
from cloudwright.network.model import Network, PublicIp
from tests.conftest import call, done, finished
from tests.network.built import apply, machine, network, offering, on_network, root, row
from tests.operations.conftest import person


@pytest.fixture
def ann(cloud: Cloud) -> Caller:
    return person(cloud, "ann", "User", row(cloud, Domain))


def hers(ann: Caller) -> dict[str, str]:
    return {"account": ann.account, "domainid": ann.domain_uuid}


def test_the_numbers_of_segments_are_told_to_root_alone(cloud: Cloud, ann: Caller) -> None:
    made = network(cloud, **hers(ann))
    names = {"vlan", "broadcasturi", "isolationuri"}

    def told(who: Caller, command: str, **params: Any) -> dict[str, Any]:
        ((_, rows),) = ((key, value) for key, value in call(cloud, who, command, **params).items() if key != "count")
        return {name: rows[0][name] for name in names if name in rows[0]}

    vm = machine(cloud, on=made, startvm="false", **hers(ann))
    assert told(root(cloud), "listNetworks", id=made.uuid) == told(root(cloud), "listNics", virtualmachineid=vm.uuid) == {}
    done(cloud, root(cloud), "startVirtualMachine", id=vm.uuid)
    number = cloud.db.read().get(Network, made.id).segment_number
    uri = f"vlan://{number}"
    assert told(root(cloud), "listNetworks", id=made.uuid) == {"vlan": str(number), "broadcasturi": uri}
    assert told(root(cloud), "listNics", virtualmachineid=vm.uuid) == {"broadcasturi": uri, "isolationuri": uri}
    assert told(ann, "listNetworks", id=made.uuid) == told(ann, "listNics", virtualmachineid=vm.uuid) == {}


def plugged(cloud: Cloud) -> list[contract.Nic]:
    """The interfaces of the only machine, as its simulated host has them."""
    return [
        nic for _, _, value in cloud.world.all("machine")
        for nic in msgspec.json.decode(str(value["machine"]), type=contract.Machine).nics
    ]  # fmt: skip


def test_an_interface_that_comes_later_has_its_rate_at_once(cloud: Cloud) -> None:
    vm, second = machine(cloud), network(cloud, name="second")
    call(cloud, root(cloud), "updateConfiguration", name="network.throttling.rate", value="50")
    done(cloud, root(cloud), "addNicToVirtualMachine", virtualmachineid=vm.uuid, networkid=second.uuid)
    assert [nic.megabits_per_second for nic in plugged(cloud)] == [0, 50]


def test_a_link_goes_down_and_up_and_stays_so_over_a_start(cloud: Cloud) -> None:
    vm = machine(cloud)
    nic = call(cloud, root(cloud), "listNics", virtualmachineid=vm.uuid)["nic"][0]

    def link() -> tuple[bool, list[bool]]:
        """As it is told, and as the machine has it."""
        told = call(cloud, root(cloud), "listNics", virtualmachineid=vm.uuid)["nic"][0]["enabled"]
        return told, [nic.link_up for nic in plugged(cloud)]

    assert link() == (True, [True])
    done(cloud, root(cloud), "updateVmNic", nicid=nic["id"], enabled="false")
    assert link() == (False, [False])
    done(cloud, root(cloud), "stopVirtualMachine", id=vm.uuid)
    done(cloud, root(cloud), "startVirtualMachine", id=vm.uuid)
    assert link() == (False, [False])
    done(cloud, root(cloud), "stopVirtualMachine", id=vm.uuid)
    done(cloud, root(cloud), "updateVmNic", nicid=nic["id"], enabled="true")
    assert link() == (True, [])
    with pytest.raises(ParamError, match="Parameter enabled is missing"):
        call(cloud, root(cloud), "updateVmNic", nicid=nic["id"])
    done(cloud, root(cloud), "destroyVirtualMachine", id=vm.uuid)
    with pytest.raises(WrongState, match="web is Destroyed; its interfaces change"):
        call(cloud, root(cloud), "updateVmNic", nicid=nic["id"], enabled="false")


def test_a_link_that_cannot_be_set_stays_as_it_was(cloud: Cloud) -> None:
    vm = machine(cloud)
    nic = call(cloud, root(cloud), "listNics", virtualmachineid=vm.uuid)["nic"][0]["id"]
    cloud.world.faults.fail("*/update_nic", Refused("the port is gone"), times=1)
    ended = finished(cloud, call(cloud, root(cloud), "updateVmNic", nicid=nic, enabled="false")["jobid"])
    assert (ended.state, "the port is gone" in (ended.error or "")) == ("failed", True)
    assert call(cloud, root(cloud), "listNics", virtualmachineid=vm.uuid)["nic"][0]["enabled"] is True


def test_users_choose_mtus_where_a_setting_lets_them(cloud: Cloud, ann: Caller) -> None:
    network(cloud)  # and with it a zone
    about = {"zoneid": row(cloud, Zone).uuid, "networkofferingid": offering(cloud).uuid, "privatemtu": "1400"}
    with pytest.raises(ParamError, match="Parameter privatemtu: users may not choose MTUs in zone z1"):
        call(cloud, ann, "createNetwork", name="small", **about)
    assert call(cloud, root(cloud), "createNetwork", name="small", **about)["network"]["privatemtu"] == 1400
    call(
        cloud, root(cloud), "updateConfiguration", name="allow.end.users.to.specify.vr.mtu", value="true", zoneid=about["zoneid"]
    )
    assert call(cloud, ann, "createNetwork", name="small", **about)["network"]["privatemtu"] == 1400


def test_free_addresses_are_listed_for_root_alone(cloud: Cloud, ann: Caller) -> None:
    made = on_network(cloud, **hers(ann))
    mine = row(cloud, PublicIp, PublicIp.c.network_id == made.id)

    def states(who: Caller, **params: str) -> set[str]:
        rows = call(cloud, who, "listPublicIpAddresses", **params).get("publicipaddress", [])
        return {one["state"] for one in rows}

    assert states(root(cloud), listall="true") == states(ann) == states(ann, allocatedonly="false") == {"Allocated"}
    assert states(root(cloud), state="free") == {"Free"}
    assert states(root(cloud), state="free", ipaddress=mine.address) == set()
    assert states(root(cloud), allocatedonly="false", ipaddress=mine.address) == {"Allocated"}
    assert states(root(cloud), allocatedonly="false", id=mine.uuid) == {"Allocated"}
    assert states(root(cloud), allocatedonly="false") >= {"Free"}
    with pytest.raises(Denied, match="Only administrators"):
        states(ann, state="free")


def test_an_address_is_let_go_by_its_own_name(cloud: Cloud, ann: Caller) -> None:
    made = network(cloud)
    assert apply(cloud, made.id).state == "done"
    told = done(cloud, root(cloud), "associateIpAddress", networkid=made.uuid)
    address = row(cloud, PublicIp, PublicIp.c.uuid == told.instance_uuid).address
    with pytest.raises(ParamError, match=f"there is no public address '{address}' that you may change"):
        call(cloud, ann, "disassociateIpAddress", ipaddress=address)
    done(cloud, root(cloud), "disassociateIpAddress", ipaddress=address)
    assert cloud.db.read().count(PublicIp, PublicIp.c.address == address) == 0
    with pytest.raises(ParamError, match="Parameter id is missing"):
        call(cloud, root(cloud), "disassociateIpAddress")
