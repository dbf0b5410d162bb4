from __future__ import annotations

import math

import pytest

from imaging.errors import MetricError
from imaging.metrics.policy import EmptyMaskPolicy, MetricStatus

NAN = math.nan


@pytest.mark.parametrize(
    ("policy", "status", "dsc", "hd95_mm", "sensitivity", "specificity"),
    [
        (EmptyMaskPolicy.LEGACY, MetricStatus.BOTH_EMPTY, 1, 0, 1, None),
        (EmptyMaskPolicy.LEGACY, MetricStatus.PREDICTION_EMPTY, 0, 373.13, 0, None),
        (EmptyMaskPolicy.LEGACY, MetricStatus.REFERENCE_EMPTY, 0, 373.13, 0, None),
        (EmptyMaskPolicy.BRATS_2026, MetricStatus.BOTH_EMPTY, NAN, NAN, NAN, None),
        (EmptyMaskPolicy.BRATS_2026, MetricStatus.PREDICTION_EMPTY, 0, 373, 0, None),
        (EmptyMaskPolicy.BRATS_2026, MetricStatus.REFERENCE_EMPTY, 0, 373, NAN, None),
        (EmptyMaskPolicy.STRICT, MetricStatus.BOTH_EMPTY, NAN, NAN, NAN, NAN),
        (EmptyMaskPolicy.STRICT, MetricStatus.PREDICTION_EMPTY, NAN, NAN, NAN, NAN),
        (EmptyMaskPolicy.STRICT, MetricStatus.REFERENCE_EMPTY, NAN, NAN, NAN, NAN),
    ],
)
def test_values(policy, status, dsc, hd95_mm, sensitivity, specificity):
    values = policy.values(status)
    assert (values.dsc, values.hd95_mm, values.sensitivity) == pytest.approx((dsc, hd95_mm, sensitivity), nan_ok=True)
    if specificity is None:
        assert values.specificity is None
    else:
        assert math.isnan(values.specificity)


def test_the_legacy_penalty_is_the_diagonal_of_brats_images():
    penalty_mm = EmptyMaskPolicy.LEGACY.values(MetricStatus.PREDICTION_EMPTY).hd95_mm
    assert penalty_mm == round(math.hypot(240, 240, 155), 2)


@pytest.mark.parametrize("policy", list(EmptyMaskPolicy))
def test_no_policy_has_a_say_in_what_can_be_computed(policy):
    with pytest.raises(MetricError, match="empty mask"):
        policy.values(MetricStatus.COMPUTED)


@pytest.mark.parametrize(
    ("predicted", "expected", "status", "one_sided"),
    [
        (3, 5, MetricStatus.COMPUTED, False),
        (0, 0, MetricStatus.BOTH_EMPTY, False),
        (0, 5, MetricStatus.PREDICTION_EMPTY, True),
        (3, 0, MetricStatus.REFERENCE_EMPTY, True),
    ],
)
def test_status(predicted, expected, status, one_sided):
    assert MetricStatus.of(predicted_voxels=predicted, reference_voxels=expected) is status
    assert status.is_one_sided is one_sided
