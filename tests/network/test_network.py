"""Networks: made, refused, implemented, restarted, looked after, deleted; and what their documents cost."""

from __future__ import annotations

import time
from typing import Any

import pytest
import sqlalchemy as sa

from cloudwright.cloud import Cloud
from cloudwright.core.error import InUse, ParamError
from cloudwright.core.task import TaskRow
from cloudwright.infrastructure.model import Host, SegmentNumber
from cloudwright.network.care import repair, shut_down_idle
from cloudwright.network.free import Span, pick
from cloudwright.network.model import Network, Nic, PublicIp, Router
from cloudwright.network.network.document import facts
from tests.conftest import call, done, finished
from tests.network.built import apply, document, machine, network, on_network, root, row


def test_the_catalogue_of_offerings_is_there(cloud: Cloud) -> None:
    listed = call(cloud, root(cloud), "listNetworkOfferings", guestiptype="Isolated", supportedservices="SourceNat")
    assert [one["name"] for one in listed["networkoffering"]] == ["DefaultIsolatedNetworkOfferingWithSourceNatService"]
    services = {one["name"] for one in listed["networkoffering"][0]["service"]}
    assert services == {"Dhcp", "Dns", "UserData", "Firewall", "Gateway", "SourceNat", "StaticNat", "PortForwarding"}


def test_an_offering_is_made_of_what_is_built(cloud: Cloud) -> None:
    about = {"name": "mine", "guestiptype": "Isolated", "traffictype": "GUEST", "enable": "true"}
    made = call(
        cloud, root(cloud), "createNetworkOffering", **about, supportedservices="Dhcp,SourceNat,Firewall",
        **{
            "serviceproviderlist[0].service": "Dhcp", "serviceproviderlist[0].provider": "VirtualRouter",
            "servicecapabilitylist[0].service": "SourceNat", "servicecapabilitylist[0].capabilitytype": "SupportedSourceNatTypes",
            "servicecapabilitylist[0].capabilityvalue": "peraccount",
        },
    )["networkoffering"]  # fmt: skip
    assert (made["state"], made["guestiptype"], made["egressdefaultpolicy"]) == ("Enabled", "Isolated", False)
    with pytest.raises(ParamError, match="load balancing is not built"):
        call(cloud, root(cloud), "createNetworkOffering", **{**about, "name": "lb"}, supportedservices="Dhcp,Lb")
    call(cloud, root(cloud), "deleteNetworkOffering", id=made["id"])


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ({"gateway": "10.2.0.1"}, "netmask"),
        ({"gateway": "10.2.0.0", "netmask": "255.255.255.0"}, "gateway"),
        ({"gateway": "8.8.8.1", "netmask": "255.255.255.0"}, "gateway"),
        ({"gateway": "10.2.0.1", "netmask": "255.0.0.0"}, "netmask"),
        ({"vlan": "120"}, "vlan"),
        ({"privatemtu": "9000"}, "privatemtu"),
        ({"ip6cidr": "fd00::/64"}, "ip6cidr"),
    ],
)
def test_wrong_networks_are_refused(cloud: Cloud, more: dict[str, str], wrong: str) -> None:
    with pytest.raises(ParamError) as refused:
        network(cloud, **more)
    assert refused.value.param == wrong


def test_an_l2_network_keeps_the_vlan_it_was_given(cloud: Cloud) -> None:
    made = network(cloud, offered="DefaultL2NetworkOfferingVlan", vlan="77")
    assert (made.state, made.segment_number, made.cidr) == ("Setup", 77, None)
    with pytest.raises(InUse) as refused:
        network(cloud, name="other", offered="DefaultL2NetworkOfferingVlan", vlan="77")
    assert "network first has it" in refused.value.why[0]
    done(cloud, root(cloud), "deleteNetwork", id=made.uuid)
    assert cloud.db.read().count(SegmentNumber) == 0


def test_a_network_in_use_is_not_deleted(cloud: Cloud) -> None:
    vm = machine(cloud)
    made = row(cloud, Network)
    with pytest.raises(InUse) as refused:
        call(cloud, root(cloud), "deleteNetwork", id=made.uuid)
    assert refused.value.why == [f"1 instance with an interface on it: {vm.name}"]
    cloud.db.write(lambda tx: [_clone(tx, vm.id, made, n, f"10.9.9.{n}") for n in range(100, 106)])
    with pytest.raises(InUse) as refused:
        call(cloud, root(cloud), "deleteNetwork", id=made.uuid)
    assert refused.value.why[0].startswith("7 instances ")
    assert refused.value.why[0].endswith(" and 2 more")


