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

from serving.gateway.auth import Access
from serving.gateway.auth_roles import NEEDED
from serving.gateway.calls import known_call
from serving.gateway.metrics import GatewayMetrics
from serving.gateway.status import status_of
from serving.telemetry.tracing import Tracing

_OURS = "/glioserve."
_log = logging.getLogger(__name__)

_LINGER_S = 2.0
_LINGER_IDLE_S = 0.2

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"


class CallInterceptor(aio.ServerInterceptor):
    """Wraps every method that not everybody may call: all but health, which passes untouched.

    Args:
        access: Decides who may call what.
        metrics: Where calls are counted.
        tracing: Where they are traced.
    """

    def __init__(self, access: Access, metrics: GatewayMetrics, tracing: Tracing) -> None:
        self._access = access
        self._metrics = metrics
        self._tracing = tracing
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
        if handler is None or NEEDED.get(method, method) is None:
            return handler
        coders = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.stream_stream:
            return grpc.stream_stream_rpc_method_handler(self._streaming(method, handler.stream_stream), **coders)
        if handler.stream_unary:
            return grpc.stream_unary_rpc_method_handler(self._collecting(method, handler.stream_unary), **coders)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(self._answering(method, handler.unary_stream), **coders)
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(self._unary(method, handler.unary_unary), **coders)
        raise TypeError(f"{method} is of a kind that no service here has")

    # The stubs describe synchronous servicers alone; ours are asynchronous, hence Any.
    def _unary(self, method: str, behaviour: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        async def call(request: Any, context: aio.ServicerContext[Any, Any]) -> Any:  # noqa: ANN401  # any message
            async with self._ending(method, context):
                return await behaviour(request, context)

        return call

    def _collecting(self, method: str, behaviour: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        async def call(requests: AsyncIterator[Any], context: aio.ServicerContext[Any, Any]) -> Any:  # noqa: ANN401  # any message
            async with self._ending(method, context, requests):
                return await behaviour(requests, context)

        return call

    def _streaming(self, method: str, behaviour: Callable[..., Any]) -> Callable[..., Awaitable[None]]:
        async def call(requests: AsyncIterator[Any], context: aio.ServicerContext[Any, Any]) -> None:
            # Written from here, not yielded on, so that a cancelled call closes the method's generator at once.
            async with self._ending(method, context, requests), aclosing(behaviour(requests, context)) as responses:
                async for response in responses:
                    await context.write(response)

        return call

    def _answering(self, method: str, behaviour: Callable[..., Any]) -> Callable[..., Awaitable[None]]:
        async def call(request: Any, context: aio.ServicerContext[Any, Any]) -> None:  # noqa: ANN401  # any message
            async with self._ending(method, context), aclosing(behaviour(request, context)) as responses:
                async for response in responses:
                    await context.write(response)

        return call

    @asynccontextmanager
    async def _ending(
        self, method: str, context: aio.ServicerContext[Any, Any], requests: AsyncIterator[Any] | None = None
    ) -> AsyncIterator[None]:
        name = method.removeprefix(_OURS).removeprefix("/")
        with known_call(self._tracing, name, context) as span:
            self._live += 1
            self._idle.clear()
            started = time.monotonic()
            code = grpc.StatusCode.OK
            kind = ""
            caller = None
            try:
                caller = self._access.admit(method, context)
                yield
            except asyncio.CancelledError:
                code = grpc.StatusCode.CANCELLED
                raise
            except Exception as error:  # noqa: BLE001  # every error ends a call in some status
                status = status_of(error)
                code, kind = status.code, status.detail.kind
                if requests is not None:
                    await _discard(requests)
                await context.abort(code, status.message, (*status.metadata, *context.trailing_metadata()))
            finally:
                self._live -= 1
                if not self._live:
                    self._idle.set()
                seconds = time.monotonic() - started
                self._metrics.observe_call(name, code.name, seconds, kind=kind)
                span.ended(code.name, kind)
                told = {"method": name, "code": code.name, "seconds": seconds, "kind": kind, "caller": caller}
                _log.info("call.ended", extra={key: value for key, value in told.items() if value not in ("", None)})


async def _discard(requests: AsyncIterator[Any]) -> None:
    """Read on for a moment, keeping nothing, before a status is sent to a client that still sends.

    Otherwise its next write fails, and gRPC's asynchronous client then reports the write instead of the status.
    """
    with suppress(TimeoutError, StopAsyncIteration):
        async with asyncio.timeout(_LINGER_S):
            while True:
                async with asyncio.timeout(_LINGER_IDLE_S):
                    await anext(requests)
