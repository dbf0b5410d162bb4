"""A gateway on a real socket over the arithmetic engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from grpc import aio

from serving.gateway.server import Gateway
from tests.serving.gateway.support import FakeEngine, small_settings


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
async def gateway(engine: FakeEngine) -> AsyncIterator[Gateway]:
    async with Gateway(small_settings(workers=2, queue_capacity=3), engine) as gateway:
        async with asyncio.timeout(20):
            await gateway.ready()
        yield gateway
        engine.open.set()


@pytest.fixture
async def channel(gateway: Gateway) -> AsyncIterator[aio.Channel]:
    async with aio.insecure_channel(gateway.address) as channel:
        yield channel
