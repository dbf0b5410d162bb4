"""Calls that end early, a full queue, a Triton that dies, and the end of a server."""

from __future__ import annotations

import signal
from pathlib import Path

import grpc
import pytest
from glioserve.v1.segmentation_pb2_grpc import SegmentationServiceStub
from grpc import aio
from grpc_health.v1 import health_pb2

from tests.e2e.calls import ENDED, begin, finish, until_health
from tests.e2e.running_server import RunningServer, eventually, running_server
from tests.serving.gateway.support import detail_of, exam_files, segment, segment_requests

pytestmark = pytest.mark.triton

RUNNING = "glioserve_running"


async def test_a_cancelled_call_frees_its_worker(server: RunningServer, channel: aio.Channel) -> None:
    cancelled = ENDED.format(code="CANCELLED")
    before = server.metric(cancelled)
    with server.frozen_triton():
        call = await begin(channel)
        assert server.metric(RUNNING) == 1
        call.cancel()

    await eventually(lambda: server.metric(RUNNING) == 0)
    assert server.metric(cancelled) == before + 1
    assert (await segment(channel, segment_requests(exam_files()))).label_map


async def test_a_deadline_that_passes_frees_its_worker(server: RunningServer, channel: aio.Channel) -> None:
    finished = server.metric(ENDED.format(code="OK"))
    with server.frozen_triton():
        call = await begin(channel, timeout_s=3.0)
        with pytest.raises(aio.AioRpcError) as caught:
            await finish(call)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED

    await eventually(lambda: server.metric(RUNNING) == 0)
    assert server.metric(ENDED.format(code="OK")) == finished
    assert (await segment(channel, segment_requests(exam_files()))).label_map


async def test_a_full_queue_turns_away_with_a_time_to_come_back(models: Path, tmp_path: Path) -> None:
    requests = segment_requests(exam_files())
    with running_server(models, tmp_path, workers=1, queue_capacity=1) as server:
        async with aio.insecure_channel(server.address) as channel:
            uploads = [SegmentationServiceStub(channel).Segment(timeout=120.0) for _ in range(2)]
            for upload in uploads:
                await upload.write(requests[0])  # the header alone: both now hold a place
            await eventually(lambda: server.metric("glioserve_queue_length") == 2)

            with pytest.raises(aio.AioRpcError) as caught:
                await segment(channel, requests)
            assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert detail_of(caught.value).kind == "QueueFullError"
            assert detail_of(caught.value).retry_after_ms > 0

            uploads[0].cancel()
            await eventually(lambda: server.metric("glioserve_queue_length") == 1)
            assert (await segment(channel, requests)).label_map
            uploads[1].cancel()


async def test_a_killed_triton_is_unavailable_and_comes_back(models: Path, tmp_path: Path) -> None:
    with running_server(models, tmp_path, golden_period_s=1) as server:
        async with aio.insecure_channel(server.address) as channel:
            expected = await segment(channel, segment_requests(exam_files()))
            (first_pid,) = server.triton_pids
            server.signal_triton(signal.SIGSTOP)
            call = await begin(channel)
            server.signal_triton(signal.SIGKILL)

            with pytest.raises(aio.AioRpcError) as caught:
                await finish(call)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            assert detail_of(caught.value).kind == "EngineUnavailableError"
            assert detail_of(caught.value).retry_after_ms > 0

            await eventually(lambda: server.triton_pids not in ([], [first_pid]))
            await until_health(channel, health_pb2.HealthCheckResponse.SERVING)
            assert (await segment(channel, segment_requests(exam_files()))).label_map == expected.label_map


async def test_sigterm_lets_the_running_exam_finish_and_leaves_nothing(models: Path, tmp_path: Path) -> None:
    with running_server(models, tmp_path) as server:
        async with aio.insecure_channel(server.address) as channel:
            with server.frozen_triton():
                call = await begin(channel)
                server.process.send_signal(signal.SIGTERM)
                await until_health(channel, health_pb2.HealthCheckResponse.NOT_SERVING)
                with pytest.raises(aio.AioRpcError) as caught:
                    await segment(channel, segment_requests(exam_files()))
                assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
                assert detail_of(caught.value).kind == "DrainingError"
            answer = await finish(call)

        assert len(answer.label_map) == answer.result.mask_size_bytes > 0
        assert server.process.wait(60) == 0
        assert server.triton_pids == []
