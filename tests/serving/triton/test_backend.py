"""Our `onnxruntime` backend within a real Triton: what no test of its answers shows."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc as tritongrpc

from imaging.regions import Region
from serving.inference.triton_predictor import TritonPredictor
from serving.triton.launcher import TritonServer
from tests.serving.model_repository import run_onnx

pytestmark = pytest.mark.triton

MIB = 2**20


def resident_bytes(server: TritonServer) -> int:
    """Memory of the processes that run the models."""
    children = {
        child
        for task in Path(f"/proc/{server.pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    }
    assert len(children) == len(Region) + 1  # the U-Nets and the generator
    statuses = [Path(f"/proc/{child}/status").read_text().splitlines() for child in children]
    return sum(int(line.split()[1]) * 1024 for status in statuses for line in status if line.startswith("RssAnon"))


def test_memory_ends_at_what_the_largest_batch_needs(triton: TritonServer) -> None:
    predictor = TritonPredictor(triton.address)
    predictor.predict(Region.WT, np.zeros((16, 3, 240, 240), np.float32))
    before = resident_bytes(triton)

    for index in range(48):  # 48 batches of 2 to 5 MiB, of as many extents: any that stays would be seen
        predictor.predict(Region.WT, np.zeros((16, 3, 144 + 16 * (index % 6), 144 + 16 * (index // 8)), np.float32))

    assert resident_bytes(triton) - before < 64 * MIB


def test_requests_of_one_dynamic_batch_get_their_own_answers(triton: TritonServer, repository: Path) -> None:
    content = (repository / "unet_wt" / "1" / "model.onnx").read_bytes()
    client = tritongrpc.InferenceServerClient(triton.address)
    batches = [np.random.default_rng(seed).normal(size=(2, 3, 32, 32)).astype(np.float32) for seed in range(32)]
    answers: dict[int, np.ndarray] = {}
    done = threading.Semaphore(0)

    for index, batch in enumerate(batches):
        tensor = tritongrpc.InferInput("slices", batch.shape, "FP16")
        tensor.set_data_from_numpy(batch.astype(np.float16))

        def keep(result: tritongrpc.InferResult, error: Exception | None, index: int = index) -> None:
            answers[index] = result.as_numpy("probabilities") if error is None else np.zeros(0)
            done.release()

        client.async_infer("unet_wt", [tensor], keep)
    for _ in batches:
        assert done.acquire(timeout=30.0)

    for index, batch in enumerate(batches):
        np.testing.assert_allclose(answers[index], run_onnx(content, batch), atol=1e-6)
    statistics = client.get_inference_statistics("unet_wt").model_stats[0]
    assert statistics.execution_count < statistics.inference_count  # so some did share a batch
    client.close()


def test_a_request_that_can_not_run_fails_alone(triton: TritonServer) -> None:
    client = tritongrpc.InferenceServerClient(triton.address)
    tensor = tritongrpc.InferInput("slices", [1, 3, 0, 16], "FP16")
    tensor.set_data_from_numpy(np.zeros((1, 3, 0, 16), np.float16))

    with pytest.raises(tritongrpc.InferenceServerException):
        client.infer("unet_wt", [tensor])

    TritonPredictor(triton.address).predict(Region.WT, np.zeros((1, 3, 16, 16), np.float32))
    client.close()
