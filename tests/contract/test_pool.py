"""What every storage pool driver promises, asked of all of them."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from cloudwright.drivers.error import Busy, NotThere, Refused
from cloudwright.drivers.pool.contract import Pool, PoolSpec
from cloudwright.drivers.pool.directory import DirectoryPool
from cloudwright.drivers.pool.fake import FakePool
from cloudwright.drivers.work import Work, WorkState
from cloudwright.drivers.world import MemoryWorld, TableWorld

POOL = "p-00000000-0000-4000-8000-000000000001"
MIB = 1 << 20


class Bench(Struct):
    """Two hosts of one shared pool, and an image in a store."""

    here: Pool
    there: Pool
    spec: PoolSpec
    url: str
    checksum: str
    outside: str


@pytest.fixture(params=["memory", "table", "directory"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    image = tmp_path / "t-image.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", image, "1G"], check=True)
    checksum = "sha256:" + hashlib.sha256(image.read_bytes()).hexdigest()
    spec = PoolSpec(POOL, "SharedMountPoint", str(tmp_path / "shared"))
    if request.param == "directory":
        (tmp_path / "shared").mkdir()
        here, there = DirectoryPool("h-1", tmp_path / "h1"), DirectoryPool("h-2", tmp_path / "h2")
    else:
        world = MemoryWorld() if request.param == "memory" else TableWorld(str(tmp_path / "world.db"))
        here, there = FakePool(world, "h-1"), FakePool(world, "h-2")
    bench = Bench(here, there, spec, f"file://{image}", checksum, f"file://{tmp_path}/out.qcow2")
    here.open(spec)
    there.open(spec)
    yield bench
    assert not list(tmp_path.glob("shared/.*")), "a half was left behind"


def ended(pool: Pool, key: str) -> Work:
    deadline = time.monotonic() + 60
    while (work := pool.work(key)).state is WorkState.RUNNING and time.monotonic() < deadline:
        time.sleep(0.01)
    return work


def install(bench: Bench, template: str = "t-base") -> None:
    bench.here.begin_install(f"install {template}", POOL, template, bench.url, bench.checksum)
    work = ended(bench.here, f"install {template}")
    assert work.state is WorkState.DONE, work.error
    assert work.result["size"] == 1024 * MIB


def test_a_pool_tells_how_full_it_is_and_opens_twice(bench: Bench) -> None:
    facts = bench.here.open(bench.spec)
    assert 0 <= facts.used < facts.capacity
    assert bench.here.facts(POOL).capacity == facts.capacity


def test_a_volume_is_made_once_and_seen_on_every_host(bench: Bench) -> None:
    made = bench.here.create(POOL, "v-one", 5 * MIB)
    assert (made.name, made.size, made.format, made.backing) == ("v-one", 5 * MIB, "qcow2", "")
    assert bench.here.create(POOL, "v-one", 5 * MIB).size == 5 * MIB
    assert bench.there.see(POOL, "v-one").size == 5 * MIB
    assert bench.there.locate(POOL, "v-one") == bench.here.locate(POOL, "v-one")
    assert bench.here.create(POOL, "v-raw", 3 * MIB, "raw").format == "raw"
    assert sorted(volume.name for volume in bench.there.volumes(POOL)) == ["v-one", "v-raw"]


def test_a_removed_volume_is_gone_and_removing_twice_is_done(bench: Bench) -> None:
    bench.here.create(POOL, "v-one", MIB)
    bench.there.remove(POOL, "v-one")
    bench.here.remove(POOL, "v-one")
    with pytest.raises(NotThere, match="v-one is not in the pool"):
        bench.here.see(POOL, "v-one")
    with pytest.raises(NotThere):
        bench.here.locate(POOL, "v-one")


def test_a_clone_is_linked_and_grown_and_made_twice_is_the_same(bench: Bench) -> None:
    install(bench)
    small = bench.here.clone(POOL, "v-small", "t-base", MIB)
    large = bench.there.clone(POOL, "v-large", "t-base", 2048 * MIB)
    assert (small.size, large.size) == (1024 * MIB, 2048 * MIB)
    assert small.backing == large.backing == "t-base"
    assert small.used < MIB
    assert bench.here.clone(POOL, "v-small", "t-base", MIB) == small
    with pytest.raises(NotThere, match="t-none"):
        bench.here.clone(POOL, "v-other", "t-none", MIB)


def test_a_volume_of_another_origin_is_not_taken_for_a_clone(bench: Bench) -> None:
    install(bench)
    bench.here.create(POOL, "v-one", MIB)
    with pytest.raises(Refused, match="no clone of t-base"):
        bench.here.clone(POOL, "v-one", "t-base", MIB)


def test_a_template_with_clones_is_busy(bench: Bench) -> None:
    install(bench)
    bench.here.clone(POOL, "v-one", "t-base", 0)
    with pytest.raises(Busy, match="t-base has 1 linked clones in this pool, the first is v-one"):
        bench.there.remove(POOL, "t-base")
    bench.here.remove(POOL, "v-one")
    bench.there.remove(POOL, "t-base")
    assert bench.here.volumes(POOL) == []


def test_a_template_is_never_written_to(bench: Bench) -> None:
    install(bench)
    for touch in (
        lambda: bench.here.resize(POOL, "t-base", 4096 * MIB),
        lambda: bench.here.create(POOL, "t-base", MIB),
        lambda: bench.here.begin_copy("k", POOL, "t-base", "t-base", MIB),
    ):
        with pytest.raises(Refused, match="t-base is a template: it is read-only"):
            touch()


def test_a_template_is_installed_once(bench: Bench) -> None:
    install(bench)
    bench.there.begin_install("again", POOL, "t-base", bench.url, bench.checksum)
    assert ended(bench.there, "again").state is WorkState.DONE
    assert [volume.name for volume in bench.here.volumes(POOL)] == ["t-base"]


@pytest.mark.parametrize(("url", "checksum"), [("ftp://store/t-1.qcow2", ""), ("file:///t-1.exe", ""), ("", "abc")])
def test_an_install_needs_a_stores_address_and_a_checksum(bench: Bench, url: str, checksum: str) -> None:
    with pytest.raises(Refused):
        bench.here.begin_install("k", POOL, "t-1", url or bench.url, checksum or bench.checksum)
    assert bench.here.work("k").state is WorkState.UNKNOWN


def test_a_copy_stands_alone(bench: Bench) -> None:
    install(bench)
    bench.here.clone(POOL, "v-linked", "t-base", 0)
    for _ in range(2):
        bench.here.begin_copy("copy", POOL, "v-copy", "v-linked", 2048 * MIB)
    assert ended(bench.here, "copy").result["size"] == 2048 * MIB
    bench.here.begin_copy("copy", POOL, "v-copy", "v-linked", 2048 * MIB)
    assert bench.here.work("copy").state is WorkState.DONE
    assert (bench.there.see(POOL, "v-copy").backing, bench.there.see(POOL, "v-copy").size) == ("", 2048 * MIB)
    with pytest.raises(NotThere, match="v-none"):
        bench.here.begin_copy("other", POOL, "v-copy2", "v-none", 0)


def test_work_is_unknown_before_it_begins_and_after_it_is_cancelled(bench: Bench) -> None:
    assert bench.here.work("never").state is WorkState.UNKNOWN
    bench.here.cancel("never")
    bench.here.create(POOL, "v-one", MIB)
    bench.here.begin_copy("copy", POOL, "v-copy", "v-one", 0)
    assert ended(bench.here, "copy").state is WorkState.DONE
    bench.here.cancel("copy")
    assert bench.here.work("copy").state is WorkState.UNKNOWN
    assert bench.here.see(POOL, "v-copy").size == MIB, "cancelling finished work leaves what it made"


def test_a_volume_is_exported_beside_the_images(bench: Bench) -> None:
    bench.here.create(POOL, "v-one", 7 * MIB)
    bench.here.begin_export("export", POOL, "v-one", bench.outside)
    assert ended(bench.here, "export").result["virtual"] == 7 * MIB
    with pytest.raises(Refused, match="can only be exported to a file:// address"):
        bench.here.begin_export("other", POOL, "v-one", "http://store/v-one.qcow2")


def test_resizing_grows_and_shrinks_only_when_told(bench: Bench) -> None:
    bench.here.create(POOL, "v-one", 4 * MIB)
    assert bench.here.resize(POOL, "v-one", 8 * MIB).size == 8 * MIB
    assert bench.here.resize(POOL, "v-one", 8 * MIB).size == 8 * MIB
    with pytest.raises(Refused, match="has 8388608 bytes: making it 1048576 would cut data off"):
        bench.here.resize(POOL, "v-one", MIB)
    assert bench.there.resize(POOL, "v-one", MIB, shrink=True).size == MIB
    with pytest.raises(NotThere):
        bench.here.resize(POOL, "v-none", MIB)


@pytest.mark.parametrize("size", [0, -1])
def test_a_volume_has_a_size(bench: Bench, size: int) -> None:
    with pytest.raises(Refused, match="cannot have"):
        bench.here.create(POOL, "v-one", size)


def test_a_closed_pool_keeps_its_contents(bench: Bench) -> None:
    bench.here.create(POOL, "v-one", MIB)
    bench.here.close(POOL)
    bench.here.close(POOL)
    with pytest.raises(NotThere, match=f"the pool {POOL} is not open on host h-1"):
        bench.here.volumes(POOL)
    assert bench.there.see(POOL, "v-one").size == MIB
    bench.here.open(bench.spec)
    assert bench.here.see(POOL, "v-one").size == MIB


HOSTILE = st.one_of(
    st.text().filter(lambda name: not name[:1].isalpha()),
    st.sampled_from(
        ["v-../../etc/passwd", "v-a/b", "../v-a", "v-a\n", "v-\u0661", "V-A", "v-" + "a" * 64, "v-a.qcow2", "json:{}"]
    ),
    st.builds(lambda a, b: f"v-{a}/{b}", st.text(), st.text()),
)


@given(name=HOSTILE)
def test_no_name_leaves_the_pool(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    root = tmp_path_factory.getbasetemp() / "names"
    for pool in (DirectoryPool("h-1", root / "state"), FakePool(MemoryWorld(), "h-1")):
        pool.open(PoolSpec(POOL, "Filesystem", str(root / "pool")))
        for verb in (
            lambda pool=pool: pool.create(POOL, name, MIB),
            lambda pool=pool: pool.see(POOL, name),
            lambda pool=pool: pool.clone(POOL, name, "t-base", MIB),
            lambda pool=pool: pool.clone(POOL, "v-a", name, MIB),
            lambda pool=pool: pool.begin_copy("k", POOL, name, "v-a", MIB),
            lambda pool=pool: pool.remove(POOL, name),
            lambda pool=pool: pool.facts(name),
        ):
            with pytest.raises(Refused, match="is not a name of the form"):
                verb()
    assert list((root / "pool").iterdir()) == []


@contextlib.contextmanager
def simulated() -> Iterator[tuple[MemoryWorld, FakePool]]:
    world = MemoryWorld()
    pool = FakePool(world, "h-1")
    pool.open(PoolSpec(POOL, "Simulator", "", options={"capacity": "1000000"}))
    pool.create(POOL, "v-one", MIB)
    yield world, pool


def test_simulated_work_takes_the_time_it_is_told() -> None:
    with simulated() as (world, pool):
        world.faults.delay("h-1/copy", 0.2)
        pool.begin_copy("copy", POOL, "v-copy", "v-one", 0)
        work = pool.work("copy")
        assert work.state is WorkState.RUNNING
        assert 0 <= work.progress < 1
        with pytest.raises(NotThere):
            pool.see(POOL, "v-copy")
        assert ended(pool, "copy").state is WorkState.DONE
        assert pool.see(POOL, "v-copy").size == MIB


def test_simulated_work_fails_as_told_and_leaves_nothing() -> None:
    with simulated() as (world, pool):
        world.faults.fail("h-1/copy", Refused("the disk is full"))
        pool.begin_copy("copy", POOL, "v-copy", "v-one", 0)
        assert (pool.work("copy").state, pool.work("copy").error) == (WorkState.FAILED, "the disk is full")
        pool.cancel("copy")
        assert [volume.name for volume in pool.volumes(POOL)] == ["v-one"]


def test_simulated_capacity_is_an_option() -> None:
    with simulated() as (_, pool):
        assert pool.facts(POOL).capacity == 1_000_000


def test_provisioning_takes_room_as_it_says(bench: Bench) -> None:
    thin = bench.here.create(POOL, "v-thin", 4 * MIB)
    sparse = bench.here.create(POOL, "v-sparse", 4 * MIB, provisioning="sparse")
    fat = bench.here.create(POOL, "v-fat", 4 * MIB, provisioning="fat")
    assert {thin.size, sparse.size, fat.size} == {4 * MIB}
    assert thin.used <= sparse.used < 4 * MIB <= fat.used
    bench.here.begin_copy("fat", POOL, "v-fatcopy", "v-thin", 6 * MIB, "fat")
    assert ended(bench.here, "fat").state is WorkState.DONE
    assert bench.here.see(POOL, "v-fatcopy").used >= 6 * MIB
    with pytest.raises(Refused, match="thin, sparse or fat"):
        bench.here.create(POOL, "v-odd", MIB, provisioning="lavish")
