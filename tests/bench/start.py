"""How soon a server answers, and what it holds in memory."""

from __future__ import annotations

import compileall
import os
import subprocess
import sys
import time
from pathlib import Path

import cloudwright
from tests.bench.figure import Figure, percentile, say
from tests.cli.serving import Serving

READY = 1.5
IDLE = 150
HELP, COMPLETED = 0.15, 0.1


def figures(directory: Path) -> list[Figure]:
    directory.mkdir()
    compileall.compile_dir(str(Path(cloudwright.__file__).parent), quiet=1)  # as an installation has it
    python = percentile([_imported("pass") for _ in range(5)], 0.5)
    imported = percentile([_imported("import cloudwright.cli.node") for _ in range(5)], 0.5)
    say("servers")
    new, first = _ready(directory)
    again, idle = min(_ready(directory) for _ in range(3))
    return [
        Figure("server ready to answer", f"{again:.2f} s", f"< {READY} s", again < READY, f"{imported:.2f} s of imports",
               "" if again < READY else "imports, the driver of the database, membership"),
        Figure("server ready, first start of an installation", f"{new:.2f} s", "", None, f"{imported:.2f} s of imports"),
        Figure("imports", f"{imported:.2f} s", "", None, f"{python:.2f} s python alone"),
        Figure("memory, idle", f"{idle:.0f} MB", f"< {IDLE} MB", idle < IDLE, f"{_bare():.0f} MB python alone",
               f"{first:.0f} MB after the installation's first start"),
    ]  # fmt: skip


def command_line(directory: Path) -> list[Figure]:
    """How soon `cw` tells its help, and completes a line from what it kept."""
    say("the command line")
    directory.mkdir()
    with Serving(directory) as server:
        keys = server.with_keys()
        kept = {
            "HOME": str(directory),
            "CLOUDSTACK_ENDPOINT": server.url,
            "CLOUDSTACK_KEY": keys.key,
            "CLOUDSTACK_SECRET": keys.secret,
        }
        python = percentile([_imported("pass") for _ in range(9)], 0.5)
        told = percentile([_told(kept, "--help") for _ in range(9)], 0.5)
        _told(kept, "sync")
        reply = percentile(
            [_told(kept | {"CW_LINE": "deploy virtualmachine zone"}, "completion", "reply") for _ in range(9)], 0.5
        )
        shell = _completed(kept)
    return [
        Figure("cw --help", f"{told * 1e3:.0f} ms", f"< {HELP * 1e3:.0f} ms", told < HELP, f"{python * 1e3:.0f} ms python alone"),
        Figure("cw, first completion in its shell", f"{shell * 1e3:.0f} ms", f"< {COMPLETED * 1e3:.0f} ms", shell < COMPLETED),
        Figure("cw, a completion in bash", f"{reply * 1e3:.0f} ms", "", None, f"{python * 1e3:.0f} ms python alone",
               "a process of its own each time, which reads all commands"),
    ]  # fmt: skip


def _told(environment: dict[str, str], *words: str) -> float:
    began = time.perf_counter()
    program = [sys.executable, "-m", "cloudwright.cw.main", *words]
    subprocess.run(program, check=True, stdout=subprocess.DEVNULL, env=os.environ | environment)
    return time.perf_counter() - began


def _completed(environment: dict[str, str]) -> float:
    """Seconds of the first completion, in a process that has read nothing yet."""
    code = (
        "import time; from cloudwright.cw.main import Invocation, all_words; from cloudwright.cw.options import Options\n"
        "from cloudwright.cw.terminal import Terminal; began = time.perf_counter()\n"
        "from cloudwright.cw.complete import Completion\n"
        "session = Invocation([], Options(), Terminal()).session\n"
        "found = Completion(session, all_words()).candidates('deploy virtualmachine zone')\n"
        "assert found; print(time.perf_counter() - began)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=os.environ | environment)
        for _ in range(5)
    ]
    return percentile([float(run.stdout) for run in runs], 0.5)


def memory(pid: int) -> tuple[float, float]:
    """(MB of its own, MB of mapped files) that a process and its children hold."""
    own = files = 0.0
    for process in (pid, *_children(pid)):
        lines = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
        own += int(lines["RssAnon"].split()[0]) / 1024
        files += int(lines["RssFile"].split()[0]) / 1024
    return own, files


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            found += [child, *_children(child)]
    return found


def _imported(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


def _bare() -> float:
    code = "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmRSS')))"
    return int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout) / 1024


def _ready(directory: Path) -> tuple[float, float]:
    """(seconds until it answers, MB a while later)."""
    began = time.perf_counter()
    with Serving(directory) as server:
        seconds = time.perf_counter() - began
        assert server.process is not None
        time.sleep(1.0)
        return seconds, sum(memory(server.process.pid))
