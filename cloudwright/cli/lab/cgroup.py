"""One cgroup per host, under cgroup v1 and v2: what is in it is counted, frozen and killed together."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from cloudwright.cli.lab.program import LabError


@dataclass(frozen=True)
class Hierarchy:
    """A mounted cgroup tree. `options` are what mounts it again (v1: its controllers)."""

    path: Path
    kind: str  # cgroup (v1) or cgroup2
    options: str = ""


def hierarchies() -> list[Hierarchy]:
    """All cgroup trees of this machine."""
    found = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        if kind in {"cgroup", "cgroup2"}:
            path = Path(left.split()[4])
            names = [name for name in options.split(",") if kind == "cgroup" and name not in {"rw", "ro", "xattr"}]
            if names and names[0].startswith("name="):
                names.insert(0, "none")
            found[path] = Hierarchy(path, kind, ",".join(names))
    return list(found.values())


def usable() -> list[Hierarchy]:
    """The trees hosts live in: those of v1 where it has the freezer, else the one of v2. Empty: none can be used."""
    trees = [tree for tree in hierarchies() if os.access(tree.path, os.W_OK)]
    first = [tree for tree in trees if tree.kind == "cgroup"]
    if any("freezer" in tree.options.split(",") for tree in first):
        return first
    return [tree for tree in trees if tree.kind == "cgroup2"][:1]


def wait_until_empty(directories: list[Path], spare: int = 0, seconds: float = 10.0) -> None:
    """Kill everything below these cgroups but process `spare`, until nothing is left. Raises LabError when something stays."""
    deadline = time.monotonic() + seconds
    while True:
        pids = {pid for top in directories for file in top.rglob("cgroup.procs") for pid in _read_pids(file)} - {spare}
        if not pids:
            return
        if time.monotonic() > deadline:
            raise LabError(f"processes {sorted(pids)} did not die within {seconds:g} s of being killed")
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for top in directories:  # the killed only die once they run again
            _set_frozen(top, False)
        time.sleep(0.01)


def _read_pids(file: Path) -> list[int]:
    try:
        return [int(word) for word in file.read_text().split()]
    except OSError:  # removed meanwhile
        return []


def _set_frozen(top: Path, frozen: bool) -> None:
    for file, word in ((top / "freezer.state", "FROZEN" if frozen else "THAWED"), (top / "cgroup.freeze", str(int(frozen)))):
        if file.exists():
            file.write_text(word)


def remove_tree(top: Path, seconds: float = 5.0) -> None:
    """Remove an empty cgroup with all below it. Gone is done."""
    deadline = time.monotonic() + seconds
    while top.exists():
        for directory, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):  # busy for the moment it takes the kernel to let go of the dead
                os.rmdir(directory)
        if time.monotonic() > deadline:
            raise LabError(f"the cgroup {top} could not be removed within {seconds:g} s")
        time.sleep(0.01)


class HostCgroup:
    """The cgroup of one host, in every tree given."""

    def __init__(self, name: str, trees: list[Hierarchy]) -> None:
        self.trees = trees
        self.directories = [tree.path / name for tree in trees]
        # v2 lets no processes live where controllers are handed down, so the host's own live in a leaf
        self.leaf = self.directories[0] / "init" if trees[0].kind == "cgroup2" else None

    def create(self) -> None:
        """Make it; one that exists is used."""
        for directory in self.directories:
            directory.mkdir(exist_ok=True)
            for file in ("cpuset.cpus", "cpuset.mems"):  # v1: an empty set of processors lets nobody in
                parent = directory.parent / file
                if not self.leaf and parent.exists():
                    (directory / file).write_text(parent.read_text())
        if self.leaf:
            hand_down(self.directories[0].parent)
            self.leaf.mkdir(exist_ok=True)

    def entrances(self) -> list[str]:
        """The `cgroup.procs` files to write to, to be in this host."""
        return [str(top / "cgroup.procs") for top in ([self.leaf] if self.leaf else self.directories)]

    def freeze(self) -> None:
        """Stop the world in the host, as a hang would."""
        for top in self.directories:
            _set_frozen(top, True)
        deadline = time.monotonic() + 10
        while not any(self._is_frozen(top) for top in self.directories):
            if time.monotonic() > deadline:
                raise LabError(f"the cgroup {self.directories[0].name} did not freeze within 10 s")
            time.sleep(0.01)

    def thaw(self) -> None:
        """Let it go on."""
        for top in self.directories:
            _set_frozen(top, False)

    def _is_frozen(self, top: Path) -> bool:
        for file, sign in ((top / "freezer.state", "FROZEN"), (top / "cgroup.events", "frozen 1")):
            if file.exists() and sign in file.read_text().splitlines():
                return True
        return False

    def kill(self, spare: int = 0) -> None:
        """Kill all that is in it but process `spare`, frozen or not, and wait until they are dead."""
        wait_until_empty(self.directories, spare)

    def remove(self) -> None:
        """Remove it with all below it. Gone is done."""
        for top in self.directories:
            remove_tree(top)


def hand_down(top: Path) -> None:
    """v2: give the cgroups below `top` every controller that `top` has."""
    for controller in (top / "cgroup.controllers").read_text().split():
        with contextlib.suppress(OSError):  # some need conditions we can live without (cpu with real-time tasks)
            (top / "cgroup.subtree_control").write_text(f"+{controller}")
