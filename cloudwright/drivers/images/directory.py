"""An image store in a directory: of this machine, or shared among the hosts that read from it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from cloudwright.drivers.errand import Errands
from cloudwright.drivers.error import NotThere, Refused
from cloudwright.drivers.images.contract import FetchPolicy, ImageSeen
from cloudwright.drivers.images.ingest import Ingest
from cloudwright.drivers.images.shelf import Shelf
from cloudwright.drivers.naming import checked
from cloudwright.drivers.work import Work


class DirectoryImages:
    """One store. Hosts that do not see its directory fetch from `address` (`http://host:port/<token>`, see serve.py)."""

    def __init__(self, address: str = "") -> None:
        self._address = address
        self._root: Path | None = None
        self._running: Errands | None = None

    def open(self, path: str) -> None:
        root = Path(path)
        if not root.is_absolute() or ".." in root.parts or len(root.parts) < 2:
            raise Refused(f"an image store needs an absolute path below the root directory, not {path!r}")
        for name, mode in (("", 0o711), ("images", 0o711), ("incoming", 0o711), ("scratch", 0o700)):
            (root / name).mkdir(mode=mode, parents=True, exist_ok=True)
        self._root, self._running = root, Errands(root / "work")

    def images(self) -> list[ImageSeen]:
        return self._shelf.all()

    def see(self, name: str) -> ImageSeen:
        return self._shelf.see(name)

    def begin_fetch(self, key: str, name: str, url: str, format: str, checksum: str, policy: FetchPolicy) -> None:
        root, scratch = self._opened(), self._scratch(key)
        self._begin(key, Ingest(str(root), scratch, checked(name), format, policy, url=url, checksum=checksum))

    def begin_receive(self, key: str, name: str, path: str, format: str, policy: FetchPolicy) -> None:
        root, scratch = self._opened(), self._scratch(key)
        self._begin(key, Ingest(str(root), scratch, checked(name), format, policy, path=path))

    def incoming(self, name: str) -> str:
        return str(self._shelf.incoming(name))

    def url(self, name: str) -> str:
        path = self._shelf.locate(name)
        return f"{self._address}/{path.name}" if self._address else path.as_uri()

    def remove(self, name: str) -> None:
        self._shelf.remove(name)

    def work(self, key: str) -> Work:
        return self._errands.work(key)

    def cancel(self, key: str) -> None:
        self._errands.cancel(key)

    def _begin(self, key: str, job: Ingest) -> None:
        entry = "cloudwright.drivers.images.ingest:ingest"
        self._errands.begin(key, entry, msgspec.to_builtins(job), [job.scratch])

    def _scratch(self, key: str) -> str:
        return str(self._opened() / "scratch" / hashlib.sha256(key.encode()).hexdigest()[:32])

    def _opened(self) -> Path:
        if self._root is None:
            raise NotThere("the image store is not open")
        return self._root

    @property
    def _shelf(self) -> Shelf:
        return Shelf(self._opened())

    @property
    def _errands(self) -> Errands:
        if self._running is None:
            raise NotThere("the image store is not open")
        return self._running
