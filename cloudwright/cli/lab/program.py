"""Running the system's programs, with errors that say what was run and what it answered."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence


class LabError(Exception):
    """What the lab could not do, in a plain sentence."""


def run(argv: Sequence[str], input: str | None = None, timeout: float = 30.0, check: bool = True) -> str:
    """Run a program and answer its standard output. Raises LabError when it fails (and `check`) or takes too long."""
    try:
        done = subprocess.run(argv, input=input, capture_output=True, text=True, timeout=timeout, check=False)
    except FileNotFoundError:
        raise LabError(f"the program {argv[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise LabError(f"{' '.join(argv)[:200]} did not end within {timeout:g} s") from None
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(argv)[:200]} failed with exit code {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout


def ip(*lines: str, namespace: str = "") -> None:
    """Run lines of `ip` commands in one go, in a named network namespace where one is given."""
    where = ["-n", namespace] if namespace else []
    run(["ip", *where, "-batch", "-"], input="\n".join(lines) + "\n")
