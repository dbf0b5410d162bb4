"""A prediction against a reference, region by region, under declared conventions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imaging.errors import MetricError
from imaging.metrics.checks import check_spacing
from imaging.metrics.hd95 import Hd95Definition, compute_hd95_mm
from imaging.metrics.overlap import (
    ConfusionCounts,
    SpecificityDomain,
    compute_dsc,
    compute_sensitivity,
    compute_specificity,
    count_confusion,
)
from imaging.metrics.policy import EmptyMaskPolicy, MetricStatus
from imaging.regions import BoolVolume, Region, RegionMasks


@dataclass(frozen=True)
class MetricConventions:
    """All that has to be known to compare one table of metrics with another."""

    hd95_definition: Hd95Definition = Hd95Definition.POOLED
    empty_mask_policy: EmptyMaskPolicy = EmptyMaskPolicy.LEGACY
    specificity_domain: SpecificityDomain = SpecificityDomain.IMAGE


@dataclass(frozen=True)
class RegionMetrics:
    """How well one region was segmented. Where a mask is empty, the values are the policy's and may be NaN."""

    region: Region
    dsc: float
    """Dice similarity coefficient, 0 to 1."""
    hd95_mm: float
    """95th percentile Hausdorff distance, at least 0."""
    sensitivity: float
    """0 to 1."""
    specificity: float
    """0 to 1; NaN also when the reference fills the whole domain."""
    status: MetricStatus


def compare(
    prediction: RegionMasks,
    reference: RegionMasks,
    *,
    spacing_mm: Sequence[float],
    conventions: MetricConventions,
    brain: BoolVolume | None = None,
) -> dict[Region, RegionMetrics]:
    """Compare the masks of each region.

    Args:
        prediction: `bool [i, j, k]` for each region.
        reference: The same regions on the same grid.
        spacing_mm: Distance between voxel centres along I, J, K.
        conventions: How the metrics are computed.
        brain: `bool [i, j, k]`; needed for the specificity domain BRAIN and not looked at for IMAGE.

    Returns:
        The metrics of each region, in the order of `Region`.

    Raises:
        MetricError: Regions or shapes differ, there is no region, masks are not boolean volumes, the spacing is
            not one, or the brain mask is missing or empty where it is needed.
    """
    if not reference or prediction.keys() != reference.keys():
        raise MetricError(
            "prediction",
            f"must have the reference's regions ({_names(reference)}), at least one",
            _names(prediction) or "none",
        )
    needs_brain = conventions.specificity_domain is SpecificityDomain.BRAIN
    if needs_brain and brain is None:
        raise MetricError("brain", "must be given when specificity counts over the brain", "none")
    check_spacing(spacing_mm)
    return {
        region: _compare_region(
            region,
            prediction[region],
            reference[region],
            spacing_mm=spacing_mm,
            conventions=conventions,
            brain=brain if needs_brain else None,
        )
        for region in Region
        if region in reference
    }


def _compare_region(
    region: Region,
    prediction: BoolVolume,
    reference: BoolVolume,
    *,
    spacing_mm: Sequence[float],
    conventions: MetricConventions,
    brain: BoolVolume | None,
) -> RegionMetrics:
    counts = count_confusion(prediction, reference)
    negatives = counts if brain is None else count_confusion(prediction, reference, brain=brain)
    status = _status(counts)
    if status is MetricStatus.COMPUTED:
        return RegionMetrics(
            region=region,
            dsc=compute_dsc(counts),
            hd95_mm=compute_hd95_mm(
                prediction, reference, spacing_mm=spacing_mm, definition=conventions.hd95_definition
            ),
            sensitivity=compute_sensitivity(counts),
            specificity=compute_specificity(negatives),
            status=status,
        )
    values = conventions.empty_mask_policy.values(status)
    return RegionMetrics(
        region=region,
        dsc=values.dsc,
        hd95_mm=values.hd95_mm,
        sensitivity=values.sensitivity,
        specificity=compute_specificity(negatives) if values.specificity is None else values.specificity,
        status=status,
    )


def _status(counts: ConfusionCounts) -> MetricStatus:
    return MetricStatus.of(
        predicted_voxels=counts.true_positives + counts.false_positives,
        reference_voxels=counts.true_positives + counts.false_negatives,
    )


def _names(masks: RegionMasks) -> str:
    return ", ".join(region.value for region in Region if region in masks)
