from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from medpy.metric import binary

from imaging.errors import MetricError
from imaging.metrics.overlap import (
    ConfusionCounts,
    compute_dsc,
    compute_sensitivity,
    compute_specificity,
    count_confusion,
)
from tests.imaging.metrics.masks import box, mask_pairs

modest = settings(deadline=None, max_examples=60)


@modest
@given(pair=mask_pairs())
def test_medpy_agrees(pair):
    prediction, reference = pair
    counts = count_confusion(prediction, reference)
    assert compute_dsc(counts) == pytest.approx(binary.dc(prediction, reference))
    assert compute_sensitivity(counts) == pytest.approx(binary.sensitivity(prediction, reference))
    if not reference.all():
        assert compute_specificity(counts) == pytest.approx(binary.specificity(prediction, reference))


@modest
@given(pair=mask_pairs())
def test_dsc_is_symmetric_and_counts_add_up(pair):
    forth, back = count_confusion(*pair), count_confusion(*reversed(pair))
    assert compute_dsc(forth) == compute_dsc(back)
    assert (forth.false_positives, forth.false_negatives) == (back.false_negatives, back.false_positives)
    assert forth.true_positives + forth.false_positives + forth.false_negatives + forth.true_negatives == pair[0].size


def test_figures_by_hand():
    counts = ConfusionCounts(true_positives=6, false_positives=2, false_negatives=4, true_negatives=88)
    assert compute_dsc(counts) == 12 / 18
    assert compute_sensitivity(counts) == 6 / 10
    assert compute_specificity(counts) == 88 / 90


def test_brain_narrows_what_is_counted():
    shape = (10, 10, 10)
    brain = box(shape, (0, 0, 0), (5, 10, 10))
    reference = box(shape, (1, 1, 1), (2, 2, 2))
    # Half of the false positives lies outside of the brain.
    prediction = box(shape, (4, 0, 0), (2, 1, 1))
    assert count_confusion(prediction, reference) == ConfusionCounts(0, 2, 8, 990)
    inside = count_confusion(prediction, reference, brain=brain)
    assert inside == ConfusionCounts(0, 1, 8, 491)
    assert compute_specificity(inside) == 491 / 492


def test_undefined_ratios_are_nan():
    nothing, everything = np.zeros((2, 2, 2), bool), np.ones((2, 2, 2), bool)
    assert math.isnan(compute_dsc(count_confusion(nothing, nothing)))
    assert math.isnan(compute_sensitivity(count_confusion(everything, nothing)))
    assert math.isnan(compute_specificity(count_confusion(nothing, everything)))


@pytest.mark.parametrize(
    ("brain", "rule"),
    [
        (np.zeros((2, 2, 2), bool), "at least one voxel"),
        (np.ones((2, 2, 3), bool), "reference's shape"),
        (np.ones((2, 2, 2), np.float32), "boolean"),
    ],
)
def test_a_brain_that_is_none(brain, rule):
    mask = np.ones((2, 2, 2), bool)
    with pytest.raises(MetricError, match=rule) as raised:
        count_confusion(mask, mask, brain=brain)
    assert raised.value.field == "brain"
