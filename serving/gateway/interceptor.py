"""The one place where domain errors become gRPC statuses, and where calls are counted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, TypeAlias

import grpc
from grpc import aio

from serving.gateway.metrics import GatewayMetrics
from serving.gateway.status import status_of

_OURS = "/glioserve."
_log = logging.getLogger(__name__)

_LINGER_S = 2.0
_LINGER_IDLE_S = 0.2

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"


class CallInterceptor(aio.ServerInterceptor):
    """Wraps every method of our own services. Health and reflection pass untouched.

    Args:
        metrics: Where calls are counted.
    """

    def __init__(self, metrics: GatewayMetrics) -> None:
        self._metrics = metrics
        self._live = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def idle(self) -> None:
        """Wait until no call is under way, its answer sent."""
        await self._idle.wait()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """The method's handler, wrapped."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or not method.startswith(_OURS):
            return handler
        name = method.removeprefix(_OURS)
        coders = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.stream_stream:
            return grpc.stream_stream_rpc_method_handler(self._streaming(name, handler.stream_stream), **coders)
        if handler.stream_unary:
            return grpc.stream_unary_rpc_method_handler(self._collecting(name, handler.stream_unary), **coders)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(self._answering(name, handler.unary_stream), **coders)
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(self._unary(name, handler.unary_unary), **coders)
        raise TypeError(f"{name} is of a kind that no service here has")

    # The stubs describe synchronous servicers alone; ours are asynchronous, hence Any.
    def _unary(self, name: str, method: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        async def call(request: Any, context: aio.ServicerContext[Any, Any]) -> Any:  # noqa: ANN401  # any message
            async with self._ending(name, context):
                return await method(request, context)

        return call

    def _collecting(self, name: str, method: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        async def call(requests: AsyncIterator[Any], context: aio.ServicerContext[Any, Any]) -> Any:  # noqa: ANN401  # any message
            async with self._ending(name, context, requests):
                return await method(requests, context)

        return call

    def _streaming(self, name: str, method: Callable[..., Any]) -> Callable[..., Awaitable[None]]:
        async def call(requests: AsyncIterator[Any], context: aio.ServicerContext[Any, Any]) -> None:
            # Written from here, not yielded on, so that a cancelled call closes the method's generator at once.
            async with self._ending(name, context, requests), aclosing(method(requests, context)) as responses:
                async for response in responses:
                    await context.write(response)

        return call

    def _answering(self, name: str, method: Callable[..., Any]) -> Callable[..., Awaitable[None]]:
        async def call(request: Any, context: aio.ServicerContext[Any, Any]) -> None:  # noqa: ANN401  # any message
            async with self._ending(name, context), aclosing(method(request, context)) as responses:
                async for response in responses:
                    await context.write(response)

        return call

    @asynccontextmanager
    async def _ending(
        self, name: str, context: aio.ServicerContext[Any, Any], requests: AsyncIterator[Any] | None = None
    ) -> AsyncIterator[None]:
        self._live += 1
        self._idle.clear()
        started = time.monotonic()
        code = grpc.StatusCode.OK
        kind = ""
        try:
            yield
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED
            raise
        except Exception as error:  # noqa: BLE001  # every error ends a call in some status
            status = status_of(error)
            code, kind = status.code, status.detail.kind
            if requests is not None:
                await _discard(requests)
            await context.abort(code, status.message, status.metadata)
        finally:
            self._live -= 1
            if not self._live:
                self._idle.set()
            seconds = time.monotonic() - started
            self._metrics.observe_call(name, code.name, seconds)
            _log.info(
                "call.ended",
                extra={"method": name, "code": code.name, "seconds": seconds} | ({"kind": kind} if kind else {}),
            )


async def _discard(requests: AsyncIterator[Any]) -> None:
    """Read on for a moment, keeping nothing, before a status is sent to a client that still sends.

    Otherwise its next write fails, and gRPC's asynchronous client then reports the write instead of the status.
    """
    with suppress(TimeoutError, StopAsyncIteration):
        async with asyncio.timeout(_LINGER_S):
            while True:
                async with asyncio.timeout(_LINGER_IDLE_S):
                    await anext(requests)
