"""Two who choose the same host at once: the second to take it sees what the first did there, and chooses again."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cloudwright.cloud import Cloud
from cloudwright.compute.model import Vm
from cloudwright.compute.vm import placing
from cloudwright.core.access import Caller
from cloudwright.core.error import Lost, NoCapacity
from cloudwright.core.tx import Tx
from cloudwright.drivers.world import MemoryWorld
from cloudwright.infrastructure.model import Dedication, Host, HypervisorCapability
from tests.conftest import KEY, call
from tests.databases import drop, fresh
from tests.infrastructure.test_dedication import deploy, person
from tests.infrastructure.zone import Built, simulated_zone


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Have something happen once, when a host is chosen and not taken yet."""
    choose = placing.choose

    def arrange(act: Callable[[], object]) -> None:
        def chosen(*args: Any) -> Any:
            plan = choose(*args)
            monkeypatch.setattr(placing, "choose", choose)
            act()
            return plan

        monkeypatch.setattr(placing, "choose", chosen)

    return arrange


def offering(cloud: Cloud, root: Caller, **more: str) -> str:
    sizes = {"cpunumber": 1, "cpuspeed": 500, "memory": 128}
    name = more.get("deploymentplanner", "plain")
    return str(call(cloud, root, "createServiceOffering", name=name, displaytext=name, **sizes, **more)["serviceoffering"]["id"])


def place(tx: Tx, vm: Vm) -> Host:
    return placing.find_place(tx, tx.get(Vm, vm.id), {}, [])


def limit(tx: Tx) -> None:
    able = tx.find(HypervisorCapability, HypervisorCapability.c.hypervisor == "Simulator")
    assert able is not None
    tx.update(able, max_guests=1)


def test_of_two_decisions_the_second_is_taken_again(cloud: Cloud, meanwhile: Callable[[Callable[[], object]], None]) -> None:
    built = simulated_zone(cloud, hosts=1)
    ann, bob = person(cloud, "ann"), person(cloud, "bob")
    alone = offering(cloud, built.caller, deploymentplanner="ImplicitDedicationPlanner")
    waiting = {"startvm": "false"}
    hers, his = deploy(cloud, built, ann, serviceofferingid=alone, **waiting)[0], deploy(cloud, built, bob, **waiting)[0]
    other = deploy(cloud, built, ann, **waiting)[0]
    here = built.hosts[0]

    def loses(vm: Vm, why: str, *first: Callable[[Tx], object]) -> None:
        """Its host is chosen; then the last of `first` happens; then it takes its place."""

        def both(tx: Tx) -> None:
            for prepare in first[:-1]:
                prepare(tx)
            meanwhile(lambda: first[-1](tx))
            place(tx, vm)

        with pytest.raises(Lost, match=why):
            cloud.db.write(both)

    dedicated = Dedication(of_kind="host", of_id=here.id, zone_id=built.zone.id, domain_id=1, account_id=ann.account_id)
    loses(hers, "1 machine of other accounts", lambda tx: place(tx, his))
    loses(his, "shares its hosts with no other", lambda tx: place(tx, hers))
    loses(other, "1 are allowed", limit, lambda tx: place(tx, his))
    loses(his, "dedicated to account ann", lambda tx: tx.insert(dedicated))

    def comes(tx: Tx) -> None:  # as while it moves there
        row = tx.get(Vm, his.id)
        tx.update(row, state="Migrating", target_id=here.id)

    loses(hers, "1 machine of other accounts", comes)
    cloud.db.write(lambda tx: place(tx, hers))
    with pytest.raises(NoCapacity, match="open to the account"):
        cloud.db.write(lambda tx: place(tx, his))


def test_a_machine_that_moves_takes_its_place_in_the_same_way(
    cloud: Cloud, meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    built = simulated_zone(cloud, hosts=2)
    ann, bob = person(cloud, "ann"), person(cloud, "bob")
    alone = offering(cloud, built.caller, deploymentplanner="ImplicitDedicationPlanner")
    moves = deploy(cloud, built, ann, serviceofferingid=alone)[0]
    comes = deploy(cloud, built, bob, startvm="false")[0]

    def both(tx: Tx) -> None:
        meanwhile(lambda: place(tx, comes))
        placing.take_target(tx, tx.get(Vm, moves.id), None)

    with pytest.raises(Lost, match="1 machine of other accounts"):
        cloud.db.write(both)


@pytest.fixture(params=["postgresql", "mariadb"])
def servers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Cloud, Cloud, Built]]:
    """Two servers of one cloud; the first runs tasks."""
    url = fresh(request.param, tmp_path)
    with ExitStack() as ending:
        ending.callback(gc.collect)
        ending.callback(drop, url)
        made = []
        for name in ("a", "b"):
            made.append(Cloud(url, node=name, key=KEY, world=MemoryWorld()))
            ending.callback(made[-1].stop)
            made[-1].install()
        made[0].start()
        yield made[0], made[1], simulated_zone(made[0], hosts=2)


@pytest.mark.real
def test_two_servers_give_one_host_to_one_account(
    servers: tuple[Cloud, Cloud, Built], meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    one, two, built = servers
    ann, bob = person(one, "ann"), person(one, "bob")
    alone = offering(one, built.caller, deploymentplanner="ImplicitDedicationPlanner")
    hers, his = (deploy(one, built, who, serviceofferingid=alone, startvm="false")[0] for who in (ann, bob))
    first: list[Host] = []
    meanwhile(lambda: first.append(two.db.write(lambda tx: place(tx, his))))
    with pytest.raises(Lost, match="1 machine of other accounts"):
        one.db.write(lambda tx: place(tx, hers))  # chose the same, while the other server took it
    assert one.db.write(lambda tx: place(tx, hers)).id != first[0].id

    free = {"hostid": first[0].uuid, "domainid": bob.domain_uuid}
    one.db.write(lambda tx: placing.give_back(tx, tx.get(Vm, his.id)))
    one.db.write(lambda tx: placing.give_back(tx, tx.get(Vm, hers.id)))
    meanwhile(lambda: call(two, built.caller, "dedicateHost", account="ann", **free))
    pin = {"host": first[0].id}
    with pytest.raises(Lost, match="dedicated to account ann"):
        one.db.write(lambda tx: placing.find_place(tx, tx.get(Vm, his.id), pin, []))
