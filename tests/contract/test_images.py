"""What every image store driver promises, asked of all of them; what a real one refuses is in tests/drivers/images."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from cloudwright.drivers.error import NotThere, Refused
from cloudwright.drivers.images.contract import FetchPolicy, ImageStore
from cloudwright.drivers.images.directory import DirectoryImages
from cloudwright.drivers.images.fake import FakeImages
from cloudwright.drivers.naming import NAME
from cloudwright.drivers.work import Work, WorkState
from cloudwright.drivers.world import MemoryWorld, TableWorld

GIB = 1 << 30
POLICY = FetchPolicy(GIB, 4 * GIB, timeout=60)


class Bench(Struct):
    """A store that is open, and a disk and an ISO that were uploaded."""

    store: ImageStore
    disk: str
    iso: str


@pytest.fixture(params=["memory", "table", "directory"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    disk, iso = tmp_path / "disk", tmp_path / "iso"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "1G"], check=True)
    iso.write_bytes(b"\0" * 32768 + b"\1CD001" + b"\0" * 4090)
    store: ImageStore
    if request.param == "directory":
        store = DirectoryImages()
    else:
        world = MemoryWorld() if request.param == "memory" else TableWorld(str(tmp_path / "world.db"))
        store = FakeImages(world, "store")
    with pytest.raises(NotThere, match="the image store is not open"):
        store.images()
    store.open(str(tmp_path / "store"))
    yield Bench(store, str(disk), str(iso))
    assert not list(tmp_path.glob("store/scratch/*")), "half an image was left behind"


def ended(store: ImageStore, key: str) -> Work:
    deadline = time.monotonic() + 60
    while (work := store.work(key)).state is WorkState.RUNNING and time.monotonic() < deadline:
        time.sleep(0.01)
    return work


def test_a_received_disk_becomes_a_template(bench: Bench) -> None:
    for _ in range(2):
        bench.store.begin_receive("k", "t-disk", bench.disk, "qcow2", POLICY)
    work = ended(bench.store, "k")
    assert work.state is WorkState.DONE, work.error
    image = bench.store.see("t-disk")
    assert (image.name, image.format, image.virtual) == ("t-disk", "qcow2", GIB)
    assert image.checksum.startswith("sha256:")
    assert len(image.checksum) == 71
    assert work.result["checksum"] == image.checksum
    assert bench.store.images() == [image]
    assert bench.store.url("t-disk").endswith("/images/t-disk.qcow2")


def test_an_iso_stays_as_it_is(bench: Bench) -> None:
    bench.store.begin_receive("k", "t-iso", bench.iso, "ISO", POLICY)
    assert ended(bench.store, "k").state is WorkState.DONE
    image = bench.store.see("t-iso")
    assert image.format == "iso"
    assert image.virtual == image.size
    assert bench.store.url("t-iso").endswith("/images/t-iso.iso")


def test_a_removed_image_is_gone_and_removing_twice_is_done(bench: Bench) -> None:
    bench.store.begin_receive("k", "t-iso", bench.iso, "ISO", POLICY)
    assert ended(bench.store, "k").state is WorkState.DONE
    bench.store.remove("t-iso")
    bench.store.remove("t-iso")
    assert bench.store.images() == []
    for verb in (bench.store.see, bench.store.url):
        with pytest.raises(NotThere, match="has no image t-iso"):
            verb("t-iso")


def test_a_store_opens_twice(bench: Bench, tmp_path: Path) -> None:
    bench.store.begin_receive("k", "t-iso", bench.iso, "ISO", POLICY)
    assert ended(bench.store, "k").state is WorkState.DONE
    bench.store.open(str(tmp_path / "store"))
    assert bench.store.work("k").state is WorkState.DONE
    assert len(bench.store.images()) == 1


def test_work_is_unknown_before_it_begins_and_after_it_is_cancelled(bench: Bench) -> None:
    assert bench.store.work("never").state is WorkState.UNKNOWN
    bench.store.cancel("never")
    bench.store.begin_receive("k", "t-iso", bench.iso, "ISO", POLICY)
    assert ended(bench.store, "k").state is WorkState.DONE
    bench.store.cancel("k")
    assert bench.store.work("k").state is WorkState.UNKNOWN
    assert bench.store.see("t-iso").format == "iso", "cancelling finished work leaves what it made"


def test_what_waits_to_be_received_goes_when_it_is(bench: Bench, tmp_path: Path) -> None:
    for name in ("t-taken", "t-waiting"):
        path = Path(bench.store.incoming(name))
        path.parent.mkdir(parents=True, exist_ok=True)  # a simulated store has none
        path.write_bytes(Path(bench.disk).read_bytes())
    bench.store.begin_receive("k", "t-taken", bench.store.incoming("t-taken"), "QCOW2", POLICY)
    assert ended(bench.store, "k").state is WorkState.DONE
    bench.store.remove("t-waiting")
    if isinstance(bench.store, DirectoryImages):
        assert list((tmp_path / "store" / "incoming").iterdir()) == []


@pytest.mark.parametrize(
    ("url", "format", "checksum", "rule"),
    [
        ("ftp://example.org/a.qcow2", "QCOW2", "", "addresses may be http or https here, not ftp"),
        ("file:///etc/passwd", "QCOW2", "", "addresses may be http or https here, not file"),
        ("nonsense", "QCOW2", "", "not without a scheme"),
        ("http://u:p@example.org/a", "QCOW2", "", "user name or password"),
        ("http:///a", "QCOW2", "", "names no host"),
        ("http://example.org:99999/", "QCOW2", "", "is not a URL"),
        ("http://127.0.0.1/a", "QCOW2", "", "127.0.0.1 is an internal address that may not be reached"),
        ("http://169.254.169.254/a", "QCOW2", "", "169.254.169.254 is an internal address"),
        ("http://[::1]/a", "QCOW2", "", "::1 is an internal address"),
        ("http://[::ffff:10.0.0.1]/a", "QCOW2", "", "is an internal address"),
        ("http://[fe80::1%25eth0]/a", "QCOW2", "", "is an internal address"),
        ("http://[64:ff9b::7f00:1]/a", "QCOW2", "", "is an internal address"),
        ("http://ex ample.org/", "QCOW2", "", "characters that no URL may have"),
        ("http://example.org/\r\nHost: a", "QCOW2", "", "characters that no URL may have"),
        ("http://203.0.114.1/a", "EXE", "", "'EXE' is not an image format that is understood"),
        ("http://203.0.114.1/a", "QCOW2", "abc", "'abc' is not a checksum"),
        ("http://203.0.114.1/a", "QCOW2", "{md5}" + "a" * 64, "is not a checksum"),
    ],
)
def test_what_breaks_a_rule_fails_with_its_sentence(bench: Bench, url: str, format: str, checksum: str, rule: str) -> None:
    bench.store.begin_fetch("k", "t-bad", url, format, checksum, POLICY)
    work = ended(bench.store, "k")
    assert work.state is WorkState.FAILED
    assert rule in work.error
    bench.store.begin_fetch("k", "t-bad", url, format, checksum, POLICY)
    assert bench.store.work("k").state is WorkState.FAILED, "failed work stays failed until it is cancelled"
    assert bench.store.images() == []
    bench.store.cancel("k")
    assert bench.store.work("k").state is WorkState.UNKNOWN


@given(
    name=st.one_of(st.text(), st.sampled_from(["t-../x", "t-a/b", "t-a\n", "../t-a", "t-a.json"])).filter(
        lambda name: not NAME.fullmatch(name)
    )
)
def test_no_name_leaves_the_store(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    root = tmp_path_factory.getbasetemp() / "store"
    for store in (DirectoryImages(), FakeImages(MemoryWorld(), "store")):
        store.open(str(root))
        for verb in (
            lambda store=store: store.begin_fetch("k", name, "http://example.org/", "RAW", "", POLICY),
            lambda store=store: store.begin_receive("k", name, "/etc/passwd", "RAW", POLICY),
            lambda store=store: store.see(name),
            lambda store=store: store.url(name),
            lambda store=store: store.remove(name),
        ):
            with pytest.raises(Refused, match="is not a name of the form"):
                verb()
    assert sorted(path.name for path in root.rglob("*")) == ["images", "incoming", "scratch", "work"]


def test_simulated_fetches_take_their_time_and_fail_as_told() -> None:
    world = MemoryWorld()
    store = FakeImages(world, "store")
    store.open("/simulated")
    world.faults.delay("store/fetch", 0.2)
    store.begin_fetch("slow", "t-slow", "https://example.org/a.qcow2", "QCOW2", "a" * 64, POLICY)
    assert store.work("slow").state is WorkState.RUNNING
    assert store.images() == []
    assert ended(store, "slow").state is WorkState.DONE
    world.faults.clear()
    world.faults.fail("store/fetch", Refused("the file is no image"))
    store.begin_fetch("bad", "t-bad", "https://example.org/b.qcow2", "QCOW2", "", POLICY)
    assert (store.work("bad").state, store.work("bad").error) == (WorkState.FAILED, "the file is no image")
    assert [image.name for image in store.images()] == ["t-slow"]
