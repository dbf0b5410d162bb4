"""Calls that a test can stop half-way."""

from __future__ import annotations

from typing import Any

from glioserve.v1.segmentation_pb2_grpc import SegmentationServiceStub
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.serving.gateway.support import Answer, exam_files, iter_async, segment_requests

ENDED = 'glioserve_calls_total{{code="{code}",method="v1.SegmentationService/Segment"}}'
"""The metric that counts ended calls."""


async def begin(channel: aio.Channel, *, seed: int = 0, timeout_s: float | None = 120.0) -> Any:
    """A call whose exam is at the engine: it has been checked and normalised, and WT comes next."""
    call = SegmentationServiceStub(channel).Segment(iter_async(segment_requests(exam_files(seed))), timeout=timeout_s)
    while (await call.read()).progress.stage != "normalise":
        pass
    return call


async def finish(call: Any) -> Answer:
    """The rest of a call."""
    answer = Answer()
    while (response := await call.read()) is not aio.EOF:
        answer.add(response)
    return answer


async def until_health(channel: aio.Channel, status: health_pb2.HealthCheckResponse.ServingStatus.ValueType) -> None:
    """Wait until the server as a whole says so."""
    async for answer in health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=60.0):
        if answer.status == status:
            return
    raise AssertionError("the watch ended")
