"""Traces by OpenTelemetry, sent to a collector. Imported only where traces are wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import context as otel
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from serving.telemetry.tracing import CallSpan, carrying, stage_ends_ns, traced_as
from serving.version import SERVER_VERSION

_PROPAGATOR = TraceContextTextMapPropagator()
_PATIENCE_S = 3.0
"""With a collector that does not answer; it delays the end of the process by so much at most."""
_SERVER_FAULTS = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
"""Codes that make a server's span one of an error, by OpenTelemetry's conventions for gRPC."""


class OtlpTracing:
    """Sends spans to a collector, by OTLP over HTTP, from a thread of its own. Implements `Tracing`.

    A collector that does not answer costs spans, never calls. What else it needs, such as credentials, comes from
    OpenTelemetry's own environment, e.g. `OTEL_EXPORTER_OTLP_HEADERS`.

    Args:
        url: Where the collector takes traces, e.g. `http://127.0.0.1:4318/v1/traces`.
        share: Of the calls, 0 to 1, that are traced where the caller did not decide.
    """

    def __init__(self, url: str, *, share: float = 1.0) -> None:
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(share)),
            resource=Resource({SERVICE_NAME: "glioserve-gateway", SERVICE_VERSION: SERVER_VERSION}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=_PATIENCE_S)))
        self._tracer = self._provider.get_tracer("glioserve")

    @contextmanager
    def call(self, method: str, metadata: Mapping[str, str], request_id: str) -> Iterator[CallSpan]:
        """The span of a call, as of `Tracing`."""
        service, _, name = method.rpartition("/")
        span = self._tracer.start_span(
            f"glioserve.{method}",
            context=_PROPAGATOR.extract(metadata, context=otel.Context()),
            kind=SpanKind.SERVER,
            attributes={
                "rpc.system": "grpc",
                "rpc.service": f"glioserve.{service}",
                "rpc.method": name,
                "glioserve.request_id": request_id,
            },
        )
        known = span.get_span_context()
        trace = f"{known.trace_id:032x}" if known.trace_flags.sampled else None
        with _current(span), traced_as(trace):
            yield _OtlpCall(span)

    @contextmanager
    def batch(self, model: str, size: int) -> Iterator[None]:
        """The span of one question to a network, as of `Tracing`."""
        span = self._tracer.start_span(
            f"infer {model}", kind=SpanKind.CLIENT, attributes={"glioserve.model": model, "glioserve.batch_size": size}
        )
        with _current(span):
            headers: dict[str, str] = {}
            _PROPAGATOR.inject(headers)
            try:
                with carrying(headers):
                    yield
            except Exception as error:
                # By its type alone: messages may quote what they were given.
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise

    def stages(self, timings_s: Mapping[str, float]) -> None:
        """The spans of stages, as of `Tracing`."""
        ends_ns = stage_ends_ns()
        for name, seconds in timings_s.items():
            if name in ends_ns:
                span = self._tracer.start_span(name, start_time=ends_ns[name] - round(seconds * 1e9))
                span.end(end_time=ends_ns[name])

    def close(self) -> None:
        """Send what has not been sent yet, and end the thread."""
        self._provider.shutdown()


class _OtlpCall:
    def __init__(self, span: Span) -> None:
        self._span = span

    def ended(self, code: str, kind: str) -> None:
        self._span.set_attribute("rpc.grpc.status", code)
        if kind:
            self._span.set_attribute("error.type", kind)
        if code in _SERVER_FAULTS:
            self._span.set_status(Status(StatusCode.ERROR))


@contextmanager
def _current(span: Span) -> Iterator[None]:
    """Make a span the parent of those that follow, and end it."""
    token = otel.attach(set_span_in_context(span))
    try:
        yield
    finally:
        otel.detach(token)
        span.end()
