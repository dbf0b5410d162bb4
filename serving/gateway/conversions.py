"""Between the contract's messages and domain values, both ways; those of synthesis are in `synthesis_messages.py`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from glioserve.v1 import evaluation_pb2, segmentation_pb2, types_pb2
from glioserve.v1.contract import CHUNK_BYTES

from imaging.labels import LabelScheme
from imaging.metrics.regions import MetricConventions, RegionMetrics
from imaging.modality import Modality
from imaging.pipeline.standardise import Preparation
from imaging.regions import Region
from serving.gateway.answers import EvaluateOutcome, Event, Found, Progressed, Queued, RegionVolume, SegmentOutcome
from serving.gateway.check_messages import finding_message
from serving.gateway.errors import OrderError
from serving.gateway.numbers import (
    DOMAINS,
    HD95,
    MASK_ROLES,
    MODALITIES,
    POLICIES,
    REGIONS,
    SCHEMES,
    STATUSES,
    known,
    required_scheme,
    scheme,
)
from serving.gateway.orders import EvaluateOrder, FileRole, FileSpec, SegmentOrder
from serving.gateway.uploads import Piece
from serving.inference.networks import ServedModel


def segment_order(header: segmentation_pb2.SegmentHeader) -> SegmentOrder:
    """What a header asks for.

    Raises:
        LabelError: A scheme's number is unknown.
        OrderError: Another value is unknown, or the parts contradict each other.
    """
    return SegmentOrder(
        files=_file_specs(header.files),
        label_scheme=scheme("label_scheme", header.label_scheme) or LabelScheme.BRATS_2018,
        reference_label_scheme=scheme("reference_label_scheme", header.reference_label_scheme),
        conventions=_conventions(header.conventions),
        output_grid=known("output_grid", header.output_grid, MODALITIES) or Modality.T1CE,
        full_frame=header.full_frame,
    )


def evaluate_order(header: evaluation_pb2.EvaluateHeader) -> EvaluateOrder:
    """What a header asks for. Raises as `segment_order` does."""
    return EvaluateOrder(
        files=_file_specs(header.files),
        prediction_label_scheme=required_scheme("prediction_label_scheme", header.prediction_label_scheme),
        reference_label_scheme=required_scheme("reference_label_scheme", header.reference_label_scheme),
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
                partial=segmentation_pb2.PartialResult(volume=volume_message(volume))
            )


def segment_messages(
    order: SegmentOrder, outcome: SegmentOutcome, *, models: Iterable[ServedModel], server_version: str, engine: str
) -> Iterator[segmentation_pb2.SegmentResponse]:
    """The result, then the label map and the brain mask in chunks."""
    yield segmentation_pb2.SegmentResponse(
        result=segmentation_pb2.SegmentResult(
            volumes=[volume_message(volume) for volume in outcome.volumes],
            metrics=_metrics_messages(outcome.metrics),
            conventions=_conventions_message(order.conventions) if order.has_reference else None,
            timings=timing_messages(outcome.timings_s),
            models=[model_message(model) for model in models],
            warnings=outcome.warnings,
            label_scheme=SCHEMES[order.label_scheme],
            server_version=server_version,
            engine=engine,
            mask_size_bytes=len(outcome.label_map),
            brain_mask_size_bytes=len(outcome.brain_mask),
            output_grid=MODALITIES[order.output_grid],
            findings=[finding_message(finding) for finding in outcome.findings],
            preparations=[_preparation_message(*each) for each in outcome.preparations.items()],
            shown_share=outcome.shown_share,
            worked_seconds=outcome.worked_s,
        )
    )
    for file, content in enumerate((outcome.label_map, outcome.brain_mask)):
        for chunk in chunk_messages(file, content):
            yield segmentation_pb2.SegmentResponse(mask_chunk=chunk)


def evaluate_message(
    order: EvaluateOrder, outcome: EvaluateOutcome, *, server_version: str
) -> evaluation_pb2.EvaluateResponse:
    """The judgement of a label map."""
    return evaluation_pb2.EvaluateResponse(
        metrics=_metrics_messages(outcome.metrics),
        prediction_volumes=[volume_message(volume) for volume in outcome.prediction_volumes],
        reference_volumes=[volume_message(volume) for volume in outcome.reference_volumes],
        conventions=_conventions_message(order.conventions),
        server_version=server_version,
    )


def model_message(model: ServedModel) -> types_pb2.ModelInfo:
    """A model that is served."""
    return types_pb2.ModelInfo(
        name=model.name,
        version=model.version,
        sha256=model.sha256,
        region=REGIONS[model.region],
        channels=[channel.value for channel in model.plan.channels],
    )


def chunk_messages(file: int, content: bytes) -> Iterator[types_pb2.Chunk]:
    """A file in pieces."""
    view = memoryview(content)
    for start in range(0, len(view), CHUNK_BYTES):
        yield types_pb2.Chunk(file=file, data=view[start : start + CHUNK_BYTES].tobytes())


def timing_messages(timings_s: Mapping[str, float]) -> list[types_pb2.StageTiming]:
    """Seconds per stage, in order."""
    return [types_pb2.StageTiming(stage=stage, seconds=seconds) for stage, seconds in timings_s.items()]


def label_scheme_messages() -> list[types_pb2.LabelScheme.ValueType]:
    """Every label scheme that is known here."""
    return list(SCHEMES.values())


def _preparation_message(modality: Modality, preparation: Preparation) -> types_pb2.Preparation:
    alignment = preparation.alignment
    return types_pb2.Preparation(
        modality=MODALITIES[modality],
        registered=alignment.registered,
        resampled=preparation.resampled,
        brain_extracted=preparation.brain_extracted,
        motion=alignment.motion.matrix.ravel().tolist(),
        similarity_before=alignment.similarity_before,
        similarity_after=alignment.similarity_after,
    )


def _file_specs(headers: Iterable[types_pb2.FileHeader]) -> tuple[FileSpec, ...]:
    return tuple(FileSpec(_role(header), header.size_bytes) for header in headers)


def _role(header: types_pb2.FileHeader) -> FileRole:
    role: FileRole | None = None
    if header.WhichOneof("role") == "modality":
        role = known("modality", header.modality, MODALITIES)
    elif header.WhichOneof("role") == "mask":
        role = known("mask", header.mask, MASK_ROLES)
    if role is None:
        raise OrderError("file", "must have a modality or a mask role", "none")
    return role


def _conventions(message: types_pb2.MetricConventions) -> MetricConventions:
    default = MetricConventions()
    return MetricConventions(
        hd95_definition=known("hd95_definition", message.hd95_definition, HD95) or default.hd95_definition,
        empty_mask_policy=known("empty_mask_policy", message.empty_mask_policy, POLICIES) or default.empty_mask_policy,
        specificity_domain=known("specificity_domain", message.specificity_domain, DOMAINS)
        or default.specificity_domain,
    )


def _conventions_message(conventions: MetricConventions) -> types_pb2.MetricConventions:
    return types_pb2.MetricConventions(
        hd95_definition=HD95[conventions.hd95_definition],
        empty_mask_policy=POLICIES[conventions.empty_mask_policy],
        specificity_domain=DOMAINS[conventions.specificity_domain],
    )


def _metrics_messages(metrics: Mapping[Region, RegionMetrics]) -> list[types_pb2.RegionMetrics]:
    return [
        types_pb2.RegionMetrics(
            region=REGIONS[region],
            dsc=one.dsc,
            hd95_mm=one.hd95_mm,
            sensitivity=one.sensitivity,
            specificity=one.specificity,
            status=STATUSES[one.status],
        )
        for region, one in metrics.items()
    ]


def volume_message(volume: RegionVolume) -> types_pb2.RegionVolume:
    """The size of a region."""
    return types_pb2.RegionVolume(
        region=REGIONS[volume.region],
        volume_ml=volume.volume_ml,
        voxels=volume.voxels,
        voxels_removed=volume.voxels_removed,
    )
