"""What a command costs to add: `python -m tests.conformance.cost`. From the repository's history, the median number of files
touched and of lines written by hand for each command, by when the commands came.

A commit that brings several commands counts for each of them with its share of lines and of files: 0.8 files are eight files
for ten commands. Tests and documents of that commit count; what was mended later does not, nor what programs wrote: migrations,
golden files, lock files, the catalogue.
"""

from __future__ import annotations

import re
import statistics
import subprocess
from collections.abc import Iterator
from typing import NamedTuple

CLASS = re.compile(r"^([+-])class (\w+)\(", re.MULTILINE)
WRITTEN = re.compile(r"^(cloudwright/migrations/versions/|tests/golden/|tests/guest/golden/|requirements|ui/|.*\.(json|lock)$)")
AFTER = 10  # the first commands brought the machinery


class Commit(NamedTuple):
    """A commit that brought commands."""

    name: str
    subject: str
    commands: int
    files: int
    lines: int


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout


def _commands() -> set[str]:
    """The classes of all commands."""
    from cloudwright import catalogue
    from cloudwright.core.command import Verb

    catalogue.load()
    return {verb.__name__ for verb in Verb.by_name.values()}


def commits() -> Iterator[Commit]:
    """All that brought commands, the oldest first. A class that was only moved counts where it was written first."""
    known, seen = _commands(), set[str]()
    log = _git("log", "--reverse", "--no-merges", "--format=%h %s", "--", "cloudwright")
    for line in log.splitlines():
        name, _, subject = line.partition(" ")
        change = _git("show", "--format=", "--unified=0", name, "--", "cloudwright")
        new = {word for sign, word in CLASS.findall(change) if sign == "+" and word in known} - seen
        seen |= new
        if new:
            yield Commit(name, subject, len(new), *_size(name))


def _size(commit: str) -> tuple[int, int]:
    """(files touched, lines added) by hand."""
    files = lines = 0
    for row in _git("show", "--format=", "--numstat", "--no-renames", commit).splitlines():
        added, _, path = row.split("\t")
        if added != "-" and not WRITTEN.match(path):
            files, lines = files + 1, lines + int(added)
    return files, lines


def main() -> None:
    came = 0
    files: list[float] = []
    lines: list[float] = []
    brought = list(commits())
    for one in brought:
        counted = max(0, min(one.commands, came + one.commands - AFTER))
        came += one.commands
        files += [one.files / one.commands] * counted
        lines += [one.lines / one.commands] * counted
        print(f"{one.name}  {one.commands:3} commands  {one.files:3} files  {one.lines:5} lines  {one.subject}")
    print(f"\n{came} commands; after the first {AFTER} a command took {statistics.median(files):.1f} files and ", end="")
    print(f"{statistics.median(lines):.0f} lines by hand, its share of the commit that brought it (medians)")
    print(f"such a commit brought {statistics.median(one.commands for one in brought):.0f} commands and ", end="")
    print(f"touched {statistics.median(one.files for one in brought):.0f} files (medians of {len(brought)} commits)")


if __name__ == "__main__":
    main()