def test_deleting_gives_everything_back(cloud: Cloud) -> None:
    made = on_network(cloud)
    done(cloud, root(cloud), "deleteNetwork", id=made.uuid)
    reader = cloud.db.read()
    assert [reader.count(kind) for kind in (Network, Router, PublicIp, SegmentNumber)] == [0, 0, 0, 0]
    assert (list(cloud.world.all("appliance")), list(cloud.world.all("segment"))) == ([], [])


def test_a_lost_appliance_comes_back(cloud: Cloud) -> None:
    made = on_network(cloud)
    router = row(cloud, Router)
    host = cloud.db.read().get(Host, router.host_id)
    cloud.world.drop(host.uuid, "appliance", router.appliance_name)
    cloud.db.write(lambda tx: tx.update(tx.get(Router, router.id), observed_generation=0, state="Unknown"))
    assert cloud.db.write(repair) == 1
    _settled(cloud)
    assert document(cloud, made.id)["generation"] == row(cloud, Network).applied


def test_a_router_moves_only_when_its_host_is_proven_dead(cloud: Cloud) -> None:
    made = on_network(cloud)
    router = row(cloud, Router)
    host = cloud.db.read().get(Host, router.host_id)
    cloud.db.write(lambda tx: tx.update(tx.get(Host, host.id), state="Disconnected"))
    assert cloud.db.write(repair) == 0
    cloud.db.write(lambda tx: tx.update(tx.get(Host, host.id), state="Down"))
    assert cloud.db.write(repair) == 1
    _settled(cloud)
    moved = row(cloud, Router)
    assert (moved.host_id != host.id, moved.state, made.state) == (True, "Running", "Implemented")


def test_a_network_that_nobody_uses_is_shut_down(cloud: Cloud) -> None:
    on_network(cloud)
    assert cloud.db.write(shut_down_idle) == 0
    cloud.db.write(lambda tx: tx.execute(Network.t.update().values(idle_since=tx.now - 601)))
    assert cloud.db.write(shut_down_idle) == 1
    _settled(cloud)
    made = row(cloud, Network)
    assert (made.state, made.segment_number, list(cloud.world.all("appliance"))) == ("Allocated", None, [])


def test_a_document_costs_as_many_statements_for_many_machines(cloud: Cloud) -> None:
    vm = machine(cloud)
    made = row(cloud, Network)
    first = _statements(cloud, made)
    taken = row(cloud, Nic).ip  # chosen at random
    free = [ip for ip in (f"10.1.1.{n}" for n in range(100, 160)) if ip != taken][:50]
    cloud.db.write(lambda tx: [_clone(tx, vm.id, made, n, ip) for n, ip in enumerate(free)])
    assert 0 < _statements(cloud, made) == first <= 10
    assert apply(cloud, made.id).state == "done"


def _clone(tx: Any, vm_id: int, made: Network, n: int, ip: str) -> None:
    tx.insert(Nic(vm_id=vm_id, network_id=made.id, ip=ip, mac=f"02:00:00:00:00:{n:02x}", slot=n + 1))


def _statements(cloud: Cloud, made: Network) -> int:
    counted: list[str] = []
    reader = cloud.db.read()
    fresh = reader.get(Network, made.id)

    def count(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        counted.append(statement)

    sa.event.listen(cloud.db.engine, "before_cursor_execute", count)
    facts(reader, fresh)
    sa.event.remove(cloud.db.engine, "before_cursor_execute", count)
    return sum(1 for statement in counted if "FROM nic" in statement or "public_ip" in statement or "firewall_rule" in statement)


def test_many_rules_at_once_all_arrive(cloud: Cloud) -> None:
    made = on_network(cloud)
    address = row(cloud, PublicIp, PublicIp.c.network_id == made.id)
    about = {"ipaddressid": address.uuid, "protocol": "tcp"}
    jobs = [call(cloud, root(cloud), "createFirewallRule", **about, startport=port)["jobid"] for port in range(1000, 1020)]
    assert {finished(cloud, job).state for job in jobs} == {"done"}
    assert len(document(cloud, made.id)["addresses"][0]["ingress"]) == 20


def test_free_numbers_are_found_to_the_last() -> None:
    among, taken = [Span(10, 19), Span(30, 30)], set(range(10, 20))
    assert pick(among, lambda numbers: taken if numbers is None else taken & set(numbers)) == 30
    everything = taken | {30}
    assert pick(among, lambda numbers: everything) is None


def _settled(cloud: Cloud) -> None:
    until = time.monotonic() + 60
    subject = f"network:{row(cloud, Network).id}"
    while time.monotonic() < until and cloud.db.read().find(TaskRow, TaskRow.c.subject == subject, TaskRow.c.live == 1):
        time.sleep(0.01)
