"""What `grpc.health.v1` answers, for the server as a whole and for each service."""

from __future__ import annotations

import asyncio

from glioserve.v1 import check_pb2, cohort_pb2, evaluation_pb2, info_pb2, segmentation_pb2, synthesis_pb2
from grpc import aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from serving.gateway.metrics import GatewayMetrics

SEGMENTATION = segmentation_pb2.DESCRIPTOR.services_by_name["SegmentationService"].full_name
CHECK = check_pb2.DESCRIPTOR.services_by_name["CheckService"].full_name
EVALUATION = evaluation_pb2.DESCRIPTOR.services_by_name["EvaluationService"].full_name
SYNTHESIS = synthesis_pb2.DESCRIPTOR.services_by_name["SynthesisService"].full_name
COHORTS = cohort_pb2.DESCRIPTOR.services_by_name["CohortService"].full_name
INFO = info_pb2.DESCRIPTOR.services_by_name["InfoService"].full_name
OVERALL = ""

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class HealthBoard:
    """Keeps the statuses. The server as a whole is as ready as its segmentation, which needs the engine.

    Args:
        metrics: Told when the engine becomes ready or stops being so.
        draws: Whether the engine serves a generator; else the synthesis of exams is never served.
    """

    def __init__(self, metrics: GatewayMetrics, *, draws: bool) -> None:
        self._metrics = metrics
        self._draws = draws
        self._servicer = health.aio.HealthServicer()
        self._ready = asyncio.Event()

    async def open(self, server: aio.Server) -> None:
        """Answer on this server. The engine counts as not ready until `engine_changed`."""
        self.answer_on(server)
        for service in (CHECK, EVALUATION, COHORTS, INFO):
            await self._servicer.set(service, _SERVING)
        await self.engine_changed(ready=False)

    def answer_on(self, server: aio.Server) -> None:
        """Answer on this server as well."""
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    async def engine_changed(self, *, ready: bool) -> None:
        """The engine has passed its golden check, or has failed it."""
        for service in (SEGMENTATION, OVERALL):
            await self._servicer.set(service, _SERVING if ready else _NOT_SERVING)
        await self._servicer.set(SYNTHESIS, _SERVING if ready and self._draws else _NOT_SERVING)
        self._metrics.set_ready(ready=ready)
        if ready:
            self._ready.set()
        else:
            self._ready.clear()

    async def ready(self) -> None:
        """Wait until the engine has passed its golden check."""
        await self._ready.wait()

    async def drain(self) -> None:
        """From now on and for good, nothing is served."""
        await self._servicer.enter_graceful_shutdown()
