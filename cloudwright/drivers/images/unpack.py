"""Take one disk image out of a compressed file or an OVA, within limits, without trusting a size or name it states."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath
from typing import Protocol

from cloudwright.drivers.error import Refused
from cloudwright.drivers.images.contract import FetchPolicy
from cloudwright.drivers.images.sparse import SparseFile

_CHUNK = 1 << 20
_SLACK = 1 << 20  # bytes of header and footer that a disk of the largest virtual size may have around it
_MEMBERS = 64
_RESERVE = 1 << 30  # bytes that stay free on the store's disk, whatever is unpacked
_MAGICS = ((b"\x1f\x8b", "gz"), (b"BZh", "bz2"), (b"\xfd7zXZ\x00", "xz"), (b"PK\x03\x04", "zip"))
_BROKEN = (  # what the standard library raises on archives that are broken, encrypted or want too much memory
    EOFError,
    OSError,
    lzma.LZMAError,
    zlib.error,
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    MemoryError,
)


class Readable(Protocol):
    """What can be poured out."""

    def read(self, size: int, /) -> bytes: ...


def decompress(path: Path, into: Path, policy: FetchPolicy) -> Path:
    """The file unpacked to `into` when it is compressed, else the file itself. Raises Refused."""
    with path.open("rb") as file:
        start = file.read(8)
    kind = next((kind for magic, kind in _MAGICS if start.startswith(magic)), "")
    if not kind:
        return path
    try:
        with _plain(path, kind) as stream:
            pour(stream, into, policy)
    except _BROKEN as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise Refused(f"the file is not a sound {kind} file: {type(error).__name__}") from None
    return into


def extract_disk(path: Path, into: Path, policy: FetchPolicy) -> None:
    """Write the one vmdk of the OVA at `path` to `into`. Raises Refused."""
    try:
        with tarfile.open(path, "r:") as archive:
            disks = []
            for count, member in enumerate(archive, 1):
                _harmless(member, count)
                if member.name.lower().endswith(".vmdk"):
                    disks.append(member)
            if len(disks) != 1:
                raise Refused(f"an OVA must hold one vmdk disk, this one holds {len(disks)}")
            stream = archive.extractfile(disks[0])
            assert stream is not None  # _harmless lets regular files through only
            pour(stream, into, policy)
    except tarfile.TarError:
        raise Refused("the file is not a sound OVA: it is no tar archive") from None


def pour(stream: Readable, into: Path, policy: FetchPolicy) -> None:
    """Copy a stream into a file. Raises Refused past the limit or when the disk gets full."""
    limit = policy.max_virtual_bytes + _SLACK
    with SparseFile(into) as file:
        while chunk := stream.read(_CHUNK):
            if file.size + len(chunk) > limit:
                raise Refused(f"the file unpacks to more than {policy.max_virtual_bytes} bytes, the most that a disk may have")
            file.write(chunk)
            if file.size % (64 * _CHUNK) == 0 and shutil.disk_usage(into.parent).free < _RESERVE:
                raise Refused(f"the image store has less than {_RESERVE} bytes left: unpacking stopped after {file.size} bytes")


@contextmanager
def _plain(path: Path, kind: str) -> Iterator[Readable]:
    if kind != "zip":
        opened: dict[str, Callable[[Path], AbstractContextManager[Readable]]] = {
            "gz": gzip.GzipFile,
            "bz2": bz2.BZ2File,
            "xz": lzma.LZMAFile,
        }
        with opened[kind](path) as stream:
            yield stream
        return
    with zipfile.ZipFile(path) as archive:
        files = [member for member in archive.infolist() if not member.is_dir()]
        if len(files) != 1:
            raise Refused(f"a zip file must hold one image, this one holds {len(files)} files")
        if files[0].flag_bits & 1:
            raise Refused("the zip file is encrypted")
        with archive.open(files[0]) as stream:
            yield stream


def _harmless(member: tarfile.TarInfo, count: int) -> None:
    name = PurePosixPath(member.name)
    if count > _MEMBERS:
        raise Refused(f"the OVA holds more than {_MEMBERS} files")
    if not member.isreg():
        raise Refused(f"the OVA holds {member.name[:80]!r}, which is no plain file")
    if name.is_absolute() or ".." in name.parts:
        raise Refused(f"the OVA holds {member.name[:80]!r}, a name that leads outside of it")
