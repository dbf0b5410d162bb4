"""One server over tiny models for all tests that leave it as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from grpc import aio

from serving.triton.runtime import build_runtime
from tests.e2e.running_server import RunningServer, running_server
from tests.serving.model_repository import write_repository


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    build_runtime()
    return write_repository(tmp_path_factory.mktemp("e2e-models"))


@pytest.fixture(scope="session")
def server(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Two workers. Tests that kill something, or need other settings, start their own."""
    with running_server(models, tmp_path_factory.mktemp("e2e-server"), workers=2) as server:
        yield server


@pytest.fixture
async def channel(server: RunningServer) -> AsyncIterator[aio.Channel]:
    async with aio.insecure_channel(server.address) as channel:
        yield channel
