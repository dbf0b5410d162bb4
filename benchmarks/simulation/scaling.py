"""An autoscaler as Kubernetes has it: a mean per replica against a target, up at once, down after a while."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class Scaling:
    """How a fleet follows its load.

    Args:
        target: Exams, waiting or running, that a replica should hold in the mean.
        least: Replicas that are always there.
        most: Replicas that there may be.
        period_s: Between two looks at the load.
        start_s: From the decision until a replica takes exams: image, models, golden answers.
        calm_s: A replica goes only when none was needed more for so long.

    Raises:
        ValueError: One is out of its range.
    """

    target: float
    least: int = 1
    most: int = 1000
    period_s: float = 15.0
    start_s: float = 60.0
    calm_s: float = 300.0

    def __post_init__(self) -> None:
        if (
            self.target <= 0
            or not 1 <= self.least <= self.most
            or self.period_s <= 0
            or min(self.start_s, self.calm_s) < 0
        ):
            raise ValueError(f"scaling must have a target above 0 and 1 <= least <= most, got {self}")


class Autoscaler:
    """Says how many replicas are wanted. One for each run of a fleet.

    Args:
        scaling: The rule.
    """

    def __init__(self, scaling: Scaling) -> None:
        self._scaling = scaling
        self._recent: deque[tuple[float, int]] = deque()

    def wanted(self, now_s: float, *, held: int, replicas: int) -> int:
        """Replicas that there should be.

        Args:
            now_s: The time.
            held: Exams that wait or run, in all.
            replicas: That there are, those that start included.
        """
        scaling = self._scaling
        needed = min(max(math.ceil(held / scaling.target), scaling.least), scaling.most)
        self._recent.append((now_s, needed))
        while self._recent[0][0] < now_s - scaling.calm_s:
            self._recent.popleft()
        return needed if needed > replicas else min(replicas, max(most for _, most in self._recent))
