"""The image stores of this server: directories that it opens itself, and gives to hosts which do not see them."""

from __future__ import annotations

import secrets
import shutil
import threading

from cloudwright.core.db import Database
from cloudwright.core.setting import setting
from cloudwright.drivers.error import DriverError, Unreachable
from cloudwright.drivers.images.contract import ImageStore as ImageDriver
from cloudwright.drivers.images.directory import DirectoryImages
from cloudwright.drivers.images.serve import Served, serve
from cloudwright.storage.model import ImageStore

ADDRESS = setting(
    "imagestore.serve.address", "", "this server's address from which hosts fetch images over HTTP; empty: hosts see the image "
    "stores' directories themselves", category="Storage",
)  # fmt: skip
PORT = setting(
    "imagestore.serve.port", 0, "image stores are served on this port plus the store's number; 0: on any free port",
    category="Storage", minimum=0, maximum=60000,
)  # fmt: skip


class Stores:
    """Opens each store once. A server that hosts fetch from has a token of its own, made anew with each start."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = threading.Lock()
        self._open: dict[tuple[int, str], DirectoryImages] = {}
        self._served: list[Served] = []

    def __call__(self, store: ImageStore) -> ImageDriver:
        """The driver of a store. Raises Unreachable where this server cannot use its directory."""
        address = ADDRESS.get(self._db.read())
        with self._lock:
            key = (store.id, address)
            if key not in self._open:
                self._open[key] = self._opened(store, address)
            return self._open[key]

    def stop(self) -> None:
        """Serve no more."""
        with self._lock:
            for served in self._served:
                served.stop()
            self._served.clear()
            self._open.clear()

    def _opened(self, store: ImageStore, address: str) -> DirectoryImages:
        if not store.path:
            text = f"image store {store.name} ({store.url}) is not mounted on this server: say where, in the detail mountpoint"
            raise Unreachable(text)
        try:
            prefix = self._serve(store, address) if address else ""
            driver = DirectoryImages(prefix)
            driver.open(store.path)
        except (OSError, DriverError) as error:
            raise Unreachable(f"image store {store.name} at {store.path} cannot be used by this server: {error}") from None
        return driver

    def _serve(self, store: ImageStore, address: str) -> str:
        token, base = secrets.token_urlsafe(32), PORT.get(self._db.read())
        served = serve(store.path, address, base + store.id if base else 0, token)
        self._served.append(served)
        return f"http://{address}:{served.port}/{token}"


def room(store: ImageStore) -> tuple[int, int]:
    """(capacity, used) in bytes of the filesystem that a store's directory lies on. Raises OSError."""
    usage = shutil.disk_usage(store.path)
    return usage.total, usage.total - usage.free
