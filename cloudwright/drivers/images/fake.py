"""A simulated image store: it fetches nothing, and refuses what can be refused without looking."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath

import msgspec

from cloudwright.drivers.error import DriverError, NotThere
from cloudwright.drivers.images import address, terms
from cloudwright.drivers.images.contract import FetchPolicy, ImageSeen
from cloudwright.drivers.naming import checked
from cloudwright.drivers.simulated import SimulatedWork
from cloudwright.drivers.work import Work
from cloudwright.drivers.world import Value, World

SIZE = 50 << 20  # bytes that a simulated image takes
VIRTUAL = 1 << 30  # bytes that a guest sees of one that is no ISO


class FakeImages:
    """One store, in the world under the name `store`; faults are told as "<store>/<verb>", for work "<store>/fetch"."""

    def __init__(self, world: World, store: str) -> None:
        self._world = world
        self._store = store
        self._work = SimulatedWork(world, store)

    def open(self, path: str) -> None:
        self._world.faults.meet(self._store, "open")
        self._world.put(self._store, "store", self._store, {"path": path})

    def images(self) -> list[ImageSeen]:
        self._meet("images")
        return [msgspec.convert(value, ImageSeen) for value in self._world.of(self._store, "image").values()]

    def see(self, name: str) -> ImageSeen:
        self._meet("see")
        return self._one(name)

    def begin_fetch(self, key: str, name: str, url: str, format: str, checksum: str, policy: FetchPolicy) -> None:
        self._meet("begin_fetch")
        checked(name)
        try:
            address.parse(url, policy)
            terms.checksum_of(checksum)
        except DriverError as error:
            self._work.begin(key, "fetch", ("", "", "", {}), {}, str(error))
        else:
            self._begin(key, "fetch", name, format, url)

    def begin_receive(self, key: str, name: str, path: str, format: str, policy: FetchPolicy) -> None:
        self._meet("begin_receive")
        self._begin(key, "receive", checked(name), format, path)

    def incoming(self, name: str) -> str:
        return f"{self._meet('incoming')['path']}/incoming/{checked(name)}"

    def url(self, name: str) -> str:
        path = PurePosixPath(str(self._meet("url")["path"]))
        return f"file://{path}/images/{name}.{self._one(name).format}"

    def remove(self, name: str) -> None:
        self._meet("remove")
        self._world.drop(self._store, "image", checked(name))

    def work(self, key: str) -> Work:
        self._meet("work")
        return self._work.work(key)

    def cancel(self, key: str) -> None:
        self._meet("cancel")
        self._work.cancel(key)

    def _meet(self, verb: str) -> Value:
        self._world.faults.meet(self._store, verb)
        known = self._world.get(self._store, "store", self._store)
        if known is None:
            raise NotThere("the image store is not open")
        return known

    def _one(self, name: str) -> ImageSeen:
        value = self._world.get(self._store, "image", checked(name))
        if value is None:
            raise NotThere(f"the image store has no image {name}")
        return msgspec.convert(value, ImageSeen)

    def _begin(self, key: str, verb: str, name: str, format: str, origin: str) -> None:
        digest = hashlib.sha256(origin.encode()).hexdigest()
        image, error = ImageSeen(name, "qcow2", SIZE, VIRTUAL, f"sha256:{digest}"), ""
        try:
            if terms.claim_of(format) == "ISO":
                image.format, image.virtual = "iso", SIZE
        except DriverError as failure:
            error = str(failure)
        value: Value = msgspec.to_builtins(image)
        self._work.begin(key, verb, (self._store, "image", name, value), value, error)
