"""One trace from the caller through the gateway to Triton, told to a real collector."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from glioserve.v1 import segmentation_pb2
from glioserve.v1.segmentation_pb2_grpc import SegmentationServiceStub
from grpc import aio

from serving.errors import EngineAnswerError
from serving.gateway.server import Gateway
from serving.inference.engine import Engine, InferenceEngine
from serving.inference.triton_predictor import TritonPredictor
from serving.telemetry.opening import TelemetryMissingError, open_tracing
from serving.telemetry.request import REQUEST_ID_KEY
from serving.triton.launcher import TritonServer
from serving.triton.runtime import TritonRuntime
from serving.triton.settings import TritonSettings
from tests.serving.gateway.support import FakeEngine, exam_files, iter_async, segment_requests, small_settings
from tests.serving.telemetry.collector import Collector, running_collector

TRACE, CALLER = "ab" * 16, "cd" * 8
CONTEXT = ("traceparent", f"00-{TRACE}-{CALLER}-01")
NAME = "glioserve.v1.SegmentationService/Segment"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as collector:
        yield collector


@asynccontextmanager
async def traced(engine: InferenceEngine, collector: Collector, /, **changes: Any) -> AsyncIterator[aio.Channel]:
    """A gateway that tells the collector all of its spans before the context is left."""
    async with Gateway(small_settings(telemetry=collector.url, **changes), engine) as gateway:
        async with asyncio.timeout(20):
            await gateway.ready()
        async with aio.insecure_channel(gateway.address) as channel:
            yield channel


async def call(
    channel: aio.Channel, requests: list[segmentation_pb2.SegmentRequest], *metadata: tuple[str, str]
) -> Any:
    call = SegmentationServiceStub(channel).Segment(iter_async(requests), metadata=metadata, timeout=60)
    async for _ in call:
        pass
    return await call.trailing_metadata()


async def test_the_callers_trace_goes_on_with_the_call_its_stages_and_its_micro_batches(collector: Collector) -> None:
    async with traced(FakeEngine(), collector, in_flight=2) as channel:
        await call(channel, segment_requests(exam_files()), CONTEXT)

    (span,) = collector.named(NAME)
    assert (span.trace_id, span.parent_id, span.service) == (TRACE, CALLER, "glioserve-gateway")
    assert (span.attributes["rpc.grpc.status"], span.failed) == ("OK", False)
    inner = [one for one in collector.spans if one is not span]
    assert {one.parent_id for one in inner} == {span.span_id}
    assert all(span.start_ns <= one.start_ns <= one.end_ns <= span.end_ns for one in inner)
    stages = {
        "upload",
        "queue",
        "decode",
        "case_check",
        "normalise",
        "segment_wt",
        "segment_tc",
        "segment_et",
        "encode",
    }
    assert stages <= {one.name for one in inner}
    batches = collector.named("infer unet_wt")
    assert sum(one.attributes["glioserve.batch_size"] for one in batches) >= 20


async def test_a_trace_begins_here_where_the_caller_has_none(collector: Collector) -> None:
    async with traced(FakeEngine(), collector) as channel:
        await call(channel, segment_requests(exam_files()))
    (span,) = collector.named(NAME)
    assert span.parent_id == ""


async def test_the_share_decides_unless_the_caller_did(collector: Collector) -> None:
    async with traced(FakeEngine(), collector, telemetry_share=0) as channel:
        await call(channel, segment_requests(exam_files()))
        await call(channel, segment_requests(exam_files()), CONTEXT)
    assert {span.trace_id for span in collector.spans} == {TRACE}


async def test_faults_are_told_by_their_kind_alone(collector: Collector) -> None:
    engine = FakeEngine()
    async with traced(engine, collector) as channel:
        with pytest.raises(aio.AioRpcError):
            await call(channel, [segmentation_pb2.SegmentRequest()], CONTEXT)
        engine.open.clear()
        failing = asyncio.create_task(call(channel, segment_requests(exam_files())))
        await asyncio.to_thread(engine.entered.wait, 20)
        engine.fault = EngineAnswerError("unet_wt", "must answer", "a secret")
        engine.open.set()
        with pytest.raises(aio.AioRpcError):
            await failing
    asked, broken = sorted(collector.named(NAME), key=lambda span: span.start_ns)
    assert (asked.attributes["error.type"], asked.failed) == ("UploadOrderError", False)
    assert (broken.attributes["error.type"], broken.failed) == ("EngineAnswerError", True)
    assert collector.named("infer unet_wt")[0].attributes["error.type"] == "EngineAnswerError"
    assert "secret" not in repr(collector.spans)


async def test_an_id_that_is_no_uuid_is_not_taken(collector: Collector) -> None:
    async with traced(FakeEngine(), collector) as channel:
        given = "123e4567-e89b-12d3-a456-426614174000"
        answered = dict(await call(channel, segment_requests(exam_files()), (REQUEST_ID_KEY, given)))
        assert answered[REQUEST_ID_KEY] == given
        with pytest.raises(aio.AioRpcError) as caught:
            await call(channel, [], (REQUEST_ID_KEY, "MRN-0815-Doe"))
        assert len(str(dict(caught.value.trailing_metadata())[REQUEST_ID_KEY])) == 36
    assert "Doe" not in repr(collector.spans)


@pytest.mark.triton
async def test_triton_goes_on_with_the_trace(
    repository: Path, runtime: TritonRuntime, collector: Collector, tmp_path: Path
) -> None:
    settings = TritonSettings(repository, tmp_path / "triton.log", traces_url=f"{collector.url}/v1/traces")
    with TritonServer(settings, runtime) as own, closing(TritonPredictor(own.address)) as engine:
        assert not collector.spans, "golden checks are no calls"
        async with traced(engine, collector, engine=Engine.TRITON) as channel:
            await call(channel, segment_requests(exam_files()), CONTEXT)
        asked = await asyncio.to_thread(collector.wait_for, "infer unet_wt")
        await asyncio.to_thread(collector.wait_for, "compute")
    answered = [span for span in collector.named("InferRequest") if span.service == "glioserve-triton"]
    assert {span.trace_id for span in collector.spans} == {TRACE}
    assert asked.span_id in {span.parent_id for span in answered}
    batches = [span for span in collector.spans if span.name.startswith("infer ")]
    assert {span.parent_id for span in answered} <= {span.span_id for span in batches}


def test_nothing_of_opentelemetry_is_imported_where_nothing_is_traced() -> None:
    code = (
        "import sys; import serving.cli, serving.stack, serving.serve; from serving.settings import Settings;"
        "from serving.telemetry.opening import open_tracing; open_tracing(Settings()).close();"
        "print(*(name for name in sys.modules if name.startswith('opentelemetry')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serving.telemetry.otlp", None)
    with pytest.raises(TelemetryMissingError, match="extra telemetry"):
        open_tracing(small_settings(telemetry="http://127.0.0.1:4318"))


async def test_a_collector_that_is_away_costs_no_call() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = Collector(f"http://127.0.0.1:{free.getsockname()[1]}")
        async with traced(FakeEngine(), nobody) as channel:
            await call(channel, segment_requests(exam_files()))
