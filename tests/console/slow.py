"""A server whose simulated pools take an hour to install an image: what needs one is still being done when somebody cancels it.

`python -m tests.console.slow server …` takes the words of `cloudwright`.
"""

from __future__ import annotations

import sys

from cloudwright.drivers import world

HOUR = 3600.0


class Slow(world.Faults):
    """No call waits, but long work of one kind does not end."""

    def seconds(self, host: str, verb: str) -> float:
        return HOUR if verb == "install" else 0.0

    def meet(self, host: str, verb: str) -> None:
        self.strike(host, verb)


if __name__ == "__main__":
    world.Faults = Slow  # type: ignore[misc]
    from cloudwright.cli.main import main

    sys.exit(main())
