"""The listener for probes: health without TLS, nothing else, until the end of the drain."""

from __future__ import annotations

import grpc
import pytest
from glioserve.v1 import info_pb2
from glioserve.v1.info_pb2_grpc import InfoServiceStub
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from serving.gateway.health import INFO, OVERALL, HealthBoard
from serving.gateway.metrics import GatewayMetrics
from serving.gateway.probes import ProbeListener, ProbePortError
from serving.gateway.server import Gateway
from tests.serving.gateway.support import FakeEngine, small_settings


async def status_of(channel: aio.Channel, service: str) -> int:
    answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service))
    return int(answer.status)


async def test_health_is_answered_and_nothing_else() -> None:
    async with Gateway(small_settings(health_port=0), FakeEngine()) as gateway:
        await gateway.ready()
        assert gateway.health_address not in {None, gateway.address}
        async with aio.insecure_channel(gateway.health_address) as channel:
            assert await status_of(channel, OVERALL) == health_pb2.HealthCheckResponse.SERVING
            assert await status_of(channel, INFO) == health_pb2.HealthCheckResponse.SERVING
            with pytest.raises(aio.AioRpcError) as caught:
                await InfoServiceStub(channel).GetInfo(info_pb2.GetInfoRequest())
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_there_is_none_unless_asked_for() -> None:
    async with Gateway(small_settings(), FakeEngine()) as gateway:
        assert gateway.health_address is None


async def test_it_tells_of_the_drain() -> None:
    board = HealthBoard(GatewayMetrics(), draws=False)
    server = aio.server()
    await board.open(server)
    async with ProbeListener(board, host="127.0.0.1", port=0) as probes:
        await board.engine_changed(ready=True)
        async with aio.insecure_channel(f"127.0.0.1:{probes.port}") as channel:
            assert await status_of(channel, OVERALL) == health_pb2.HealthCheckResponse.SERVING
            await board.drain()
            assert await status_of(channel, OVERALL) == health_pb2.HealthCheckResponse.NOT_SERVING


async def test_a_taken_port_is_named() -> None:
    board = HealthBoard(GatewayMetrics(), draws=False)
    async with ProbeListener(board, host="127.0.0.1", port=0) as first:
        with pytest.raises(ProbePortError, match=f"port {first.port}"):
            async with ProbeListener(board, host="127.0.0.1", port=first.port):
                pass


async def test_connections_end_at_their_age_and_calls_go_on() -> None:
    """Waits for the server to close the connection, for ever if it does not."""
    ready = grpc.ChannelConnectivity.READY
    async with (
        Gateway(small_settings(connection_age_s=0.2), FakeEngine()) as gateway,
        aio.insecure_channel(gateway.address) as channel,
    ):
        await InfoServiceStub(channel).GetInfo(info_pb2.GetInfoRequest())
        while channel.get_state() == ready:
            await channel.wait_for_state_change(ready)
        await InfoServiceStub(channel).GetInfo(info_pb2.GetInfoRequest())
