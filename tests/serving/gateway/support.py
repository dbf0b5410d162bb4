"""An engine made of plain arithmetic, small exams, and a client of bare stubs."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from glioserve.v1 import evaluation_pb2, segmentation_pb2, synthesis_pb2, types_pb2
from glioserve.v1.contract import CHUNK_BYTES, ERROR_DETAIL_KEY
from glioserve.v1.evaluation_pb2_grpc import EvaluationServiceStub
from glioserve.v1.segmentation_pb2_grpc import SegmentationServiceStub
from glioserve.v1.synthesis_pb2_grpc import SynthesisServiceStub
from grpc import aio

from imaging.brainmap.golden import golden_maps
from imaging.brainmap.maps import BrainMap
from imaging.brainmap.store import encode_map
from imaging.modality import Channel, Modality
from imaging.nifti import write_nifti
from imaging.pipeline.golden import GoldenAnswer, golden_slices
from imaging.pipeline.plan import ModelPlan
from imaging.pipeline.predictor import Slices
from imaging.regions import Region
from imaging.volume import Volume
from serving.errors import ServingError
from serving.inference.catalog import MODEL_NAMES, ModelCatalog
from serving.inference.engine import Engine
from serving.inference.networks import ServedGenerator, ServedModel
from serving.settings import Settings
from tests.serving.model_repository import GENERATOR_PLAN

SHAPE = (64, 64, 32)
AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])
CHANNELS = (Channel.T1, Channel.T2, Channel.FLAIR)
THRESHOLDS = {Region.WT: 1.0, Region.TC: 1.5, Region.ET: 2.0}
MODALITY_NUMBERS = {
    Modality.T1: types_pb2.MODALITY_T1,
    Modality.T1CE: types_pb2.MODALITY_T1CE,
    Modality.T2: types_pb2.MODALITY_T2,
    Modality.FLAIR: types_pb2.MODALITY_FLAIR,
}


def arithmetic(region: Region, slices: Slices) -> npt.NDArray[np.float32]:
    """Bright FLAIR is tumour: the brighter, the deeper the region."""
    answer: npt.NDArray[np.float32] = 1.0 / (1.0 + np.exp(4.0 * (THRESHOLDS[region] - slices[:, 2].astype(np.float32))))
    return answer.astype(np.float32)


def shades(maps: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Each band in a grey of its own, a little darker with each contrast."""
    greys = np.array([0.2, 0.4, 0.6, 0.8], np.float32)
    bands = maps[:, : 4 * len(Modality)].reshape(len(maps), len(Modality), 4, *maps.shape[2:])
    darker = np.array([1.0, 0.95, 0.9, 0.85], np.float32)[:, None, None]
    return np.asarray(np.einsum("scbij,b->scij", bands, greys) * darker, dtype=np.float32)


