"""What TLS lets through, over real sockets with real certificates."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from serving.gateway.auth_roles import Role
from serving.gateway.server import Gateway
from serving.tls import TlsError
from tests.serving.certificates import Pair
from tests.serving.gateway.auth_support import (
    AUTHORITY,
    LINES,
    STRANGERS,
    TOKENS,
    bearer,
    client_ca,
    info,
    refused,
    tls_channel,
    tls_gateway,
)
from tests.serving.gateway.support import FakeEngine, small_settings

Code = grpc.StatusCode


@pytest.fixture
def callers(tmp_path: Path) -> Path:
    path = tmp_path / "callers"
    path.write_text(LINES)
    return path


async def test_tokens_travel_within_tls(engine: FakeEngine, callers: Path, tmp_path: Path) -> None:
    async with tls_gateway(engine, tmp_path, callers=callers) as gateway:
        async with tls_channel(gateway) as channel:
            assert await info(channel, *bearer(TOKENS[Role.INFO]))
            assert (await refused(channel)).code() is Code.UNAUTHENTICATED
        async with tls_channel(gateway, trusts=STRANGERS) as channel:
            assert (await refused(channel, *bearer(TOKENS[Role.INFO]))).code() is Code.UNAVAILABLE
        async with aio.insecure_channel(gateway.address) as channel:
            assert (await refused(channel, *bearer(TOKENS[Role.INFO]))).code() is Code.UNAVAILABLE


@pytest.mark.parametrize(
    "client",
    [
        None,
        STRANGERS.pair(),
        AUTHORITY.pair(valid_for=timedelta(days=-1)),
        AUTHORITY.pair(starts=1, valid_for=timedelta(days=2)),
    ],
    ids=["no certificate", "of another authority", "expired", "not valid yet"],
)
async def test_mutual_tls_lets_nobody_else_connect(engine: FakeEngine, tmp_path: Path, client: Pair | None) -> None:
    async with tls_gateway(engine, tmp_path, tls_client_ca=client_ca(tmp_path)) as gateway:
        async with tls_channel(gateway, client) as channel:
            assert (await refused(channel)).code() is Code.UNAVAILABLE
            with pytest.raises(aio.AioRpcError):
                await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=20)
        async with tls_channel(gateway, AUTHORITY.pair("anybody")) as channel:
            assert await info(channel)


async def test_a_certificate_says_who_calls_where_no_token_does(
    engine: FakeEngine, callers: Path, tmp_path: Path
) -> None:
    with callers.open("a") as file:
        file.write("\nresearch info certificate\narchive segment certificate\n")
    async with tls_gateway(engine, tmp_path, callers=callers, tls_client_ca=client_ca(tmp_path)) as gateway:
        async with tls_channel(gateway, AUTHORITY.pair("research")) as channel:
            assert await info(channel)
            assert (await refused(channel, *bearer("wrong"))).code() is Code.UNAUTHENTICATED
        async with tls_channel(gateway, AUTHORITY.pair("archive")) as channel:
            assert (await refused(channel)).code() is Code.PERMISSION_DENIED
            assert await info(channel, *bearer(TOKENS[Role.INFO]))
        for nobody in ("stranger", "info-only", "research "):
            async with tls_channel(gateway, AUTHORITY.pair(nobody)) as channel:
                assert (await refused(channel)).code() is Code.UNAUTHENTICATED, nobody


async def test_certificates_that_are_replaced_are_used_by_the_next_connection(
    engine: FakeEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with tls_gateway(engine, tmp_path) as gateway, tls_channel(gateway) as old:
        assert await info(old)
        new = STRANGERS.pair()
        (tmp_path / "server.pem").write_bytes(new.cert)  # the key does not fit yet
        async with tls_channel(gateway) as channel:
            assert await info(channel)
        (tmp_path / "server.key").write_bytes(new.key)
        async with tls_channel(gateway, trusts=STRANGERS) as channel:
            assert await info(channel)
        async with tls_channel(gateway) as channel:
            assert (await refused(channel)).code() is Code.UNAVAILABLE
        assert await info(old)  # a connection that was made keeps what it was made with
    assert caplog.messages.count("tls.refused") == 1
    assert caplog.messages.count("tls.replaced") == 1


async def test_an_authority_that_is_replaced_shuts_its_clients_out(engine: FakeEngine, tmp_path: Path) -> None:
    path = client_ca(tmp_path)
    async with tls_gateway(engine, tmp_path, tls_client_ca=path) as gateway:
        path.write_bytes(STRANGERS.cert)
        async with tls_channel(gateway, AUTHORITY.pair()) as channel:
            assert (await refused(channel)).code() is Code.UNAVAILABLE
        async with tls_channel(gateway, STRANGERS.pair()) as channel:
            assert await info(channel)


async def test_a_key_that_does_not_fit_ends_the_start(engine: FakeEngine, tmp_path: Path) -> None:
    cert, _ = AUTHORITY.pair().write(tmp_path, "server")
    _, key = AUTHORITY.pair().write(tmp_path, "another")
    with pytest.raises(TlsError, match="tls_key: must be the key of tls_cert"):
        async with Gateway(small_settings(tls_cert=cert, tls_key=key), engine):
            pass
