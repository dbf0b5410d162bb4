"""A collector of spans on a real socket: what a gateway (protobuf) and a Triton (JSON) send it."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class SeenSpan:
    """One span as it came."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    failed: bool


@dataclass
class Collector:
    """What came so far."""

    url: str
    spans: list[SeenSpan] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, kind: str, body: bytes) -> None:
        spans = _from_json(json.loads(body)) if "json" in kind else _from_protobuf(body)
        with self.changed:
            self.spans += spans
            self.changed.notify_all()

    def named(self, name: str) -> list[SeenSpan]:
        return [span for span in self.spans if span.name == name]

    def wait_for(self, name: str) -> SeenSpan:
        """The first span of a name, when it has come."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.named(name), timeout=30), f"no span {name}"
        return self.named(name)[0]


@contextmanager
def running_collector() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.path == "/v1/traces"
            plain = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
            collector.take(self.headers["content-type"], plain)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


def _from_protobuf(body: bytes) -> Iterator[SeenSpan]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        (service,) = (one.value.string_value for one in resource.resource.attributes if one.key == "service.name")
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield SeenSpan(
                    service,
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    {one.key: one.value.string_value or one.value.int_value for one in span.attributes},
                    span.status.code == span.status.STATUS_CODE_ERROR,
                )


def _from_json(body: dict[str, Any]) -> Iterator[SeenSpan]:
    for resource in body["resourceSpans"]:
        (service,) = (
            one["value"]["stringValue"] for one in resource["resource"]["attributes"] if one["key"] == "service.name"
        )
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                yield SeenSpan(
                    service,
                    span["name"],
                    span["traceId"],
                    span["spanId"],
                    span.get("parentSpanId", ""),
                    int(span["startTimeUnixNano"]),
                    int(span["endTimeUnixNano"]),
                    {},
                    failed=False,
                )
