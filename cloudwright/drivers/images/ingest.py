"""The way of an image into the store: fetch, check, convert, publish. Runs in a process of its own (`drivers/errand.py`),
so that nothing which reads hostile bytes shares memory with the server, and the whole can be killed.
"""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import signal
import stat
from pathlib import Path
from typing import cast

import msgspec
from msgspec import Struct

from cloudwright.drivers.errand import Order, Report
from cloudwright.drivers.error import Refused
from cloudwright.drivers.images import confine, detect, download, shelf, terms, unpack
from cloudwright.drivers.images.contract import FetchPolicy, ImageSeen
from cloudwright.drivers.images.download import Feed
from cloudwright.drivers.images.sparse import SparseFile
from cloudwright.drivers.qcow2 import read_header

_MEMORY = 2 << 30
_DOWNLOADED = 0.8  # the share of the way that the download is
_OVERHEAD = 64 << 20  # bytes of qcow2 tables, beside one in five hundred
_CHUNK = 1 << 20


class Ingest(Struct):
    """Order to bring the file at `url`, or the local file `path`, into the store at `root`, working in `scratch`."""

    root: str
    scratch: str
    name: str
    format: str
    policy: FetchPolicy
    url: str = ""
    path: str = ""
    checksum: str = ""


def ingest(order: Order, report: Report) -> dict[str, object]:
    """Answers with the fields of ImageSeen."""
    job = msgspec.convert(order, Ingest)
    shelf_ = shelf.Shelf(Path(job.root))
    if not shelf_.holds(job.name):
        _bound(job.policy)
        scratch = Path(job.scratch)
        scratch.mkdir(mode=0o700, parents=True)
        image, virtual = _image(job, scratch, report)
        format = "iso" if virtual is None else "qcow2"
        size = image.stat().st_size
        made = ImageSeen(job.name, format, size, size if virtual is None else virtual, f"sha256:{_sha256(image)}")
        shelf_.put(made, image)
        shutil.rmtree(scratch)
    shelf_.incoming(job.name).unlink(missing_ok=True)
    return cast(dict[str, object], msgspec.to_builtins(shelf_.see(job.name)))


def _image(job: Ingest, scratch: Path, report: Report) -> tuple[Path, int | None]:
    """The checked file in `scratch`, and its virtual size unless it is an ISO."""
    claim, checksum = terms.claim_of(job.format), terms.checksum_of(job.checksum)
    digest = checksum.fresh() if checksum else None
    feed = digest.update if digest else _unfed
    original = scratch / "original"
    if job.url:
        download.download(job.url, job.policy, original, feed, lambda share: report(share * _DOWNLOADED))
    else:
        _copy(Path(job.path), original, job.policy, feed)
    if checksum:
        checksum.compare(digest)
    report(_DOWNLOADED)
    plain = unpack.decompress(original, scratch / "plain", job.policy)
    if claim == "OVA":
        detect.demand(plain, claim)
        unpack.extract_disk(plain, scratch / "disk", job.policy)
        plain, claim = scratch / "disk", "VMDK"
    format = detect.demand(plain, claim)
    if format == "iso":
        return plain, None
    detect.stand_alone(plain, format)
    return _convert(plain, format, job.policy, scratch / "out")


def _convert(plain: Path, format: str, policy: FetchPolicy, out: Path) -> tuple[Path, int]:
    confine.demand()
    shape = confine.inspect(plain, format)
    if shape.backing or shape.detail("data-file"):
        raise Refused("the image names another file: an image must stand alone")
    if shape.encrypted:
        raise Refused("the image is encrypted")
    if shape.detail("corrupt"):
        raise Refused("the image is marked as corrupt")
    if not 0 < shape.virtual <= policy.max_virtual_bytes:
        most = policy.max_virtual_bytes
        raise Refused(f"the image is a disk of {shape.virtual} bytes, and {most} is the most that a disk may have")
    out.mkdir()
    limits = confine.Limits(int(policy.timeout) + 1, shape.virtual + shape.virtual // 500 + _OVERHEAD)
    image = confine.convert(plain, format, out, limits)
    return image, read_header(image).size


def _bound(policy: FetchPolicy) -> None:
    """Bound this process: memory, and the time of the whole."""

    def late(*_: object) -> None:
        raise Refused(f"it took longer than {policy.timeout:g} seconds, the most that is allowed")

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, policy.timeout)


def _copy(path: Path, into: Path, policy: FetchPolicy, feed: Feed) -> None:
    """Copy an uploaded file, so that nobody changes it between check and use."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise Refused(f"the uploaded file {path} cannot be opened: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as source, SparseFile(into) as target:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Refused(f"{path} is no plain file")
        if status.st_size > policy.max_bytes:
            raise Refused(f"the file is larger than {policy.max_bytes} bytes, the most that is allowed")
        while chunk := source.read(_CHUNK):
            feed(chunk)
            target.write(chunk)


def _unfed(chunk: bytes) -> None:
    """Nobody said what the file hashes to."""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
