"""Between the contract's messages and domain values, both ways. Nothing else knows both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import TypeVar

from glioserve.v1 import evaluation_pb2, segmentation_pb2, types_pb2
from glioserve.v1.contract import CHUNK_BYTES

from imaging.errors import LabelError
from imaging.labels import LabelScheme
from imaging.metrics.hd95 import Hd95Definition
from imaging.metrics.overlap import SpecificityDomain
from imaging.metrics.policy import EmptyMaskPolicy, MetricStatus
from imaging.metrics.regions import MetricConventions, RegionMetrics
from imaging.modality import Modality
from imaging.regions import Region
from serving.gateway.answers import EvaluateOutcome, Event, Found, Progressed, Queued, RegionVolume, SegmentOutcome
from serving.gateway.errors import OrderError
from serving.gateway.orders import EvaluateOrder, FileRole, FileSpec, MaskRole, SegmentOrder
from serving.gateway.uploads import Piece
from serving.inference.catalog import ServedModel

Domain = TypeVar("Domain", bound=Enum)

_MODALITIES: Mapping[Modality, types_pb2.Modality.ValueType] = {
    Modality.T1: types_pb2.MODALITY_T1,
    Modality.T1CE: types_pb2.MODALITY_T1CE,
    Modality.T2: types_pb2.MODALITY_T2,
    Modality.FLAIR: types_pb2.MODALITY_FLAIR,
}
_MASK_ROLES: Mapping[MaskRole, types_pb2.MaskRole.ValueType] = {
    MaskRole.REFERENCE: types_pb2.MASK_ROLE_REFERENCE,
    MaskRole.PREDICTION: types_pb2.MASK_ROLE_PREDICTION,
}
_REGIONS: Mapping[Region, types_pb2.Region.ValueType] = {
    Region.WT: types_pb2.REGION_WT,
    Region.TC: types_pb2.REGION_TC,
    Region.ET: types_pb2.REGION_ET,
}
_SCHEMES: Mapping[LabelScheme, types_pb2.LabelScheme.ValueType] = {
    LabelScheme.BRATS_2018: types_pb2.LABEL_SCHEME_BRATS_2018,
    LabelScheme.BRATS_2023: types_pb2.LABEL_SCHEME_BRATS_2023,
    LabelScheme.BRATS_2024_POST_TREATMENT: types_pb2.LABEL_SCHEME_BRATS_2024_POST_TREATMENT,
    LabelScheme.BRATS_PEDIATRIC: types_pb2.LABEL_SCHEME_BRATS_PEDIATRIC,
    LabelScheme.MSD: types_pb2.LABEL_SCHEME_MSD,
}
_HD95: Mapping[Hd95Definition, types_pb2.Hd95Definition.ValueType] = {
    Hd95Definition.POOLED: types_pb2.HD95_DEFINITION_POOLED,
    Hd95Definition.DIRECTED_MAX: types_pb2.HD95_DEFINITION_DIRECTED_MAX,
    Hd95Definition.SURFEL_WEIGHTED: types_pb2.HD95_DEFINITION_SURFEL_WEIGHTED,
}
_POLICIES: Mapping[EmptyMaskPolicy, types_pb2.EmptyMaskPolicy.ValueType] = {
    EmptyMaskPolicy.LEGACY: types_pb2.EMPTY_MASK_POLICY_LEGACY,
    EmptyMaskPolicy.BRATS_2026: types_pb2.EMPTY_MASK_POLICY_BRATS_2026,
    EmptyMaskPolicy.STRICT: types_pb2.EMPTY_MASK_POLICY_STRICT,
}
_DOMAINS: Mapping[SpecificityDomain, types_pb2.SpecificityDomain.ValueType] = {
    SpecificityDomain.IMAGE: types_pb2.SPECIFICITY_DOMAIN_IMAGE,
    SpecificityDomain.BRAIN: types_pb2.SPECIFICITY_DOMAIN_BRAIN,
}
_STATUSES: Mapping[MetricStatus, types_pb2.MetricStatus.ValueType] = {
    MetricStatus.COMPUTED: types_pb2.METRIC_STATUS_COMPUTED,
    MetricStatus.BOTH_EMPTY: types_pb2.METRIC_STATUS_BOTH_EMPTY,
    MetricStatus.PREDICTION_EMPTY: types_pb2.METRIC_STATUS_PREDICTION_EMPTY,
    MetricStatus.REFERENCE_EMPTY: types_pb2.METRIC_STATUS_REFERENCE_EMPTY,
}


def segment_order(header: segmentation_pb2.SegmentHeader) -> SegmentOrder:
    """What a header asks for.

    Raises:
        LabelError: A scheme's number is unknown.
        OrderError: Another value is unknown, or the parts contradict each other.
    """
    return SegmentOrder(
        files=_file_specs(header.files),
        label_scheme=_scheme("label_scheme", header.label_scheme) or LabelScheme.BRATS_2018,
        reference_label_scheme=_scheme("reference_label_scheme", header.reference_label_scheme),
        conventions=_conventions(header.conventions),
    )


def evaluate_order(header: evaluation_pb2.EvaluateHeader) -> EvaluateOrder:
    """What a header asks for. Raises as `segment_order` does."""
    return EvaluateOrder(
        files=_file_specs(header.files),
        prediction_label_scheme=_required_scheme("prediction_label_scheme", header.prediction_label_scheme),
        reference_label_scheme=_required_scheme("reference_label_scheme", header.reference_label_scheme),
        conventions=_conventions(header.conventions),
    )


def piece(chunk: types_pb2.Chunk) -> Piece:
    """A piece of a file."""
    return Piece(chunk.file, chunk.data)


def event_message(event: Event) -> segmentation_pb2.SegmentResponse:
    """An event on the way."""
    match event:
        case Queued(position):
            return segmentation_pb2.SegmentResponse(queued=segmentation_pb2.QueueState(position=position))
        case Progressed(stage, done, total):
            return segmentation_pb2.SegmentResponse(
                progress=segmentation_pb2.Progress(stage=stage.value, done=done, total=total)
            )
        case Found(volume):
            return segmentation_pb2.SegmentResponse(
                partial=segmentation_pb2.PartialResult(volume=_volume_message(volume))
            )


def segment_messages(
    order: SegmentOrder, outcome: SegmentOutcome, *, models: Iterable[ServedModel], server_version: str, engine: str
) -> Iterator[segmentation_pb2.SegmentResponse]:
    """The result, and the label map in chunks."""
    yield segmentation_pb2.SegmentResponse(
        result=segmentation_pb2.SegmentResult(
            volumes=[_volume_message(volume) for volume in outcome.volumes],
            metrics=_metrics_messages(outcome.metrics),
            conventions=_conventions_message(order.conventions) if order.has_reference else None,
            timings=[types_pb2.StageTiming(stage=stage, seconds=s) for stage, s in outcome.timings_s.items()],
            models=[model_message(model) for model in models],
            warnings=outcome.warnings,
            label_scheme=_SCHEMES[order.label_scheme],
            server_version=server_version,
            engine=engine,
            mask_size_bytes=len(outcome.label_map),
        )
    )
    content = memoryview(outcome.label_map)
    for start in range(0, len(content), CHUNK_BYTES):
        data = content[start : start + CHUNK_BYTES].tobytes()
        yield segmentation_pb2.SegmentResponse(mask_chunk=types_pb2.Chunk(file=0, data=data))


def evaluate_message(
    order: EvaluateOrder, outcome: EvaluateOutcome, *, server_version: str
) -> evaluation_pb2.EvaluateResponse:
    """The judgement of a label map."""
    return evaluation_pb2.EvaluateResponse(
        metrics=_metrics_messages(outcome.metrics),
        prediction_volumes=[_volume_message(volume) for volume in outcome.prediction_volumes],
        reference_volumes=[_volume_message(volume) for volume in outcome.reference_volumes],
        conventions=_conventions_message(order.conventions),
        server_version=server_version,
    )


def model_message(model: ServedModel) -> types_pb2.ModelInfo:
    """A model that is served."""
    return types_pb2.ModelInfo(
        name=model.name,
        version=model.version,
        sha256=model.sha256,
        region=_REGIONS[model.region],
        channels=[channel.value for channel in model.plan.channels],
    )


def label_scheme_messages() -> list[types_pb2.LabelScheme.ValueType]:
    """Every label scheme that is known here."""
    return list(_SCHEMES.values())


def _file_specs(headers: Iterable[types_pb2.FileHeader]) -> tuple[FileSpec, ...]:
    return tuple(FileSpec(_role(header), header.size_bytes) for header in headers)


def _role(header: types_pb2.FileHeader) -> FileRole:
    role: FileRole | None = None
    if header.WhichOneof("role") == "modality":
        role = _known("modality", header.modality, _MODALITIES)
    elif header.WhichOneof("role") == "mask":
        role = _known("mask", header.mask, _MASK_ROLES)
    if role is None:
        raise OrderError("file", "must have a modality or a mask role", "none")
    return role


def _scheme(field: str, number: int) -> LabelScheme | None:
    if number and number not in _SCHEMES.values():
        known = ", ".join(scheme.value for scheme in LabelScheme)
        raise LabelError(field, f"must be one of {known}", f"the number {number}")
    return _known(field, number, _SCHEMES)


def _required_scheme(field: str, number: int) -> LabelScheme:
    scheme = _scheme(field, number)
    if scheme is None:
        raise OrderError(field, "must be declared", "none")
    return scheme


def _conventions(message: types_pb2.MetricConventions) -> MetricConventions:
    default = MetricConventions()
    return MetricConventions(
        hd95_definition=_known("hd95_definition", message.hd95_definition, _HD95) or default.hd95_definition,
        empty_mask_policy=_known("empty_mask_policy", message.empty_mask_policy, _POLICIES)
        or default.empty_mask_policy,
        specificity_domain=_known("specificity_domain", message.specificity_domain, _DOMAINS)
        or default.specificity_domain,
    )


def _known(field: str, number: int, numbers: Mapping[Domain, int]) -> Domain | None:
    """The domain value of a number of the contract; None for UNSPECIFIED."""
    if number == 0:
        return None
    for value, its_number in numbers.items():
        if its_number == number:
            return value
    raise OrderError(field, f"must be one of {', '.join(value.name for value in numbers)}", f"the number {number}")


def _conventions_message(conventions: MetricConventions) -> types_pb2.MetricConventions:
    return types_pb2.MetricConventions(
        hd95_definition=_HD95[conventions.hd95_definition],
        empty_mask_policy=_POLICIES[conventions.empty_mask_policy],
        specificity_domain=_DOMAINS[conventions.specificity_domain],
    )


def _metrics_messages(metrics: Mapping[Region, RegionMetrics]) -> list[types_pb2.RegionMetrics]:
    return [
        types_pb2.RegionMetrics(
            region=_REGIONS[region],
            dsc=one.dsc,
            hd95_mm=one.hd95_mm,
            sensitivity=one.sensitivity,
            specificity=one.specificity,
            status=_STATUSES[one.status],
        )
        for region, one in metrics.items()
    ]


def _volume_message(volume: RegionVolume) -> types_pb2.RegionVolume:
    return types_pb2.RegionVolume(
        region=_REGIONS[volume.region],
        volume_ml=volume.volume_ml,
        voxels=volume.voxels,
        voxels_removed=volume.voxels_removed,
    )
