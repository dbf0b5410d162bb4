"""Time two ways of doing a thing side by side, so that what else the machine does falls on both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class PairedTimes:
    """Wall times of two callables that ran by turns, in seconds; times at one place ran next to each other."""

    first_s: tuple[float, ...]
    second_s: tuple[float, ...]

    @property
    def first_median_s(self) -> float:
        """Median time of the first."""
        return statistics.median(self.first_s)

    @property
    def second_median_s(self) -> float:
        """Median time of the second."""
        return statistics.median(self.second_s)

    @property
    def ratio(self) -> float:
        """How many times as long the second takes: the median of the ratios by pair."""
        return statistics.median(second / first for first, second in zip(self.first_s, self.second_s, strict=True))


def time_paired(
    first: Callable[[], object], second: Callable[[], object], *, pairs: int = 5, warm_ups: int = 1
) -> PairedTimes:
    """Run both by turns and time each run.

    Args:
        first: What is measured.
        second: What it is measured against.
        pairs: How often each is timed, at least 1.
        warm_ups: How often each runs untimed before.

    Returns:
        The times, pair by pair.
    """
    for _ in range(warm_ups):
        first()
        second()
    first_s: list[float] = []
    second_s: list[float] = []
    for pair in range(pairs):
        # Whoever runs second finds the caches as the other left them: take turns at that too.
        turns = [(first, first_s), (second, second_s)]
        for run, times in turns if pair % 2 == 0 else reversed(turns):
            started = time.perf_counter()
            run()
            times.append(time.perf_counter() - started)
    return PairedTimes(tuple(first_s), tuple(second_s))
