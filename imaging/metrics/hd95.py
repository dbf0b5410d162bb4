"""The 95th percentile Hausdorff distance (paper, section 2.5, equation 8), in three definitions.

The paper does not say which definition it used. One pair of masks can give 2.2, 2.4 and 2.8 mm, so that a
figure without its definition can't be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from imaging.errors import MetricError
from imaging.metrics.checks import check_masks, check_spacing
from imaging.metrics.surfaces import border_voxels, crop_to_union, distances_between
from imaging.metrics.surfels import CODE_INSIDE, encode_corners, surfel_areas_mm2
from imaging.regions import BoolVolume

PERCENTILE = 95.0


class Hd95Definition(StrEnum):
    """Which points make a surface, and of which distances the percentile is taken."""

    POOLED = "pooled"
    """Percentile of both directed sets of distances in one pool, between border voxels. MedPy's."""
    DIRECTED_MAX = "directed_max"
    """The larger of the two directed percentiles, between border voxels. MONAI's and Metrics Reloaded's."""
    SURFEL_WEIGHTED = "surfel_weighted"
    """The larger of the two directed percentiles by surface area, between corners of voxels. surface-distance's."""


def compute_hd95_mm(
    prediction: BoolVolume,
    reference: BoolVolume,
    *,
    spacing_mm: Sequence[float],
    definition: Hd95Definition = Hd95Definition.POOLED,
) -> float:
    """The 95th percentile Hausdorff distance of two masks. Symmetric in its masks.

    Args:
        prediction: `bool [i, j, k]`, at least one voxel set. What lies beyond the array is taken as outside.
        reference: `bool [i, j, k]`, of the same shape, at least one voxel set.
        spacing_mm: Distance between voxel centres along I, J, K; positive.
        definition: Which of the definitions is meant.

    Returns:
        Millimetres, at least 0.

    Raises:
        MetricError: The masks are not boolean volumes of one shape, one is empty (which an `EmptyMaskPolicy`
            must decide, not this function), or the spacing is not one.
    """
    check_masks(prediction, reference)
    spacing = check_spacing(spacing_mm)
    for field, mask in (("prediction", prediction), ("reference", reference)):
        if not mask.any():
            raise MetricError(field, "must hold at least one voxel", "an empty mask")
    predicted, expected = crop_to_union(prediction, reference)
    if definition is Hd95Definition.SURFEL_WEIGHTED:
        return _surfel_weighted(predicted, expected, spacing)
    forth, back = distances_between(border_voxels(predicted), border_voxels(expected), spacing_mm=spacing)
    if definition is Hd95Definition.DIRECTED_MAX:
        return max(_percentile(forth), _percentile(back))
    return _percentile(np.concatenate((forth, back)))


def _percentile(distances: npt.NDArray[np.float64]) -> float:
    return float(np.percentile(distances, PERCENTILE))


def _surfel_weighted(predicted: BoolVolume, expected: BoolVolume, spacing_mm: tuple[float, float, float]) -> float:
    areas_by_code = surfel_areas_mm2(spacing_mm)
    predicted_codes, expected_codes = encode_corners(predicted), encode_corners(expected)
    # 0 wraps to 255: one comparison keeps the codes strictly between outside and inside.
    on_predicted = predicted_codes - np.uint8(1) < np.uint8(CODE_INSIDE - 1)
    on_expected = expected_codes - np.uint8(1) < np.uint8(CODE_INSIDE - 1)
    forth, back = distances_between(on_predicted, on_expected, spacing_mm=spacing_mm)
    return max(
        _percentile_by_area(forth, areas_by_code[predicted_codes[on_predicted]]),
        _percentile_by_area(back, areas_by_code[expected_codes[on_expected]]),
    )


def _percentile_by_area(distances: npt.NDArray[np.float64], areas_mm2: npt.NDArray[np.float64]) -> float:
    """The smallest distance within which at least 95 % of the surface's area lies."""
    order = np.argsort(distances)
    area_within = np.cumsum(areas_mm2[order])
    # The slack keeps the rounding of the sum from deciding where exactly 95 % is reached.
    enough = area_within[-1] * (PERCENTILE / 100.0 - 1e-12)
    return float(distances[order[np.searchsorted(area_within, enough)]])
