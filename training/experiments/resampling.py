"""Intervals of a statistic by resampling patients."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RESAMPLES = 9999
LEVEL = 95

Floats = npt.NDArray[np.float64]
Statistic = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Interval:
    """A figure with its bootstrap interval over patients."""

    value: float
    low: float
    high: float


def bootstrap_patients(values: Floats, statistic: Statistic) -> Interval:
    """Percentile interval of a statistic of patients drawn with replacement; patients without a value left out.

    Args:
        values: `float64 [patient, ...]`.
        statistic: Of `[resample, patient, ...]`, gives `[resample]`.
    """
    known = values[~np.isnan(values).reshape(len(values), -1).any(axis=1)]
    if not len(known):
        return Interval(math.nan, math.nan, math.nan)
    chosen = np.random.default_rng(0).integers(len(known), size=(RESAMPLES, len(known)))
    with np.errstate(divide="ignore", invalid="ignore"):
        whole = float(statistic(known[np.newaxis])[0])
        drawn = statistic(known[chosen])
    defined = drawn[np.isfinite(drawn)]
    if not defined.size:  # a ratio to nothing
        return Interval(math.nan, math.nan, math.nan)
    low, high = np.percentile(defined, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return Interval(whole, float(low), float(high))
