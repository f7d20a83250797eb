"""The long work of a directory pool; each entry runs in a process of its own (`drivers/errand.py`)."""

from __future__ import annotations

import hashlib
import http.client
import shutil
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec
from msgspec import Struct

from cloudwright.drivers.durable import sync
from cloudwright.drivers.errand import Order, Report
from cloudwright.drivers.error import DriverFault, NotThere, Refused
from cloudwright.drivers.pool import layout, qemu
from cloudwright.drivers.qcow2 import read_header

_CHUNK = 1 << 20
_ANSWER_SECONDS = 60.0


class Copy(Struct):
    """Order to copy the file `source` to `target`, making it in `half`, grown to `size` bytes."""

    source: str
    target: str
    half: str
    size: int = 0
    preallocation: str = "off"


class Install(Struct):
    """Order to bring the image at `url` to `target`, making it in `half`; `checksum` is sha256 in hex."""

    url: str
    target: str
    half: str
    checksum: str


def copy(order: Order, report: Report) -> dict[str, object]:
    """A full copy that stands alone; answers as VolumeSeen."""
    job = msgspec.convert(order, Copy)
    source, target = Path(job.source), Path(job.target)
    if not source.exists():
        raise NotThere(f"{source.stem} is not in the pool at {source.parent}")
    if not target.exists():
        format = target.suffix[1:]
        qemu.flatten((job.source, source.suffix[1:]), (job.half, format), report, job.preallocation)
        if job.size > layout.seen(source).size:
            qemu.resize(job.half, format, job.size, preallocation=job.preallocation)
        layout.publish(Path(job.half), target)
    return cast(dict[str, object], msgspec.to_builtins(layout.seen(target)))


def export(order: Order, report: Report) -> dict[str, object]:
    """A full copy outside the pool, replacing what an earlier try left there; answers with size and virtual size."""
    job = msgspec.convert(order, Copy)
    source, target, half = Path(job.source), Path(job.target), Path(job.half)
    if not source.exists():
        raise NotThere(f"{source.stem} is not in the pool at {source.parent}")
    if source.suffix == ".iso":
        shutil.copyfile(source, half)
    else:
        qemu.flatten((job.source, source.suffix[1:]), (job.half, "qcow2"), report)
    sync(half)
    half.replace(target)
    return {"size": target.stat().st_size, "virtual": layout.seen(source).size}


def install(order: Order, report: Report) -> dict[str, object]:
    """A template from the image store, checked while it streams and read-only from then on; answers as VolumeSeen."""
    job = msgspec.convert(order, Install)
    half, target = Path(job.half), Path(job.target)
    if not target.exists():
        digest = hashlib.sha256()
        with _opened(job.url) as (stream, length), half.open("wb") as file:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                file.write(chunk)
                report(file.tell() / max(length, file.tell()))
        if digest.hexdigest() != job.checksum:
            raise Refused(f"{target.stem} has sha256 {digest.hexdigest()}, where {job.checksum} was expected")
        if target.suffix == ".qcow2":
            _stand_alone(half, target.stem)
        half.chmod(0o444)
        layout.publish(half, target)
    return cast(dict[str, object], msgspec.to_builtins(layout.seen(target)))


def _stand_alone(half: Path, name: str) -> None:
    header = read_header(half)
    if header.backing or header.data_file:
        raise Refused(f"{name} needs another file beside it: a template must stand alone")


@contextmanager
def _opened(url: str) -> Iterator[tuple[BinaryIO, int]]:
    """The bytes behind the store's address and how many are announced. The address holds a token: no error shows it."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        path = Path(unquote(parts.path))
        if not path.is_file():
            raise NotThere(f"the image store has no file {path.name}")
        with path.open("rb") as file:
            yield file, path.stat().st_size
        return
    connection = _connection(parts)
    try:
        connection.request("GET", parts.path)
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise DriverFault(f"the image store at {parts.hostname} answered {response.status}")
        yield cast(BinaryIO, response), int(response.headers.get("Content-Length") or 0)
    except (OSError, http.client.HTTPException) as error:
        raise DriverFault(f"the image store at {parts.hostname} failed: {type(error).__name__}") from None
    finally:
        connection.close()


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, parts.port, timeout=_ANSWER_SECONDS, context=context)
    return http.client.HTTPConnection(host, parts.port, timeout=_ANSWER_SECONDS)
