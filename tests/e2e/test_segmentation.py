"""Exams through client, gateway and Triton."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest
from glioserve import Client, ExamFiles
from grpc import aio

from imaging.exam import Exam
from imaging.labels import LabelScheme
from imaging.pipeline.segment import segment as run_pipeline
from serving.inference.onnxruntime_predictor import OnnxRuntimePredictor
from tests.e2e.running_server import RunningServer
from tests.serving.gateway.support import exam_files, exam_volumes, segment, segment_requests

pytestmark = pytest.mark.triton


def labels_of(label_map: bytes) -> np.ndarray:
    return np.asarray(nibabel.Nifti1Image.from_bytes(gzip.decompress(label_map)).dataobj)


def expected_labels(models: Path, seed: int) -> np.ndarray:
    """What the pipeline says in this process, without a server."""
    predictor = OnnxRuntimePredictor(models)
    found = run_pipeline(Exam(exam_volumes(seed)), predictor, predictor.catalog.plans)
    return LabelScheme.BRATS_2018.from_regions(found.masks)


async def test_the_served_label_map_is_that_of_the_pipeline(channel: aio.Channel, models: Path) -> None:
    answer = await segment(channel, segment_requests(exam_files(1)))

    labels = labels_of(answer.label_map)
    np.testing.assert_array_equal(labels, expected_labels(models, 1))
    assert labels.any()
    assert answer.result.engine == "triton"


async def test_eight_clients_at_once_get_what_they_get_one_by_one(server: RunningServer) -> None:
    async def one(seed: int) -> bytes:
        async with aio.insecure_channel(server.address) as channel:
            return (await segment(channel, segment_requests(exam_files(seed)))).label_map

    serial = [await one(seed) for seed in range(4)]
    at_once = await asyncio.gather(*(one(seed % 4) for seed in range(8)))

    assert at_once == serial * 2
    assert len(set(serial)) == 4


def test_the_client_library_gets_the_same(server: RunningServer, models: Path, tmp_path: Path) -> None:
    files = {}
    for modality, content in exam_files(2).items():
        files[modality.value] = tmp_path / f"{modality.value}.nii.gz"
        files[modality.value].write_bytes(content)

    with Client(server.address) as client:
        result = client.segment(ExamFiles(**files))

    np.testing.assert_array_equal(result.label_map.array, expected_labels(models, 2))
