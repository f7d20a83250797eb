"""Placement: what it promises for any world, and the words in which it refuses."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from cloudwright.infrastructure.placement import (
    FILTERS,
    Candidate,
    Disk,
    Plan,
    Pool,
    Refusal,
    Request,
    conflict,
    explain,
    place,
    spread,
)

GIB = 1 << 30
tags = st.sets(st.sampled_from(["gpu", "ssd"])).map(lambda found: tuple(sorted(found)))
sizes = st.integers(1, 8).map(lambda n: n * GIB)
disks = st.lists(st.builds(Disk, size=sizes, tags=tags, local=st.booleans()), max_size=3).map(tuple)
pools = st.lists(st.tuples(sizes, tags, st.booleans()), max_size=3).map(
    lambda made: tuple(Pool(id=i, name=f"p{i}", free=free, tags=t, local=local) for i, (free, t, local) in enumerate(made))
)
requests = st.builds(
    Request, name=st.just("m"), hypervisor=st.sampled_from(["KVM", "Simulator"]), cpus=st.integers(1, 8), mhz=st.just(1000),
    memory=sizes, tags=tags, disks=disks, zone=st.just(1), avoid=st.frozensets(st.integers(0, 4)),
)  # fmt: skip
hosts = st.lists(
    st.builds(
        Candidate, id=st.integers(0, 4), name=st.sampled_from("abcd"), pod=st.just(1), cluster=st.just(1),
        hypervisor=st.sampled_from(["KVM", "Simulator"]), state=st.sampled_from(["Up", "Up", "Disconnected"]),
        cpus=st.integers(1, 8),
        mhz=st.just(1000), cpu_limit=st.integers(1, 8).map(lambda n: n * 1000), memory_limit=sizes,
        memory_reserved=st.integers(0, 4).map(lambda n: n * GIB), tags=tags, pools=pools,
    ),
    max_size=6,
)  # fmt: skip


def fits(request: Request, host: Candidate) -> bool:
    """The same question, answered by trying everything."""
    return (
        host.state == "Up"
        and host.hypervisor == request.hypervisor
        and host.id not in request.avoid
        and set(request.tags) <= set(host.tags)
        and request.cpus <= host.cpus
        and host.cpu_reserved + request.cpus * request.mhz <= host.cpu_limit
        and host.memory_reserved + request.memory <= host.memory_limit
        and any(holds(request.disks, chosen, host.pools) for chosen in product(range(len(host.pools)), repeat=len(request.disks)))
    )


def holds(wanted: tuple[Disk, ...], chosen: tuple[int, ...], there: tuple[Pool, ...]) -> bool:
    """Whether these pools suit those disks and have room for all of them together."""
    taken = {pool.id: sum(d.size for d, at in zip(wanted, chosen, strict=True) if at == pool.id) for pool in there}
    suits = all(set(d.tags) <= set(there[at].tags) and d.local == there[at].local for d, at in zip(wanted, chosen, strict=True))
    return suits and all(taken[pool.id] <= pool.free for pool in there)


@given(requests, hosts)
def test_a_plan_is_the_first_host_on_which_it_fits_and_is_found_whenever_there_is_one(
    request: Request, world: list[Candidate]
) -> None:
    found = place(request, world)
    able = [host for host in world if fits(request, host)]
    if isinstance(found, Plan):
        assert found.host == able[0].id
        assert holds(request.disks, found.pools, able[0].pools)
    else:
        assert not able
        assert len(found) == len(world)


@given(requests, hosts)
def test_every_refusal_names_what_refused(request: Request, world: list[Candidate]) -> None:
    found = place(request, world)
    if isinstance(found, list):
        for refusal, host in zip(found, world, strict=True):
            assert refusal.why
            assert refusal.why == {name: said for name, ask in FILTERS.items() if (said := ask(request, host))}


@given(requests, hosts)
def test_the_conflict_is_real_and_none_smaller_is(request: Request, world: list[Candidate]) -> None:
    found = place(request, world)
    if isinstance(found, Plan) or not found:
        return
    clash = conflict(found)
    assert clash
    assert all(any(name in refusal.why for name in clash) for refusal in found)
    for left_out in clash:
        smaller = [name for name in clash if name != left_out]
        assert any(all(name not in refusal.why for name in smaller) for refusal in found)


@given(disks, pools)
def test_disks_already_placed_take_no_more_room(wanted: tuple[Disk, ...], there: tuple[Pool, ...]) -> None:
    chosen = spread(wanted, there)
    if chosen is None:
        return
    again = tuple(Disk(size=disk.size, pool=at) for disk, at in zip(wanted, chosen, strict=True))
    full = tuple(Pool(id=pool.id, name=pool.name, free=0, tags=pool.tags, local=pool.local) for pool in there)
    assert spread(again, full) == chosen


def host(name: str, memory: int, *has: str) -> Candidate:
    """A host of this many GiB with these tags."""
    return Candidate(
        id=ord(name), name=name, pod=1, cluster=1, hypervisor="KVM", cpus=8, mhz=2000, cpu_limit=16000, memory_limit=memory * GIB,
        tags=has,
    )  # fmt: skip


def test_contradicting_demands_are_told_with_their_numbers() -> None:
    world = [host("a", 64), host("b", 64), host("c", 64), host("d", 8, "gpu"), host("e", 8, "gpu")]
    request = Request(name="m1", hypervisor="KVM", cpus=1, mhz=1000, memory=32 * GIB, tags=("gpu",), zone=1)
    found = place(request, world)
    assert isinstance(found, list)
    error = explain(request, found)
    assert error.text == "m1 fits on no host: of 5 hosts 2 are ones with the tags, 3 are ones with the memory, none is both"
    assert "host d: 8.0 GiB of 8.0 GiB memory are free, 32.0 GiB are wanted" in error.why
    assert error.fix == [
        "it would fit on a, b, c, but for one thing: it has no tag gpu (it has: none)",
        "it would fit on d, e, but for one thing: 8.0 GiB of 8.0 GiB memory are free, 32.0 GiB are wanted",
    ]


def test_one_demand_that_nobody_meets_is_told_alone() -> None:
    request = Request(name="m1", hypervisor="KVM", cpus=1, mhz=1000, memory=128 * GIB, zone=1)
    found = place(request, [host("a", 64), host("b", 8)])
    assert isinstance(found, list)
    assert explain(request, found).text == "m1 fits on no host: none of 2 hosts is one with the memory"


def test_without_hosts_the_remedy_is_to_add_one() -> None:
    request = Request(name="m1", hypervisor="KVM", cpus=1, mhz=1000, memory=GIB, zone=1)
    refusals: list[Refusal] = []
    assert explain(request, refusals).fix == ["add a host (addHost)"]


def test_a_cluster_beyond_its_threshold_takes_no_more() -> None:
    full = Candidate(
        id=1, name="a", pod=1, cluster=1, hypervisor="KVM", cpus=8, mhz=2000, cpu_limit=16000, memory_limit=64 * GIB,
        cluster_memory=(54 * GIB, 55 * GIB),
    )  # fmt: skip
    request = Request(name="m1", hypervisor="KVM", cpus=1, mhz=1000, memory=2 * GIB, zone=1)
    found = place(request, [full])
    assert isinstance(found, list)
    assert list(found[0].why) == ["below its cluster's threshold"]
