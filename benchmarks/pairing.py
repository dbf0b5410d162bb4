"""Time several ways of doing a thing by turns, so that what else the machine does falls on all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Way = Callable[[], float]
"""Does the thing once; the seconds that it took."""


@dataclass(frozen=True)
class Spread:
    """A median and what it is the median of.

    Args:
        median: Of all values.
        least: The smallest value.
        greatest: The largest value.
    """

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of one value or more."""
        return cls(statistics.median(values), min(values), max(values))

    def text(self, digits: int = 2) -> str:
        """`median (least to greatest)`."""
        return f"{self.median:.{digits}f} ({self.least:.{digits}f} to {self.greatest:.{digits}f})"


@dataclass(frozen=True)
class Rounds:
    """Wall times of several ways; times at one place ran next to each other.

    Args:
        seconds: By way, round by round.
    """

    seconds: Mapping[str, Sequence[float]]

    def spread(self, way: str) -> Spread:
        """Seconds of a way."""
        return Spread.of(self.seconds[way])

    def ratio(self, slow: str, fast: str) -> Spread:
        """How many times as long `slow` takes, round by round."""
        pairs = zip(self.seconds[slow], self.seconds[fast], strict=True)
        return Spread.of([slower / faster for slower, faster in pairs])


def by_turns(ways: Mapping[str, Way], *, rounds: int, warm_ups: int = 1) -> Rounds:
    """Run all ways once a round, and begin each round with another of them.

    Whoever runs later finds the caches as the others left them, so the turns go round.

    Args:
        ways: By name.
        rounds: How often each is timed, at least 1.
        warm_ups: How often each runs before that.
    """
    for _ in range(warm_ups):
        for way in ways.values():
            way()
    names = list(ways)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            seconds[name].append(ways[name]())
    return Rounds(seconds)


def clocked(call: Callable[[], object]) -> Way:
    """A way that is timed from call to return."""

    def way() -> float:
        started = time.perf_counter()
        call()
        return time.perf_counter() - started

    return way
