"""Volumes as files in a directory of the host: its own disk, a path somebody else shares among hosts, or an NFS export."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from cloudwright.drivers.durable import sync
from cloudwright.drivers.errand import Errands
from cloudwright.drivers.error import Busy, NotThere, Refused
from cloudwright.drivers.naming import checked
from cloudwright.drivers.pool import layout, nfs, qemu, terms
from cloudwright.drivers.pool.carry import Copy, Install
from cloudwright.drivers.pool.contract import PoolFacts, PoolSpec, VolumeSeen
from cloudwright.drivers.work import Work

_CARRY = "cloudwright.drivers.pool.carry"


class DirectoryPool:
    """The pools that one host reaches. What it must remember lies in the directory `state`, on the host's own disk."""

    def __init__(self, host: str, state: str | Path) -> None:
        self._host = host
        self._state = Path(state)
        self._errands = Errands(self._state / "work")
        self._mutex = threading.Lock()  # no template is removed while a clone of it is made; one record is written at a time

    def open(self, pool: PoolSpec) -> PoolFacts:
        root = self._path(pool)
        if pool.kind == "NetworkFilesystem":
            nfs.mount(pool, root)
        elif pool.kind == "SharedMountPoint" and not root.is_dir():
            raise Refused(f"the pool {pool.name} expects a shared filesystem at {root}, and there is no such directory")
        root.mkdir(mode=0o711, parents=True, exist_ok=True)
        layout.sweep(root)
        record = self._record(pool.name)
        record.parent.mkdir(parents=True, exist_ok=True)
        with self._mutex:
            record.with_suffix(".new").write_bytes(msgspec.json.encode(pool))
            sync(record.with_suffix(".new"))
            record.with_suffix(".new").replace(record)
        return self.facts(pool.name)

    def close(self, pool: str) -> None:
        record = self._record(pool)
        if record.exists():
            spec = msgspec.json.decode(record.read_bytes(), type=PoolSpec)
            if spec.kind == "NetworkFilesystem":
                nfs.unmount(pool, self._path(spec))
            record.unlink()

    def facts(self, pool: str) -> PoolFacts:
        disk = os.statvfs(self._root(pool))
        return PoolFacts(disk.f_blocks * disk.f_frsize, (disk.f_blocks - disk.f_bavail) * disk.f_frsize)

    def volumes(self, pool: str) -> list[VolumeSeen]:
        found = []
        for path in layout.files(self._root(pool)):
            with contextlib.suppress(NotThere):  # removed meanwhile, perhaps by another host of a shared pool
                found.append(layout.seen(path))
        return found

    def see(self, pool: str, volume: str) -> VolumeSeen:
        return layout.seen(layout.find(self._root(pool), volume))

    def locate(self, pool: str, volume: str) -> str:
        return str(layout.find(self._root(pool), volume))

    def create(self, pool: str, volume: str, size: int, format: str = "qcow2", provisioning: str = "thin") -> VolumeSeen:
        root = self._root(pool)
        terms.positive(terms.writable(checked(volume)), size)
        if format not in ("qcow2", "raw"):
            raise Refused(f"a volume is qcow2 or raw, not {format}")
        if not self._holds(root, volume):
            half = layout.part(root, volume, self._host)
            qemu.create(str(half), format, size, terms.preallocation(provisioning, format))
            layout.publish(half, root / f"{volume}.{format}")
        return self.see(pool, volume)

    def clone(self, pool: str, volume: str, template: str, size: int) -> VolumeSeen:
        root = self._root(pool)
        terms.writable(checked(volume))
        with self._mutex:
            backing = layout.find(root, template)
            terms.disk(template, backing.suffix[1:])
            if not self._holds(root, volume):
                half = layout.part(root, volume, self._host)
                grown = max(size, layout.seen(backing).size)
                qemu.overlay(str(half), backing.name, backing.suffix[1:], grown)
                layout.publish(half, root / f"{volume}.qcow2")
        made = self.see(pool, volume)
        if made.backing != template:
            raise Refused(f"the volume {volume} is already there and is no clone of {template}")
        return made

    def begin_copy(self, key: str, pool: str, volume: str, source: str, size: int, provisioning: str = "thin") -> None:
        root = self._root(pool)
        terms.writable(checked(volume))
        original = layout.find(root, source)
        terms.disk(source, original.suffix[1:])
        half = str(layout.part(root, volume, self._host + key))
        room = terms.preallocation(provisioning, original.suffix[1:])
        job = Copy(str(original), str(root / f"{volume}{original.suffix}"), half, size, room)
        self._errands.begin(key, f"{_CARRY}:copy", msgspec.to_builtins(job), [half])

    def begin_install(self, key: str, pool: str, template: str, url: str, checksum: str) -> None:
        root = self._root(pool)
        half = str(layout.part(root, template, self._host + key))
        parts = urlsplit(url)
        suffix = Path(unquote(parts.path)).suffix
        if parts.scheme not in ("file", "http", "https") or suffix[1:] not in layout.FORMATS:
            raise Refused(f"{template} is not at an address that an image store gives: {parts.scheme or 'no scheme'}, {suffix!r}")
        job = Install(url, str(root / f"{template}{suffix}"), half, terms.sha256_of(checksum))
        self._errands.begin(key, f"{_CARRY}:install", msgspec.to_builtins(job), [half])

    def begin_export(self, key: str, pool: str, volume: str, url: str) -> None:
        original = layout.find(self._root(pool), volume)
        parts = urlsplit(url)
        target = Path(unquote(parts.path))
        if parts.scheme != "file" or not target.is_absolute() or ".." in target.parts:
            raise Refused(f"{volume} can only be exported to a file:// address, not to one of {parts.scheme or 'no scheme'}")
        if not target.parent.is_dir():
            raise Refused(f"{volume} cannot be exported: this host does not see the image store's {target.parent}")
        half = str(layout.part(target.parent, volume, self._host + key))
        job = Copy(str(original), str(target), half)
        self._errands.begin(key, f"{_CARRY}:export", msgspec.to_builtins(job), [half])

    def resize(self, pool: str, volume: str, size: int, shrink: bool = False) -> VolumeSeen:
        path = layout.find(self._root(pool), terms.writable(volume))
        now = layout.seen(path).size
        terms.growing(volume, (now, terms.positive(volume, size)), shrink)
        if size != now:
            qemu.resize(str(path), path.suffix[1:], size, shrink=size < now)
        return layout.seen(path)

    def remove(self, pool: str, volume: str) -> None:
        root = self._root(pool)
        checked(volume)
        with self._mutex:
            clones = sorted(seen.name for seen in self.volumes(pool) if seen.backing == volume)
            if clones:
                raise Busy(f"{volume} has {len(clones)} linked clones in this pool, the first is {clones[0]}")
            for format in layout.FORMATS:
                (root / f"{volume}.{format}").unlink(missing_ok=True)

    def work(self, key: str) -> Work:
        return self._errands.work(key)

    def cancel(self, key: str) -> None:
        self._errands.cancel(key)

    def _holds(self, root: Path, volume: str) -> bool:
        try:
            return layout.find(root, volume).exists()
        except NotThere:
            return False

    def _record(self, pool: str) -> Path:
        return self._state / "pools" / f"{checked(pool)}.json"

    def _root(self, pool: str) -> Path:
        try:
            spec = msgspec.json.decode(self._record(pool).read_bytes(), type=PoolSpec)
        except FileNotFoundError:
            raise NotThere(f"the pool {pool} is not open on host {self._host}") from None
        root = self._path(spec)
        if not root.is_dir() or (spec.kind == "NetworkFilesystem" and not os.path.ismount(root)):
            raise NotThere(f"the pool {pool} is not mounted at {root} on host {self._host}")
        return root

    def _path(self, pool: PoolSpec) -> Path:
        checked(pool.name)
        if pool.kind == "NetworkFilesystem":
            return self._state / "mnt" / pool.name
        if pool.kind not in ("Filesystem", "SharedMountPoint"):
            raise Refused(f"the pool {pool.name} is {pool.kind}, not one of Filesystem, SharedMountPoint, NetworkFilesystem")
        path = Path(pool.path)
        if not path.is_absolute() or ".." in path.parts or len(path.parts) < 2:
            raise Refused(f"the pool {pool.name} needs an absolute path below the root directory, not {pool.path!r}")
        return path
