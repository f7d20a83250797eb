"""`make bench`: the budgets, measured side by side with their floors. `--quick` for a short run."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from tests.bench import answers, console, deploys, people, real, start
from tests.bench.figure import Figure, say, table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small numbers: a minute instead of ten")
    parser.add_argument("--only", help="the parts to run, by comma: start, cw, deploys, latency, lists, people, console, real")
    options = parser.parse_args()
    quick = options.quick
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cloudwright-bench-") as made:
        home = Path(made)
        parts = {
            "start": lambda: start.figures(home / "start"),
            "cw": lambda: start.command_line(home / "cw"),
            "deploys": lambda: deploys.sustained(home / "deploys", 200 if quick else 2000),
            "latency": lambda: [
                figure
                for hosts in ([1000] if quick else [1000, 50_000])
                for figure in deploys.latency(home / f"latency-{hosts}", hosts, 20 if quick else 100)
            ],
            "lists": lambda: answers.figures(
                home / "lists", [1000] if quick else [1000, 100_000, 1_000_000], 30 if quick else 100
            ),
            "people": lambda: people.figures(home / "people", 1000 if quick else 50_000, 30 if quick else 100),
            "console": lambda: console.figures(home / "console", [500, 5000] if quick else [500, 100_000]),
            "real": lambda: real.figures(home / "real", 3 if quick else 9),
        }
        figures: list[Figure] = []
        for name in options.only.split(",") if options.only else parts:
            say(f"{name} ({time.monotonic() - began:.0f} s)")
            figures += parts[name]()
    load = os.getloadavg()[0]
    print(table(figures))
    print(f"\n{os.cpu_count()} processors, load {load:.1f}, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
