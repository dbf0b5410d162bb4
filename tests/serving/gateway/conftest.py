"""A gateway on a real socket over the arithmetic engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from serving.gateway.server import Gateway
from tests.serving.gateway.support import FakeEngine, small_settings


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
async def gateway(engine: FakeEngine) -> AsyncIterator[Gateway]:
    async with Gateway(small_settings(workers=2, queue_capacity=3), engine) as gateway:
        async with asyncio.timeout(20):
            await until_serving(gateway.address)
        yield gateway
        engine.open.set()


@pytest.fixture
async def channel(gateway: Gateway) -> AsyncIterator[aio.Channel]:
    async with aio.insecure_channel(gateway.address) as channel:
        yield channel


async def until_serving(address: str) -> None:
    async with aio.insecure_channel(address) as channel:
        async for answer in health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest()):
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                return
