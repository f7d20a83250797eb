"""Programs that the appliance runs, and daemons that it left running."""

from __future__ import annotations

import os
import signal
import subprocess
import time

from cloudwright.guest.failure import Failed
from cloudwright.guest.text import read

_WAIT = 20.0  # seconds a program may take
_STOP = 2.0  # seconds a daemon may take to end before it is killed


def run(argv: list[str], text: str = "") -> str:
    """Run a program to its end and answer what it printed. Raises Failed with its own words."""
    try:
        done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=_WAIT, check=False)
    except FileNotFoundError:
        raise Failed(f"the program {argv[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise Failed(f"{argv[0]} did not end within {_WAIT:.0f} seconds") from None
    if done.returncode:
        words = " ".join((done.stderr or done.stdout).split())[:300]
        raise Failed(f"{argv[0]} refused, exit code {done.returncode}: {words}")
    return done.stdout


def daemon(pidfile: str, marker: str) -> int:
    """The process id in the file when that process lives and has `marker` in its command line, else 0.

    Ids are used again, and orphans may stay as zombies: neither is the daemon.
    """
    text = read(pidfile).strip()
    if not text.isdigit():
        return 0
    try:
        with open(f"/proc/{text}/cmdline", "rb") as file:
            return int(text) if marker.encode() in file.read() else 0  # a zombie's command line is empty
    except (FileNotFoundError, ProcessLookupError):
        return 0


def stop(pidfile: str, marker: str) -> None:
    """End the daemon, by force when it does not end itself. Gone is done."""
    deadline = time.monotonic() + _STOP
    pid = daemon(pidfile, marker)
    if pid:
        _signal(pid, signal.SIGTERM)
    while pid and daemon(pidfile, marker) == pid:
        if time.monotonic() > deadline:
            _signal(pid, signal.SIGKILL)
            deadline += _STOP
        time.sleep(0.002)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
