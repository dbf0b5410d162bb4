"""The face of the data plane that segments exams over gRPC."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from glioserve.v1.segmentation_pb2 import SegmentRequest, SegmentResponse
from glioserve.v1.segmentation_pb2_grpc import SegmentationServiceServicer
from grpc import aio

from serving.gateway.conversions import event_message, segment_messages, segment_order
from serving.gateway.dataplane import DataPlane
from serving.gateway.requests import take_header, take_pieces
from serving.gateway.streaming import Finished, follow
from serving.inference.catalog import ModelCatalog
from serving.inference.engine import Engine
from serving.version import SERVER_VERSION


class SegmentationServicer(SegmentationServiceServicer):
    """`glioserve.v1.SegmentationService`.

    Args:
        dataplane: Does the work.
        catalog: The models, as results name them.
        engine: What runs them, as results name it.
        header_idle_s: The longest time to wait for a header.
    """

    def __init__(self, dataplane: DataPlane, *, catalog: ModelCatalog, engine: Engine, header_idle_s: float) -> None:
        self._dataplane = dataplane
        self._catalog = catalog
        self._engine = engine
        self._header_idle_s = header_idle_s

    async def Segment(  # noqa: N802  # the contract's name
        self, request_iterator: AsyncIterator[SegmentRequest], context: aio.ServicerContext[Any, Any]
    ) -> AsyncGenerator[SegmentResponse, None]:
        """Events while the exam is worked on, then the result and the label map."""
        requests = aiter(request_iterator)
        first = await take_header(requests, idle_s=self._header_idle_s)
        order = segment_order(first.header)
        work = follow(
            lambda emit: self._dataplane.segment(
                order, take_pieces(requests), emit=emit, time_left_s=context.time_remaining()
            )
        )
        async with aclosing(work) as events:
            async for event in events:
                if not isinstance(event, Finished):
                    yield event_message(event)
                    continue
                for message in segment_messages(
                    order,
                    event.outcome,
                    models=self._catalog.models.values(),
                    server_version=SERVER_VERSION,
                    engine=self._engine,
                ):
                    yield message
