"""Hooks of a rolling maintenance: programs in a directory of the host, named after their stages.

`PreFlight`, `PreFlight.sh` or `PreFlight.py`, executable, and likewise for the other stages. Whatever ends with 0 is done; 70
from one of the first two says that this host needs no maintenance now; any other number has failed. The program outlives the
agent. One that a reboot ended is begun again afterwards, so it must bear that; one that reboots the host itself does so last.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import IO

from cloudwright.drivers.errand import Errands, Order, Report
from cloudwright.drivers.error import Refused
from cloudwright.drivers.host.contract import PRE_FLIGHT, PRE_MAINTENANCE, STAGES
from cloudwright.drivers.work import Work

AVOID = 70
_ENDINGS = ("", ".sh", ".py")
_KEPT = 4096  # bytes of what a hook prints, from its end


class Hooks:
    """The hooks below a directory. `directory` need not be there; `work` is for what the agent remembers of those that run."""

    def __init__(self, directory: Path, work: Path) -> None:
        self._directory, self._errands = directory, Errands(work)

    def stages(self) -> list[str]:
        """The stages that have one."""
        return [stage for stage in STAGES if self._program(stage) is not None]

    def begin(self, key: str, stage: str, payload: str, seconds: float) -> None:
        """Run one, unless `key` is known. Raises Refused where there is none."""
        program = self._program(stage)
        if program is None:
            raise Refused(f"this host has no hook {stage} in {self._directory}")
        order: Order = {"program": str(program), "stage": stage, "payload": payload, "seconds": seconds}
        self._errands.begin(key, "cloudwright.agent.hook:run", order, [])

    def work(self, key: str) -> Work:
        """How far one is."""
        return self._errands.work(key)

    def cancel(self, key: str) -> None:
        """Kill one and forget it."""
        self._errands.cancel(key)

    def _program(self, stage: str) -> Path | None:
        if stage not in STAGES:
            return None
        paths = (self._directory / f"{stage}{ending}" for ending in _ENDINGS)
        return next((path for path in paths if path.is_file() and os.access(path, os.X_OK)), None)


def run(order: Order, report: Report) -> dict[str, object]:
    """The process of a hook. Raises Refused when it fails, or does not end."""
    stage, seconds = str(order["stage"]), float(str(order["seconds"]))
    with tempfile.TemporaryFile() as printed:  # not a pipe: what the hook leaves running may keep that open for ever
        try:
            ended = subprocess.run(
                [str(order["program"]), str(order["payload"])], stdin=subprocess.DEVNULL, stdout=printed, stderr=printed,
                timeout=seconds, check=False,
            ).returncode  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Refused(f"hook {stage} did not end within {seconds:g} seconds: {_end_of(printed)}") from None
        except OSError as error:
            raise Refused(f"hook {stage} cannot be run: {error.strerror}") from None
        output = _end_of(printed)
    avoid = ended == AVOID and stage in (PRE_FLIGHT, PRE_MAINTENANCE)
    if ended and not avoid:
        raise Refused(f"hook {stage} ended with {ended}: {output}")
    return {"output": output, "avoid": avoid}


def _end_of(printed: IO[bytes]) -> str:
    size = printed.seek(0, os.SEEK_END)
    printed.seek(max(0, size - _KEPT))
    return printed.read().decode(errors="replace").strip()
