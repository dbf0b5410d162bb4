"""The face of the data plane that checks exams over gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from glioserve.v1.check_pb2 import CheckRequest, CheckResponse
from glioserve.v1.check_pb2_grpc import CheckServiceServicer
from grpc import aio

from serving.gateway.check_messages import check_message, check_order
from serving.gateway.dataplane import DataPlane
from serving.gateway.requests import take_header, take_pieces
from serving.version import SERVER_VERSION


class CheckServicer(CheckServiceServicer):
    """`glioserve.v1.CheckService`.

    Args:
        dataplane: Does the work.
        header_idle_s: The longest time to wait for a header.
    """

    def __init__(self, dataplane: DataPlane, *, header_idle_s: float) -> None:
        self._dataplane = dataplane
        self._header_idle_s = header_idle_s

    async def Check(  # noqa: N802  # the contract's name
        self, request_iterator: AsyncIterator[CheckRequest], context: aio.ServicerContext[Any, Any]
    ) -> CheckResponse:
        """All that speaks against an exam."""
        requests = aiter(request_iterator)
        first = await take_header(requests, idle_s=self._header_idle_s)
        order = check_order(first.header)
        report = await self._dataplane.check(order, take_pieces(requests), time_left_s=context.time_remaining())
        return check_message(report, server_version=SERVER_VERSION)
