"""Choosing what is free: addresses of a range, segment numbers. Random first, so that many who choose at once seldom meet."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address
from typing import NamedTuple

PROBES = 16
Taken = Callable[[Sequence[int] | None], set[int]]  # which of these are taken; None: all that are


class Span(NamedTuple):
    """Whole numbers from `first` to `last`, both included."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """How many there are."""
        return max(0, self.last - self.first + 1)


def spans(texts: Sequence[str]) -> list[Span]:
    """ "100-199" or "100" -> spans."""
    return [Span(int(first), int(last or first)) for first, _, last in (text.partition("-") for text in texts)]


def addresses(first: str, last: str) -> Span:
    """The addresses of a range as numbers."""
    return Span(int(IPv4Address(first)), int(IPv4Address(last)))


def pick(among: Sequence[Span], taken: Taken) -> int | None:
    """A free number, or None. Some random ones are asked about first; only a range that is nearly full is read whole."""
    total = sum(span.size for span in among)
    if not total:
        return None
    probes = list({_nth(among, random.randrange(total)) for _ in range(PROBES)})  # noqa: S311 - nothing secret
    random.shuffle(probes)
    busy = taken(probes)
    free = next((number for number in probes if number not in busy), None)
    return _of_the_rest(among, taken(None)) if free is None else free


def _nth(among: Sequence[Span], position: int) -> int:
    for span in among:
        if position < span.size:
            return span.first + position
        position -= span.size
    raise IndexError(f"BUG: position {position} lies beyond all spans (NthOfSpans)")


def _of_the_rest(among: Sequence[Span], busy: set[int]) -> int | None:
    gaps: list[Span] = []
    for span in among:
        first = span.first
        for number in sorted(n for n in busy if span.first <= n <= span.last):
            gaps.append(Span(first, number - 1))
            first = number + 1
        gaps.append(Span(first, span.last))
    total = sum(gap.size for gap in gaps)
    return _nth(gaps, random.randrange(total)) if total else None  # noqa: S311 - nothing secret
