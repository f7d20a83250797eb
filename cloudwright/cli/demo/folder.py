"""The demo's folder: everything that the demo keeps lies there, and what others need to know of it is in one file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import cloudwright

CACHE = "cache"


class Folder:
    """`$CLOUDWRIGHT_DEMO`, or .demo beside the package's source tree."""

    def __init__(self, path: Path | None = None) -> None:
        given = os.environ.get("CLOUDWRIGHT_DEMO")
        self.path = (path or (Path(given) if given else Path(cloudwright.__file__).parent.parent / ".demo")).absolute()

    @property
    def prefix(self) -> str:
        """What the names of all that the demo makes on this machine begin with: two demos do not meet."""
        return "cw" + hashlib.sha256(str(self.path).encode()).hexdigest()[:5]

    @property
    def data(self) -> Path:
        """The server's."""
        return self.path / "data"

    @property
    def hosts(self) -> Path:
        """The hosts' disks."""
        return self.path / "hosts"

    @property
    def key(self) -> Path:
        """The private key that opens the instance."""
        return self.path / "key"

    def make(self) -> None:
        """Create it, for this user only. What can be made again but slowly stays from run to run in `cache`."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o700)
        os.environ.setdefault("CLOUDWRIGHT_CACHE", str(self.path / CACHE))

    def read(self) -> dict[str, Any]:
        """What is known of a running demo; {} when there is none."""
        try:
            known: dict[str, Any] = json.loads((self.path / "demo.json").read_text())
        except FileNotFoundError:
            return {}
        return known

    def write(self, **values: Any) -> None:
        """Add to what is known, for this user only."""
        fresh = self.path / ".demo.json"
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            json.dump(self.read() | values, out, indent=1)
        fresh.replace(self.path / "demo.json")

    def clear(self) -> None:
        """Remove everything but the cache."""
        for entry in list(self.path.iterdir()) if self.path.is_dir() else []:
            if entry.name == CACHE:
                continue
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        if self.path.is_dir() and not any(self.path.iterdir()):
            self.path.rmdir()
