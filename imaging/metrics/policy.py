"""What a metric is when a mask is empty: a named policy, and a status that travels beside every value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from imaging.errors import MetricError


class MetricStatus(StrEnum):
    """Whether metrics could be computed, or why the policy's values stand in their place."""

    COMPUTED = "computed"
    """Both masks hold voxels."""
    BOTH_EMPTY = "both_empty"
    """There is no such structure, and none was marked."""
    PREDICTION_EMPTY = "prediction_empty"
    """The structure was missed altogether."""
    REFERENCE_EMPTY = "reference_empty"
    """A structure was marked that is not there."""

    @classmethod
    def of(cls, *, predicted_voxels: int, reference_voxels: int) -> MetricStatus:
        """The status of a pair of masks with these sizes."""
        if predicted_voxels and reference_voxels:
            return cls.COMPUTED
        if predicted_voxels:
            return cls.REFERENCE_EMPTY
        return cls.PREDICTION_EMPTY if reference_voxels else cls.BOTH_EMPTY

    @property
    def is_one_sided(self) -> bool:
        """Whether exactly one of the masks is empty."""
        return self in {MetricStatus.PREDICTION_EMPTY, MetricStatus.REFERENCE_EMPTY}


@dataclass(frozen=True)
class EmptyMaskValues:
    """What each metric is for one status under one policy. NaN: no value stands in; it is counted as such."""

    dsc: float
    hd95_mm: float
    sensitivity: float
    specificity: float | None
    """None: as equation 6 gives, which needs no voxel in either mask."""


class EmptyMaskPolicy(StrEnum):
    """What stands in for metrics when one or both masks are empty.

    | policy | both empty | prediction empty | reference empty |
    |---|---|---|---|
    | LEGACY: DSC, HD95 | 1, 0 mm | 0, 373.13 mm | 0, 373.13 mm |
    | LEGACY: sensitivity | 1 | 0 | 0 |
    | BRATS_2026: DSC, HD95 | NaN, NaN | 0, 373 mm | 0, 373 mm |
    | BRATS_2026: sensitivity | NaN | 0 | NaN |
    | STRICT: DSC, HD95, sensitivity | NaN | NaN | NaN |

    Sensitivity without a reference is 0 / 0 by equation 5: LEGACY lets it follow DSC, the others leave it
    undefined. Specificity is what equation 6 gives under LEGACY and BRATS_2026 (1 when nothing was marked),
    and NaN under STRICT.
    """

    LEGACY = "legacy"
    """BraTS 2018. The penalty is the diagonal of its 240 x 240 x 155 mm images, for images of any size."""
    BRATS_2026 = "brats_2026"
    """BraTS 2026: a rightly empty mask earns nothing, a wrongly empty one costs as much as before."""
    STRICT = "strict"
    """Only pairs in which both masks hold voxels are scored; the rest is counted, never averaged."""

    def values(self, status: MetricStatus) -> EmptyMaskValues:
        """What each metric is for a status.

        Raises:
            MetricError: The status is COMPUTED, which no policy has a say in.
        """
        if status is MetricStatus.COMPUTED:
            raise MetricError("status", "must be one of an empty mask", status.value)
        return _VALUES[self][status]


_NOTHING = EmptyMaskValues(dsc=math.nan, hd95_mm=math.nan, sensitivity=math.nan, specificity=math.nan)

_VALUES: Mapping[EmptyMaskPolicy, Mapping[MetricStatus, EmptyMaskValues]] = MappingProxyType(
    {
        EmptyMaskPolicy.LEGACY: {
            MetricStatus.BOTH_EMPTY: EmptyMaskValues(1.0, 0.0, 1.0, None),
            MetricStatus.PREDICTION_EMPTY: EmptyMaskValues(0.0, 373.13, 0.0, None),
            MetricStatus.REFERENCE_EMPTY: EmptyMaskValues(0.0, 373.13, 0.0, None),
        },
        EmptyMaskPolicy.BRATS_2026: {
            MetricStatus.BOTH_EMPTY: EmptyMaskValues(math.nan, math.nan, math.nan, None),
            MetricStatus.PREDICTION_EMPTY: EmptyMaskValues(0.0, 373.0, 0.0, None),
            MetricStatus.REFERENCE_EMPTY: EmptyMaskValues(0.0, 373.0, math.nan, None),
        },
        EmptyMaskPolicy.STRICT: {
            MetricStatus.BOTH_EMPTY: _NOTHING,
            MetricStatus.PREDICTION_EMPTY: _NOTHING,
            MetricStatus.REFERENCE_EMPTY: _NOTHING,
        },
    }
)
