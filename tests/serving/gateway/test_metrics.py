"""What a gateway tells of itself beside its calls and exams."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import grpc
import pytest
from grpc import aio

from serving.errors import EngineBusyError
from serving.gateway.server import Gateway
from tests.serving.gateway.auth_support import tls_gateway
from tests.serving.gateway.support import FakeEngine, exam_files, segment, segment_requests
from tests.serving.gateway.test_server import metrics_of


def value(text: str, sample: str) -> float:
    (found,) = [line.rpartition(" ")[2] for line in text.splitlines() if line.rpartition(" ")[0] == sample]
    return float(found)


async def test_what_serves_and_how_much_of_it(gateway: Gateway) -> None:
    text = await metrics_of(gateway)
    assert value(text, 'glioserve_build_info{engine="onnxruntime",version="0.1.0"}') == 1
    assert value(text, 'glioserve_model{model="unet_wt",sha256="222222222222",version="1"}') == 1
    assert (value(text, "glioserve_workers"), value(text, "glioserve_queue_capacity")) == (2, 3)


async def test_micro_batches_and_waits_are_measured_and_golden_checks_are_not(
    channel: aio.Channel, gateway: Gateway, engine: FakeEngine
) -> None:
    assert "glioserve_batch_seconds_count{" not in await metrics_of(gateway)
    await segment(channel, segment_requests(exam_files()))

    text = await metrics_of(gateway)
    counts = [
        value(text, f'glioserve_batch_seconds_count{{model="{name}"}}') for name in ("unet_wt", "unet_tc", "unet_et")
    ]
    assert sum(counts) == engine.batches > 0
    assert value(text, 'glioserve_batch_size_sum{model="unet_wt"}') >= counts[0]
    assert value(text, "glioserve_queue_seconds_count") == 1
    assert value(text, 'glioserve_stage_seconds_count{stage="upload"}') == 1


async def test_faults_of_the_engine_are_counted_by_network_and_kind(
    channel: aio.Channel, gateway: Gateway, engine: FakeEngine
) -> None:
    engine.open.clear()
    call = asyncio.create_task(segment(channel, segment_requests(exam_files())))
    await asyncio.to_thread(engine.entered.wait, 20)
    engine.fault = EngineBusyError("unet_wt", "must have room", "none")
    engine.open.set()
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED

    text = await metrics_of(gateway)
    assert value(text, 'glioserve_engine_faults_total{kind="EngineBusyError",model="unet_wt"}') >= 1
    assert value(text, 'glioserve_errors_total{kind="EngineBusyError",method="v1.SegmentationService/Segment"}') == 1


async def test_the_end_of_the_certificate_is_told(engine: FakeEngine, tmp_path: Path) -> None:
    async with tls_gateway(engine, tmp_path) as gateway:
        ends = value(await metrics_of(gateway), "glioserve_certificate_end_seconds")
    assert 0 < ends - time.time() <= 86_400
