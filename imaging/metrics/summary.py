"""Many cases in one table: what was averaged, over how many, and how many had an empty mask."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.stats import bootstrap

from imaging.errors import MetricError
from imaging.metrics.policy import MetricStatus
from imaging.metrics.regions import MetricConventions, RegionMetrics
from imaging.regions import Region

CONFIDENCE_LEVEL = 0.95
RESAMPLES = 9999


class Metric(StrEnum):
    """A figure of `RegionMetrics`, by the name of its field."""

    DSC = "dsc"
    HD95_MM = "hd95_mm"
    SENSITIVITY = "sensitivity"
    SPECIFICITY = "specificity"

    def of(self, metrics: RegionMetrics) -> float:
        """This figure of one region in one case."""
        value: float = getattr(metrics, self.value)
        return value

    @property
    def more_is_better(self) -> bool:
        """Whether a larger figure is the better one."""
        return self is not Metric.HD95_MM


@dataclass(frozen=True)
class MetricSummary:
    """One metric of one region over many cases.

    Mean, standard deviation, median and interval are over the `scored` cases. `cases - scored` cases have no
    value (NaN), and are missing from the mean: whoever shows the mean shows that number too.
    """

    region: Region
    metric: Metric
    cases: int
    scored: int
    """Cases with a value, computed or the policy's."""
    empty: int
    """Cases in which at least one mask is empty."""
    penalised: int
    """Scored cases in which exactly one mask is empty and the policy's worst value stands in for the metric."""
    mean: float
    """NaN when no case is scored."""
    sd: float
    """Sample standard deviation (n - 1); NaN below two scored cases."""
    median: float
    """NaN when no case is scored."""
    interval: tuple[float, float]
    """Percentile bootstrap interval of the mean, 95 %; NaN below two scored cases."""

    @property
    def undefined(self) -> int:
        """Cases without a value."""
        return self.cases - self.scored


@dataclass(frozen=True)
class CohortSummary:
    """The table of a cohort, with all that its figures depend on."""

    cases: int
    conventions: MetricConventions
    seed: int
    """Of the bootstrap."""
    rows: tuple[MetricSummary, ...]
    """By metric, then by region."""

    def row(self, metric: Metric, region: Region) -> MetricSummary:
        """The summary of one metric of one region.

        Raises:
            MetricError: The region was not compared.
        """
        for row in self.rows:
            if row.metric is metric and row.region is region:
                return row
        raise MetricError("region", "must be one of the compared regions", region.value)


def summarise(
    cases: Sequence[Mapping[Region, RegionMetrics]], *, conventions: MetricConventions, seed: int = 0
) -> CohortSummary:
    """Summarise the metrics of many cases.

    Args:
        cases: What `compare` gave for each case, all with the same regions and under the same conventions.
        conventions: Those conventions.
        seed: Of the bootstrap; the same seed gives the same interval.

    Returns:
        The summary of each metric of each region.

    Raises:
        MetricError: There is no case, or cases have different regions.
    """
    if not cases:
        raise MetricError("cases", "must hold at least one case", "none")
    for case in cases:
        if case.keys() != cases[0].keys():
            raise MetricError("cases", "must all have the same regions", f"{sorted(case)} beside {sorted(cases[0])}")
    regions = [region for region in Region if region in cases[0]]
    return CohortSummary(
        cases=len(cases),
        conventions=conventions,
        seed=seed,
        rows=tuple(
            _summarise_metric(metric, [case[region] for case in cases], conventions=conventions, seed=seed)
            for metric in Metric
            for region in regions
        ),
    )


def _summarise_metric(
    metric: Metric, results: Sequence[RegionMetrics], *, conventions: MetricConventions, seed: int
) -> MetricSummary:
    values = np.array([metric.of(result) for result in results], dtype=np.float64)
    scored = values[~np.isnan(values)]
    return MetricSummary(
        region=results[0].region,
        metric=metric,
        cases=len(results),
        scored=scored.size,
        empty=sum(result.status is not MetricStatus.COMPUTED for result in results),
        penalised=sum(_is_penalised(metric, result.status, conventions=conventions) for result in results),
        mean=float(scored.mean()) if scored.size else math.nan,
        sd=float(scored.std(ddof=1)) if scored.size > 1 else math.nan,
        median=float(np.median(scored)) if scored.size else math.nan,
        interval=interval_of_mean(scored, seed=seed),
    )


def _is_penalised(metric: Metric, status: MetricStatus, *, conventions: MetricConventions) -> bool:
    if not status.is_one_sided:
        return False
    values = conventions.empty_mask_policy.values(status)
    stand_in = {
        Metric.DSC: values.dsc,
        Metric.HD95_MM: values.hd95_mm,
        Metric.SENSITIVITY: values.sensitivity,
        Metric.SPECIFICITY: values.specificity,
    }[metric]
    return stand_in is not None and not math.isnan(stand_in)


def interval_of_mean(scored: npt.NDArray[np.float64], *, seed: int) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean, `CONFIDENCE_LEVEL`, from `RESAMPLES` resamples.

    Args:
        scored: `float64 [n]`, finite: a value per case.
        seed: The same seed gives the same interval.

    Returns:
        Low and high; NaN below two values.
    """
    if scored.size < 2:
        return math.nan, math.nan
    # The percentile method: BCa has no answer when all values are equal, as specificities may be.
    result = bootstrap(
        (scored,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=1000,
        vectorized=True,
        confidence_level=CONFIDENCE_LEVEL,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    interval = result.confidence_interval
    return float(interval.low), float(interval.high)
