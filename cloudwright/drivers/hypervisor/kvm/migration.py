"""Live migrations from this host: begun, polled, cancelled, and found again after a restart of this process.

Source and target libvirtd carry a migration out between themselves, so it goes on when this process dies. What this
process must remember, the caller's key and which machine it named, rests in a small file for each.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import libvirt
import msgspec

from cloudwright.drivers.error import DriverError, DriverFault, NotThere
from cloudwright.drivers.hypervisor.kvm.fault import spoken, translated
from cloudwright.drivers.work import Work, WorkState

_FLAGS = (
    libvirt.VIR_MIGRATE_LIVE
    | libvirt.VIR_MIGRATE_PEER2PEER
    | libvirt.VIR_MIGRATE_PERSIST_DEST
    | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
    | libvirt.VIR_MIGRATE_AUTO_CONVERGE  # slows a guest that dirties memory faster than the wire carries it
    # libvirt would refuse shared directories that it does not know as cluster file systems. That both hosts share
    # the disks is the caller's knowledge, and QEMU's image locks still keep two writers apart.
    | libvirt.VIR_MIGRATE_UNSAFE
)


_CANCEL_PATIENCE = 60.0  # seconds
_POLL = 0.1


class Journal(msgspec.Struct):
    """One migration on record."""

    key: str
    name: str
    to: str
    over: bool = False
    error: str = ""


class Migrations:
    """All migrations that leave this host. `connect` answers the living connection to libvirtd."""

    def __init__(self, connect: Callable[[], libvirt.virConnect], directory: Path) -> None:
        self._connect = connect
        self._directory = directory
        self._threads: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()

    def begin(self, key: str, name: str, to: str) -> None:
        """Begin, unless this key was begun and is not lost."""
        with self._lock:
            if self.work(key).state is not WorkState.UNKNOWN:
                return
            self._write(Journal(key, name, to))
            thread = threading.Thread(target=self._carry, args=(Journal(key, name, to),), name=f"migrate-{name}", daemon=True)
            self._threads[key] = thread
            thread.start()

    def work(self, key: str) -> Work:
        """How far it is."""
        thread = self._threads.get(key)
        carried = thread is not None and thread.is_alive()
        journal = self._read(key)  # read after the thread was looked at: it writes its end before it ends
        if journal is None:
            return Work(key, WorkState.UNKNOWN)
        if journal.error:
            return Work(key, WorkState.FAILED, error=journal.error)
        if journal.over:
            return Work(key, WorkState.DONE, progress=1.0)
        return Work(key, WorkState.RUNNING, progress=self._progress(journal.name)) if carried else self._find_again(journal)

    def cancel(self, key: str) -> None:
        """Abort, wait until the machine is back to itself here, and forget."""
        journal, end = self._read(key), time.monotonic() + _CANCEL_PATIENCE
        while journal and not journal.over and self.work(key).state is WorkState.RUNNING:
            if time.monotonic() > end:
                raise DriverFault(f"the migration of {journal.name} did not end within {_CANCEL_PATIENCE:g} s of being cancelled")
            self._abort(journal.name)
            time.sleep(_POLL)
        self._threads.pop(key, None)
        self._path(key).unlink(missing_ok=True)

    def _abort(self, name: str) -> None:
        """Asked again until it works: the job may not have begun yet, or have just ended."""
        try:
            self._connect().lookupByName(name).abortJob()
        except libvirt.libvirtError as error:
            if error.get_error_code() not in (libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_NO_DOMAIN):
                raise translated(f"the migration of {name} cannot be cancelled", error) from error

    def forget(self, name: str) -> None:
        """Strike the journals of a machine that is being removed: its absence will not mean that it arrived."""
        for path in self._directory.glob("*.json"):
            if msgspec.json.decode(path.read_bytes(), type=Journal).name == name:
                path.unlink(missing_ok=True)

    def _carry(self, journal: Journal) -> None:
        """The thread of one migration: it waits in libvirt until all is over."""
        try:
            with spoken(f"{journal.name} could not migrate to {journal.to}"):
                domain = self._connect().lookupByName(journal.name)
                try:
                    domain.migrateToURI3(journal.to, {}, _FLAGS)
                except libvirt.libvirtError:
                    if not self._is_gone(journal.name):  # else only the answer was lost
                        raise
        except DriverError as error:
            journal.error = str(error)
        journal.over = True
        self._write(journal)

    def _find_again(self, journal: Journal) -> Work:
        """After a restart: a job still runs, the machine left, or nothing is known and it must be begun again."""
        if self._migrating(journal.name):
            return Work(journal.key, WorkState.RUNNING, progress=self._progress(journal.name))
        if not self._is_gone(journal.name):
            return Work(journal.key, WorkState.UNKNOWN)
        journal.over = True
        self._write(journal)
        return Work(journal.key, WorkState.DONE, progress=1.0)

    def _is_gone(self, name: str) -> bool:
        """Whether this host has forgotten the machine. Definitions outlive stops and crashes: libvirt undefines one only
        when its migration was confirmed, and `remove` strikes the journal first."""
        try:
            with spoken(name):
                self._connect().lookupByName(name)
        except NotThere:
            return True
        return False

    def _migrating(self, name: str) -> bool:
        return bool(self._job(name).get("type", libvirt.VIR_DOMAIN_JOB_NONE) != libvirt.VIR_DOMAIN_JOB_NONE)

    def _progress(self, name: str) -> float:
        job = self._job(name)
        total, left = int(str(job.get("data_total", 0))), int(str(job.get("data_remaining", 0)))
        return 0.0 if not total else min(0.99, max(0.0, 1 - left / total))

    def _job(self, name: str) -> dict[str, object]:
        try:
            stats: dict[str, object] = self._connect().lookupByName(name).jobStats()
        except libvirt.libvirtError:
            return {}
        return stats

    def _path(self, key: str) -> Path:
        return self._directory / f"{quote(key, safe='')}.json"

    def _read(self, key: str) -> Journal | None:
        try:
            return msgspec.json.decode(self._path(key).read_bytes(), type=Journal)
        except FileNotFoundError:
            return None

    def _write(self, journal: Journal) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        fresh = self._path(journal.key).with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(journal))
        fresh.replace(self._path(journal.key))
