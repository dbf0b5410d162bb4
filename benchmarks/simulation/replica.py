"""One replica: a gateway with its Triton, on cores that its exams share."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class Speeds:
    """How fast a replica works, measured.

    Args:
        together: Work done in a second, by the number of exams that share it: `together[0]` is 1, a second of work
            being what takes a second alone. As long as the replica has workers; more exams wait.

    Raises:
        ValueError: There is none, or the first is not 1, or one is not above 0.
    """

    together: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.together or self.together[0] != 1.0 or min(self.together) <= 0.0:
            raise ValueError(f"speeds must begin with 1 and be above 0, got {self.together}")

    @property
    def workers(self) -> int:
        """Exams at one time."""
        return len(self.together)

    def each(self, running: int) -> float:
        """Of one of so many running exams."""
        return self.together[running - 1] / running


class Replica:
    """A queue, first in, first out, before workers that share the cores evenly.

    Time is handed in and must not go backwards.

    Args:
        speeds: How fast it works.
    """

    def __init__(self, speeds: Speeds) -> None:
        self._speeds = speeds
        self._waiting: deque[tuple[int, float]] = deque()
        self._running: list[tuple[float, int]] = []  # by the attained work at which each is done
        self._attained = 0.0
        self._now_s = 0.0

    @property
    def held(self) -> int:
        """Exams that wait or run."""
        return len(self._waiting) + len(self._running)

    @property
    def next_end_s(self) -> float | None:
        """When the next exam is done, if none arrives before; None where none runs."""
        if not self._running:
            return None
        return self._now_s + max(0.0, self._running[0][0] - self._attained) / self._speeds.each(len(self._running))

    def arrive(self, now_s: float, exam: int, work_s: float) -> None:
        """An exam comes, of so much work."""
        self._pass(now_s)
        if len(self._running) < self._speeds.workers:
            self._start(exam, work_s)
        else:
            self._waiting.append((exam, work_s))

    def end(self, now_s: float) -> int:
        """The exam that is done at `next_end_s`; the next one begins."""
        self._pass(now_s)
        self._attained, exam = heapq.heappop(self._running)
        if self._waiting:
            self._start(*self._waiting.popleft())
        return exam

    def _start(self, exam: int, work_s: float) -> None:
        heapq.heappush(self._running, (self._attained + work_s, exam))

    def _pass(self, now_s: float) -> None:
        if self._running:
            self._attained += (now_s - self._now_s) * self._speeds.each(len(self._running))
        self._now_s = now_s
