"""A listener for probes: health in plain text, and nothing else, for those that know neither TLS nor tokens."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

from grpc import aio

from serving.errors import Cause, ServingError
from serving.gateway.health import HealthBoard


class ProbePortError(ServingError):
    """The port for probes is taken."""

    cause = Cause.PRECONDITION


class ProbeListener(AbstractAsyncContextManager["ProbeListener"]):
    """Answers `grpc.health.v1` until its context ends, while the server drains too.

    Kubernetes' gRPC probes speak plain text. A port of its own lets everything else be reached by TLS alone.

    Args:
        health: What is told.
        host: Address to listen on.
        port: 0 for any free one.
    """

    def __init__(self, health: HealthBoard, *, host: str, port: int) -> None:
        self._health = health
        self._host = host
        self._wanted = port
        self._server = aio.server(options=(("grpc.so_reuseport", 0),))
        self.port = port

    async def __aenter__(self) -> Self:
        """Start to listen.

        Raises:
            ProbePortError: The port is taken.
        """
        self._health.answer_on(self._server)
        try:
            self.port = self._server.add_insecure_port(f"{self._host}:{self._wanted}")
        except RuntimeError:
            raise ProbePortError("health_port", f"must be free on {self._host}", f"port {self._wanted}") from None
        await self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.stop(None)
