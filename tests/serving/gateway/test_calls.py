"""How calls wait, end early and fail, over a real socket."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable

import grpc
import pytest
from glioserve.v1.segmentation_pb2_grpc import SegmentationServiceStub
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from serving.errors import EngineAnswerError, EngineUnavailableError
from serving.gateway.health import EVALUATION, OVERALL, SEGMENTATION
from serving.gateway.server import Gateway
from serving.gateway.status import PUSHBACK_KEY
from tests.serving.gateway.support import (
    FakeEngine,
    detail_of,
    evaluate,
    evaluate_requests,
    exam_files,
    iter_async,
    label_file,
    segment,
    segment_requests,
    small_settings,
)

Code = grpc.StatusCode
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # of another thread, or another program
            await asyncio.sleep(0.005)


async def until_health(channel: aio.Channel, status: int) -> None:
    async with asyncio.timeout(20):
        async for answer in health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest()):
            if answer.status == status:
                return


async def entered(engine: FakeEngine) -> None:
    await eventually(engine.entered.is_set)


async def code_of(call: Awaitable[object]) -> grpc.StatusCode:
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    code: grpc.StatusCode = caught.value.code()
    return code


async def health(channel: aio.Channel, service: str = OVERALL) -> int:
    answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service))
    return int(answer.status)


async def test_waiting_calls_are_told_their_place_and_a_full_queue_refuses(
    channel: aio.Channel, engine: FakeEngine, gateway: Gateway
) -> None:
    engine.open.clear()
    requests = segment_requests(exam_files())
    calls = [asyncio.create_task(segment(channel, requests)) for _ in range(5)]
    await eventually(lambda: (gateway.running, gateway.queue_length) == (2, 3))

    with pytest.raises(aio.AioRpcError) as caught:
        await segment(channel, requests)
    detail = detail_of(caught.value)
    assert (caught.value.code(), detail.kind) == (Code.RESOURCE_EXHAUSTED, "QueueFullError")
    assert detail.retry_after_ms >= 1000
    assert dict(caught.value.trailing_metadata())[PUSHBACK_KEY] == str(detail.retry_after_ms)
    assert await health(channel) == SERVING

    engine.open.set()
    answers = await asyncio.gather(*calls)
    assert len({answer.label_map for answer in answers}) == 1
    assert sorted(max(answer.queued, default=-1) for answer in answers) == [-1, -1, 0, 1, 2]


@pytest.mark.parametrize("way", ["cancel", "deadline", "hang up"])
async def test_a_call_that_ends_early_frees_its_worker_within_one_micro_batch(
    gateway: Gateway, engine: FakeEngine, way: str
) -> None:
    engine.open.clear()
    channel = aio.insecure_channel(gateway.address)
    call = SegmentationServiceStub(channel).Segment(
        iter_async(segment_requests(exam_files())), timeout=2.0 if way == "deadline" else 60
    )

    async def answers() -> None:
        async for _ in call:
            pass

    reader = asyncio.create_task(answers())
    await entered(engine)
    if way == "cancel":
        call.cancel()
    elif way == "hang up":
        await channel.close()
    await asyncio.wait([reader])
    await channel.close()
    await asyncio.sleep(0.1)
    assert gateway.running == 1  # its micro-batches are still with the engine
    engine.open.set()
    await eventually(lambda: gateway.running == 0)
    assert 1 <= engine.batches <= small_settings().in_flight
    if way == "deadline":
        assert call.done()
        assert await call.code() is Code.DEADLINE_EXCEEDED
    else:
        assert reader.cancelled() or isinstance(reader.exception(), aio.AioRpcError | aio.UsageError)


async def test_the_server_sets_a_deadline_where_the_client_sets_none(engine: FakeEngine) -> None:
    engine.open.clear()
    async with Gateway(small_settings(call_timeout_s=0.3), engine) as gateway:
        await gateway.ready()
        async with aio.insecure_channel(gateway.address) as channel:
            call = asyncio.create_task(segment(channel, segment_requests(exam_files()), timeout_s=None))
            await entered(engine)
            await asyncio.sleep(0.4)
            engine.open.set()
            with pytest.raises(aio.AioRpcError) as caught:
                await call
    assert (caught.value.code(), detail_of(caught.value).kind) == (Code.DEADLINE_EXCEEDED, "DeadlineError")


async def test_a_client_that_sends_nothing_is_let_go(engine: FakeEngine) -> None:
    async with Gateway(small_settings(upload_idle_s=0.1), engine) as gateway:
        await gateway.ready()
        async with aio.insecure_channel(gateway.address) as channel:
            for sent in (0, 2):
                call = SegmentationServiceStub(channel).Segment()
                for request in segment_requests(exam_files())[:sent]:
                    await call.write(request)
                assert await call.code() is Code.DEADLINE_EXCEEDED
        assert gateway.queue_length == 0


async def test_an_engine_that_went_away_is_unavailable_until_it_is_back(
    channel: aio.Channel, engine: FakeEngine
) -> None:
    requests = segment_requests(exam_files())
    engine.open.clear()
    call = asyncio.create_task(segment(channel, requests))
    await entered(engine)
    engine.fault = EngineUnavailableError("triton", "must answer", "a closed connection")
    engine.open.set()

    with pytest.raises(aio.AioRpcError) as caught:
        await call
    detail = detail_of(caught.value)
    assert (caught.value.code(), detail.kind) == (Code.UNAVAILABLE, "EngineUnavailableError")
    assert detail.retry_after_ms > 0

    await until_health(channel, NOT_SERVING)
    assert await health(channel, SEGMENTATION) == NOT_SERVING
    assert await health(channel, EVALUATION) == SERVING
    assert await code_of(segment(channel, requests[:1])) is Code.UNAVAILABLE
    assert (await evaluate(channel, evaluate_requests(label_file(), label_file()))).metrics

    engine.fault = None
    await until_health(channel, SERVING)
    assert (await segment(channel, requests)).label_map


async def test_refusing_many_calls_for_one_fault_of_the_engine_keeps_nothing_of_them(
    channel: aio.Channel, engine: FakeEngine
) -> None:
    engine.fault = EngineUnavailableError("triton", "must answer", "a closed connection")
    await until_health(channel, NOT_SERVING)
    for _ in range(10):
        assert await code_of(segment(channel, segment_requests({})[:1])) is Code.INVALID_ARGUMENT
        assert await code_of(segment(channel, segment_requests(exam_files())[:1])) is Code.UNAVAILABLE
    # The frames of one call and, as the golden check meets the same object, of a check or two; ten calls have 60.
    assert len(list(traceback.walk_tb(engine.fault.__traceback__))) < 30


async def test_a_golden_check_that_breaks_altogether_is_repeated(channel: aio.Channel, engine: FakeEngine) -> None:
    predict = engine.predict

    def broken(*_: object) -> None:
        raise RuntimeError("of no kind that is foreseen")

    engine.predict = broken  # type: ignore[method-assign, assignment]
    await until_health(channel, NOT_SERVING)
    engine.predict = predict  # type: ignore[method-assign]
    await until_health(channel, SERVING)


async def test_faults_of_ours_tell_nothing_but_an_id(channel: aio.Channel, engine: FakeEngine) -> None:
    engine.bug = RuntimeError("a secret")
    with pytest.raises(aio.AioRpcError) as caught:
        await segment(channel, segment_requests(exam_files()))
    assert (caught.value.code(), detail_of(caught.value).kind) == (Code.INTERNAL, "InternalError")
    assert "secret" not in str(caught.value)


async def test_an_engine_that_answers_nonsense_is_internal(channel: aio.Channel, engine: FakeEngine) -> None:
    engine.open.clear()
    call = asyncio.create_task(segment(channel, segment_requests(exam_files())))
    await entered(engine)
    engine.fault = EngineAnswerError("unet_wt", "must answer", "no bytes")
    engine.open.set()
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    assert (caught.value.code(), detail_of(caught.value).kind) == (Code.INTERNAL, "EngineAnswerError")


async def test_draining_finishes_what_runs_and_refuses_the_rest(engine: FakeEngine) -> None:
    engine.open.clear()
    requests = segment_requests(exam_files())
    gateway = Gateway(small_settings(drain_s=20), engine)
    await gateway.__aenter__()
    await gateway.ready()
    async with aio.insecure_channel(gateway.address) as channel:
        call = asyncio.create_task(segment(channel, requests))
        await entered(engine)
        stopping = asyncio.create_task(gateway.__aexit__(None, None, None))
        await until_health(channel, NOT_SERVING)
        with pytest.raises(aio.AioRpcError) as caught:
            await segment(channel, requests)
        assert (caught.value.code(), detail_of(caught.value).kind) == (Code.UNAVAILABLE, "DrainingError")

        engine.open.set()
        assert (await call).label_map
        await stopping


async def test_what_does_not_finish_in_time_is_ended_with_a_reason(engine: FakeEngine) -> None:
    engine.open.clear()
    requests = segment_requests(exam_files())
    gateway = Gateway(small_settings(workers=1, drain_s=0.05), engine)
    await gateway.__aenter__()
    await gateway.ready()
    async with aio.insecure_channel(gateway.address) as channel:
        calls = [asyncio.create_task(segment(channel, requests)) for _ in range(2)]
        await entered(engine)
        await eventually(lambda: gateway.queue_length == 1)
        stopping = asyncio.create_task(gateway.__aexit__(None, None, None))
        await asyncio.sleep(0.2)
        engine.open.set()
        for call in calls:
            with pytest.raises(aio.AioRpcError) as caught:
                await call
            assert (caught.value.code(), detail_of(caught.value).kind) == (Code.UNAVAILABLE, "DrainingError")
        await stopping
    assert 1 <= engine.batches <= small_settings().in_flight
