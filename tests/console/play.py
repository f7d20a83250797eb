"""Building the console, and playing its end-to-end specifications in a real browser."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import time
from pathlib import Path

from msgspec import Struct

from tests.real.browser import PROGRAM

UI = Path(__file__).parents[2] / "ui"
SERVED = Path(__file__).parents[2] / "cloudwright" / "web" / "static" / "ui" / "index.html"
PATIENCE = 900.0  # seconds; other tests share the machine


def play(url: str, password: str, *more: str, **environment: str) -> str:
    """Play the specifications against a server's API at `url`; answers what was printed. AssertionError when one failed."""
    assert SERVED.is_file(), "the console is not built: `make console`"
    at = {"CLOUDWRIGHT_URL": url.removesuffix("/client/api"), "CLOUDWRIGHT_PASSWORD": password, "CHROMIUM": str(PROGRAM)}
    ran = subprocess.run(
        [UI / "node.sh", "exec", "--", "playwright", "test", "--config", UI / "playwright.config.ts", *more],
        cwd=UI, env={**os.environ, **at, **environment}, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    print(ran.stdout)
    assert ran.returncode == 0, ran.stdout[-20000:] + ran.stderr[-2000:]
    return ran.stdout


class Built(Struct, frozen=True):
    """A production build: seconds on the clock and of the processors, MB of memory, and bytes by gzip of each chunk."""

    seconds: float
    cpu: float
    memory: float
    first: dict[str, int]  # that every page loads
    lazy: dict[str, int]


def build(into: Path) -> Built:
    """Build the console into a directory of one's own."""
    began = time.monotonic()
    options = ["--logLevel", "error", "--outDir", str(into), "--emptyOutDir"]
    pid = os.spawnv(os.P_NOWAIT, UI / "node.sh", ["node.sh", "--prefix", str(UI), "run", "--silent", "build", "--", *options])
    _, status, used = os.wait4(pid, 0)
    assert status == 0, f"the build ended with {status}"
    page = (into / "index.html").read_text()
    sizes = {file.name: len(gzip.compress(file.read_bytes(), 9)) for file in into.rglob("*.js")}
    first = set(re.findall(r"assets/([\w.-]+\.js)", page))
    return Built(
        time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024,
        {name: size for name, size in sizes.items() if name in first},
        {name: size for name, size in sizes.items() if name not in first},
    )  # fmt: skip
