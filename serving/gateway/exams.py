"""The work of one call from bytes to outcome: plain functions that run in one worker thread."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imaging.casecheck.files import read_case
from imaging.errors import GeometryError
from imaging.evaluation import compare_exam
from imaging.exam import Exam
from imaging.geometry import Grid
from imaging.metrics.overlap import SpecificityDomain
from imaging.metrics.regions import MetricConventions, RegionMetrics, compare
from imaging.modality import Modality
from imaging.nifti import NiftiImage, NiftiLimits, read_nifti_image, write_nifti
from imaging.pipeline.clinical import ClinicalSegmentation, Workshop, segment_raw
from imaging.preprocess.normalise import find_brain
from imaging.raw_exam import RawExam
from imaging.regions import Region, RegionMasks
from imaging.volume import Volume
from serving.gateway.answers import Emit, EvaluateOutcome, RegionVolume, SegmentOutcome
from serving.gateway.cancellation import Cancellation
from serving.gateway.clock import StageClock
from serving.gateway.intensity import Intensity
from serving.gateway.observer import CallObserver, measure
from serving.gateway.orders import EvaluateOrder, FileRole, FileSpec, MaskRole, SegmentOrder


@dataclass(frozen=True)
class ExamSettings:
    """How exams are worked on.

    Args:
        limits: Of every file.
        workshop: What segments them.
    """

    limits: NiftiLimits
    workshop: Workshop


def segment_exam(
    order: SegmentOrder,
    files: Sequence[memoryview],
    *,
    settings: ExamSettings,
    emit: Emit,
    cancellation: Cancellation,
) -> SegmentOutcome:
    """Decode, check, segment, score, encode.

    Args:
        order: What is asked.
        files: Their contents, in the order's order.
        settings: Limits, and what the work is done with.
        emit: Takes progress and partial results, from this thread.
        cancellation: Checked between files and between micro-batches.

    Raises:
        ImagingError: The files are not what was asked for.
        PipelineCancelledError: The call is over.
    """
    started = time.perf_counter()
    clock = StageClock()
    workshop = settings.workshop
    with clock.time("decode"):
        contrasts = [
            (spec.role, content)
            for spec, content in zip(order.files, files, strict=True)
            if isinstance(spec.role, Modality)
        ]
        case = read_case(contrasts, limits=settings.limits, check_cancelled=cancellation.check)
    with clock.time("case_check"):
        report = case.check(needs=workshop.needs, extracts_brain=workshop.extract is not None)
        case.require(report)
    sent = case.images[order.output_grid]
    reference = _reference(order, files, sent.volume.grid, settings.limits)
    raw = RawExam({modality: image.volume for modality, image in case.images.items()})
    intensities = {modality: Intensity.of(volume.voxels) for modality, volume in raw.volumes.items()}
    observer = CallObserver(emit, cancellation)
    found = segment_raw(raw, report, workshop, output=order.output_grid, full_frame=order.full_frame, observer=observer)
    clock.seconds.update({stage.value: seconds for stage, seconds in found.timings_s.items()})
    metrics: Mapping[Region, RegionMetrics] = {}
    if reference is not None:
        cancellation.check()
        with clock.time("measure"):
            metrics = _score(found, reference, order.conventions, raw)
    cancellation.check()
    with clock.time("encode"):
        label_map = write_nifti(Volume(order.label_scheme.from_regions(found.masks), found.grid), like=sent.header)
        brain_mask = b""
        if found.brain is not None:
            brain_mask = write_nifti(Volume(found.brain.astype(np.uint8), found.grid), like=sent.header)
    return SegmentOutcome(
        volumes=tuple(
            measure(
                region,
                found.masks[region],
                voxel_volume_ml=found.grid.voxel_volume_ml,
                voxels_removed=found.voxels_removed.get(region, 0),
            )
            for region in Region
        ),
        metrics=metrics,
        timings_s=clock.seconds,
        warnings=found.warnings,
        findings=report.findings,
        preparations=found.preparations,
        intensities=intensities,
        worked_s=time.perf_counter() - started,
        shown_share=found.shown_share,
        label_map=label_map,
        brain_mask=brain_mask,
    )


def evaluate_masks(
    order: EvaluateOrder, files: Sequence[memoryview], *, settings: ExamSettings, cancellation: Cancellation
) -> EvaluateOutcome:
    """Decode two label maps and compare them.

    Args:
        order: What is asked.
        files: Their contents, in the order's order.
        settings: Limits.
        cancellation: Checked between files and before the comparison.

    Raises:
        ImagingError: The files are not what was asked for.
        PipelineCancelledError: The call is over.
    """
    images = _decode(order.files, files, settings.limits, cancellation)
    volumes = {role: image.volume for role, image in images.items()}
    grid = volumes[MaskRole.REFERENCE].grid
    first = order.files[0]
    for role, volume in volumes.items():
        _check_grid(volume.grid, volumes[first.role].grid, role.value, other=first.field)
    prediction = order.prediction_label_scheme.to_regions(volumes[MaskRole.PREDICTION].voxels, field="prediction")
    reference = order.reference_label_scheme.to_regions(volumes[MaskRole.REFERENCE].voxels, field="reference")
    modalities = {role: volume for role, volume in volumes.items() if isinstance(role, Modality)}
    cancellation.check()
    exam = Exam(modalities) if modalities else None
    return EvaluateOutcome(
        metrics=_compare(prediction, reference, grid, order.conventions, exam),
        prediction_volumes=_volumes(prediction, grid),
        reference_volumes=_volumes(reference, grid),
    )


def _decode(
    specs: Sequence[FileSpec], files: Sequence[memoryview], limits: NiftiLimits, cancellation: Cancellation
) -> dict[FileRole, NiftiImage]:
    images: dict[FileRole, NiftiImage] = {}
    for spec, content in zip(specs, files, strict=True):
        cancellation.check()
        images[spec.role] = read_nifti_image(content, field=spec.field, limits=limits)
    return images


def _reference(order: SegmentOrder, files: Sequence[memoryview], grid: Grid, limits: NiftiLimits) -> RegionMasks | None:
    """The reference's masks, on the grid that the answer will be on."""
    for spec, content in zip(order.files, files, strict=True):
        if spec.role is MaskRole.REFERENCE and order.reference_label_scheme is not None:
            volume = read_nifti_image(content, field=spec.field, limits=limits).volume
            _check_grid(volume.grid, grid, spec.field, other=order.output_grid.value)
            return order.reference_label_scheme.to_regions(volume.voxels, field=spec.field)
    return None


