"""Gateways that ask who calls, and calls that say so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from glioserve.v1 import info_pb2
from glioserve.v1.info_pb2_grpc import InfoServiceStub
from grpc import aio

from serving.gateway.auth_callers import Caller
from serving.gateway.auth_roles import Role
from serving.gateway.auth_tokens import digest_of, new_token
from serving.gateway.server import Gateway
from tests.serving.certificates import Authority, Pair
from tests.serving.gateway.support import FakeEngine, small_settings

AUTHORITY, STRANGERS = Authority("authority"), Authority("strangers")
TOKENS = {role: new_token() for role in Role}
LINES = "\n".join(Caller(f"{role}-only", frozenset({role}), digest_of(TOKENS[role])).line for role in Role)
"""A caller per role."""


@asynccontextmanager
async def gateway_with(engine: FakeEngine, **settings: Any) -> AsyncIterator[Gateway]:
    async with Gateway(small_settings(**settings), engine) as gateway:
        async with asyncio.timeout(20):
            await gateway.ready()
        yield gateway


@asynccontextmanager
async def tls_gateway(engine: FakeEngine, folder: Path, **settings: Any) -> AsyncIterator[Gateway]:
    cert, key = AUTHORITY.pair().write(folder, "server")
    async with gateway_with(engine, tls_cert=cert, tls_key=key, **settings) as gateway:
        yield gateway


def client_ca(folder: Path) -> Path:
    path = folder / "clients.pem"
    path.write_bytes(AUTHORITY.cert)
    return path


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


def tls_channel(gateway: Gateway, client: Pair | None = None, *, trusts: Authority = AUTHORITY) -> aio.Channel:
    key, cert = (None, None) if client is None else (client.key, client.cert)
    return aio.secure_channel(gateway.address, grpc.ssl_channel_credentials(trusts.cert, key, cert))


async def info(channel: aio.Channel, *metadata: tuple[str, str]) -> info_pb2.GetInfoResponse:
    return await InfoServiceStub(channel).GetInfo(info_pb2.GetInfoRequest(), metadata=metadata, timeout=20)


async def refused(channel: aio.Channel, *metadata: tuple[str, str]) -> aio.AioRpcError:
    with pytest.raises(aio.AioRpcError) as caught:
        await info(channel, *metadata)
    return caught.value
