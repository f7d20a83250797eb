"""NFS exports, mounted by the host's kernel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from cloudwright.drivers.error import Busy, DriverFault, Refused
from cloudwright.drivers.pool.contract import PoolSpec

_HOST = re.compile(r"[A-Za-z0-9\[][A-Za-z0-9.:\]-]*", re.ASCII)
_OPTIONS = re.compile(r"[A-Za-z0-9=,._:-]*", re.ASCII)
_MOUNT_SECONDS = 60.0


def missing(filesystems: Path = Path("/proc/filesystems"), search: str | None = None) -> list[str]:
    """What this host lacks to mount NFS, as noun phrases."""
    known = filesystems.read_text().split() if filesystems.exists() else []
    modules = Path("/lib/modules") / os.uname().release / "kernel/fs/nfs"
    lacks = [] if "nfs" in known or "nfs4" in known or modules.is_dir() else ["an NFS client in its kernel"]
    if not shutil.which("mount.nfs", path=search):
        lacks.append("the program mount.nfs (package nfs-common)")
    return lacks


def mount(pool: PoolSpec, at: Path) -> None:
    """Mount the export at the directory `at`; mounted is done. Raises Refused when the host cannot."""
    if os.path.ismount(at):
        return
    if lacks := missing():
        raise Refused(f"the pool {pool.name} cannot be mounted: this host lacks {' and '.join(lacks)}")
    options = pool.options.get("nfsmountopts", "")
    if not _HOST.fullmatch(pool.host) or not pool.path.startswith("/") or not _OPTIONS.fullmatch(options):
        raise Refused(f"the pool {pool.name} has no usable NFS address: {pool.host!r}, {pool.path!r}, options {options!r}")
    at.mkdir(parents=True, exist_ok=True)
    chosen = ["-o", options] if options else []
    done = _run("mount", "-t", "nfs", *chosen, f"{pool.host}:{pool.path}", str(at))
    if done.returncode:
        raise DriverFault(f"mounting {pool.host}:{pool.path} failed: {done.stderr.strip()}")


def unmount(name: str, at: Path) -> None:
    """Unmount; not mounted is done. Raises Busy while machines have volumes open."""
    if os.path.ismount(at) and _run("umount", str(at)).returncode:
        raise Busy(f"the pool {name} is in use on this host and cannot be unmounted")


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_MOUNT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise DriverFault(f"{' '.join(command)} did not end within {_MOUNT_SECONDS:.0f} seconds") from None
