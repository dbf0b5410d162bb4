"""Calls as spans of OpenTelemetry, in programs that use it.

Nothing of it is imported here unless the program has done so already: then its tracer provider makes the spans, the
current span is their parent, and the server goes on with the trace by the W3C's `traceparent`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from glioserve.version import __version__

Metadata = tuple[tuple[str, str], ...]
"""Keys and values that a call carries beside its messages."""

TRACER = "glioserve"
REQUEST_ID_ATTRIBUTE = "glioserve.request_id"
_SERVICE = "glioserve.v1."


@contextmanager
def traced(method: str, *, request_id: str) -> Iterator[Metadata]:
    """One attempt of a call as a span; the metadata by which the server goes on with it, none without OpenTelemetry.

    Args:
        method: Service and method, e.g. `SegmentationService/Segment`.
        request_id: Of the attempt.
    """
    if "opentelemetry.trace" not in sys.modules:
        yield ()
        return
    from opentelemetry import trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    service, _, name = method.partition("/")
    span = trace.get_tracer(TRACER, __version__).start_span(
        f"{_SERVICE}{method}",
        kind=trace.SpanKind.CLIENT,
        attributes={
            "rpc.system": "grpc",
            "rpc.service": f"{_SERVICE}{service}",
            "rpc.method": name,
            REQUEST_ID_ATTRIBUTE: request_id,
        },
    )
    carrier: dict[str, str] = {}
    # The trace alone, not the program's baggage: that may hold anything.
    TraceContextTextMapPropagator().inject(carrier, trace.set_span_in_context(span))
    try:
        yield tuple(carrier.items())
    except Exception as error:
        span.set_attribute("error.type", type(error).__name__)
        span.set_status(trace.StatusCode.ERROR)
        raise
    finally:
        span.end()
