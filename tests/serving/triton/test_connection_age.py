"""A real Triton closes connections at the age that it was told, and goes on answering."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from serving.triton.launcher import TritonServer
from serving.triton.runtime import TritonRuntime
from serving.triton.settings import TritonSettings

READY = grpc.ChannelConnectivity.READY


@pytest.mark.triton
async def test_connections_end_at_their_age(repository: Path, runtime: TritonRuntime, tmp_path: Path) -> None:
    """Waits for Triton to close the connection, for ever if it does not."""
    settings = TritonSettings(repository, tmp_path / "triton.log", connection_age_s=1.0)
    with TritonServer(settings, runtime) as server:
        async with aio.insecure_channel(server.address) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            request = health_pb2.HealthCheckRequest()
            assert (await health.Check(request)).status == health_pb2.HealthCheckResponse.SERVING
            while channel.get_state() == READY:
                await channel.wait_for_state_change(READY)
            assert (await health.Check(request)).status == health_pb2.HealthCheckResponse.SERVING
