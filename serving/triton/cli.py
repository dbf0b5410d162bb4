"""The command `glioserve-server triton`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from serving.logs import configure_logging
from serving.settings import load_settings
from serving.telemetry.opening import traces_url
from serving.triton.foreground import run_in_foreground
from serving.triton.launcher import TritonServer
from serving.triton.runtime import find_runtime
from serving.triton.settings import LOOPBACK, TritonSettings

_STANDARD_ERROR = Path("/dev/stderr")
_GRPC_PORT, _HTTP_PORT, _METRICS_PORT = 8001, 8000, 8002
_Port = Annotated[int, typer.Option(help="Port of this endpoint; 0 takes a free one.", min=0, max=65535)]


def triton(
    *,
    models: Annotated[Path | None, typer.Option(help="The model repository.", file_okay=False)] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Triton knows no callers: elsewhere than loopback, shield it.")
    ] = LOOPBACK,
    grpc_port: _Port = _GRPC_PORT,
    http_port: _Port = _HTTP_PORT,
    metrics_port: _Port = _METRICS_PORT,
    start_timeout: Annotated[float, typer.Option(help="Seconds until every model must answer.", min=1)] = 120.0,
    stop_timeout: Annotated[float, typer.Option(help="Seconds that running calls are given.", min=1)] = 20.0,
) -> None:
    """Run a Triton alone, for a gateway elsewhere, until SIGTERM or Ctrl-C. Exit code 1 if it ends by itself."""
    settings = load_settings({"models": models})
    configure_logging(settings.log_level, settings.log_format)
    server = TritonServer(
        TritonSettings(
            settings.models,
            settings.triton_log or _STANDARD_ERROR,
            host=host,
            grpc_port=grpc_port,
            http_port=http_port,
            metrics_port=metrics_port,
            traces_url=traces_url(settings),
            connection_age_s=settings.connection_age_s,
            start_timeout_s=start_timeout,
            stop_timeout_s=stop_timeout,
        ),
        find_runtime(settings.triton_runtime),
    )
    run_in_foreground(
        server, on_ready=lambda: typer.echo(f"ready on {server.address}, metrics on {server.metrics_url}")
    )
