"""Messages into results, checked on the way."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeVar

import numpy as np

from glioserve import terms
from glioserve.core import wire
from glioserve.core.plan import EvaluatePlan, SegmentPlan
from glioserve.errors import ProtocolError
from glioserve.findings import Finding, FindingRule, Severity
from glioserve.label_map import BrainMask, LabelMap
from glioserve.nifti import Grid, read_grid
from glioserve.results import (
    EvaluationResult,
    GeneratorInfo,
    ModelInfo,
    Preparation,
    RegionMetrics,
    RegionVolume,
    SegmentationResult,
    ServerInfo,
    StageTiming,
)
from glioserve.terms import Region
from glioserve.v1 import evaluation_pb2, info_pb2, segmentation_pb2
from glioserve.v1 import types_pb2 as pb

PerRegion = TypeVar("PerRegion", RegionVolume, RegionMetrics)
Mask = TypeVar("Mask", LabelMap, BrainMask)

MOTION_NUMBERS = 16
"""Of a 4 x 4 matrix."""


def segmentation(
    message: segmentation_pb2.SegmentResult, label_map: bytes, brain_mask: bytes, plan: SegmentPlan
) -> SegmentationResult:
    """The result of a segmentation.

    Args:
        message: The report.
        label_map: All its chunks, a gzipped NIfTI file.
        brain_mask: Likewise; empty where none was made.
        plan: What was asked for.

    Raises:
        ProtocolError: The report is incomplete, not what was asked for, or a mask is on another grid.
        LocalInputError: The contrast whose grid was asked for can't be read any more, so that grids can't be compared.
    """
    scheme = wire.read_enum(terms.LabelScheme, message.label_scheme)
    if scheme is not plan.label_scheme:
        raise ProtocolError(f"the label map follows {scheme.value}, {plan.label_scheme.value} was asked for")
    grid = wire.read_enum(terms.Modality, message.output_grid) if message.output_grid else terms.Modality.T1CE
    if grid is not plan.output_grid:
        raise ProtocolError(f"the masks are on the grid of {grid.value}, {plan.output_grid.value} was asked for")
    expected = read_grid(plan.case.exam.path(grid), field=grid.value)
    voxels = math.prod(expected.shape)
    reference = plan.case.reference
    return SegmentationResult(
        label_map=_checked(LabelMap(label_map, plan.label_scheme, max_voxels=voxels), expected, "label map"),
        volumes=all_regions(region_volume(each) for each in message.volumes),
        metrics=all_regions(_metrics(each) for each in message.metrics) if reference else (),
        conventions=wire.read_conventions(message.conventions) if reference else None,
        reference_label_scheme=reference.label_scheme if reference else None,
        timings=tuple(StageTiming(each.stage, each.seconds) for each in message.timings),
        models=tuple(_model(each) for each in message.models),
        warnings=(*plan.case.warnings, *message.warnings),
        notes=plan.case.notes,
        server_version=message.server_version,
        engine=message.engine,
        output_grid=grid,
        findings=tuple(finding(each) for each in message.findings),
        preparations=tuple(_preparation(each) for each in message.preparations),
        brain_mask=_checked(BrainMask(brain_mask, max_voxels=voxels), expected, "brain mask") if brain_mask else None,
        shown_share=message.shown_share or None,
        worked_s=message.worked_seconds or None,
    )


def evaluation(message: evaluation_pb2.EvaluateResponse, plan: EvaluatePlan) -> EvaluationResult:
    """The result of an evaluation.

    Raises:
        ProtocolError: It is incomplete.
    """
    return EvaluationResult(
        metrics=all_regions(_metrics(each) for each in message.metrics),
        prediction_volumes=all_regions(region_volume(each) for each in message.prediction_volumes),
        reference_volumes=all_regions(region_volume(each) for each in message.reference_volumes),
        conventions=wire.read_conventions(message.conventions),
        prediction_label_scheme=plan.prediction_label_scheme,
        reference_label_scheme=plan.reference_label_scheme,
        server_version=message.server_version,
    )


def server_info(message: info_pb2.GetInfoResponse) -> ServerInfo:
    """What a server says of itself. Label schemes that only a newer client knows are left out."""
    names = (pb.LabelScheme.Name(value) for value in message.label_schemes if value in pb.LabelScheme.values())
    known = (name.removeprefix("LABEL_SCHEME_") for name in names)
    return ServerInfo(
        server_version=message.server_version,
        engine=message.engine,
        models=tuple(_model(each) for each in message.models),
        label_schemes=tuple(terms.LabelScheme[name] for name in known if name in terms.LabelScheme.__members__),
        max_file_bytes=message.max_file_bytes,
        max_voxels=message.max_voxels,
        queue_capacity=message.queue_capacity,
        queue_length=message.queue_length,
        generators=tuple(_generator(each) for each in message.generators),
    )


def region_volume(message: pb.RegionVolume) -> RegionVolume:
    """The volume of a region.

    Raises:
        ProtocolError: The region is not stated.
    """
    region = wire.read_enum(terms.Region, message.region)
    return RegionVolume(region, message.volume_ml, message.voxels, message.voxels_removed)


def _metrics(message: pb.RegionMetrics) -> RegionMetrics:
    return RegionMetrics(
        region=wire.read_enum(terms.Region, message.region),
        dsc=message.dsc,
        hd95_mm=message.hd95_mm,
        sensitivity=message.sensitivity,
        specificity=message.specificity,
        status=wire.read_enum(terms.MetricStatus, message.status),
    )


def _model(message: pb.ModelInfo) -> ModelInfo:
    stated = message.region != pb.REGION_UNSPECIFIED
    return ModelInfo(
        name=message.name,
        version=message.version,
        sha256=message.sha256,
        region=wire.read_enum(terms.Region, message.region) if stated else None,
        channels=tuple(message.channels),
    )


def _generator(message: info_pb2.GeneratorInfo) -> GeneratorInfo:
    return GeneratorInfo(
        name=message.name,
        model=message.model,
        version=message.version,
        sha256=message.sha256,
        draws=tuple(wire.read_enum(terms.Modality, each) for each in message.draws),
    )


def all_regions(values: Iterable[PerRegion]) -> tuple[PerRegion, ...]:
    """One value for each of WT, TC and ET, in this order.

    Raises:
        ProtocolError: One is missing.
    """
    by_region = {value.region: value for value in values}
    if set(by_region) != set(Region):
        raise ProtocolError(f"the server reports on {len(by_region)} regions, not on WT, TC and ET")
    return tuple(by_region[region] for region in Region)


def finding(message: pb.Finding) -> Finding:
    """A finding of the case check.

    Raises:
        ProtocolError: Its rule or severity is not stated, or unknown to this client.
    """
    return Finding(
        rule=wire.read_enum(FindingRule, message.rule),
        severity=wire.read_enum(Severity, message.severity),
        field=message.field,
        must=message.must,
        got=message.got,
    )


def _preparation(message: pb.Preparation) -> Preparation:
    modality = wire.read_enum(terms.Modality, message.modality)
    if len(message.motion) != MOTION_NUMBERS:
        raise ProtocolError(f"the motion of {modality.value} has {len(message.motion)} numbers, not {MOTION_NUMBERS}")
    return Preparation(
        modality=modality,
        registered=message.registered,
        resampled=message.resampled,
        brain_extracted=message.brain_extracted,
        motion=np.array(message.motion, dtype=np.float64).reshape(4, 4),
        similarity_before=message.similarity_before,
        similarity_after=message.similarity_after,
    )


def _checked(mask: Mask, expected: Grid, name: str) -> Mask:
    """A mask in the wrong place harms; so its grid is compared with the contrast's, whatever the server says.

    Its voxels are read too: what is handed out can be used without further errors.
    """
    try:
        on_grid = mask.grid.equals(expected) and mask.array.shape == expected.shape
    except ValueError as error:
        raise ProtocolError(f"the server's {name} is {error}") from None
    if not on_grid:
        raise ProtocolError(f"the server's {name} is not on the grid that was asked for")
    return mask
