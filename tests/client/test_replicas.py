"""Several servers behind one name, and servers that come and go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import glioserve as gs
import grpc
import pytest
from glioserve.core import attempts
from glioserve.v1 import types_pb2 as pb

from tests.client.fake_server import FakeServer, fail, start, succeed

HANGING = 7
"""What a server that hangs says of its queue."""


@pytest.fixture
def replicas() -> Iterator[list[tuple[FakeServer, grpc.Server]]]:
    running = [(fake, start(fake)) for fake in (FakeServer(), FakeServer())]
    yield running
    for _, server in running:
        server.stop(grace=0).wait()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "FIRST_BACKOFF_S", 0.01)


def test_calls_are_spread_over_all_addresses(replicas: list[tuple[FakeServer, grpc.Server]], case_dir: Path) -> None:
    targets = ",".join(fake.target for fake, _ in replicas)
    with gs.Client(f"ipv4:{targets}", plaintext=True) as client:
        client.info()
        while not all(fake.received for fake, _ in replicas):  # a connection is used from when it is there
            client.segment(case_dir)
        before = [len(fake.received) for fake, _ in replicas]
        for _ in range(4):
            client.segment(case_dir)
    assert [len(fake.received) - each for (fake, _), each in zip(replicas, before, strict=True)] == [2, 2]


def test_an_exam_whose_server_goes_away_is_taken_to_another(
    replicas: list[tuple[FakeServer, grpc.Server]], case_dir: Path
) -> None:
    for fake, _ in replicas:
        fake.answers = [fake.hang]

    def stop_the_first(event: gs.Queued | gs.Progress) -> None:
        """Called again, with other events, by the server that the exam is taken to."""
        if isinstance(event, gs.Queued) and event.position == HANGING:
            (at,) = (each for each in replicas if each[0].received)
            for fake, _ in replicas:
                fake.answers = [succeed]
            at[1].stop(grace=0)

    targets = ",".join(fake.target for fake, _ in replicas)
    with gs.Client(f"ipv4:{targets}", plaintext=True) as client:
        assert client.segment(case_dir, retries=5, on_progress=stop_the_first).volumes
    assert sorted(len(fake.received) for fake, _ in replicas) == [1, 1]


def test_a_server_that_is_away_is_asked_when_it_says(server: FakeServer, client: gs.Client, case_dir: Path) -> None:
    detail = pb.ErrorDetail(kind="StoppingError", field="server", rule="must run", got="stopping", retry_after_ms=20)
    server.answers = [fail(grpc.StatusCode.UNAVAILABLE, detail=detail), fail(grpc.StatusCode.UNAVAILABLE), succeed]
    assert client.segment(case_dir, retries=2).volumes
    assert len(server.received) == 3
    server.received.clear()
    with pytest.raises(gs.ServerUnavailableError) as caught:
        client.segment(case_dir)
    assert caught.value.retry_after_s == 0.02
    assert len(server.received) == 1, "nobody asked for a retry"


def test_pauses_grow_while_nobody_answers() -> None:
    tries = attempts.Attempts(timeout_s=60, retries=20)
    error = gs.ServerUnavailableError("nobody")
    pauses = [tries.wait_s(error) for _ in range(12)]
    assert pauses[0] <= 0.0125
    assert pauses[4] >= 0.16
    assert max(pauses) <= attempts.LONGEST_BACKOFF_S * (1 + attempts.JITTER)
