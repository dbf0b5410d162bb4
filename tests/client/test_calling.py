"""What a call carries beside its messages: an id for the server's log, and the trace that it belongs to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import glioserve as gs
import grpc
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.client.fake_server import FakeServer, busy, fail, succeed

SPAN = "glioserve.v1.SegmentationService/Segment"


def sent(server: FakeServer, key: str) -> list[str]:
    return [each.value for got in server.received for each in got.context.invocation_metadata() if each.key == key]


def test_each_attempt_has_an_id_of_its_own(server: FakeServer, client: gs.Client, case_dir: Path) -> None:
    server.answers = [busy(), succeed]
    client.segment(case_dir, retries=1)
    first, second = (UUID(each) for each in sent(server, "x-request-id"))
    assert first != second


async def test_an_error_names_the_call(server: FakeServer, client: gs.Client, case_dir: Path) -> None:
    server.answers = [fail(grpc.StatusCode.INTERNAL), fail(grpc.StatusCode.INVALID_ARGUMENT)]
    with pytest.raises(gs.ServerError) as failed:
        client.segment(case_dir)
    async with gs.AsyncClient(server.target) as other:
        with pytest.raises(gs.InvalidInputError) as refused:
            await other.segment(case_dir)
    assert [failed.value.request_id, refused.value.request_id] == sent(server, "x-request-id")


def test_a_result_that_breaks_the_contract_names_the_call_too(
    server: FakeServer, client: gs.Client, case_dir: Path
) -> None:
    server.answers = [lambda _: iter(())]
    with pytest.raises(gs.ProtocolError) as caught:
        client.segment(case_dir)
    assert [caught.value.request_id] == sent(server, "x-request-id")


def test_an_error_before_any_call_names_none(client: gs.Client, tmp_path: Path) -> None:
    with pytest.raises(gs.LocalInputError) as caught:
        client.segment(tmp_path / "none")
    assert caught.value.request_id is None


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What a program that uses OpenTelemetry would export."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield exporter
    provider.shutdown()


def test_the_server_goes_on_with_the_trace(
    spans: InMemorySpanExporter, server: FakeServer, client: gs.Client, case_dir: Path
) -> None:
    with trace.get_tracer("a program", "1").start_as_current_span("outer") as outer:
        client.segment(case_dir)
    call, _ = spans.get_finished_spans()
    assert (call.name, call.kind) == (SPAN, trace.SpanKind.CLIENT)
    assert call.parent is not None
    assert call.parent.span_id == outer.get_span_context().span_id
    context = call.get_span_context()
    assert sent(server, "traceparent") == [
        f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    ]
    assert sent(server, "x-request-id") == [(call.attributes or {})["glioserve.request_id"]]


async def test_a_call_that_fails_is_a_span_that_failed(
    spans: InMemorySpanExporter, server: FakeServer, case_dir: Path
) -> None:
    server.answers = [fail(grpc.StatusCode.INTERNAL, "the reason")]
    async with gs.AsyncClient(server.target) as client:
        with pytest.raises(gs.ServerError):
            await client.segment(case_dir)
    (call,) = spans.get_finished_spans()
    assert call.status.status_code is trace.StatusCode.ERROR
    assert (call.attributes or {})["error.type"] == "ServerError"
    assert not call.events, "no message of an error"


def test_programs_without_opentelemetry_load_none_of_it(server: FakeServer) -> None:
    code = (
        "import sys, glioserve\n"
        f"with glioserve.Client({server.target!r}) as client: client.info()\n"
        "print(any(name.startswith('opentelemetry') for name in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
