"""Between the contract's messages of synthetic exams and domain values, both ways."""

from __future__ import annotations

from collections.abc import Iterator

from glioserve.v1 import info_pb2, segmentation_pb2, synthesis_pb2, types_pb2

from imaging.brainmap.edit import MapEdit
from imaging.labels import LabelScheme
from imaging.modality import Modality
from imaging.synthesis.case import BuiltinSource
from serving.gateway.answers import Event, Found, GenerateOutcome, Progressed, Queued
from serving.gateway.conversions import chunk_messages, timing_messages, volume_message
from serving.gateway.errors import OrderError
from serving.gateway.numbers import ENHANCEMENTS, MODALITIES, SCHEMES, SIDES, known, scheme
from serving.gateway.orders import FileSpec, GenerateOrder, MapRole
from serving.inference.networks import ServedGenerator
from serving.synthesis.painter import DEFAULT_GENERATOR


def generate_order(header: synthesis_pb2.GenerateHeader) -> GenerateOrder:
    """What a header asks for.

    Raises:
        LabelError: The scheme's number is unknown.
        OrderError: Another value is unknown or out of its range, or the parts contradict each other.
        BrainMapError: The edit is none that a map could take.
    """
    sent = header.WhichOneof("source") == "map"
    return GenerateOrder(
        source=_builtin(header.builtin) if header.WhichOneof("source") == "builtin" else None,
        files=(FileSpec(MapRole.MAP, header.map.size_bytes),) if sent else (),
        edit=_edit(header.edit),
        edit_seed=header.edit_seed,
        generator=header.generator or DEFAULT_GENERATOR,
        modalities=tuple(_modality(number) for number in header.modalities) or tuple(Modality),
        label_scheme=scheme("label_scheme", header.label_scheme) or LabelScheme.BRATS_2018,
    )


def synthesis_event_message(event: Event) -> synthesis_pb2.GenerateResponse:
    """An event on the way."""
    match event:
        case Queued(position):
            return synthesis_pb2.GenerateResponse(queued=segmentation_pb2.QueueState(position=position))
        case Progressed(stage, done, total):
            progress = segmentation_pb2.Progress(stage=stage.value, done=done, total=total)
            return synthesis_pb2.GenerateResponse(progress=progress)
        case Found():
            raise TypeError("nothing is searched for where an exam is drawn")


def generate_messages(
    order: GenerateOrder, outcome: GenerateOutcome, *, server_version: str, engine: str
) -> Iterator[synthesis_pb2.GenerateResponse]:
    """The files that follow, the files in chunks, the result."""
    volumes, labels = outcome.files[:-1], outcome.files[-1]
    headers = [
        types_pb2.FileHeader(modality=MODALITIES[modality], size_bytes=len(content))
        for modality, content in zip(order.modalities, volumes, strict=True)
    ]
    headers.append(types_pb2.FileHeader(mask=types_pb2.MASK_ROLE_REFERENCE, size_bytes=len(labels)))
    yield synthesis_pb2.GenerateResponse(files=synthesis_pb2.GeneratedFiles(files=headers))
    for index, content in enumerate(outcome.files):
        for chunk in chunk_messages(index, content):
            yield synthesis_pb2.GenerateResponse(file_chunk=chunk)
    yield synthesis_pb2.GenerateResponse(
        result=synthesis_pb2.GenerateResult(
            sha256=outcome.provenance.files.values(),
            volumes=[volume_message(volume) for volume in outcome.volumes],
            label_scheme=SCHEMES[order.label_scheme],
            case_id=outcome.provenance.case_id,
            provenance_json=outcome.provenance.to_json(),
            timings=timing_messages(outcome.timings_s),
            server_version=server_version,
            engine=engine,
        )
    )


def generator_message(generator: ServedGenerator) -> info_pb2.GeneratorInfo:
    """A generator that is served."""
    return info_pb2.GeneratorInfo(
        name=generator.target,
        model=generator.name,
        version=generator.version,
        sha256=generator.sha256,
        draws=[MODALITIES[modality] for modality in generator.plan.draws],
    )


def _builtin(message: synthesis_pb2.BuiltinMap) -> BuiltinSource:
    return BuiltinSource(
        seed=message.seed,
        enhancement=known("enhancement", message.enhancement, ENHANCEMENTS),
        volume_ml=message.volume_ml if message.HasField("volume_ml") else None,
        side=known("side", message.side, SIDES),
    )


def _edit(message: synthesis_pb2.MapEdit) -> MapEdit:
    default = MapEdit()
    return MapEdit(
        shift_mm=_along_axes(message.shift_mm),
        scale=message.scale if message.HasField("scale") else default.scale,
        rotation_deg=_along_axes(message.rotation_deg),
        elastic_mm=message.elastic_mm,
        elastic_scale_mm=message.elastic_scale_mm if message.HasField("elastic_scale_mm") else default.elastic_scale_mm,
        mirror=message.mirror,
    )


def _along_axes(message: synthesis_pb2.AlongAxes) -> tuple[float, float, float]:
    return message.right, message.anterior, message.superior


def _modality(number: int) -> Modality:
    modality = known("modalities", number, MODALITIES)
    if modality is None:
        raise OrderError("modalities", "must name contrasts", "MODALITY_UNSPECIFIED")
    return modality
