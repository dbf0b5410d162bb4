"""What the tests of the client share: a server to talk to, and an exam to send."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from glioserve import Client

from tests.client.exams import labels, write_case
from tests.client.fake_server import FakeServer, start


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """A server of this test alone."""
    fake = FakeServer()
    running = start(fake)
    yield fake
    fake.released.set()
    running.stop(grace=0).wait()


@pytest.fixture
def client(server: FakeServer) -> Iterator[Client]:
    """A client of that server."""
    with Client(server.target) as connected:
        yield connected


@pytest.fixture
def case_dir(tmp_path: Path) -> Path:
    """A case folder without a reference."""
    return write_case(tmp_path / "case")


@pytest.fixture
def scored_dir(tmp_path: Path) -> Path:
    """A case folder with a reference, named as in BraTS 2018."""
    return write_case(tmp_path / "scored", reference=labels())


@pytest.fixture
def nobody() -> Iterator[str]:
    """A target where no server listens, and none can start."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"
