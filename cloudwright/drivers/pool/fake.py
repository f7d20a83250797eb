"""Simulated pools. A pool's volumes lie in the world under the pool's own name, so all its hosts see the same ones."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from cloudwright.drivers.error import Busy, NotThere, Refused
from cloudwright.drivers.naming import checked
from cloudwright.drivers.pool import terms
from cloudwright.drivers.pool.contract import PoolFacts, PoolSpec, VolumeSeen
from cloudwright.drivers.simulated import SimulatedWork
from cloudwright.drivers.work import Work
from cloudwright.drivers.world import Value, World

CAPACITY = 10 << 40  # bytes, unless the pool's option "capacity" says otherwise
EMPTY = 196_608  # bytes that an empty qcow2 file takes
TEMPLATE_SIZE = 1 << 30  # bytes that a guest sees of a simulated template


class FakePool:
    """The pools that one simulated host reaches."""

    def __init__(self, world: World, host: str) -> None:
        self._world = world
        self._host = host
        self._work = SimulatedWork(world, host)

    def open(self, pool: PoolSpec) -> PoolFacts:
        self._world.faults.meet(self._host, "open")
        capacity = pool.options.get("capacity", str(CAPACITY))
        if not capacity.isdecimal():
            raise Refused(f"the pool {pool.name} cannot have a capacity of {capacity!r} bytes")
        self._world.put(self._host, "pool", checked(pool.name), {"capacity": int(capacity)})
        return self.facts(pool.name)

    def close(self, pool: str) -> None:
        self._world.faults.meet(self._host, "close")
        self._world.drop(self._host, "pool", checked(pool))

    def facts(self, pool: str) -> PoolFacts:
        capacity = self._meet("facts", pool)["capacity"]
        used = sum(volume.used for volume in self._all(pool))
        return PoolFacts(int(str(capacity)), used)

    def volumes(self, pool: str) -> list[VolumeSeen]:
        self._meet("volumes", pool)
        return self._all(pool)

    def see(self, pool: str, volume: str) -> VolumeSeen:
        self._meet("see", pool)
        return self._one(pool, volume)

    def locate(self, pool: str, volume: str) -> str:
        self._meet("locate", pool)
        return f"/simulated/{pool}/{volume}.{self._one(pool, volume).format}"

    def create(self, pool: str, volume: str, size: int, format: str = "qcow2", provisioning: str = "thin") -> VolumeSeen:
        self._meet("create", pool)
        terms.positive(terms.writable(checked(volume)), size)
        if format not in ("qcow2", "raw"):
            raise Refused(f"a volume is qcow2 or raw, not {format}")
        full = terms.preallocation(provisioning, format) == terms.FULL
        return self._made(pool, VolumeSeen(volume, size, size if full else EMPTY, format))

    def clone(self, pool: str, volume: str, template: str, size: int) -> VolumeSeen:
        self._meet("clone", pool)
        terms.writable(checked(volume))
        source = self._one(pool, template)
        terms.disk(template, source.format)
        made = self._made(pool, VolumeSeen(volume, max(size, source.size), EMPTY, "qcow2", template))
        if made.backing != template:
            raise Refused(f"the volume {volume} is already there and is no clone of {template}")
        return made

    def begin_copy(self, key: str, pool: str, volume: str, source: str, size: int, provisioning: str = "thin") -> None:
        self._meet("begin_copy", pool)
        terms.writable(checked(volume))
        original = self._one(pool, source)
        terms.disk(source, original.format)
        grown = max(size, original.size)
        full = terms.preallocation(provisioning, original.format) == terms.FULL
        made = VolumeSeen(volume, grown, grown if full else original.used, original.format)
        self._begin(key, "copy", pool, made)

    def begin_install(self, key: str, pool: str, template: str, url: str, checksum: str) -> None:
        self._meet("begin_install", pool)
        checked(template)
        parts = urlsplit(url)
        suffix = Path(unquote(parts.path)).suffix
        if parts.scheme not in ("file", "http", "https") or suffix not in (".qcow2", ".raw", ".iso"):
            raise Refused(f"{template} is not at an address that an image store gives: {parts.scheme or 'no scheme'}, {suffix!r}")
        terms.sha256_of(checksum)
        self._begin(key, "install", pool, VolumeSeen(template, TEMPLATE_SIZE, EMPTY, suffix[1:]))

    def begin_export(self, key: str, pool: str, volume: str, url: str) -> None:
        self._meet("begin_export", pool)
        seen = self._one(pool, volume)
        parts = urlsplit(url)
        if parts.scheme != "file":
            raise Refused(f"{volume} can only be exported to a file:// address, not to one of {parts.scheme or 'no scheme'}")
        thing: Value = {"size": seen.used, "virtual": seen.size}
        self._work.begin(key, "export", ("exports", "file", unquote(parts.path), thing), thing)

    def resize(self, pool: str, volume: str, size: int, shrink: bool = False) -> VolumeSeen:
        self._meet("resize", pool)
        seen = self._one(pool, terms.writable(volume))
        terms.growing(volume, (seen.size, terms.positive(volume, size)), shrink)
        seen.size = size
        self._world.put(pool, "volume", volume, msgspec.to_builtins(seen))
        return seen

    def remove(self, pool: str, volume: str) -> None:
        self._meet("remove", pool)
        if checked(volume).startswith("t-"):
            clones = sorted(seen.name for seen in self._all(pool) if seen.backing == volume)
            if clones:
                raise Busy(f"{volume} has {len(clones)} linked clones in this pool, the first is {clones[0]}")
        self._world.drop(pool, "volume", volume)

    def work(self, key: str) -> Work:
        self._world.faults.meet(self._host, "work")
        return self._work.work(key)

    def cancel(self, key: str) -> None:
        self._world.faults.meet(self._host, "cancel")
        self._work.cancel(key)

    def _meet(self, verb: str, pool: str) -> Value:
        """What the host knows of the pool, after the faults told for the verb."""
        self._world.faults.meet(self._host, verb)
        known = self._world.get(self._host, "pool", checked(pool))
        if known is None:
            raise NotThere(f"the pool {pool} is not open on host {self._host}")
        return known

    def _all(self, pool: str) -> list[VolumeSeen]:
        return [msgspec.convert(value, VolumeSeen) for value in self._world.of(pool, "volume").values()]

    def _one(self, pool: str, volume: str) -> VolumeSeen:
        value = self._world.get(pool, "volume", checked(volume))
        if value is None:
            raise NotThere(f"{volume} is not in the pool {pool}")
        return msgspec.convert(value, VolumeSeen)

    def _made(self, pool: str, volume: VolumeSeen) -> VolumeSeen:
        value = self._world.get(pool, "volume", volume.name)
        if value is not None:
            return msgspec.convert(value, VolumeSeen)
        self._world.put(pool, "volume", volume.name, msgspec.to_builtins(volume))
        return volume

    def _begin(self, key: str, verb: str, pool: str, volume: VolumeSeen) -> None:
        value: Value = msgspec.to_builtins(volume)
        self._work.begin(key, verb, (pool, "volume", volume.name, value), value)
