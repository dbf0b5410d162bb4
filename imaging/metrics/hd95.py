"""The 95th percentile Hausdorff distance (paper, section 2.5, equation 8), in three definitions.

The paper does not say which definition it used. One pair of masks can give 2.2, 2.4 and 2.8 mm, so that a
figure without its definition can't be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np
import numpy.typing as npt

from imaging.errors import MetricError
from imaging.metrics.checks import check_masks, check_spacing
from imaging.metrics.nearest import REACH, Distances, NearestSearch, find_percentile_mm
from imaging.metrics.surfaces import Box, border_voxels, bounding_box, crop, union_box
from imaging.metrics.surfels import encode_corners, is_surface, surfel_areas_mm2
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
    box = union_box(_box_of(prediction, field="prediction"), _box_of(reference, field="reference"))
    predicted, expected = crop(prediction, box, margin=REACH), crop(reference, box, margin=REACH)
    if definition is Hd95Definition.SURFEL_WEIGHTED:
        return _surfel_weighted_mm(predicted, expected, spacing)
    on_predicted, on_expected = border_voxels(predicted), border_voxels(expected)
    forth = NearestSearch(on_predicted, on_expected, spacing_mm=spacing)
    back = NearestSearch(on_expected, on_predicted, spacing_mm=spacing)
    if definition is Hd95Definition.DIRECTED_MAX:
        return max(find_percentile_mm([forth], _percentile), find_percentile_mm([back], _percentile))
    return find_percentile_mm([forth, back], _percentile)


def _box_of(mask: BoolVolume, *, field: str) -> Box:
    box = bounding_box(mask)
    if box is None:
        raise MetricError(field, "must hold at least one voxel", "an empty mask")
    return box


def _percentile(distances: Distances, method: Literal["lower", "linear", "higher"]) -> float:
    return float(np.percentile(distances, PERCENTILE, method=method))


def _surfel_weighted_mm(predicted: BoolVolume, expected: BoolVolume, spacing_mm: tuple[float, float, float]) -> float:
    areas_by_code = surfel_areas_mm2(spacing_mm)
    predicted_codes, expected_codes = encode_corners(predicted), encode_corners(expected)
    on_predicted, on_expected = is_surface(predicted_codes), is_surface(expected_codes)
    forth = NearestSearch(on_predicted, on_expected, spacing_mm=spacing_mm)
    back = NearestSearch(on_expected, on_predicted, spacing_mm=spacing_mm)
    return max(
        find_percentile_mm([forth], _PercentileByArea(areas_by_code[predicted_codes[on_predicted]])),
        find_percentile_mm([back], _PercentileByArea(areas_by_code[expected_codes[on_expected]])),
    )


@dataclass(frozen=True, eq=False)
class _PercentileByArea:
    """The smallest distance within which at least 95 % of the surface's area lies."""

    areas_mm2: npt.NDArray[np.float64]

    def __call__(self, distances: Distances, method: Literal["lower", "linear", "higher"]) -> float:
        # Always one of the distances, never between two: all methods are one.
        del method
        # The slack keeps the rounding of sums from deciding where exactly 95 % is reached.
        missing_mm2 = self.areas_mm2.sum() * (PERCENTILE / 100.0 - 1e-12)
        areas_mm2 = self.areas_mm2
        # Quickselect in three ways: distances on a lattice repeat, and to sort them takes four times as long.
        while True:
            pivot = distances[distances.size // 2]
            nearer = distances < pivot
            nearer_mm2 = areas_mm2[nearer].sum()
            if nearer_mm2 >= missing_mm2:
                distances, areas_mm2 = distances[nearer], areas_mm2[nearer]
                continue
            further = distances > pivot
            reached_mm2 = areas_mm2[~further].sum()
            if reached_mm2 >= missing_mm2:
                return float(pivot)
            missing_mm2 -= reached_mm2
            distances, areas_mm2 = distances[further], areas_mm2[further]
