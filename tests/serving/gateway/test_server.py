"""What surrounds the calls: information, health, reflection, metrics, ports, TLS."""

from __future__ import annotations

import asyncio
import socket
import urllib.request

import grpc
import pytest
from glioserve.v1 import info_pb2, types_pb2
from glioserve.v1.info_pb2_grpc import InfoServiceStub
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from serving.errors import EngineUnavailableError
from serving.gateway.server import Gateway, GatewayStartError
from tests.serving.gateway.support import FakeEngine, exam_files, iter_async, segment, segment_requests, small_settings


async def metrics_of(gateway: Gateway) -> str:
    def fetch() -> str:
        with urllib.request.urlopen(f"http://{gateway.metrics_address}/metrics") as answer:
            return str(answer.read().decode())

    return await asyncio.to_thread(fetch)


async def test_information_names_models_schemes_and_limits(channel: aio.Channel) -> None:
    info = await InfoServiceStub(channel).GetInfo(info_pb2.GetInfoRequest())

    assert [model.name for model in info.models] == ["unet_wt", "unet_tc", "unet_et"]
    assert list(info.models[1].channels) == ["t1", "t2", "flair", "t1ce_minus_t1"]
    assert list(info.label_schemes) == [1, 2, 3, 4, 5]
    assert info.engine == "onnxruntime"
    assert (info.queue_capacity, info.queue_length) == (3, 0)
    assert info.max_file_bytes == 128 * 1024**2
    assert info.models[0].region == types_pb2.REGION_WT
    (generator,) = info.generators
    assert (generator.name, generator.model, generator.version) == ("joint", "generator_joint", "3")
    assert list(generator.draws) == [1, 2, 3, 4]


async def test_reflection_lists_every_service(channel: aio.Channel) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    requests = iter_async([reflection_pb2.ServerReflectionRequest(list_services="")])
    names = [
        service.name
        async for answer in stub.ServerReflectionInfo(requests)
        for service in answer.list_services_response.service
    ]
    assert {name for name in names if name.startswith("glioserve.")} == {
        "glioserve.v1.SegmentationService",
        "glioserve.v1.EvaluationService",
        "glioserve.v1.SynthesisService",
        "glioserve.v1.CheckService",
        "glioserve.v1.CohortService",
        "glioserve.v1.InfoService",
    }
    assert "grpc.health.v1.Health" in names


async def test_metrics_count_stages_calls_and_gated_voxels(channel: aio.Channel, gateway: Gateway) -> None:
    await segment(channel, segment_requests(exam_files()))
    with pytest.raises(aio.AioRpcError):
        await segment(channel, [])

    lines = (await metrics_of(gateway)).splitlines()
    assert 'glioserve_calls_total{code="OK",method="v1.SegmentationService/Segment"} 1.0' in lines
    assert 'glioserve_calls_total{code="INVALID_ARGUMENT",method="v1.SegmentationService/Segment"} 1.0' in lines
    for stage in ("decode", "normalise", "segment_wt", "segment_et", "encode"):
        assert f'glioserve_stage_seconds_count{{stage="{stage}"}} 1.0' in lines
    assert 'glioserve_gate_removed_voxels_count{region="et"} 1.0' in lines
    assert "glioserve_engine_ready 1.0" in lines
    assert "glioserve_running 0.0" in lines
    assert any(line.startswith("process_resident_memory_bytes") for line in lines)


async def test_nothing_is_served_before_the_golden_check(engine: FakeEngine) -> None:
    engine.fault = EngineUnavailableError("triton", "must answer", "nothing")
    async with Gateway(small_settings(), engine) as gateway, aio.insecure_channel(gateway.address) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        assert (await check(health_pb2.HealthCheckRequest())).status == health_pb2.HealthCheckResponse.NOT_SERVING
        with pytest.raises(aio.AioRpcError) as caught:
            await segment(channel, segment_requests(exam_files()))
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        engine.fault = None
        async with asyncio.timeout(20):
            await gateway.ready()


@pytest.mark.parametrize("setting", ["port", "metrics_port"])
async def test_a_port_that_is_taken_is_named(engine: FakeEngine, setting: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(GatewayStartError, match=rf"{setting}: must be free.*{port}"):
            async with Gateway(small_settings(**{setting: port}), engine):
                pass


@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", False), ("localhost", False), ("0.0.0.0", True)])  # noqa: S104
async def test_what_reaches_beyond_this_machine_unprotected_is_warned_of(
    engine: FakeEngine, caplog: pytest.LogCaptureFixture, host: str, *, warned: bool
) -> None:
    async with Gateway(small_settings(host=host, insecure_listen=True), engine) as gateway:
        assert gateway.metrics_address.startswith("127.0.0.1:")
    assert ("gateway.plaintext" in caplog.messages) is warned
    assert ("gateway.open" in caplog.messages) is warned
