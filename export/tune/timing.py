"""Candidates timed side by side: round by round, each in turn, so that what else the machine does falls on all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from export.errors import TuneError
from export.tune.ledger import Ledger, key_of

SAME_SPEED = 0.02
"""Medians that are nearer than this share are one speed: the candidate that comes first is taken."""


@dataclass(frozen=True)
class Times:
    """Wall times of one candidate, in seconds; those at one place ran next to each other.

    Args:
        seconds: Round by round, at least one.

    Raises:
        TuneError: There is none.
    """

    seconds: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.seconds:
            raise TuneError("seconds", "must be of at least one round", "none")

    @property
    def median_s(self) -> float:
        """Of all rounds."""
        return statistics.median(self.seconds)

    @property
    def spread_s(self) -> float:
        """From the fastest round to the slowest."""
        return max(self.seconds) - min(self.seconds)

    def speedup_of(self, other: Times) -> float:
        """How many times as fast `other` is: the median of the ratios round by round."""
        return statistics.median(mine / theirs for mine, theirs in zip(self.seconds, other.seconds, strict=True))


def time_by_turns(
    runs: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    ledger: Ledger,
    context: str,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Times]:
    """Time each candidate once a round.

    Each runs once untimed before the first round that is missing. The order is turned from round to round, so that
    none always runs after the same other.

    Args:
        runs: The candidates by name.
        rounds: How often each is timed, 1 or more.
        ledger: Rounds that are in it are not run again.
        context: All that the times depend on beside the names, for the ledger.
        say: Told of each round.
    """
    names = list(runs)
    keys = [key_of("round", context, names, number) for number in range(rounds)]
    if any(ledger.get(key) is None for key in keys):
        for run in runs.values():
            run()
    for number, key in enumerate(keys):
        if ledger.get(key) is None:
            ledger.put(key, _round(runs, names[number % len(names) :] + names[: number % len(names)]))
            say(f"round {number + 1} of {rounds}")
    return {name: Times(tuple(ledger.get(key)[name] for key in keys)) for name in names}


def fastest(times: Mapping[str, Times], names: Sequence[str]) -> str:
    """The candidate that is taken: the first of those that are as fast as the fastest.

    Args:
        times: Of all candidates.
        names: Of those that may be taken, the plainest first; at least one.
    """
    best = min(times[name].median_s for name in names)
    return next(name for name in names if times[name].median_s <= best * (1 + SAME_SPEED))


def _round(runs: Mapping[str, Callable[[], object]], order: Sequence[str]) -> dict[str, float]:
    seconds = {}
    for name in order:
        started = time.perf_counter()
        runs[name]()
        seconds[name] = time.perf_counter() - started
    return seconds
