"""What a Triton serves, and where."""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
from pathlib import Path

from serving.errors import TritonStartError

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class TritonSettings:
    """What a Triton serves, and where.

    Args:
        repository: The model repository.
        log_file: Where Triton's log goes, appended to.
        host: Address that all endpoints bind to.
        grpc_port: Of the gRPC endpoint; 0 for any free one, here and below.
        http_port: Of the HTTP endpoint.
        metrics_port: Of the Prometheus endpoint.
        traces_url: Where it sends the spans of calls that carry a trace context, by OTLP over HTTP; None for nowhere.
        connection_age_s: After which a gRPC connection is closed, its calls finished first; None for never.
        start_timeout_s: Seconds until every model must have answered.
        stop_timeout_s: Seconds that running calls are given at the end.
    """

    repository: Path
    log_file: Path
    host: str = LOOPBACK
    grpc_port: int = 0
    http_port: int = 0
    metrics_port: int = 0
    traces_url: str | None = None
    connection_age_s: float | None = None
    start_timeout_s: float = 60.0
    stop_timeout_s: float = 20.0

    def with_ports(self) -> TritonSettings:
        """The same with a free port for each that is 0.

        Raises:
            TritonStartError: A port that is named is taken, or the address is not of this machine.
        """
        wanted = (self.grpc_port, self.http_port, self.metrics_port)
        held = [_bound(self.host, port) for port in wanted]  # all at once, so that they differ
        grpc_port, http_port, metrics_port = (one.getsockname()[1] for one in held)
        for one in held:
            one.close()
        return replace(self, grpc_port=grpc_port, http_port=http_port, metrics_port=metrics_port)


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket()
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise TritonStartError("triton", f"must be able to listen on {host}:{port}", str(error)) from error
    return bound