def _score(
    found: ClinicalSegmentation, reference: RegionMasks, conventions: MetricConventions, raw: RawExam
) -> dict[Region, RegionMetrics]:
    """The brain is what was extracted; of an exam that came skull-stripped, what any contrast on this grid shows."""
    brain = found.brain
    if brain is None and conventions.specificity_domain is SpecificityDomain.BRAIN:
        brain = find_brain({name: one.voxels for name, one in raw.volumes.items() if one.grid.matches(found.grid)})
    return compare(found.masks, reference, spacing_mm=found.grid.spacing_mm, conventions=conventions, brain=brain)


def _check_grid(grid: Grid, expected: Grid, field_name: str, *, other: str) -> None:
    if not grid.matches(expected):
        raise GeometryError(field_name, f"must lie on the grid of {other}: {_describe(expected)}", _describe(grid))


def _describe(grid: Grid) -> str:
    spacing = " x ".join(f"{length:.2f}" for length in grid.spacing_mm)
    origin = ", ".join(f"{position:.1f}" for position in grid.affine[:3, 3])
    return f"shape {grid.shape}, axes {grid.axis_codes}, spacing {spacing} mm, origin ({origin}) mm"


def _compare(
    prediction: RegionMasks, reference: RegionMasks, grid: Grid, conventions: MetricConventions, exam: Exam | None
) -> dict[Region, RegionMetrics]:
    if exam is not None:
        return compare_exam(prediction, reference, exam=exam, conventions=conventions)
    return compare(prediction, reference, spacing_mm=grid.spacing_mm, conventions=conventions)


def _volumes(masks: RegionMasks, grid: Grid) -> tuple[RegionVolume, ...]:
    return tuple(measure(region, masks[region], voxel_volume_ml=grid.voxel_volume_ml) for region in Region)
