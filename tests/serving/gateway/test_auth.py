"""Who may call what by tokens, over real sockets."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from serving.gateway import server as server_module
from serving.gateway.auth_callers import Caller
from serving.gateway.auth_errors import CallersError
from serving.gateway.auth_roles import NEEDED, Role
from serving.gateway.auth_tokens import digest_of, new_token
from serving.gateway.server import Gateway
from tests.serving.gateway.auth_support import LINES, TOKENS, bearer, gateway_with, info, refused
from tests.serving.gateway.support import (
    FakeEngine,
    detail_of,
    exam_files,
    iter_async,
    segment,
    segment_requests,
    small_settings,
)

Code = grpc.StatusCode


@pytest.fixture
def callers(tmp_path: Path) -> Path:
    path = tmp_path / "callers"
    path.write_text(LINES)
    return path


def write(path: Path, text: str) -> None:
    """Small enough to be written by the event loop."""
    path.write_text(text)


async def call(channel: aio.Channel, method: str, token: str | None) -> grpc.StatusCode:
    """How a call of any method ends that sends one empty message."""
    metadata = bearer(token) if token else ()
    done = channel.stream_stream(method)(iter_async([b""]), metadata=metadata, timeout=20)
    with suppress(aio.AioRpcError):
        async for _ in done:
            pass
    code: grpc.StatusCode = await done.code()
    return code


async def test_every_method_of_every_service_has_its_role(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is registered with gRPC is compared, not what is meant to be."""
    registered: set[str] = set()
    make = aio.server

    def spying(*args: Any, **options: Any) -> aio.Server:
        made = make(*args, **options)
        add = made.add_generic_rpc_handlers

        def note(handlers: Any) -> None:
            registered.update(*(handler._method_handlers for handler in handlers))
            add(handlers)

        made.add_generic_rpc_handlers = note  # type: ignore[method-assign]
        return made

    monkeypatch.setattr(server_module.aio, "server", spying)
    async with gateway_with(engine):
        assert registered == set(NEEDED)
    assert {method for method, role in NEEDED.items() if role is None} == {
        "/grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/Watch",
    }
    assert set(NEEDED.values()) == {*Role, None}


async def test_each_role_opens_its_methods_and_no_others(engine: FakeEngine, callers: Path) -> None:
    async with gateway_with(engine, callers=callers) as gateway, aio.insecure_channel(gateway.address) as channel:
        for method, needed in NEEDED.items():
            if needed is None:
                continue
            codes = {
                role: await call(channel, method, TOKENS[role])
                for role in (needed, next(r for r in Role if r != needed))
            }
            assert codes.pop(needed) not in {Code.UNAUTHENTICATED, Code.PERMISSION_DENIED}, method
            assert set(codes.values()) == {Code.PERMISSION_DENIED}, method
            assert await call(channel, method, None) is Code.UNAUTHENTICATED, method


async def test_health_is_open_and_an_unknown_method_is_unknown(engine: FakeEngine, callers: Path) -> None:
    async with gateway_with(engine, callers=callers) as gateway, aio.insecure_channel(gateway.address) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        assert await call(channel, "/glioserve.v1.InfoService/Format", None) is Code.UNIMPLEMENTED


async def test_an_exam_is_segmented_for_who_may(engine: FakeEngine, callers: Path) -> None:
    async with gateway_with(engine, callers=callers) as gateway, aio.insecure_channel(gateway.address) as channel:
        requests = segment_requests(exam_files())
        with pytest.raises(aio.AioRpcError) as caught:
            await segment(channel, requests)
        detail = detail_of(caught.value)
        assert (caught.value.code(), detail.kind, detail.field) == (
            Code.UNAUTHENTICATED,
            "UnauthenticatedError",
            "authorization",
        )
        assert engine.batches == 0

        method = channel.stream_stream("/glioserve.v1.SegmentationService/Segment")
        messages = iter_async([request.SerializeToString() for request in requests])
        answers = [answer async for answer in method(messages, metadata=bearer(TOKENS[Role.SEGMENT]), timeout=60)]
    assert len(answers) > 1
    assert engine.batches > 0


