"""The predictor over a real Triton."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from imaging.pipeline.golden import golden_slices
from imaging.regions import Region
from serving.errors import (
    EngineDeadlineError,
    EngineRequestError,
    EngineUnavailableError,
    ModelRepositoryError,
    UnknownGeneratorError,
)
from serving.inference import shared_memory
from serving.inference.catalog import repository_catalog
from serving.inference.engine import Engine, InferenceEngine
from serving.inference.onnxruntime_predictor import OnnxRuntimePredictor
from serving.inference.triton_predictor import TritonPredictor
from serving.triton.launcher import TritonServer
from serving.triton.runtime import TritonRuntime
from serving.triton.settings import TritonSettings
from tests.serving.model_repository import CHANNELS

pytestmark = pytest.mark.triton


@pytest.fixture
def predictor(triton: TritonServer) -> Iterator[TritonPredictor]:
    predictor = TritonPredictor(triton.address)
    yield predictor
    predictor.close()


def some_slices(region: Region, *, slices: int = 8, rows: int = 96, columns: int = 80, seed: int = 0) -> np.ndarray:
    shape = (slices, len(CHANNELS[region]), rows, columns)
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("region", Region)
@pytest.mark.parametrize(("slices", "rows", "columns"), [(1, 16, 16), (8, 192, 144), (16, 240, 240), (3, 80, 176)])
def test_answers_as_onnx_runtime_does(
    predictor: TritonPredictor, repository: Path, region: Region, slices: int, rows: int, columns: int
) -> None:
    batch = some_slices(region, slices=slices, rows=rows, columns=columns)

    np.testing.assert_array_equal(
        predictor.predict(region, batch), OnnxRuntimePredictor(repository).predict(region, batch)
    )


@pytest.mark.parametrize(("slices", "rows", "columns"), [(1, 16, 16), (4, 192, 144), (3, 80, 176)])
def test_draws_as_onnx_runtime_does(
    predictor: TritonPredictor, repository: Path, slices: int, rows: int, columns: int
) -> None:
    maps = np.random.default_rng(0).integers(0, 2, (slices, 19, rows, columns)).astype(np.uint8)

    np.testing.assert_array_equal(predictor.draw("joint", maps), OnnxRuntimePredictor(repository).draw("joint", maps))


def test_refuses_to_draw_what_does_not_fit(predictor: TritonPredictor) -> None:
    with pytest.raises(EngineRequestError, match="generator_joint: must get at most 4 slices"):
        predictor.draw("joint", np.zeros((5, 19, 16, 16), np.uint8))
    with pytest.raises(UnknownGeneratorError, match=r"served \(joint\), got 't1'"):
        predictor.draw("t1", np.zeros((1, 19, 16, 16), np.uint8))


def test_takes_slices_that_are_a_view(predictor: TritonPredictor) -> None:
    batch = some_slices(Region.WT)

    mirrored = predictor.predict(Region.WT, batch[:, :, ::-1])

    np.testing.assert_array_equal(mirrored, predictor.predict(Region.WT, batch[:, :, ::-1].copy()))


def test_tells_the_catalog_that_the_repository_holds(predictor: TritonPredictor, repository: Path) -> None:
    engine: InferenceEngine = predictor

    assert engine.engine is Engine.TRITON
    assert engine.catalog == repository_catalog(repository)


def test_answers_of_threads_are_those_of_one_thread(predictor: TritonPredictor) -> None:
    batches = [some_slices(Region.TC, slices=1 + seed % 5, rows=64 + 16 * (seed % 3), seed=seed) for seed in range(24)]
    serial = [predictor.predict(Region.TC, batch) for batch in batches]

    with ThreadPoolExecutor(8) as threads:
        parallel = list(threads.map(lambda batch: predictor.predict(Region.TC, batch), batches))

    for expected, got in zip(serial, parallel, strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    "slices",
    [
        np.zeros((1, 4, 16, 16), np.float32),
        np.zeros((3, 16, 16), np.float32),
        np.zeros((0, 3, 16, 16), np.float32),
        np.zeros((17, 3, 16, 16), np.float32),
        np.zeros((1, 3, 16, 16), np.float64),
    ],
)
def test_refuses_slices_that_do_not_fit(predictor: TritonPredictor, slices: np.ndarray) -> None:
    with pytest.raises(EngineRequestError):
        predictor.predict(Region.WT, slices)


@pytest.mark.parametrize("region", Region)
def test_shared_memory_and_the_wire_carry_the_same_bits(predictor: TritonPredictor, region: Region) -> None:
    wired = TritonPredictor(predictor.address, shared_memory=False)
    for seed, (slices, rows, columns) in enumerate([(8, 160, 192), (2, 48, 16), (16, 240, 240), (1, 16, 16)]):
        batch = some_slices(region, slices=slices, rows=rows, columns=columns, seed=seed)
        np.testing.assert_array_equal(predictor.predict(region, batch), wired.predict(region, batch))
    assert predictor.shares_memory
    assert not wired.shares_memory
    wired.close()


def test_many_at_one_time_do_not_meet_in_shared_memory(predictor: TritonPredictor) -> None:
    batches = [some_slices(Region.WT, slices=2, rows=32, columns=32, seed=seed) for seed in range(12)]
    alone = [predictor.predict(Region.WT, batch) for batch in batches]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda batch: predictor.predict(Region.WT, batch), batches))
    np.testing.assert_array_equal(together, alone)


def test_memory_that_triton_can_not_open_is_done_without(
    triton: TritonServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    expected = TritonPredictor(triton.address).predict(Region.WT, golden_slices(3))
    predictor = TritonPredictor(triton.address)
    monkeypatch.setattr(shared_memory.Region, "key", property(lambda _: "/of-another-host"))
    np.testing.assert_array_equal(predictor.predict(Region.WT, golden_slices(3)), expected)
    assert not predictor.shares_memory
    assert [record.message for record in caplog.records] == ["engine.shared_memory_off"]
    np.testing.assert_array_equal(predictor.predict(Region.WT, golden_slices(3)), expected)
    assert len(caplog.records) == 1


def test_nobody_at_the_address() -> None:
    with pytest.raises(EngineUnavailableError):
        TritonPredictor("127.0.0.1:1")


def test_closed(triton: TritonServer) -> None:
    predictor = TritonPredictor(triton.address)
    predictor.close()

    with pytest.raises(EngineUnavailableError):
        predictor.predict(Region.WT, golden_slices(3))


@pytest.fixture
def own_triton(repository: Path, runtime: TritonRuntime, tmp_path: Path) -> Iterator[TritonServer]:
    with TritonServer(TritonSettings(repository, tmp_path / "triton.log"), runtime) as server:
        yield server


def stop(pid: int) -> None:
    """Stop every thread of a process; the signal alone returns before the last of them stands still."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + 10
    while any("State:\tT" not in task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/status")):
        if time.monotonic() > deadline:
            raise TimeoutError("the process does not stop")
        time.sleep(0.01)


def test_a_triton_that_hangs_meets_the_deadline_and_then_works_on(own_triton: TritonServer) -> None:
    predictor = TritonPredictor(own_triton.address, deadline_s=0.5)
    pid = own_triton.pid
    assert pid is not None
    stop(pid)
    try:
        with pytest.raises(EngineDeadlineError):
            predictor.predict(Region.WT, golden_slices(3))
    finally:
        os.kill(pid, signal.SIGCONT)

    TritonPredictor(own_triton.address).predict(Region.WT, golden_slices(3))


def test_a_kill_amid_a_call_is_unavailable_and_the_next_call_after_a_restart_succeeds(own_triton: TritonServer) -> None:
    predictor = TritonPredictor(own_triton.address)
    expected = predictor.predict(Region.WT, golden_slices(3))
    pid = own_triton.pid
    assert pid is not None
    stop(pid)  # so that the call is amid, whenever the kill comes
    kill = threading.Timer(0.5, os.kill, (pid, signal.SIGKILL))
    kill.start()

    with pytest.raises(EngineUnavailableError):
        predictor.predict(Region.WT, golden_slices(3))
    with pytest.raises(EngineUnavailableError):
        predictor.predict(Region.WT, golden_slices(3))

    kill.join()
    own_triton.restart()
    np.testing.assert_array_equal(predictor.predict(Region.WT, golden_slices(3)), expected)


def test_a_triton_that_serves_other_models(repository: Path, runtime: TritonRuntime, tmp_path: Path) -> None:
    from serving.triton.process import TritonProcess

    alone = tmp_path / "models"
    (alone / "unet_wt").parent.mkdir()
    (alone / "unet_wt").symlink_to(repository / "unet_wt")
    settings = TritonSettings(alone, tmp_path / "triton.log").with_ports()
    process = TritonProcess(settings, runtime)
    try:
        with pytest.raises(ModelRepositoryError, match="unet_tc"):
            _connect(f"{settings.host}:{settings.grpc_port}")
    finally:
        process.stop()


def _connect(address: str) -> TritonPredictor:
    for _ in range(200):
        try:
            return TritonPredictor(address)
        except EngineUnavailableError:
            threading.Event().wait(0.1)
    raise TimeoutError(address)
