"""The command `cloudwright`: finds the program asked for and runs it. Programs are imported only when they run."""

from __future__ import annotations

import importlib
import sys

import cloudwright

PROGRAMS = {
    "server": ("cloudwright.cli.server", "the cloud: API, console, tasks"),
    "agent": ("cloudwright.agent.main", "serve this host to a server"),
    "demo": ("cloudwright.cli.demo.main", "a whole cloud on this machine, with an instance in it"),
}
HELP = ("-h", "--help", "help")


def main(arguments: list[str] | None = None) -> int:
    """Run a program; answers its exit status, 2 where there is no such program."""
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0] in ("--version", "version"):
        print(f"cloudwright {cloudwright.__version__}")
        return 0
    if not given or given[0] in HELP:
        print(usage())
        return 0
    if given[0] not in PROGRAMS:
        print(f"cloudwright: there is no program {given[0]!r}\n\n{usage()}", file=sys.stderr)
        return 2
    status: int = importlib.import_module(PROGRAMS[given[0]][0]).main(given[1:])
    return status


def usage() -> str:
    """What can be run."""
    lines = [f"  {name:8} {words}" for name, (_, words) in PROGRAMS.items()]
    return "\n".join(["usage: cloudwright PROGRAM …, PROGRAM --help tells more", "", *lines])
