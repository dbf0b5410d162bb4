"""A server that speaks the real contract on a real socket, and answers what a test tells it to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NoReturn

import grpc
from glioserve.v1 import (
    evaluation_pb2,
    evaluation_pb2_grpc,
    info_pb2,
    info_pb2_grpc,
    segmentation_pb2,
    segmentation_pb2_grpc,
)
from glioserve.v1 import types_pb2 as pb
from glioserve.v1.contract import CHUNK_BYTES, ERROR_DETAIL_KEY
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from tests.client.exams import MASKS, VOXEL_ML, labels, nifti_gz

DIGEST = "c0ffee" * 10 + "0042"
WARNING = "The model saw <b>no</b> such case."
REGIONS = {pb.REGION_WT: "wt", pb.REGION_TC: "tc", pb.REGION_ET: "et"}

Answers = Iterator[segmentation_pb2.SegmentResponse]


@dataclass(frozen=True)
class Received:
    """A segmentation as it arrived: all bytes of all files, in the order of their headers."""

    header: segmentation_pb2.SegmentHeader
    files: tuple[bytes, ...]
    context: grpc.ServicerContext


Answer = Callable[[Received], Answers]


def volumes(*, found: bool = True) -> list[pb.RegionVolume]:
    voxels = {region: int(mask.sum()) if found else 0 for region, mask in MASKS.items()}
    return [
        pb.RegionVolume(region=number, volume_ml=voxels[name] * VOXEL_ML, voxels=voxels[name], voxels_removed=1234)
        for number, name in REGIONS.items()
    ]


def metrics(status: pb.MetricStatus.ValueType = pb.METRIC_STATUS_COMPUTED) -> list[pb.RegionMetrics]:
    computed = status == pb.METRIC_STATUS_COMPUTED
    value = 0.875 if computed else float("nan")
    return [
        pb.RegionMetrics(region=number, dsc=value, hd95_mm=2.25, sensitivity=0.8125, specificity=0.9375, status=status)
        for number in REGIONS
    ]


GENERATOR = info_pb2.GeneratorInfo(
    name="joint", model="generator_joint", version="2", sha256=DIGEST, draws=[1, 2, 3, 4]
)
MODEL = pb.ModelInfo(name="unet_wt", version="3", sha256=DIGEST, region=pb.REGION_WT, channels=["t1", "flair"])


def result(received: Received, mask: bytes, **changes: object) -> segmentation_pb2.SegmentResult:
    """A report on what was received; `changes` replace its fields."""
    message = segmentation_pb2.SegmentResult(
        volumes=volumes(),
        metrics=metrics() if len(received.files) == 5 else [],
        timings=[pb.StageTiming(stage="decode", seconds=0.25), pb.StageTiming(stage="segment_wt", seconds=1.5)],
        models=[MODEL],
        warnings=[WARNING],
        label_scheme=received.header.label_scheme,
        server_version="9.8.7",
        engine="triton",
        mask_size_bytes=len(mask),
    )
    message.conventions.CopyFrom(received.header.conventions)
    for name, value in changes.items():
        message.ClearField(name)
        message.MergeFrom(segmentation_pb2.SegmentResult(**{name: value}))
    return message


def part(**kind: object) -> segmentation_pb2.SegmentResponse:
    return segmentation_pb2.SegmentResponse(**kind)


def mask_chunks(mask: bytes, piece_bytes: int = 700) -> Answers:
    for start in range(0, len(mask), piece_bytes):
        yield part(mask_chunk=pb.Chunk(file=0, data=mask[start : start + piece_bytes]))


def succeed(received: Received) -> Answers:
    """Everything that a good server says, in its order."""
    mask = nifti_gz(labels())
    yield part(queued=segmentation_pb2.QueueState(position=2))
    yield part(progress=segmentation_pb2.Progress(stage="segment_wt", done=1, total=2))
    yield part(progress=segmentation_pb2.Progress(stage="segment_wt", done=2, total=2))
    yield part(partial=segmentation_pb2.PartialResult(volume=volumes()[0]))
    yield part(progress=segmentation_pb2.Progress(stage="segment_et", done=1, total=1))
    yield part(result=result(received, mask))
    yield from mask_chunks(mask)


def report(mask: bytes | None = None, **changes: object) -> Answer:
    """A report and a label map, with something changed."""

    def answer(received: Received) -> Answers:
        data = nifti_gz(labels()) if mask is None else mask
        yield part(result=result(received, data, **changes))
        yield from mask_chunks(data)

    return answer


def say(*responses: segmentation_pb2.SegmentResponse) -> Answer:
    """These answers and no more."""
    return lambda _: iter(responses)


def abort(
    context: grpc.ServicerContext, code: grpc.StatusCode, message: str, detail: pb.ErrorDetail | bytes | None = None
) -> NoReturn:
    if detail is not None:
        raw = detail if isinstance(detail, bytes) else detail.SerializeToString()
        context.set_trailing_metadata(((ERROR_DETAIL_KEY, raw),))
    context.abort(code, message)
    raise AssertionError("abort returns never")


def fail(code: grpc.StatusCode, message: str = "the reason", detail: pb.ErrorDetail | bytes | None = None) -> Answer:
    """A failed call."""

    def answer(received: Received) -> Answers:
        abort(received.context, code, message, detail)
        yield

    return answer


def busy(retry_after_ms: int = 1) -> Answer:
    """The queue is full."""
    return fail(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "no room",
        pb.ErrorDetail(kind="QueueFullError", retry_after_ms=retry_after_ms),
    )


@dataclass
class FakeServer(
    segmentation_pb2_grpc.SegmentationServiceServicer,
    evaluation_pb2_grpc.EvaluationServiceServicer,
    info_pb2_grpc.InfoServiceServicer,
):
    """Answers the calls in the order of `answers`; the last one stays.

    Args:
        answers: What to say to each segmentation.
        evaluate_status: What an evaluation says of its metrics, or the code that it fails with.
    """

    answers: list[Answer] = field(default_factory=lambda: [succeed])
    evaluate_status: pb.MetricStatus.ValueType | grpc.StatusCode = pb.METRIC_STATUS_COMPUTED
    received: list[Received] = field(default_factory=list)
    evaluated: list[tuple[evaluation_pb2.EvaluateHeader, tuple[bytes, ...]]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    target: str = ""
    schemes: list[int] = field(default_factory=lambda: [1, 5, 99])
    generators: list[info_pb2.GeneratorInfo] = field(default_factory=lambda: [GENERATOR])

    def Segment(  # noqa: N802 - gRPC's name
        self, request_iterator: Iterator[segmentation_pb2.SegmentRequest], context: grpc.ServicerContext
    ) -> Answers:
        first = next(request_iterator)
        assert first.WhichOneof("part") == "header"
        files = _files(first.header.files, (each.chunk for each in request_iterator))
        if files is None:
            abort(context, grpc.StatusCode.INVALID_ARGUMENT, "an upload that is cut off")
        received = Received(first.header, files, context)
        self.received.append(received)
        yield from self.answers[min(len(self.received), len(self.answers)) - 1](received)

    def Evaluate(  # noqa: N802 - gRPC's name
        self, request_iterator: Iterator[evaluation_pb2.EvaluateRequest], context: grpc.ServicerContext
    ) -> evaluation_pb2.EvaluateResponse:
        header = next(request_iterator).header
        files = _files(header.files, (each.chunk for each in request_iterator))
        assert files is not None
        self.evaluated.append((header, files))
        if isinstance(self.evaluate_status, grpc.StatusCode):
            detail = pb.ErrorDetail(kind="GridMismatchError", field="reference", rule="must share a grid", got="two")
            abort(context, self.evaluate_status, "no", detail)
        return evaluation_pb2.EvaluateResponse(
            metrics=metrics(self.evaluate_status),
            prediction_volumes=volumes(),
            reference_volumes=volumes(found=False),
            conventions=header.conventions,
            server_version="9.8.7",
        )

    def GetInfo(self, request: info_pb2.GetInfoRequest, context: grpc.ServicerContext) -> info_pb2.GetInfoResponse:  # noqa: N802, ARG002 - gRPC's
        generator = pb.ModelInfo(name="generator", version="1", sha256=DIGEST, channels=["brain_map"])
        return info_pb2.GetInfoResponse(
            server_version="9.8.7",
            engine="triton",
            models=[MODEL, generator],
            label_schemes=self.schemes,
            max_file_bytes=512 * 2**20,
            max_voxels=64_000_000,
            queue_capacity=8,
            queue_length=3,
            generators=self.generators,
        )

    def hang(self, received: Received) -> Answers:
        """Says one thing, then nothing until the call or the test ends."""
        received.context.add_callback(self.ended.set)
        yield part(queued=segmentation_pb2.QueueState(position=7))
        while received.context.is_active() and not self.released.is_set():
            time.sleep(0.01)


def _files(headers: list[pb.FileHeader], chunks: Iterator[pb.Chunk]) -> tuple[bytes, ...] | None:
    """The files, if they come whole, one after the other, in pieces of the size agreed on."""
    files = [bytearray() for _ in headers]
    last = 0
    for chunk in chunks:
        assert chunk.file >= last
        assert 0 < len(chunk.data) <= CHUNK_BYTES
        last = chunk.file
        files[chunk.file] += chunk.data
    if any(len(data) != header.size_bytes for data, header in zip(files, headers, strict=True)):
        return None
    return tuple(bytes(data) for data in files)


def start(
    fake: FakeServer,
    credentials: grpc.ServerCredentials | None = None,
    more: Sequence[Callable[[grpc.Server], None]] = (),
) -> grpc.Server:
    """Serves on a free port of this machine, which `fake.target` then names; `more` add services of their own."""
    server = grpc.server(ThreadPoolExecutor(4))
    segmentation_pb2_grpc.add_SegmentationServiceServicer_to_server(fake, server)
    evaluation_pb2_grpc.add_EvaluationServiceServicer_to_server(fake, server)
    info_pb2_grpc.add_InfoServiceServicer_to_server(fake, server)
    for add in more:
        add(server)
    checks = health.HealthServicer()
    checks.set("", health_pb2.HealthCheckResponse.SERVING)
    checks.set("glioserve.v1.SegmentationService", health_pb2.HealthCheckResponse.NOT_SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    address = "127.0.0.1:0"
    port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    fake.target = f"127.0.0.1:{port}"
    server.start()
    return server
