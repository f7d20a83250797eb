"""What a datacenter leaves on the machine: finding it, and removing it from whatever state it is in."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from cloudwright.cli.lab import cgroup
from cloudwright.cli.lab.program import run

NAMESPACES = Path("/run/netns")
LINKS = Path("/sys/class/net")


def cgroups_of(prefix: str) -> list[Path]:
    """The cgroups of this prefix's hosts, in every tree."""
    return [path for tree in cgroup.hierarchies() for path in tree.path.glob(f"{prefix}-h[0-9]*")]


def sweep(prefix: str, state: Path) -> None:
    """Remove everything a datacenter of this prefix has or had. Nothing there is done."""
    tops = cgroups_of(prefix)
    cgroup.wait_until_empty(tops)
    for top in tops:
        cgroup.remove_tree(top)
    if (NAMESPACES / f"{prefix}dc").exists():
        run(["ip", "netns", "delete", f"{prefix}dc"])
    for name in (f"{prefix}-mgmt", f"{prefix}-pub"):
        if (LINKS / name).exists():
            run(["ip", "link", "delete", name], check=False)  # its peer may have taken it along this very moment
    if state.exists():
        shutil.rmtree(state)


def leftovers(prefix: str, state: Path) -> list[str]:
    """Every process, namespace, link, mount, cgroup and file of this prefix that still exists, one phrase each."""
    found = [f"cgroup {path}" for path in cgroups_of(prefix)]
    found += [f"network namespace {path.name}" for path in NAMESPACES.glob(f"{prefix}dc")]
    found += [f"link {path.name}" for path in LINKS.glob(f"{prefix}-*")]
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    found += [f"mount {line}" for line in mounts if line.split()[1].startswith(str(state))]
    found += _processes(prefix, state)
    if state.exists():
        found.append(f"directory {state}")
    return found


def _processes(prefix: str, state: Path) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            ours = f"/{prefix}-h" in (entry / "cgroup").read_text() or f"{state}/" in command
            dead = (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"  # only its parent can bury it
            if ours and not dead and int(entry.name) != os.getpid():
                found.append(f"process {entry.name} {command[:120]}")
    return found
