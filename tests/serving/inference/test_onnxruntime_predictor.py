"""The predictor within this process."""

from __future__ import annotations

import builtins
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imaging.regions import Region
from serving.errors import (
    EngineAnswerError,
    EngineRequestError,
    EngineUnavailableError,
    EngineUnsupportedError,
    ModelRepositoryError,
    UnknownGeneratorError,
)
from serving.inference.catalog import repository_catalog
from serving.inference.engine import Engine, InferenceEngine
from serving.inference.onnxruntime_predictor import OnnxRuntimePredictor
from tests.serving.model_repository import (
    CHANNELS,
    GENERATOR_PLAN,
    model_config,
    run_onnx,
    tiny_generator_onnx,
    tiny_onnx,
    write_model,
    write_repository,
)


@pytest.mark.parametrize("region", Region)
def test_answers_as_plain_onnx_runtime_does(repository: Path, region: Region) -> None:
    slices = np.random.default_rng(1).normal(size=(5, len(CHANNELS[region]), 48, 80)).astype(np.float32)
    content = (repository / f"unet_{region}" / "1" / "model.onnx").read_bytes()
    engine: InferenceEngine = OnnxRuntimePredictor(repository, threads=1)

    answer = engine.predict(region, slices)

    np.testing.assert_allclose(answer, run_onnx(content, slices), atol=1e-6)
    np.testing.assert_array_equal(answer, engine.predict(region, slices.astype(np.float16)))
    assert answer.dtype == np.float32
    assert engine.engine is Engine.ONNXRUNTIME
    assert engine.catalog == repository_catalog(repository)


def test_refuses_slices_of_another_model(repository: Path) -> None:
    with pytest.raises(EngineRequestError, match=r"slices must be of shape \[slice, 3, i, j\]"):
        OnnxRuntimePredictor(repository).predict(Region.WT, np.zeros((1, 4, 16, 16), np.float32))


@pytest.mark.parametrize(
    ("slices", "complaint"),
    [
        (np.zeros((1, 3, 16, 16), np.float64), "slices must be float16 or float32, got float64"),
        (np.full((1, 3, 16, 16), 1e5, np.float32), "slices must be at most 65504, got larger ones"),
    ],
)
def test_refuses_slices_that_do_not_fit_its_numbers(repository: Path, slices: np.ndarray, complaint: str) -> None:
    with pytest.raises(EngineRequestError, match=complaint):
        OnnxRuntimePredictor(repository).predict(Region.WT, slices)


def test_an_answer_that_is_not_finite(repository: Path) -> None:
    slices = np.full((1, 3, 16, 16), np.nan, np.float32)

    with pytest.raises(EngineAnswerError, match="must answer finite"):
        OnnxRuntimePredictor(repository).predict(Region.WT, slices)


def test_a_model_that_fails(tmp_path: Path) -> None:
    repository = write_repository(tmp_path)
    config = model_config(Region.WT, tiny_onnx(3))
    content = tiny_onnx(4)  # takes a channel more than its configuration says
    config.parameters["onnx_sha256"].string_value = hashlib.sha256(content).hexdigest()
    write_model(repository, config, content)

    with pytest.raises(EngineAnswerError, match="unet_wt: must run") as caught:
        OnnxRuntimePredictor(repository).predict(Region.WT, np.zeros((1, 3, 16, 16), np.float32))
    assert "\n" not in str(caught.value)


def test_closed(repository: Path) -> None:
    predictor = OnnxRuntimePredictor(repository)
    predictor.close()

    with pytest.raises(EngineUnavailableError):
        predictor.predict(Region.WT, np.zeros((1, 3, 16, 16), np.float32))


def test_an_altered_file(tmp_path: Path) -> None:
    repository = write_repository(tmp_path)
    (repository / "unet_tc" / "1" / "model.onnx").write_bytes(tiny_onnx(4, seed=9))

    with pytest.raises(ModelRepositoryError, match=r"unet_tc: model\.onnx must have the digest"):
        OnnxRuntimePredictor(repository)


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    repository = write_repository(tmp_path)
    config = model_config(Region.WT, tiny_onnx(3))
    config.parameters["onnx_sha256"].string_value = hashlib.sha256(b"none").hexdigest()
    write_model(repository, config, b"none")

    with pytest.raises(ModelRepositoryError, match="unet_wt: must be a model that ONNX Runtime loads"):
        OnnxRuntimePredictor(repository)


def test_without_the_package(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = builtins.__import__

    def without_onnxruntime(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "onnxruntime":
            raise ModuleNotFoundError("No module named 'onnxruntime'")
        return genuine(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_onnxruntime)

    with pytest.raises(EngineUnsupportedError, match="pip install onnxruntime"):
        OnnxRuntimePredictor(repository)


def test_draws_as_plain_onnx_runtime_does(repository: Path) -> None:
    maps = np.random.default_rng(1).integers(0, 2, (3, 19, 48, 80)).astype(np.uint8)
    content = (repository / "generator_joint" / "1" / "model.onnx").read_bytes()

    images = OnnxRuntimePredictor(repository).draw("joint", maps)

    assert images.shape == (3, 4, 48, 80)
    np.testing.assert_allclose(images, run_onnx(content, maps), atol=1e-6)


def test_a_generator_that_is_not_served(repository: Path) -> None:
    with pytest.raises(UnknownGeneratorError, match="generator: must be one of those served"):
        OnnxRuntimePredictor(repository).draw("t1", np.zeros((1, 19, 16, 16), np.uint8))


def test_nothing_is_drawn_once_closed(repository: Path) -> None:
    predictor = OnnxRuntimePredictor(repository)
    predictor.close()

    with pytest.raises(EngineUnavailableError):
        predictor.draw("joint", np.zeros((1, 19, 16, 16), np.uint8))


def test_an_altered_generator(tmp_path: Path) -> None:
    repository = write_repository(tmp_path)
    (repository / "generator_joint" / "1" / "model.onnx").write_bytes(tiny_generator_onnx(GENERATOR_PLAN, seed=9))

    with pytest.raises(ModelRepositoryError, match=r"generator_joint: model\.onnx must have the digest"):
        OnnxRuntimePredictor(repository)
