"""`cloudwright demo up|down|status`: a whole cloud on this machine, with an instance that answers over SSH from outside.

Where real hosts cannot run, the same story is told on the simulator. Everything lives in one folder and ends with `demo down`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from cloudwright.cli.demo.folder import Folder

END_WAIT = 90.0  # seconds


def main(arguments: list[str] | None = None) -> int:
    """Run one of the demo's commands. Answers 1 when it failed, 130 when it was interrupted."""
    given_ = sys.argv[1:] if arguments is None else arguments
    if given_[:1] == ["hold"]:
        from cloudwright.cli.demo import hold

        return hold.main(given_[1:])
    parser = argparse.ArgumentParser("cloudwright demo", description="A whole cloud on this machine.")
    parser.add_argument("what", choices=["up", "down", "status"])
    parser.add_argument("--simulator", action="store_true", help="up: on simulated hosts, even where real ones can run")
    parser.add_argument("--folder", type=Path, help="where all of it lies; $CLOUDWRIGHT_DEMO, or .demo beside the source")
    given = parser.parse_args(given_)
    folder = Folder(given.folder)
    if given.what == "status":
        return status(folder)
    if given.what == "down":
        return down(folder)
    return up(folder, given.simulator)


def up(folder: Folder, simulator: bool) -> int:
    """Build the demo, or tell what is there."""
    from cloudwright.cli.demo import story

    known = folder.read()
    if known.get("whole") and _alive(known):
        print("The demo is running already.\n")
        print(story.summary(folder.read()))
        return 0
    if known:
        print("A demo that did not come to its end is cleared away first.")
        down(folder)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        story.tell(folder, simulator)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        print("\nInterrupted: everything is taken down again.", flush=True)
        down(folder)
        return 130
    except Exception as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        _last_words(folder)
        down(folder)
        return 1
    return 0


def status(folder: Folder) -> int:
    """Tell what there is. Answers 1 when no demo runs."""
    from cloudwright.cli.demo import story

    known = folder.read()
    if not known.get("whole") or not _alive(known):
        print("No demo is running." if not known else "A demo was begun and does not run; `demo down` clears it away.")
        return 1
    print(story.summary(known))
    return 0


def down(folder: Folder) -> int:
    """End the demo and remove all it made. Answers 1 when something is left, and says what."""
    from cloudwright.cli.lab import LabError, leftovers, sweep

    known = folder.read()
    began = time.monotonic()
    if _alive(known):
        os.kill(known["pid"], signal.SIGTERM)
        while _alive(known) and time.monotonic() - began < END_WAIT:
            time.sleep(0.05)
    left = []
    if known.get("real"):
        try:
            sweep(folder.prefix, folder.hosts)
        except (LabError, OSError) as error:
            left.append(str(error))
        left += leftovers(folder.prefix, folder.hosts)
        _part_with_namespaces(known)
    if _alive(known):
        left.append(f"process {known['pid']} did not end within {END_WAIT:g} s")
    if left:
        print("The demo left behind:", *left, sep="\n  ", file=sys.stderr)
        return 1
    folder.clear()
    print(f"The demo is gone ({time.monotonic() - began:.1f} s)." if known else "There is no demo.")
    return 0


def _alive(known: dict[str, object]) -> bool:
    """Whether the process that holds the demo runs; another one with its number is not meant."""
    try:
        stat = Path(f"/proc/{known['pid']}/stat").read_text().rpartition(")")[2].split()
    except (OSError, KeyError):
        return False
    return stat[0] != "Z" and stat[19] == known["started"]


def _part_with_namespaces(known: dict[str, object]) -> None:
    """`ip netns` mounts its directory at its first use, and leaves that behind."""
    from cloudwright.cli.demo.story import NAMESPACES, namespaces_mounted
    from cloudwright.cli.lab.program import run

    if not known.get("namespaces_mounted", True) and namespaces_mounted() and not any(NAMESPACES.iterdir()):
        run(["umount", str(NAMESPACES)], check=False)
        with contextlib.suppress(OSError):
            NAMESPACES.rmdir()


def _last_words(folder: Folder) -> None:
    """The end of each log, before it is removed with the rest."""
    for log in sorted(folder.path.glob("*.log")):
        lines = log.read_text(errors="replace").splitlines()[-15:]
        if lines:
            print(f"\n{log.name}:", *lines, sep="\n  ", file=sys.stderr)