class FakeEngine:
    """Answers by arithmetic. Can be told to fail, or to hold its answers back."""

    engine = Engine.ONNXRUNTIME

    def __init__(self) -> None:
        self.fault: ServingError | None = None
        self.bug: Exception | None = None
        """As `fault`, but the golden check doesn't meet it."""
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()
        self.batches = 0
        self.catalog = ModelCatalog({region: _model(region) for region in Region}, {"joint": _generator()})

    def predict(self, region: Region, slices: Slices) -> npt.NDArray[np.float32]:
        self._pass(slices)
        return arithmetic(region, slices)

    def draw(self, generator: str, maps: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        self.catalog.generator(generator)
        self._pass(maps)
        return shades(maps)

    def close(self) -> None: ...

    def _pass(self, batch: npt.NDArray[np.float32]) -> None:
        """Fail, or wait, as a test wants it; the golden check never waits."""
        golden = batch.shape[2:] == (64, 64) and batch.shape[0] == 2
        if self.fault is not None:
            raise self.fault
        if not golden:
            self.batches += 1
            self.entered.set()
            if not self.open.wait(30.0):
                raise TimeoutError("the test never opened the engine")
            if self.bug is not None:
                raise self.bug
            if self.fault is not None:
                raise self.fault


def _generator() -> ServedGenerator:
    return ServedGenerator(
        name="generator_joint",
        version="3",
        sha256="a" * 64,
        plan=GENERATOR_PLAN,
        golden=GoldenAnswer.record(shades(golden_maps(GENERATOR_PLAN.channels))),
        max_batch_size=4,
    )


def _model(region: Region) -> ServedModel:
    channels = (*CHANNELS, Channel.T1CE_MINUS_T1) if region is not Region.WT else CHANNELS
    return ServedModel(
        region=region,
        name=MODEL_NAMES[region],
        version="1",
        sha256=f"{len(region.value)}" * 64,
        plan=ModelPlan(region, channels),
        golden=GoldenAnswer.record(arithmetic(region, golden_slices(len(channels)))),
        max_batch_size=64,
    )


def exam_volumes(seed: int = 0, shape: tuple[int, int, int] = SHAPE) -> dict[Modality, Volume]:
    """A skull-stripped "exam": noise in an ellipsoid, with one bright lesion."""
    random = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, extent) for extent in shape], indexing="ij"))
    brain = (grid**2).sum(axis=0) < 0.8
    centre = random.uniform(-0.25, 0.25, (3, 1, 1, 1))
    lesion = np.clip(1.0 - ((grid - centre) ** 2).sum(axis=0) / 0.12, 0.0, 1.0)
    volumes = {}
    for modality in Modality:
        voxels = 300 + 40 * random.standard_normal(shape)
        voxels += lesion * {"t1": -80, "t1ce": 150, "t2": 300, "flair": 500}[modality.value]
        volumes[modality] = Volume.from_affine(np.where(brain, voxels, 0).astype(np.int16), AFFINE)
    return volumes


def exam_files(seed: int = 0) -> dict[Modality, bytes]:
    return {modality: write_nifti(volume) for modality, volume in exam_volumes(seed).items()}


def label_file(labels: npt.NDArray[np.uint8] | None = None) -> bytes:
    """A label map of BraTS 2018: boxes of ED, NCR and ET within each other."""
    if labels is None:
        labels = np.zeros(SHAPE, np.uint8)
        labels[20:40, 20:40, 10:20] = 2
        labels[25:35, 25:35, 12:18] = 1
        labels[28:32, 28:32, 13:16] = 4
    return write_nifti(Volume.from_affine(labels, AFFINE))


def modality_header(modality: Modality, size: int) -> types_pb2.FileHeader:
    return types_pb2.FileHeader(modality=MODALITY_NUMBERS[modality], size_bytes=size)


def mask_header(role: types_pb2.MaskRole.ValueType, size: int) -> types_pb2.FileHeader:
    return types_pb2.FileHeader(mask=role, size_bytes=size)


def chunks(files: Sequence[bytes], *, size: int = CHUNK_BYTES) -> list[types_pb2.Chunk]:
    return [
        types_pb2.Chunk(file=index, data=content[start : start + size])
        for index, content in enumerate(files)
        for start in range(0, len(content), size)
    ]


def segment_requests(
    files: Mapping[Modality, bytes], *, reference: bytes | None = None, **header: Any
) -> list[segmentation_pb2.SegmentRequest]:
    """The requests of an ordinary call."""
    headers = [modality_header(modality, len(content)) for modality, content in files.items()]
    contents = list(files.values())
    if reference is not None:
        headers.append(mask_header(types_pb2.MASK_ROLE_REFERENCE, len(reference)))
        contents.append(reference)
        header.setdefault("reference_label_scheme", types_pb2.LABEL_SCHEME_BRATS_2018)
    first = segmentation_pb2.SegmentRequest(header=segmentation_pb2.SegmentHeader(files=headers, **header))
    return [first, *(segmentation_pb2.SegmentRequest(chunk=chunk) for chunk in chunks(contents))]


def evaluate_requests(prediction: bytes, reference: bytes, **header: Any) -> list[evaluation_pb2.EvaluateRequest]:
    headers = [
        mask_header(types_pb2.MASK_ROLE_PREDICTION, len(prediction)),
        mask_header(types_pb2.MASK_ROLE_REFERENCE, len(reference)),
    ]
    header = {
        "prediction_label_scheme": types_pb2.LABEL_SCHEME_BRATS_2018,
        "reference_label_scheme": types_pb2.LABEL_SCHEME_BRATS_2018,
    } | header
    first = evaluation_pb2.EvaluateRequest(header=evaluation_pb2.EvaluateHeader(files=headers, **header))
    return [first, *(evaluation_pb2.EvaluateRequest(chunk=chunk) for chunk in chunks([prediction, reference]))]


