"""Outlives the owner of a datacenter and sweeps up when the owner died without doing so.

The owner holds the other end of standard input. A farewell means all is well; the end of the stream alone means that the
owner was killed. A process of its own does this, because a frozen host cannot notice anything.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import cloudwright
from cloudwright.cli.lab.remains import sweep

FAREWELL = b"down\n"


def start(prefix: str, state: Path) -> subprocess.Popen[bytes]:
    """Start the keeper; write FAREWELL to its input once all is down."""
    root = str(Path(cloudwright.__file__).parent.parent)
    return subprocess.Popen(
        [sys.executable, "-c", "from cloudwright.cli.lab.keeper import main; main()", prefix, str(state)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={**os.environ, "PYTHONPATH": root},
        start_new_session=True,
    )


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    prefix, state = sys.argv[1], Path(sys.argv[2])
    if sys.stdin.buffer.read() != FAREWELL:
        sweep(prefix, state)
