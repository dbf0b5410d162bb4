"""Agreement by counting voxels: DSC, sensitivity and specificity (paper, section 2.5, equations 5 to 7)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from imaging.errors import MetricError
from imaging.metrics.checks import check_masks
from imaging.regions import BoolVolume


class SpecificityDomain(StrEnum):
    """Over which voxels specificity counts negatives.

    A tumour fills a percent or two of an image, so that specificity over the image is near 1 whatever a
    model does. Over the brain it says a little more.
    """

    IMAGE = "image"
    """Every voxel of the volume."""
    BRAIN = "brain"
    """Voxels of the brain mask; what a model marks outside the brain is not counted."""


@dataclass(frozen=True)
class ConfusionCounts:
    """How many voxels two masks agree and disagree upon. All at least 0."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int


def count_confusion(
    prediction: BoolVolume, reference: BoolVolume, *, brain: BoolVolume | None = None
) -> ConfusionCounts:
    """Count agreements and disagreements.

    Args:
        prediction: `bool [i, j, k]`.
        reference: `bool [i, j, k]`.
        brain: `bool [i, j, k]`; when given, only its voxels are counted.

    Returns:
        The counts; they add up to the number of voxels counted.

    Raises:
        MetricError: The masks are not boolean volumes of one shape, or the brain mask is empty.
    """
    check_masks(prediction, reference, brain=brain)
    voxels = reference.size
    if brain is not None:
        voxels = int(np.count_nonzero(brain))
        if voxels == 0:
            raise MetricError("brain", "must hold at least one voxel", "an empty mask")
        prediction, reference = prediction & brain, reference & brain
    both = int(np.count_nonzero(prediction & reference))
    predicted = int(np.count_nonzero(prediction))
    expected = int(np.count_nonzero(reference))
    return ConfusionCounts(
        true_positives=both,
        false_positives=predicted - both,
        false_negatives=expected - both,
        true_negatives=voxels - predicted - expected + both,
    )


def compute_dsc(counts: ConfusionCounts) -> float:
    """Dice similarity coefficient of two binary masks (paper, equation 7).

    Returns:
        Twice the overlap over the sum of both sizes, 0 to 1. NaN when both masks are empty.
    """
    agreed = 2 * counts.true_positives
    return _ratio(agreed, agreed + counts.false_positives + counts.false_negatives)


def compute_sensitivity(counts: ConfusionCounts) -> float:
    """The share of the reference that was found (paper, equation 5).

    Returns:
        0 to 1. NaN when the reference is empty.
    """
    return _ratio(counts.true_positives, counts.true_positives + counts.false_negatives)


def compute_specificity(counts: ConfusionCounts) -> float:
    """The share of the voxels outside the reference that were left alone (paper, equation 6).

    Returns:
        0 to 1. NaN when the reference fills the whole domain.
    """
    return _ratio(counts.true_negatives, counts.true_negatives + counts.false_positives)


def _ratio(numerator: int, denominator: int) -> float:
    return numerator / denominator if denominator else math.nan
