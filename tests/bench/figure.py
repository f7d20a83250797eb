"""A measured figure, and the table of all."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

from msgspec import Struct


class Figure(Struct):
    """One row. `floor` is what the same costs without us, measured in the same run; `why` tells what holds it."""

    what: str
    measured: str
    budget: str = ""
    met: bool | None = None
    floor: str = ""
    why: str = ""


def percentile(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def times(fn: Callable[[], object], number: int, warm: int = 3) -> list[float]:
    """Seconds of each of so many runs."""
    for _ in range(warm):
        fn()
    taken = []
    for _ in range(number):
        began = time.perf_counter()
        fn()
        taken.append(time.perf_counter() - began)
    return taken


def p50_p99(taken: Sequence[float]) -> str:
    return f"{percentile(taken, 0.5) * 1e3:.2f} / {percentile(taken, 0.99) * 1e3:.2f} ms"


def say(text: str) -> None:
    print(f"# {text}", file=sys.stderr, flush=True)


def table(figures: Sequence[Figure]) -> str:
    """All figures in columns."""
    verdict = {True: "met", False: "NOT MET", None: ""}
    head = ("what", "measured", "floor", "budget", "")
    rows = [head, *((f.what, f.measured, f.floor, f.budget, verdict[f.met]) for f in figures)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = []
    for row, figure in zip(rows, [None, *figures], strict=True):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if figure is not None and figure.why:
            lines.append(f"    {figure.why}")
    return "\n".join(lines)
