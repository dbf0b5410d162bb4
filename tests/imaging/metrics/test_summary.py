from __future__ import annotations

import math
import statistics

import numpy as np
import pytest

from imaging.errors import MetricError
from imaging.metrics.policy import EmptyMaskPolicy, MetricStatus
from imaging.metrics.regions import MetricConventions, RegionMetrics
from imaging.metrics.summary import Metric, summarise
from imaging.regions import Region

LEGACY = MetricConventions()


def scored(dsc, hd95_mm=2.0, sensitivity=0.9, specificity=0.99, region=Region.WT):
    return {region: RegionMetrics(region, dsc, hd95_mm, sensitivity, specificity, MetricStatus.COMPUTED)}


def by_policy(status, conventions, region=Region.WT):
    values = conventions.empty_mask_policy.values(status)
    specificity = 1.0 if values.specificity is None else values.specificity
    return {region: RegionMetrics(region, values.dsc, values.hd95_mm, values.sensitivity, specificity, status)}


def every_status(conventions):
    return [
        scored(0.8),
        scored(0.9),
        by_policy(MetricStatus.BOTH_EMPTY, conventions),
        by_policy(MetricStatus.PREDICTION_EMPTY, conventions),
        by_policy(MetricStatus.REFERENCE_EMPTY, conventions),
    ]


def test_figures_are_those_of_the_standard_library():
    values = [0.71, 0.93, 0.88, 0.9, 0.42]
    row = summarise([scored(value) for value in values], conventions=LEGACY).row(Metric.DSC, Region.WT)
    assert (row.mean, row.sd, row.median) == pytest.approx(
        (statistics.mean(values), statistics.stdev(values), statistics.median(values))
    )
    assert (row.cases, row.scored, row.undefined, row.empty, row.penalised) == (5, 5, 0, 0, 0)


def test_each_metric_of_each_region_in_order():
    cases = [{**scored(0.8, region=Region.ET), **scored(0.9, region=Region.WT)}] * 2
    summary = summarise(cases, conventions=LEGACY)
    assert [(row.metric, row.region) for row in summary.rows] == [
        (metric, region) for metric in Metric for region in (Region.WT, Region.ET)
    ]
    assert summary.row(Metric.DSC, Region.ET).mean == pytest.approx(0.8)
    assert summary.row(Metric.HD95_MM, Region.WT).mean == 2.0
    assert summary.row(Metric.SENSITIVITY, Region.WT).mean == pytest.approx(0.9)
    assert summary.row(Metric.SPECIFICITY, Region.WT).mean == pytest.approx(0.99)


@pytest.mark.parametrize(
    ("policy", "metric", "scored_cases", "penalised", "mean"),
    [
        (EmptyMaskPolicy.LEGACY, Metric.DSC, 5, 2, (0.8 + 0.9 + 1) / 5),
        (EmptyMaskPolicy.LEGACY, Metric.HD95_MM, 5, 2, (2 + 2 + 0 + 2 * 373.13) / 5),
        (EmptyMaskPolicy.LEGACY, Metric.SENSITIVITY, 5, 2, (0.9 + 0.9 + 1) / 5),
        (EmptyMaskPolicy.LEGACY, Metric.SPECIFICITY, 5, 0, (0.99 + 0.99 + 3) / 5),
        (EmptyMaskPolicy.BRATS_2026, Metric.DSC, 4, 2, (0.8 + 0.9) / 4),
        (EmptyMaskPolicy.BRATS_2026, Metric.HD95_MM, 4, 2, (2 + 2 + 2 * 373) / 4),
        (EmptyMaskPolicy.BRATS_2026, Metric.SENSITIVITY, 3, 1, (0.9 + 0.9) / 3),
        (EmptyMaskPolicy.BRATS_2026, Metric.SPECIFICITY, 5, 0, (0.99 + 0.99 + 3) / 5),
        (EmptyMaskPolicy.STRICT, Metric.DSC, 2, 0, 0.85),
        (EmptyMaskPolicy.STRICT, Metric.HD95_MM, 2, 0, 2.0),
        (EmptyMaskPolicy.STRICT, Metric.SENSITIVITY, 2, 0, 0.9),
        (EmptyMaskPolicy.STRICT, Metric.SPECIFICITY, 2, 0, 0.99),
    ],
)
def test_every_case_is_accounted_for(policy, metric, scored_cases, penalised, mean):
    conventions = MetricConventions(empty_mask_policy=policy)
    row = summarise(every_status(conventions), conventions=conventions).row(metric, Region.WT)
    assert (row.cases, row.empty) == (5, 3)
    assert (row.scored, row.undefined, row.penalised) == (scored_cases, 5 - scored_cases, penalised)
    assert row.mean == pytest.approx(mean)


