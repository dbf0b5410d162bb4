"""Traces of the commands, sent where OpenTelemetry's usual variables say."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import typer

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""Variables that name a collector; OTLP over HTTP."""
SERVICE = "glioserve-cli"
"""Where `OTEL_SERVICE_NAME` says nothing else."""


@contextmanager
def exported() -> Iterator[None]:
    """Sends the spans of the calls within, if a collector is named and the extra `telemetry` is installed.

    Nothing of OpenTelemetry is loaded where none is named, nor set up where `opentelemetry-instrument` has done so.
    """
    named = [each for each in ENDPOINTS if os.environ.get(each)]
    if not named or "opentelemetry.trace" in sys.modules:
        yield
        return
    if not _installed():
        typer.echo(f"{named[0]} is set, but traces need: pip install 'glioserve[telemetry]'", err=True)
        yield
        return
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    service = os.environ.get("OTEL_SERVICE_NAME", SERVICE)
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()  # sends what is left


def _installed() -> bool:
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:  # of a package above it
        return False
