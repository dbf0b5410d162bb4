"""Synthetic exams through client, gateway and Triton: drawn, segmented again, refused, given up."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import grpc
import numpy as np
import pytest
from glioserve import AsyncClient, LabelScheme, Region
from grpc import aio

from imaging.brainmap.draw import draw_exam
from serving.inference.onnxruntime_predictor import OnnxRuntimePredictor
from serving.synthesis.painter import ServedPainter
from tests.e2e.running_server import RunningServer, eventually
from tests.imaging.brainmap.balls import ball_map
from tests.serving.gateway.support import detail_of, generate, generate_requests, map_file
from tests.serving.gateway.test_synthesis import BAD

pytestmark = pytest.mark.triton

RUNNING = "glioserve_running"
CLIENT = Path(sys.executable).with_name("glioserve")


@pytest.fixture
def map_path(tmp_path: Path) -> Path:
    path = tmp_path / "map.npz"
    path.write_bytes(map_file(ball_map()))
    return path


async def test_what_was_generated_can_be_segmented_and_is_scored_by_its_map(
    server: RunningServer, models: Path, map_path: Path, tmp_path: Path
) -> None:
    async with AsyncClient(server.address) as client:
        exam, again = await asyncio.gather(client.generate(map_path), client.generate(map_path))
        folder = await asyncio.to_thread(exam.save, tmp_path / "exams")
        found = await client.segment(folder)

    assert (exam.volumes, exam.label_map) == (again.volumes, again.label_map)
    assert exam.provenance_json == again.provenance_json
    painter = ServedPainter(OnnxRuntimePredictor(models))
    drawn = draw_exam(ball_map(), painter, micro_batch=painter.micro_batch)
    for volume, expected in zip(exam.volumes.values(), drawn.volumes.values(), strict=True):
        np.testing.assert_array_equal(volume.array, expected.voxels)
    assert found.label_map.grid.equals(exam.label_map.grid)
    assert found.reference_label_scheme is LabelScheme.BRATS_2018
    assert len(found.metrics) == len(Region)
    assert server.metric('glioserve_stage_seconds_count{stage="draw"}') >= 2


async def test_bad_requests_are_refused_with_their_field_and_harm_nothing(
    server: RunningServer, channel: aio.Channel
) -> None:
    for make, kind, field in BAD.values():
        with pytest.raises(aio.AioRpcError) as caught:
            await generate(channel, make())
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert (detail_of(caught.value).kind, detail_of(caught.value).field) == (kind, field)

    assert (await generate(channel, generate_requests(map_file(ball_map())))).files
    assert server.metric(RUNNING) == 0


async def test_a_client_that_is_killed_frees_its_worker(
    server: RunningServer, channel: aio.Channel, map_path: Path
) -> None:
    drawn_before = server.metric('glioserve_stage_seconds_count{stage="draw"}')
    command = [CLIENT, "generate", "--map", map_path, "--server", server.address]
    with server.frozen_triton():
        client = await asyncio.to_thread(subprocess.Popen, command, stderr=subprocess.DEVNULL)
        try:
            await eventually(lambda: server.metric(RUNNING) == 1)
        finally:
            client.kill()
            await asyncio.to_thread(client.wait)

    await eventually(lambda: server.metric(RUNNING) == 0)
    assert server.metric('glioserve_stage_seconds_count{stage="draw"}') == drawn_before
    assert (await generate(channel, generate_requests(map_file(ball_map())))).files