def test_missing_a_tumour_never_improves_a_mean_unseen():
    """The fault of tools that drop NaN: with STRICT the mean rises, and the row says that a case is gone."""
    strict = MetricConventions(empty_mask_policy=EmptyMaskPolicy.STRICT)
    found = summarise([scored(0.9), scored(0.1)], conventions=strict).row(Metric.DSC, Region.WT)
    missed = summarise([scored(0.9), by_policy(MetricStatus.PREDICTION_EMPTY, strict)], conventions=strict).row(
        Metric.DSC, Region.WT
    )
    assert missed.mean > found.mean
    assert (found.undefined, missed.undefined, missed.scored) == (0, 1, 1)


def test_interval_covers_the_mean_and_shrinks_with_cases():
    values = np.random.default_rng(3).beta(8, 2, 64)
    few, many = (
        summarise([scored(float(value)) for value in values[:count]], conventions=LEGACY).row(Metric.DSC, Region.WT)
        for count in (8, 64)
    )
    for row in (few, many):
        assert row.interval[0] < row.mean < row.interval[1]
    assert many.interval[1] - many.interval[0] < few.interval[1] - few.interval[0]
    # For a mean of many, near the normal interval.
    half = 1.96 * many.sd / math.sqrt(64)
    assert many.interval == pytest.approx((many.mean - half, many.mean + half), abs=0.1 * half)


def test_the_seed_decides_the_interval():
    cases = [scored(value) for value in (0.2, 0.5, 0.61, 0.8, 0.93)]
    one, again, other = (summarise(cases, conventions=LEGACY, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one.rows[0].interval != other.rows[0].interval
    assert (one.seed, other.seed) == (1, 2)


def test_equal_values_have_an_interval_of_no_width():
    row = summarise([scored(0.5)] * 4, conventions=LEGACY).row(Metric.DSC, Region.WT)
    assert (row.mean, row.sd, row.interval) == (0.5, 0.0, (0.5, 0.5))


def test_one_case_has_no_spread_and_none_has_no_mean():
    strict = MetricConventions(empty_mask_policy=EmptyMaskPolicy.STRICT)
    one = summarise([scored(0.5)], conventions=strict).row(Metric.DSC, Region.WT)
    assert (one.mean, one.median) == (0.5, 0.5)
    assert all(math.isnan(value) for value in (one.sd, *one.interval))
    none = summarise([by_policy(MetricStatus.BOTH_EMPTY, strict)], conventions=strict).row(Metric.DSC, Region.WT)
    assert (none.cases, none.scored, none.undefined) == (1, 0, 1)
    assert all(math.isnan(value) for value in (none.mean, none.median, none.sd, *none.interval))


def test_faults_are_typed():
    with pytest.raises(MetricError, match="at least one case"):
        summarise([], conventions=LEGACY)
    with pytest.raises(MetricError, match="same regions"):
        summarise([scored(0.5), scored(0.5, region=Region.ET)], conventions=LEGACY)
    with pytest.raises(MetricError, match="compared regions"):
        summarise([scored(0.5)], conventions=LEGACY).row(Metric.DSC, Region.TC)
