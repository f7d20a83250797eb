"""Programs that the host network is made with."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from cloudwright.drivers.error import DriverFault

_WAIT = 30.0  # seconds a program may take


class Commands:
    """Runs programs on the host, or inside one that is made of namespaces: `enter` is then what leads there."""

    def __init__(self, enter: tuple[str, ...] = ()) -> None:
        self._enter = enter

    def run(self, *argv: str, text: str = "") -> str:
        """What the program printed. Raises DriverFault with its own words."""
        code, out, words = self.attempt(*argv, text=text)
        if code:
            raise DriverFault(f"{argv[0]} refused, exit code {code}: {words}; the command was: {' '.join(argv)}")
        return out

    def json(self, *argv: str) -> list[dict[str, Any]]:
        """The program's answer in JSON, a list of objects."""
        answer: list[dict[str, Any]] = json.loads(self.run(*argv) or "[]")
        return [item for item in answer if item]

    def attempt(self, *argv: str, text: str = "") -> tuple[int, str, str]:
        """Exit code, output, and the program's complaint in one line; 127 when there is no such program."""
        try:
            done = subprocess.run([*self._enter, *argv], input=text, capture_output=True, text=True, timeout=_WAIT, check=False)
        except FileNotFoundError:
            return 127, "", f"the program {argv[0]} is not installed"
        except subprocess.TimeoutExpired:
            return 124, "", f"it did not end within {_WAIT:.0f} seconds"
        return done.returncode, done.stdout, " ".join(done.stderr.split())[:300]

    def launch(self, argv: list[str], log: str, environment: dict[str, str]) -> int:
        """Run a program that leaves a daemon behind, whose words go to the file `log`; answers the exit code."""
        with open(log, "ab") as file:
            done = subprocess.run(
                [*self._enter, *argv],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                timeout=_WAIT,
                check=False,
                cwd="/",
                env=environment,
            )
        return done.returncode
