"""A request stream taken apart: one header first, then pieces of files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from glioserve.v1 import check_pb2, evaluation_pb2, segmentation_pb2, synthesis_pb2

from serving.gateway.conversions import piece
from serving.gateway.errors import DeadlineError, UploadOrderError
from serving.gateway.uploads import Piece

Request = TypeVar(
    "Request",
    segmentation_pb2.SegmentRequest,
    evaluation_pb2.EvaluateRequest,
    synthesis_pb2.GenerateRequest,
    check_pb2.CheckRequest,
)


async def take_header(requests: AsyncIterator[Request], *, idle_s: float) -> Request:
    """The first request, which must carry the header.

    Args:
        requests: The stream.
        idle_s: The longest time to wait for it, in seconds.

    Raises:
        UploadOrderError: Something else came, or nothing.
        DeadlineError: Nothing came in time.
    """
    try:
        async with asyncio.timeout(idle_s):
            first = await anext(requests, None)
    except TimeoutError:
        raise DeadlineError("header", f"must come within {idle_s:g} s", "nothing in that time") from None
    part = first.WhichOneof("part") if first is not None else None
    if first is None or part != "header":
        raise UploadOrderError("header", "must come first", f"a {part}" if part else "nothing")
    return first


async def take_pieces(requests: AsyncIterator[Request]) -> AsyncIterator[Piece]:
    """What follows the header.

    Raises:
        UploadOrderError: Something else than chunks comes.
    """
    async for request in requests:
        part = request.WhichOneof("part")
        if part != "chunk":
            raise UploadOrderError("chunk", "chunks alone must follow the header", f"a {part}" if part else "nothing")
        yield piece(request.chunk)