def generate_requests(content: bytes, **header: Any) -> list[synthesis_pb2.GenerateRequest]:
    """The requests of a call that draws from a map of its own, in an `.npz` file."""
    source = synthesis_pb2.UploadedMap(size_bytes=len(content))
    first = synthesis_pb2.GenerateRequest(header=synthesis_pb2.GenerateHeader(map=source, **header))
    return [first, *(synthesis_pb2.GenerateRequest(chunk=chunk) for chunk in chunks([content]))]


def map_file(brain_map: BrainMap) -> bytes:
    """A map as it is sent."""
    return encode_map(brain_map)


@dataclass
class Drawn:
    """What came back of one call of `Generate`."""

    queued: list[int] = field(default_factory=list)
    progress: list[tuple[str, int, int]] = field(default_factory=list)
    headers: list[types_pb2.FileHeader] = field(default_factory=list)
    files: list[bytes] = field(default_factory=list)
    result: synthesis_pb2.GenerateResult = field(default_factory=synthesis_pb2.GenerateResult)

    def add(self, response: synthesis_pb2.GenerateResponse) -> None:
        match response.WhichOneof("part"):
            case "queued":
                self.queued.append(response.queued.position)
            case "progress":
                progress = response.progress
                self.progress.append((progress.stage, progress.done, progress.total))
            case "files":
                self.headers = list(response.files.files)
                self.files = [b""] * len(self.headers)
            case "file_chunk":
                self.files[response.file_chunk.file] += response.file_chunk.data
            case "result":
                self.result = response.result


async def generate(
    channel: aio.Channel, requests: Iterable[synthesis_pb2.GenerateRequest], *, timeout_s: float | None = 60.0
) -> Drawn:
    """One whole call."""
    drawn = Drawn()
    async for response in SynthesisServiceStub(channel).Generate(iter_async(requests), timeout=timeout_s):
        drawn.add(response)
    return drawn


@dataclass
class Answer:
    """What came back of one call of `Segment`."""

    queued: list[int] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    partial: list[types_pb2.RegionVolume] = field(default_factory=list)
    result: segmentation_pb2.SegmentResult = field(default_factory=segmentation_pb2.SegmentResult)
    label_map: bytes = b""

    def add(self, response: segmentation_pb2.SegmentResponse) -> None:
        match response.WhichOneof("part"):
            case "queued":
                self.queued.append(response.queued.position)
            case "progress":
                self.stages.append(response.progress.stage)
            case "partial":
                self.partial.append(response.partial.volume)
            case "result":
                self.result = response.result
            case "mask_chunk":
                self.label_map += response.mask_chunk.data


async def segment(
    channel: aio.Channel, requests: Iterable[segmentation_pb2.SegmentRequest], *, timeout_s: float | None = 60.0
) -> Answer:
    """One whole call."""
    answer = Answer()
    async for response in SegmentationServiceStub(channel).Segment(iter_async(requests), timeout=timeout_s):
        answer.add(response)
    return answer


async def evaluate(
    channel: aio.Channel, requests: Iterable[evaluation_pb2.EvaluateRequest]
) -> evaluation_pb2.EvaluateResponse:
    return await EvaluationServiceStub(channel).Evaluate(iter_async(requests), timeout=60.0)


async def iter_async(items: Iterable[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


def detail_of(error: aio.AioRpcError) -> types_pb2.ErrorDetail:
    """The typed detail of a failed call."""
    return types_pb2.ErrorDetail.FromString(dict(error.trailing_metadata())[ERROR_DETAIL_KEY])


def small_settings(**changes: Any) -> Settings:
    """Settings of a server on free ports."""
    return Settings(**{"port": 0, "metrics_port": 0, "engine": Engine.ONNXRUNTIME, "golden_period_s": 0.1} | changes)
