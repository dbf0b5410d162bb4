"""Traces of a command, received by a collector."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from glioserve.cli import telemetry
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.client.fake_server import FakeServer

COMMAND = [sys.executable, "-c", "from glioserve.cli import main; main()"]


@dataclass
class Collector:
    """Takes OTLP over HTTP, uncompressed."""

    url: str = ""
    received: list[ExportTraceServiceRequest] = field(default_factory=list)


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found.url = f"http://127.0.0.1:{server.server_port}"
        yield found
        server.shutdown()


def test_the_spans_of_a_command_reach_the_collector(server: FakeServer, case_dir: Path, collector: Collector) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.url
    done = subprocess.run(
        [*COMMAND, "segment", str(case_dir), "--server", server.target],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    ((resource,),) = (request.resource_spans for request in collector.received)
    (span,) = resource.scope_spans[0].spans
    assert span.name == "glioserve.v1.SegmentationService/Segment"
    assert {each.key: each.value.string_value for each in resource.resource.attributes}["service.name"] == (
        "glioserve-cli"
    )
    sent = {each.key: each.value for each in server.received[0].context.invocation_metadata()}
    assert sent["traceparent"].split("-")[1:3] == [span.trace_id.hex(), span.span_id.hex()]
    assert b"Jane_Doe" not in collector.received[0].SerializeToString()


def test_where_the_extra_is_missing_the_command_goes_on_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.delitem(sys.modules, "opentelemetry.trace", raising=False)
    monkeypatch.setattr(telemetry, "find_spec", missing)
    with telemetry.exported():
        pass
    assert "pip install 'glioserve[telemetry]'" in capsys.readouterr().err