async def test_what_is_no_token_of_a_caller(
    engine: FakeEngine, callers: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    token = TOKENS[Role.INFO]
    async with gateway_with(engine, callers=callers) as gateway, aio.insecure_channel(gateway.address) as channel:
        for value in ("", "Bearer", "Bearer ", f"Basic {token}", token, f"Bearer {token}x", f"Bearer  {token}"):
            error = await refused(channel, ("authorization", value))
            assert error.code() is Code.UNAUTHENTICATED, value
        digest = digest_of(token)
        assert (await refused(channel, *bearer(digest))).code() is Code.UNAUTHENTICATED
        assert (await refused(channel, *bearer(token), *bearer(token))).code() is Code.UNAUTHENTICATED
        denied = await refused(channel, *bearer(TOKENS[Role.SEGMENT]))
        assert (denied.code(), detail_of(denied).kind) == (Code.PERMISSION_DENIED, "PermissionDeniedError")
        assert detail_of(denied).retry_after_ms == 0
        assert await info(channel, ("authorization", f"bearer {token}"))
    told = [(record.caller, record.code) for record in caplog.records if hasattr(record, "caller")]
    assert told == [("info-only", "OK")]
    assert all(secret not in str(vars(record)) for record in caplog.records for secret in (*TOKENS.values(), digest))


async def test_a_token_with_the_newline_of_its_file_never_leaves_a_client(engine: FakeEngine, callers: Path) -> None:
    """The client strips it; gRPC lets none through."""
    async with gateway_with(engine, callers=callers) as gateway, aio.insecure_channel(gateway.address) as channel:
        with pytest.raises(Exception, match="execute_batch"):  # of a type that gRPC does not export
            await info(channel, *bearer(f"{TOKENS[Role.INFO]}\n"))
        assert await info(channel, *bearer(TOKENS[Role.INFO]))


async def test_a_caller_struck_off_the_file_is_out_at_once(engine: FakeEngine, callers: Path) -> None:
    async with gateway_with(engine, callers=callers) as gateway, aio.insecure_channel(gateway.address) as channel:
        assert await info(channel, *bearer(TOKENS[Role.INFO]))
        write(callers, Caller("another", frozenset({Role.INFO}), digest_of(new_token())).line)
        assert (await refused(channel, *bearer(TOKENS[Role.INFO]))).code() is Code.UNAUTHENTICATED
        write(callers, "")
        broken = await refused(channel, *bearer(TOKENS[Role.INFO]))
        assert (broken.code(), detail_of(broken).kind) == (Code.UNAVAILABLE, "CallersUnavailableError")
        assert detail_of(broken).retry_after_ms > 0
        write(callers, LINES)
        assert await info(channel, *bearer(TOKENS[Role.INFO]))


async def test_reflection_needs_a_role_where_callers_are_listed(engine: FakeEngine, callers: Path) -> None:
    def ask() -> AsyncIterator[Any]:
        return iter_async([reflection_pb2.ServerReflectionRequest(list_services="")])

    async with gateway_with(engine, callers=callers) as gateway, aio.insecure_channel(gateway.address) as channel:
        reflect = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo
        with pytest.raises(aio.AioRpcError):
            _ = [answer async for answer in reflect(ask())]
        answers = [answer async for answer in reflect(ask(), metadata=bearer(TOKENS[Role.INFO]))]
    assert answers[0].list_services_response.service


def test_an_empty_file_of_callers_ends_the_start(engine: FakeEngine, tmp_path: Path) -> None:
    (tmp_path / "callers").touch()
    with pytest.raises(CallersError, match="must list a caller"):
        Gateway(small_settings(callers=tmp_path / "callers"), engine)


async def test_a_header_of_ten_megabytes_costs_its_connection_alone(engine: FakeEngine, callers: Path) -> None:
    """Written frame by frame: a client's library would refuse to send it."""
    async with gateway_with(engine, callers=callers) as gateway, aio.insecure_channel(gateway.address) as channel:
        assert await info(channel, *bearer(TOKENS[Role.INFO]))
        assert await asyncio.to_thread(_send_huge_header, gateway.address, 10 * 1024 * 1024) > 0
        assert await info(channel, *bearer(TOKENS[Role.INFO]))


def _send_huge_header(address: str, size: int) -> int:
    """Send a call whose authorization header has `size` bytes; the bytes that the server answered until it hung up."""

    def text(value: bytes) -> bytes:
        """A literal string of HPACK, not compressed, with an integer of a 7-bit prefix for its length."""
        if len(value) < 127:
            return bytes([len(value)]) + value
        rest, digits = len(value) - 127, b"\x7f"
        while rest >= 128:
            digits += bytes([rest % 128 + 128])
            rest //= 128
        return digits + bytes([rest]) + value

    fields = {
        b":method": b"POST",
        b":scheme": b"http",
        b":path": b"/glioserve.v1.InfoService/GetInfo",
        b":authority": address.encode(),
        b"te": b"trailers",
        b"content-type": b"application/grpc",
        b"authorization": b"Bearer " + b"a" * size,
    }
    block = b"".join(b"\x00" + text(name) + text(value) for name, value in fields.items())
    pieces = [block[start : start + 16384] for start in range(0, len(block), 16384)]

    def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
        return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload

    frames = [frame(0x1 if not number else 0x9, 0, 1, piece) for number, piece in enumerate(pieces[:-1])]
    host, port = address.rsplit(":", 1)
    received = 0
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        try:
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(0x4, 0, 0))
            for each in (*frames, frame(0x9, 0x4, 1, pieces[-1])):
                connection.sendall(each)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                received += len(chunk)
        except ConnectionError:
            pass
    return received
