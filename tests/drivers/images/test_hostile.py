"""Images and servers that wish us ill: each is refused with a sentence that names the rule, and leaves nothing behind."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import struct
import subprocess
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloudwright.drivers.error import Refused
from cloudwright.drivers.images import confine
from cloudwright.drivers.images.contract import FetchPolicy
from cloudwright.drivers.images.directory import DirectoryImages
from cloudwright.drivers.images.sparse import SparseFile
from cloudwright.drivers.work import Work, WorkState

MIB = 1 << 20
POLICY = FetchPolicy(64 * MIB, 256 * MIB, timeout=60)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DirectoryImages]:
    store = DirectoryImages()
    store.open(str(tmp_path / "store"))
    yield store
    for half in ("scratch", "incoming"):
        assert not list((tmp_path / "store" / half).iterdir())


Take = Callable[[Path, str], Work]


@pytest.fixture
def take(store: DirectoryImages) -> Take:
    """Receive a file under a claim and wait for the end."""

    def receive(path: Path, claim: str, policy: FetchPolicy = POLICY) -> Work:
        store.begin_receive("k", "t-image", str(path), claim, policy)
        deadline = time.monotonic() + 90
        while (work := store.work("k")).state is WorkState.RUNNING and time.monotonic() < deadline:
            time.sleep(0.01)
        assert bool(store.images()) == (work.state is WorkState.DONE)
        return work

    return receive


def qemu(path: Path, format: str, *options: str, size: str = "4M") -> Path:
    subprocess.run(["qemu-img", "create", "-q", "-f", format, *options, path, size], check=True, capture_output=True)
    return path


def refused(work: Work, rule: str) -> None:
    assert work.state is WorkState.FAILED
    assert rule in work.error


@pytest.mark.parametrize(
    ("claim", "format"), [("QCOW2", "qcow2"), ("VMDK", "vmdk"), ("VHD", "vpc"), ("VHDX", "vhdx"), ("RAW", "raw")]
)
def test_an_honest_image_is_converted(take: Take, store: DirectoryImages, tmp_path: Path, claim: str, format: str) -> None:
    image = qemu(tmp_path / "image", format)
    subprocess.run(["qemu-io", "-f", format, "-c", "write -P 0x5a 1M 64k", image], check=True, capture_output=True)
    work = take(image, claim)
    assert work.state is WorkState.DONE, work.error
    seen = store.see("t-image")
    at_rest = Path(store.url("t-image").removeprefix("file://"))
    assert (seen.format, seen.virtual // MIB, seen.size) == ("qcow2", 4, at_rest.stat().st_size)
    assert seen.checksum == "sha256:" + hashlib.sha256(at_rest.read_bytes()).hexdigest()
    check = ["qemu-io", "-r", "-f", "qcow2", "-c", "read -P 0x5a 1M 64k", str(at_rest)]
    assert b"verification failed" not in subprocess.run(check, check=True, capture_output=True).stdout


def test_zeros_take_no_room_on_the_way(tmp_path: Path) -> None:
    with SparseFile(tmp_path / "file") as file:
        for chunk in (bytes(MIB), b"x" * 4096, bytes(MIB)):
            file.write(chunk)
    assert (tmp_path / "file").read_bytes() == bytes(MIB) + b"x" * 4096 + bytes(MIB)
    assert (tmp_path / "file").stat().st_blocks * 512 < MIB // 2


def test_a_stream_optimized_vmdk_in_an_ova_is_taken(take: Take, tmp_path: Path) -> None:
    disk = qemu(tmp_path / "disk.vmdk", "vmdk", "-o", "subformat=streamOptimized")
    with tarfile.open(tmp_path / "a.ova", "w") as archive:
        for name, data in (("a.ovf", b"<Envelope/>"), ("a-disk1.vmdk", disk.read_bytes())):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    work = take(tmp_path / "a.ova", "OVA")
    assert work.state is WorkState.DONE, work.error


def packed(kind: str, data: bytes) -> bytes:
    if kind == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("../../image", data)
        return buffer.getvalue()
    return {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[kind](data)


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zip"])
def test_a_compressed_image_is_unpacked(take: Take, tmp_path: Path, kind: str) -> None:
    (tmp_path / "packed").write_bytes(packed(kind, qemu(tmp_path / "image", "qcow2").read_bytes()))
    work = take(tmp_path / "packed", f"QCOW2.{kind}")
    assert work.state is WorkState.DONE, work.error
    assert work.result["virtual"] == 4 * MIB


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zip"])
def test_a_bomb_is_refused(take: Take, tmp_path: Path, kind: str) -> None:
    bomb = packed(kind, bytes(16 * MIB))
    (tmp_path / "bomb").write_bytes(bomb)
    assert len(bomb) < 100_000
    refused(take(tmp_path / "bomb", "RAW", FetchPolicy(MIB, 8 * MIB)), "unpacks to more than 8388608 bytes")


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zip"])
def test_a_cut_off_archive_is_refused(take: Take, tmp_path: Path, kind: str) -> None:
    (tmp_path / "cut").write_bytes(packed(kind, os.urandom(100_000))[:50_000])
    refused(take(tmp_path / "cut", "RAW"), f"is not a sound {kind} file")


def test_a_zip_holds_one_image(take: Take, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "two", "w") as archive:
        archive.writestr("a", "a")
        archive.writestr("b", "b")
    refused(take(tmp_path / "two", "RAW"), "a zip file must hold one image, this one holds 2 files")


def test_a_backing_file_is_refused(take: Take, tmp_path: Path) -> None:
    image = qemu(tmp_path / "image", "qcow2", "-u", "-F", "raw", "-b", "/etc/passwd")
    refused(take(image, "QCOW2"), "the image has a backing file: an image must stand alone")


def test_an_external_data_file_is_refused(take: Take, tmp_path: Path) -> None:
    image = qemu(tmp_path / "image", "qcow2", "-o", f"data_file={tmp_path}/elsewhere,data_file_raw=on")
    refused(take(image, "QCOW2"), "the image keeps its data in an external file")


def test_an_encrypted_image_is_refused(take: Take, tmp_path: Path) -> None:
    image = qemu(
        tmp_path / "image",
        "qcow2",
        "--object",
        "secret,id=s,data=word",
        "-o",
        "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10",
    )
    refused(take(image, "QCOW2"), "the image is encrypted")


def test_a_huge_virtual_size_is_refused(take: Take, tmp_path: Path) -> None:
    image = qemu(tmp_path / "image", "qcow2", size="63T")
    refused(take(image, "QCOW2"), f"a disk of {63 << 40} bytes, and {256 * MIB} is the most")


def test_internal_snapshots_stay_behind(take: Take, store: DirectoryImages, tmp_path: Path) -> None:
    image = qemu(tmp_path / "image", "qcow2")
    subprocess.run(["qemu-img", "snapshot", "-c", "before", image], check=True)
    assert take(image, "QCOW2").state is WorkState.DONE
    at_rest = store.url("t-image").removeprefix("file://")
    assert b"before" not in subprocess.run(["qemu-img", "info", at_rest], check=True, capture_output=True).stdout


def test_a_vmdk_descriptor_is_refused(take: Take, tmp_path: Path) -> None:
    image = qemu(tmp_path / "image.vmdk", "vmdk", "-o", "subformat=monolithicFlat")
    image.write_bytes(image.read_bytes().replace(b"image-flat.vmdk", b"/etc/passwd"))
    refused(take(image, "VMDK"), "a VMDK descriptor, which only names other files")


def described(path: Path, old: bytes, new: bytes) -> Path:
    """A sparse vmdk whose own description is changed in place."""
    data = qemu(path, "vmdk").read_bytes()
    at = data.index(old)
    path.write_bytes(data[:at] + new + data[at + len(new) :])
    return path


@pytest.mark.parametrize(
    ("new", "rule"),
    [
        (b'RW 8192 FLAT "/etc/passwd" 0\n#', "extents that point to other files"),
        (b'RW 8 SPARSE "a"\nRW 9 FLAT "b"\n#', "2 extents that point to other files"),
        (b'parentFileNameHint="/etc/passwd"\n#', "the VMDK has a parent disk"),
    ],
)
def test_a_vmdk_that_points_elsewhere_is_refused(take: Take, tmp_path: Path, new: bytes, rule: str) -> None:
    refused(take(described(tmp_path / "image.vmdk", b"RW 8192 SPARSE", new), "VMDK"), rule)


def test_a_vmdk_without_own_description_is_refused(take: Take, tmp_path: Path) -> None:
    header = b"KDMV" + struct.pack("<II", 1, 3) + bytes(500)
    (tmp_path / "image").write_bytes(header + b'RW 8192 FLAT "/etc/passwd" 0\n')
    refused(take(tmp_path / "image", "VMDK"), "the VMDK does not describe itself")


def test_a_vhd_with_a_parent_is_refused(take: Take, tmp_path: Path) -> None:
    data = bytearray(qemu(tmp_path / "image", "vpc").read_bytes())
    data[-512 + 60 : -512 + 64] = b"\0\0\0\4"
    (tmp_path / "image").write_bytes(data)
    refused(take(tmp_path / "image", "VHD"), "the VHD is a difference to a parent disk")


def test_what_qemu_cannot_read_is_refused(take: Take, tmp_path: Path) -> None:
    data = bytearray(qemu(tmp_path / "image", "qcow2").read_bytes())
    data[20:24] = b"\0\0\0\xff"  # cluster bits
    (tmp_path / "image").write_bytes(data)
    refused(take(tmp_path / "image", "QCOW2"), "the image cannot be read as qcow2")


@pytest.mark.parametrize("claim", ["RAW", "VMDK", "VHD", "ISO", "OVA"])
def test_a_false_claim_is_refused(take: Take, tmp_path: Path, claim: str) -> None:
    refused(take(qemu(tmp_path / "image", "qcow2"), claim), f"the file was said to be {claim} and is QCOW2")


def test_an_error_page_is_no_image(take: Take, tmp_path: Path) -> None:
    (tmp_path / "page").write_text("<html>404 Not Found</html>")
    refused(take(tmp_path / "page", "QCOW2"), "was said to be QCOW2 and is nothing of the kind")


def test_a_raw_disk_is_whole_sectors(take: Take, tmp_path: Path) -> None:
    (tmp_path / "page").write_text("<html>404 Not Found</html>")
    refused(take(tmp_path / "page", "RAW"), "whole sectors of 512 bytes, and this file has 26 bytes")


def ova(path: Path, *members: tuple[str, bytes, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, kind, data in members:
            member = tarfile.TarInfo(name)
            member.type, member.size = kind, len(data)
            if kind == tarfile.SYMTYPE:
                member.linkname, member.size = "/etc/passwd", 0
            archive.addfile(member, io.BytesIO(data))
    return path


@pytest.mark.parametrize(
    ("members", "rule"),
    [
        ([("../../../evil.vmdk", tarfile.REGTYPE, b"x")], "'../../../evil.vmdk', a name that leads outside"),
        ([("/evil.vmdk", tarfile.REGTYPE, b"x")], "'/evil.vmdk', a name that leads outside"),
        ([("a.vmdk", tarfile.SYMTYPE, b"")], "'a.vmdk', which is no plain file"),
        ([("a.vmdk", tarfile.CHRTYPE, b"")], "'a.vmdk', which is no plain file"),
        ([("a.vmdk", tarfile.REGTYPE, b"x"), ("b.vmdk", tarfile.REGTYPE, b"x")], "one vmdk disk, this one holds 2"),
        ([("a.ovf", tarfile.REGTYPE, b"x")], "one vmdk disk, this one holds 0"),
        ([(f"a{n}", tarfile.REGTYPE, b"") for n in range(70)], "more than 64 files"),
        ([("a.vmdk", tarfile.REGTYPE, b"x" * 4096)], "was said to be VMDK and is nothing of the kind"),
    ],
)
def test_a_malicious_ova_is_refused(take: Take, tmp_path: Path, members: list[tuple[str, bytes, bytes]], rule: str) -> None:
    refused(take(ova(tmp_path / "a.ova", *members), "OVA"), rule)
    assert not list(tmp_path.rglob("evil*"))


def test_only_plain_files_are_received(take: Take, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    refused(take(tmp_path / "link", "RAW"), "cannot be opened")


def test_a_fifo_is_not_waited_for(take: Take, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    refused(take(tmp_path / "fifo", "RAW"), "is no plain file")


def test_a_large_upload_is_refused(take: Take, tmp_path: Path) -> None:
    refused(take(qemu(tmp_path / "image", "raw", size="65M"), "RAW"), "larger than 67108864 bytes")


@pytest.mark.parametrize("format", ["qcow2", "vmdk"])
def test_the_confinement_alone_would_hold(tmp_path: Path, format: str) -> None:
    """Were every rule above wrong, qemu-img would still not see this machine's files."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"s3cr3t" * 1000)
    image = tmp_path / "image.vmdk"
    if format == "qcow2":
        qemu(image, "qcow2", "-u", "-F", "raw", "-b", str(secret))
    else:
        qemu(image, "vmdk", "-o", "subformat=monolithicFlat")
        image.write_bytes(image.read_bytes().replace(b"image-flat.vmdk", str(secret).encode()))
    (tmp_path / "out").mkdir()
    leak = ["qemu-img", "convert", "-f", format, "-O", "raw", str(image), str(tmp_path / "leaked")]
    subprocess.run(leak, check=True)
    assert b"s3cr3t" in (tmp_path / "leaked").read_bytes(), "the attack itself must work, or this shows nothing"
    with pytest.raises(Refused, match=r"No such file or directory"):
        confine.convert(image, format, tmp_path / "out", confine.Limits(30, 64 * MIB))


def test_the_confinement_bounds_what_is_written(tmp_path: Path) -> None:
    image = qemu(tmp_path / "image", "raw", size="8M")
    image.write_bytes(os.urandom(8 * MIB))
    (tmp_path / "out").mkdir()
    with pytest.raises(Refused, match="cannot be converted from raw"):
        confine.convert(image, "raw", tmp_path / "out", confine.Limits(30, MIB))
    assert sum(path.stat().st_size for path in (tmp_path / "out").iterdir()) <= MIB


def test_where_nothing_can_be_confined_no_image_is_opened(take: Take, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bwrap").write_text("#!/bin/sh\necho no user namespaces here >&2\nexit 1\n")
    (tmp_path / "bin" / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    work = take(qemu(tmp_path / "image", "qcow2"), "QCOW2")
    refused(work, "this host does not let bubblewrap confine qemu-img (no user namespaces here)")
