"""The qemu-img program on images of our own making. Formats are always said, never guessed."""

from __future__ import annotations

import os
import re
import subprocess

from cloudwright.drivers.errand import Report
from cloudwright.drivers.error import Busy, DriverError, DriverFault

_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
_PERCENT = re.compile(rb"\((\d+\.\d+)/100%\)")
_QUICK_SECONDS = 60.0


def create(path: str, format: str, size: int, preallocation: str = "off") -> None:
    """An empty image of `size` bytes."""
    _run("create", "-q", "-f", format, "-o", f"preallocation={preallocation}", path, str(size))


def overlay(path: str, backing: str, backing_format: str, size: int) -> None:
    """A qcow2 image of `size` bytes that reads through to `backing`, a file name in the same directory."""
    _run("create", "-q", "-f", "qcow2", "-F", backing_format, "-b", backing, path, str(size))


def resize(path: str, format: str, size: int, shrink: bool = False, preallocation: str = "off") -> None:
    """Change the size a guest sees. Raises Busy when a machine has the image open."""
    how = ["--shrink"] if shrink else [f"--preallocation={preallocation}"]
    _run("resize", "-q", "-f", format, *how, path, str(size))


def flatten(source: tuple[str, str], target: tuple[str, str], report: Report, preallocation: str = "off") -> None:
    """Copy `source` (path, format), which a machine may have open, with all it reads through to, into `target`."""
    room = ["-o", f"preallocation={preallocation}"] if preallocation != "off" else []
    command = ["qemu-img", "convert", "-U", "-p", "-f", source[1], "-O", target[1], *room, source[0], target[0]]
    try:
        # The copy dies with this process: half-written files are then nobody's.
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_ENVIRONMENT,
        )
    except FileNotFoundError as error:
        raise DriverFault(f"the program {error.filename} is not installed on this host") from None
    with process:
        assert process.stdout
        assert process.stderr
        while chunk := os.read(process.stdout.fileno(), 4096):
            if found := _PERCENT.findall(chunk):
                report(float(found[-1]) / 100)
        said = process.stderr.read().decode("utf-8", "replace")
    if process.returncode:
        raise _failure("convert", said)


def _run(verb: str, *arguments: str) -> None:
    try:
        done = subprocess.run(
            ["qemu-img", verb, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=_ENVIRONMENT,
            timeout=_QUICK_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise DriverFault("the program qemu-img is not installed on this host") from None
    except subprocess.TimeoutExpired:
        raise DriverFault(f"qemu-img {verb} did not end within {_QUICK_SECONDS:.0f} seconds") from None
    if done.returncode:
        raise _failure(verb, done.stderr)


def _failure(verb: str, said: str) -> DriverError:
    if 'Failed to get "' in said:
        return Busy("the volume is open in a running machine")
    lines = said.strip().splitlines()
    return DriverFault(f"qemu-img {verb} failed: {lines[0] if lines else 'it said nothing'}")
