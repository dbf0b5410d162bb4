"""The face of the data plane that judges label maps over gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from glioserve.v1.evaluation_pb2 import EvaluateRequest, EvaluateResponse
from glioserve.v1.evaluation_pb2_grpc import EvaluationServiceServicer
from grpc import aio

from serving.gateway.conversions import evaluate_message, evaluate_order
from serving.gateway.dataplane import DataPlane
from serving.gateway.requests import take_header, take_pieces
from serving.version import SERVER_VERSION


class EvaluationServicer(EvaluationServiceServicer):
    """`glioserve.v1.EvaluationService`.

    Args:
        dataplane: Does the work.
        header_idle_s: The longest time to wait for a header.
    """

    def __init__(self, dataplane: DataPlane, *, header_idle_s: float) -> None:
        self._dataplane = dataplane
        self._header_idle_s = header_idle_s

    async def Evaluate(  # noqa: N802  # the contract's name
        self, request_iterator: AsyncIterator[EvaluateRequest], context: aio.ServicerContext[Any, Any]
    ) -> EvaluateResponse:
        """The metrics of a prediction against a reference."""
        requests = aiter(request_iterator)
        first = await take_header(requests, idle_s=self._header_idle_s)
        order = evaluate_order(first.header)
        outcome = await self._dataplane.evaluate(order, take_pieces(requests), time_left_s=context.time_remaining())
        return evaluate_message(order, outcome, server_version=SERVER_VERSION)
