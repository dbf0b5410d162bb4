"""The asyncio client against the same server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import glioserve as gs
import grpc
import pytest
from glioserve.v1 import types_pb2 as pb

from tests.client import exams
from tests.client.fake_server import FakeServer, Received, busy, fail, succeed


@pytest.fixture
async def client(server: FakeServer) -> AsyncIterator[gs.AsyncClient]:
    async with gs.AsyncClient(server.target) as connected:
        yield connected


async def test_both_clients_have_one_result(server: FakeServer, client: gs.AsyncClient, scored_dir: Path) -> None:
    events: list[object] = []
    found = await client.segment(scored_dir, on_progress=events.append, on_partial=events.append)
    with gs.Client(server.target) as other:
        assert await asyncio.to_thread(other.segment, scored_dir) == found
    assert [type(event) for event in events] == [gs.Queued, gs.Progress, gs.Progress, gs.RegionVolume, gs.Progress]
    assert server.received[0].files == server.received[1].files


async def test_exams_run_side_by_side(server: FakeServer, client: gs.AsyncClient, case_dir: Path) -> None:
    results = await asyncio.gather(*(client.segment(case_dir) for _ in range(3)))
    assert len(results) == len(server.received) == 3


async def test_a_busy_server_is_asked_again(server: FakeServer, client: gs.AsyncClient, case_dir: Path) -> None:
    server.answers = [busy(), succeed]
    assert (await client.segment(case_dir, retries=1)).volumes


async def test_errors_are_typed(server: FakeServer, client: gs.AsyncClient, case_dir: Path) -> None:
    detail = pb.ErrorDetail(kind="BlankError", field="t2", rule="must not be blank", got="zeros")
    server.answers = [fail(grpc.StatusCode.FAILED_PRECONDITION, detail=detail)]
    with pytest.raises(gs.InvalidInputError) as caught:
        await client.segment(case_dir)
    assert (caught.value.kind, caught.value.field) == ("BlankError", "t2")


async def test_time_runs_out(server: FakeServer, client: gs.AsyncClient, case_dir: Path) -> None:
    server.answers = [server.hang]
    with pytest.raises(gs.DeadlineError):
        await client.segment(case_dir, timeout_s=0.4)


async def test_cancelling_a_task_frees_the_server(server: FakeServer, client: gs.AsyncClient, case_dir: Path) -> None:
    server.answers = [server.hang]
    queued = asyncio.Event()
    task = asyncio.create_task(client.segment(case_dir, on_progress=lambda _: queued.set()))
    await queued.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(server.ended.wait, 10)


async def test_closing_ends_running_calls(server: FakeServer, case_dir: Path) -> None:
    server.answers = [server.hang]
    queued = asyncio.Event()
    client = gs.AsyncClient(server.target)
    task = asyncio.create_task(client.segment(case_dir, on_progress=lambda _: queued.set()))
    await queued.wait()
    await client.close()
    with pytest.raises(gs.CancelledError):
        await task
    with pytest.raises(gs.ClosedClientError):
        await client.info()


async def test_a_file_that_shrinks_while_it_is_sent(server: FakeServer, client: gs.AsyncClient, case_dir: Path) -> None:
    flair = exams.exam_files(case_dir).flair

    def shrink(received: Received) -> object:
        flair.write_bytes(flair.read_bytes()[:100])
        return busy()(received)

    server.answers = [shrink]
    with pytest.raises(gs.LocalInputError, match="must not change"):
        await client.segment(case_dir, retries=1)


async def test_the_other_calls(client: gs.AsyncClient, tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    path.write_bytes(exams.nifti_gz(exams.labels()))
    found = await client.evaluate(path, path, label_scheme=gs.LabelScheme.BRATS_2018)
    assert found.metrics[0].dsc == 0.875
    assert (await client.info()).engine == "triton"
    assert await client.health() is gs.Health.SERVING


async def test_nobody_is_there(nobody: str) -> None:
    async with gs.AsyncClient(nobody) as client:
        for call in (client.info(), client.health()):
            with pytest.raises(gs.ServerUnavailableError):
                await call
