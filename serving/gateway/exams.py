"""The work of one call from bytes to outcome: plain functions that run in one worker thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imaging.errors import GeometryError
from imaging.evaluation import compare_exam
from imaging.exam import Exam
from imaging.geometry import Grid
from imaging.metrics.regions import MetricConventions, RegionMetrics, compare
from imaging.modality import Modality
from imaging.nifti import AffineSource, NiftiImage, NiftiLimits, read_nifti_image, write_nifti
from imaging.pipeline.plan import ModelPlans
from imaging.pipeline.predictor import Predictor
from imaging.pipeline.segment import segment
from imaging.regions import Region, RegionMasks
from imaging.volume import Volume
from serving.gateway.answers import Emit, EvaluateOutcome, RegionVolume, SegmentOutcome
from serving.gateway.cancellation import Cancellation
from serving.gateway.clock import StageClock
from serving.gateway.observer import CallObserver, measure
from serving.gateway.orders import EvaluateOrder, FileRole, FileSpec, MaskRole, SegmentOrder


@dataclass(frozen=True)
class ExamSettings:
    """How exams are worked on.

    Args:
        limits: Of every file.
        micro_batch: Slices per call of the engine; between two of them a call can be cancelled.
    """

    limits: NiftiLimits
    micro_batch: int


def segment_exam(
    order: SegmentOrder,
    files: Sequence[memoryview],
    *,
    predictor: Predictor,
    plans: ModelPlans,
    settings: ExamSettings,
    emit: Emit,
    cancellation: Cancellation,
) -> SegmentOutcome:
    """Decode, segment, score, encode.

    Args:
        order: What is asked.
        files: Their contents, in the order's order.
        predictor: Runs the networks.
        plans: One per region.
        settings: Limits and batch size.
        emit: Takes progress and partial results, from this thread.
        cancellation: Checked between files and between micro-batches.

    Raises:
        ImagingError: The files are not what was asked for.
        PipelineCancelledError: The call is over.
    """
    clock = StageClock()
    with clock.time("decode"):
        images = _decode(order.files, files, settings.limits, cancellation)
        exam = Exam({role: image.volume for role, image in images.items() if isinstance(role, Modality)})
        header = next(image.header for image in images.values() if image.volume.grid is exam.grid)
        reference = None
        if order.reference_label_scheme is not None and MaskRole.REFERENCE in images:
            reference = order.reference_label_scheme.to_regions(
                images.pop(MaskRole.REFERENCE).volume.voxels, field="reference"
            )
    observer = CallObserver(emit, cancellation, exam.grid)
    found = segment(exam, predictor, plans, observer=observer, micro_batch=settings.micro_batch)
    clock.seconds.update({stage.value: seconds for stage, seconds in found.timings_s.items()})
    metrics: Mapping[Region, RegionMetrics] = {}
    if reference is not None:
        cancellation.check()
        with clock.time("measure"):
            metrics = _compare(found.masks, reference, exam.grid, order.conventions, exam)
    cancellation.check()
    with clock.time("encode"):
        labels = Volume(order.label_scheme.from_regions(found.masks), exam.grid)
        label_map = write_nifti(labels, like=header)
    warnings = found.warnings
    if header.affine_source is AffineSource.PIXDIM:
        warnings = (*warnings, "The exam says nothing of its orientation: left and right are by convention only.")
    return SegmentOutcome(
        volumes=tuple(
            measure(region, found.masks[region], exam.grid, voxels_removed=found.voxels_removed.get(region, 0))
            for region in Region
        ),
        metrics=metrics,
        timings_s=clock.seconds,
        warnings=warnings,
        label_map=label_map,
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
    """All images, on one grid. A file on another grid is refused before the next one takes memory."""
    images: dict[FileRole, NiftiImage] = {}
    for spec, content in zip(specs, files, strict=True):
        cancellation.check()
        image = read_nifti_image(content, field=spec.field, limits=limits)
        if images:
            _check_grid(image.volume.grid, next(iter(images.values())).volume.grid, spec.field, other=specs[0].field)
        images[spec.role] = image
    return images


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
    return tuple(measure(region, masks[region], grid) for region in Region)
