"""When something that grows will be full: a straight line through samples, by the median of the slopes between all pairs of them
(Theil and Sen). Neither a peak nor a few samples that are wrong bend it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import median
from typing import Any, NamedTuple, TypeVar

HOUR, DAY = 3600, 86400
LEAST = 12  # samples, and
SHORTEST = DAY  # seconds that they reach over: with less nothing is said
FARTHEST = 30  # times as far ahead as the samples reach back, at most
PAIRED = 60  # samples between which slopes are taken, at most

P = TypeVar("P", bound=tuple[float, *tuple[Any, ...]])


class Forecast(NamedTuple):
    """In how many days it is full, told from samples that reach over so many."""

    days: float
    span: float


def forecast(points: Sequence[tuple[float, float]], total: float) -> Forecast | None:
    """When what grows as the (seconds, amount) of `points`, oldest first, reaches `total`. None: it does not grow, is full, or
    the samples are too few to say."""
    if len(points) < LEAST or points[-1][0] - points[0][0] < SHORTEST:
        return None
    span, left = points[-1][0] - points[0][0], total - points[-1][1]
    growth = median((b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(spread(points, PAIRED), 2))
    if left <= 0 or growth <= 0 or left / growth > FARTHEST * span:
        return None
    return Forecast(left / growth / DAY, span / DAY)


def spread(points: Sequence[P], most: int) -> list[P]:
    """At most so many of them (oldest first, each begins with its time): the first in each equal stretch of time, the last."""
    if len(points) <= most:
        return list(points)
    start, stretch = points[0][0], (points[-1][0] - points[0][0]) / (most - 1)
    first = {int((point[0] - start) / stretch): point for point in reversed(points[:-1])}
    return [first[i] for i in sorted(first)[: most - 1]] + [points[-1]]
