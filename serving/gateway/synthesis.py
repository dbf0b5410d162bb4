"""The face of the data plane that draws synthetic exams over gRPC."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from glioserve.v1.synthesis_pb2 import GenerateRequest, GenerateResponse
from glioserve.v1.synthesis_pb2_grpc import SynthesisServiceServicer
from grpc import aio

from serving.gateway.dataplane import DataPlane
from serving.gateway.requests import take_header, take_pieces
from serving.gateway.streaming import Finished, follow
from serving.gateway.synthesis_messages import generate_messages, generate_order, synthesis_event_message
from serving.inference.engine import Engine
from serving.version import SERVER_VERSION


class SynthesisServicer(SynthesisServiceServicer):
    """`glioserve.v1.SynthesisService`.

    Args:
        dataplane: Does the work.
        engine: What runs the generators, as results name it.
        header_idle_s: The longest time to wait for a header.
    """

    def __init__(self, dataplane: DataPlane, *, engine: Engine, header_idle_s: float) -> None:
        self._dataplane = dataplane
        self._engine = engine
        self._header_idle_s = header_idle_s

    async def Generate(  # noqa: N802  # the contract's name
        self, request_iterator: AsyncIterator[GenerateRequest], context: aio.ServicerContext[Any, Any]
    ) -> AsyncGenerator[GenerateResponse, None]:
        """Events while the exam is drawn, then its files and the result."""
        requests = aiter(request_iterator)
        first = await take_header(requests, idle_s=self._header_idle_s)
        order = generate_order(first.header)
        work = follow(
            lambda emit: self._dataplane.generate(
                order, take_pieces(requests), emit=emit, time_left_s=context.time_remaining()
            )
        )
        async with aclosing(work) as events:
            async for event in events:
                if not isinstance(event, Finished):
                    yield synthesis_event_message(event)
                    continue
                for message in generate_messages(
                    order, event.outcome, server_version=SERVER_VERSION, engine=self._engine
                ):
                    yield message
