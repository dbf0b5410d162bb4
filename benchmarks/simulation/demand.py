"""When exams arrive."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

DAY_S = 86_400.0
HOURLY = np.array([1, 1, 1, 1, 1, 1, 2, 4, 8, 10, 10, 9, 8, 9, 10, 9, 8, 6, 4, 3, 2, 2, 1, 1], dtype=np.float64)
"""How demand is spread over the hours of a day: an assumption about scanners that work by day, and the clinic's two
busy times. The busiest hour has 2.3 times the mean."""


def poisson_times(rate_per_s: float, count: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Arrivals that know nothing of each other, `float64 [count]`, in seconds, ascending.

    Args:
        rate_per_s: Mean number in a second, above 0.
        count: How many.
        rng: Source.
    """
    return np.cumsum(rng.exponential(1.0 / rate_per_s, count))


def day_times(exams: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """The arrivals of one day, `float64 [exams]`, in seconds since midnight, ascending; more of them by day.

    Args:
        exams: In the day.
        rng: Source.
    """
    hours = rng.choice(len(HOURLY), exams, p=HOURLY / HOURLY.sum())
    return np.sort((hours + rng.random(exams)) * DAY_S / len(HOURLY))
