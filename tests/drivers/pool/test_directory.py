"""What only a pool of real files can get wrong."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from cloudwright.drivers.error import Busy, NotThere, Refused
from cloudwright.drivers.pool import layout, nfs
from cloudwright.drivers.pool.contract import PoolSpec
from cloudwright.drivers.pool.directory import DirectoryPool
from cloudwright.drivers.work import Work, WorkState

MIB = 1 << 20


@pytest.fixture
def pool(tmp_path: Path) -> DirectoryPool:
    pool = DirectoryPool("h-1", tmp_path / "state")
    pool.open(PoolSpec("p-1", "Filesystem", str(tmp_path / "pool")))
    return pool


def ended(pool: DirectoryPool, key: str) -> Work:
    deadline = time.monotonic() + 60
    while (work := pool.work(key)).state is WorkState.RUNNING and time.monotonic() < deadline:
        time.sleep(0.01)
    return work


def image(path: Path, *options: str) -> tuple[str, str]:
    """An image in a store: its url and checksum."""
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *options, path, "64M"], check=True)
    return path.as_uri(), hashlib.sha256(path.read_bytes()).hexdigest()


def io(path: str, *commands: str) -> bytes:
    words = [word for command in commands for word in ("-c", command)]
    return subprocess.run(["qemu-io", "-f", "qcow2", *words, path], check=True, capture_output=True).stdout


def test_a_clone_reads_what_the_template_holds_wherever_the_pool_lies(pool: DirectoryPool, tmp_path: Path) -> None:
    source = tmp_path / "t-base.qcow2"
    image(source)
    io(str(source), "write -P 0x5a 1M 64k")
    pool.begin_install("i", "p-1", "t-base", source.as_uri(), hashlib.sha256(source.read_bytes()).hexdigest())
    assert ended(pool, "i").state is WorkState.DONE
    before = Path(pool.locate("p-1", "t-base")).read_bytes()
    pool.clone("p-1", "v-1", "t-base", 0)
    io(pool.locate("p-1", "v-1"), "write -P 0x77 2M 64k")
    pool.begin_copy("c", "p-1", "v-2", "v-1", 128 * MIB)
    assert ended(pool, "c").state is WorkState.DONE
    assert Path(pool.locate("p-1", "t-base")).read_bytes() == before
    assert os.stat(pool.locate("p-1", "t-base")).st_mode & 0o222 == 0
    (tmp_path / "pool").rename(tmp_path / "moved")
    for volume in ("v-1", "v-2"):
        said = io(f"{tmp_path}/moved/{volume}.qcow2", "read -P 0x5a 1M 64k", "read -P 0x77 2M 64k")
        assert b"failed" not in said


def test_a_wrong_or_dependent_image_is_not_installed(pool: DirectoryPool, tmp_path: Path) -> None:
    url, checksum = image(tmp_path / "t-base.qcow2")
    pool.begin_install("wrong", "p-1", "t-base", url, "0" * 64)
    assert ended(pool, "wrong").error == f"t-base has sha256 {checksum}, where {'0' * 64} was expected"
    url, checksum = image(tmp_path / "t-over.qcow2", "-u", "-F", "raw", "-b", "/etc/passwd")
    pool.begin_install("over", "p-1", "t-over", url, checksum)
    assert ended(pool, "over").error == "t-over needs another file beside it: a template must stand alone"
    pool.begin_install("none", "p-1", "t-none", (tmp_path / "t-none.qcow2").as_uri(), checksum)
    assert ended(pool, "none").error == "the image store has no file t-none.qcow2"
    assert list((tmp_path / "pool").iterdir()) == []


def test_a_volume_open_in_a_machine_is_copied_but_not_resized(pool: DirectoryPool) -> None:
    pool.create("p-1", "v-1", 4 * MIB)
    holder = subprocess.Popen(
        ["qemu-io", "-f", "qcow2", pool.locate("p-1", "v-1")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )
    try:
        assert holder.stdin
        assert holder.stdout
        holder.stdin.write(b"length\n")
        said = b""
        while b"4 MiB" not in said and (piece := holder.stdout.read(100)):
            said += piece
        assert b"4 MiB" in said
        with pytest.raises(Busy, match="open in a running machine"):
            pool.resize("p-1", "v-1", 8 * MIB)
        pool.begin_copy("c", "p-1", "v-2", "v-1", 0)
        assert ended(pool, "c").state is WorkState.DONE
    finally:
        holder.communicate(b"quit\n", timeout=10)
    assert pool.resize("p-1", "v-1", 8 * MIB).size == 8 * MIB


def test_a_copy_that_was_killed_is_made_again(pool: DirectoryPool, tmp_path: Path) -> None:
    pool.create("p-1", "v-1", 256 * MIB, "raw")
    with open(pool.locate("p-1", "v-1"), "r+b") as file:
        file.write(os.urandom(MIB) * 256)
    pool.begin_copy("c", "p-1", "v-2", "v-1", 0)
    deadline = time.monotonic() + 30
    while not list((tmp_path / "pool").glob(".*")) and time.monotonic() < deadline:
        time.sleep(0.001)
    (lock,) = (tmp_path / "state" / "work").glob("*.lock")
    os.killpg(int(lock.read_text()), signal.SIGKILL)
    assert ended(pool, "c").state is WorkState.UNKNOWN
    with pytest.raises(NotThere):
        pool.see("p-1", "v-2")
    DirectoryPool("h-1", tmp_path / "state").begin_copy("c", "p-1", "v-2", "v-1", 0)
    assert ended(pool, "c").state is WorkState.DONE
    assert Path(pool.locate("p-1", "v-1")).read_bytes() == Path(pool.locate("p-1", "v-2")).read_bytes()
    assert not list((tmp_path / "pool").glob(".*"))


def test_a_cancelled_copy_leaves_no_half(pool: DirectoryPool, tmp_path: Path) -> None:
    pool.create("p-1", "v-1", 256 * MIB, "raw")
    with open(pool.locate("p-1", "v-1"), "r+b") as file:
        file.write(os.urandom(MIB) * 256)
    pool.begin_copy("c", "p-1", "v-2", "v-1", 0)
    while not list((tmp_path / "pool").glob(".*")) and pool.work("c").state is WorkState.RUNNING:
        time.sleep(0.001)
    pool.cancel("c")
    time.sleep(0.2)
    assert [path.name for path in (tmp_path / "pool").iterdir()] == ["v-1.raw"]


def test_two_hosts_may_install_one_template_at_once(pool: DirectoryPool, tmp_path: Path) -> None:
    url, checksum = image(tmp_path / "t-base.qcow2")
    other = DirectoryPool("h-2", tmp_path / "state2")
    other.open(PoolSpec("p-1", "SharedMountPoint", str(tmp_path / "pool")))
    pool.begin_install("i", "p-1", "t-base", url, checksum)
    other.begin_install("i", "p-1", "t-base", url, checksum)
    assert ended(pool, "i").state is ended(other, "i").state is WorkState.DONE
    assert [path.name for path in (tmp_path / "pool").iterdir()] == ["t-base.qcow2"]


def test_pools_are_known_again_after_a_restart(pool: DirectoryPool, tmp_path: Path) -> None:
    pool.create("p-1", "v-1", MIB)
    assert DirectoryPool("h-1", tmp_path / "state").see("p-1", "v-1").size == MIB


def test_an_export_reaches_only_a_directory_that_is_there(pool: DirectoryPool, tmp_path: Path) -> None:
    pool.create("p-1", "v-1", MIB)
    with pytest.raises(Refused, match="does not see the image store"):
        pool.begin_export("e", "p-1", "v-1", f"file://{tmp_path}/nowhere/v-1.qcow2")
    with pytest.raises(Refused):
        pool.begin_export("e", "p-1", "v-1", f"file://{tmp_path}/state/../v-1.qcow2")


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        (PoolSpec("p-2", "Filesystem", "relative"), "an absolute path below the root directory"),
        (PoolSpec("p-2", "Filesystem", "/"), "an absolute path below the root directory"),
        (PoolSpec("p-2", "Filesystem", "/srv/../etc"), "an absolute path below the root directory"),
        (PoolSpec("p-2", "SharedMountPoint", "/not/mounted/here"), "there is no such directory"),
        (PoolSpec("p-2", "RBD", "/rbd"), "is RBD, not one of Filesystem, SharedMountPoint, NetworkFilesystem"),
        (PoolSpec("../p", "Filesystem", "/srv"), "is not a name"),
    ],
)
def test_what_cannot_be_a_pool_is_refused(pool: DirectoryPool, spec: PoolSpec, rule: str) -> None:
    with pytest.raises(Refused, match=rule):
        pool.open(spec)


def test_a_host_that_cannot_mount_nfs_says_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, programs = tmp_path / "filesystems", tmp_path / "bin"
    programs.mkdir()
    kernel.write_text("nodev\ttmpfs\n\text4\n")
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "h", "0.0-none", "", "")))
    lacks = nfs.missing(kernel, str(programs))
    assert lacks == ["an NFS client in its kernel", "the program mount.nfs (package nfs-common)"]
    kernel.write_text("nodev\tnfs4\n")
    (programs / "mount.nfs").write_text("#!/bin/sh\n")
    (programs / "mount.nfs").chmod(0o755)
    assert nfs.missing(kernel, str(programs)) == []
    monkeypatch.setattr(nfs, "missing", lambda: lacks)
    pool = DirectoryPool("h-1", tmp_path / "state")
    spec = PoolSpec("p-9", "NetworkFilesystem", "/export", "192.0.2.1")
    with pytest.raises(Refused, match="this host lacks an NFS client in its kernel and the program"):
        pool.open(spec)
    with pytest.raises(NotThere, match="p-9 is not open"):
        pool.facts("p-9")
    monkeypatch.setattr(nfs, "missing", list)
    for broken in (
        PoolSpec("p-9", spec.kind, "/export", "-o evil"),
        PoolSpec("p-9", spec.kind, "/e", "h", {"nfsmountopts": "a b"}),
    ):
        with pytest.raises(Refused, match="has no usable NFS address"):
            pool.open(broken)


def test_a_copy_dies_with_its_process(pool: DirectoryPool, tmp_path: Path) -> None:
    """Else an orphan would go on writing into the half that the next try writes."""
    pool.create("p-1", "v-1", 512 * MIB, "raw")
    with open(pool.locate("p-1", "v-1"), "r+b") as file:
        file.write(os.urandom(MIB) * 512)
    pool.begin_copy("c", "p-1", "v-2", "v-1", 0)
    while not list((tmp_path / "pool").glob(".*")) and pool.work("c").state is WorkState.RUNNING:
        time.sleep(0.001)
    (lock,) = (tmp_path / "state" / "work").glob("*.lock")
    os.kill(int(lock.read_text()), signal.SIGKILL)
    assert ended(pool, "c").state is WorkState.UNKNOWN
    (half,) = (tmp_path / "pool").glob(".*")
    time.sleep(0.1)
    size = half.stat().st_blocks
    time.sleep(0.3)
    assert half.stat().st_blocks == size < 512 * 2048
    pool.cancel("c")
    assert not half.exists()


def test_no_two_makers_write_to_one_half(tmp_path: Path) -> None:
    halves = {layout.part(tmp_path, name, maker) for name in ("v-1", "v-2") for maker in ("h-1", "h-2")}
    assert len(halves) == 4


def test_a_volume_that_goes_while_a_pool_is_listed_hides_no_other(pool: DirectoryPool, monkeypatch: pytest.MonkeyPatch) -> None:
    pool.create("p-1", "v-1", MIB)
    files = layout.files
    monkeypatch.setattr(layout, "files", lambda root: iter([root / "v-0.qcow2", *files(root)]))
    assert [seen.name for seen in pool.volumes("p-1")] == ["v-1"]
    pool.remove("p-1", "v-1")
    monkeypatch.undo()
    assert pool.volumes("p-1") == []
