"""The closed sets that callers choose from and results speak in."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Modality(StrEnum):
    """An MR contrast of a glioma exam."""

    T1 = "t1"
    """T1-weighted, without contrast agent."""
    T1CE = "t1ce"
    """T1-weighted, contrast-enhanced."""
    T2 = "t2"
    """T2-weighted."""
    FLAIR = "flair"
    """T2-weighted with the fluid's signal suppressed."""


class Region(StrEnum):
    """A tumour region. ET is inside TC, TC is inside WT."""

    WT = "wt"
    """Whole tumour."""
    TC = "tc"
    """Tumour core."""
    ET = "et"
    """Enhancing tumour."""


class LabelScheme(StrEnum):
    """Which label value means which tissue. Declared, never guessed: a 4 is tumour in one, a cavity in another."""

    BRATS_2018 = "brats2018"
    """BraTS 2017 to 2021: NCR 1, ED 2, ET 4."""
    BRATS_2023 = "brats2023"
    """BraTS 2023 adult glioma: NCR 1, ED 2, ET 3."""
    BRATS_2024_POST_TREATMENT = "brats2024-post-treatment"
    """BraTS 2024 and later: NCR 1, ED 2, ET 3, resection cavity 4 (in no region)."""
    BRATS_PEDIATRIC = "brats-pediatric"
    """BraTS paediatric: ET 1, NCR 2, cyst 3 (in no region), ED 4."""
    MSD = "msd"
    """Medical Segmentation Decathlon, task 1: ED 1, NCR 2, ET 3."""

    @property
    def region_labels(self) -> Mapping[Region, frozenset[int]]:
        """The label values that make up each region."""
        return _REGION_LABELS[self]


class Enhancement(StrEnum):
    """How a tumour core takes up contrast agent."""

    RING = "ring"
    """A rim about necrosis, as in most glioblastomas."""
    NODULAR = "nodular"
    """Solid, patchy uptake."""
    NONE = "none"
    """No uptake: there is no ET."""


class Side(StrEnum):
    """A hemisphere, as the patient has it."""

    LEFT = "left"
    RIGHT = "right"


class Hd95Definition(StrEnum):
    """How the 95th percentile Hausdorff distance is defined. Values differ by tenths of a millimetre and more."""

    POOLED = "pooled"
    """95th percentile of both directed distance sets pooled (MedPy)."""
    DIRECTED_MAX = "directed-max"
    """Larger of the two directed 95th percentiles (MONAI, Metrics Reloaded)."""
    SURFEL_WEIGHTED = "surfel-weighted"
    """Percentile by surface area (surface-distance)."""


class EmptyMaskPolicy(StrEnum):
    """What a metric is when one or both masks are empty."""

    LEGACY = "legacy"
    """BraTS 2018: both empty DSC 1, HD95 0 mm; one empty DSC 0, HD95 373.13 mm."""
    BRATS_2026 = "brats2026"
    """Both empty NaN; one empty DSC 0, HD95 373 mm."""
    STRICT = "strict"
    """NaN."""


class SpecificityDomain(StrEnum):
    """Over which voxels specificity counts true negatives."""

    IMAGE = "image"
    """The whole volume."""
    BRAIN = "brain"
    """The brain only."""


class MetricStatus(StrEnum):
    """Whether a metric could be computed, or what stands in its place."""

    COMPUTED = "computed"
    """Both masks hold voxels."""
    BOTH_EMPTY = "both-empty"
    """The value is the policy's."""
    PREDICTION_EMPTY = "prediction-empty"
    """The value is the policy's: a missed structure."""
    REFERENCE_EMPTY = "reference-empty"
    """The value is the policy's: a structure that is not there."""


class Health(StrEnum):
    """What a server says of itself (grpc.health.v1)."""

    UNKNOWN = "unknown"
    """It does not say."""
    SERVING = "serving"
    """It takes work."""
    NOT_SERVING = "not-serving"
    """It is starting, draining, or without its models."""


def _regions(*, ncr: int, ed: int, et: int) -> Mapping[Region, frozenset[int]]:
    return MappingProxyType(
        {Region.WT: frozenset({ncr, ed, et}), Region.TC: frozenset({ncr, et}), Region.ET: frozenset({et})}
    )


_REGION_LABELS: Mapping[LabelScheme, Mapping[Region, frozenset[int]]] = MappingProxyType(
    {
        LabelScheme.BRATS_2018: _regions(ncr=1, ed=2, et=4),
        LabelScheme.BRATS_2023: _regions(ncr=1, ed=2, et=3),
        LabelScheme.BRATS_2024_POST_TREATMENT: _regions(ncr=1, ed=2, et=3),
        LabelScheme.BRATS_PEDIATRIC: _regions(ncr=2, ed=4, et=1),
        LabelScheme.MSD: _regions(ncr=2, ed=1, et=3),
    }
)
