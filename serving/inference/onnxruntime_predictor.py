"""ONNX Runtime within this process: for machines where Triton can't run, for evaluation and for tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from imaging.regions import Region
from serving.errors import EngineAnswerError, EngineUnavailableError, EngineUnsupportedError, ModelRepositoryError
from serving.inference.catalog import (
    INPUT_NAME,
    OUTPUT_NAME,
    ServedModel,
    read_model,
    repository_catalog,
)
from serving.inference.checks import check_answer, check_slices
from serving.inference.engine import Engine

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


class OnnxRuntimePredictor:
    """Runs the models of a model repository on this machine's CPU. Implements `InferenceEngine`.

    Args:
        repository: The folder that Triton would be given.
        threads: Cores that one call may use; 0 for all.

    Raises:
        ModelRepositoryError: The repository is incomplete, or a model file is not the one that was exported.
        EngineUnsupportedError: The package `onnxruntime` is not installed.
    """

    engine = Engine.ONNXRUNTIME

    def __init__(self, repository: Path, *, threads: int = 0) -> None:
        self.catalog = repository_catalog(repository)
        self._sessions = {
            region: _session(model, read_model(repository, model), threads)
            for region, model in self.catalog.models.items()
        }

    def predict(self, region: Region, slices: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Probabilities of a region, as of `imaging.pipeline.predictor.Predictor`.

        Raises:
            EngineRequestError: The slices do not fit the model.
            EngineUnavailableError: `close` was called.
            EngineAnswerError: The model failed, or answered no probabilities.
        """
        model = self.catalog[region]
        check_slices(model, slices)
        session = self._sessions.get(region)
        if session is None:
            raise EngineUnavailableError("onnxruntime", "must be open", "closed")
        try:
            answer: npt.NDArray[np.float32] = session.run([OUTPUT_NAME], {INPUT_NAME: slices})[0]
        except Exception as error:  # ONNX Runtime's exceptions have no narrower base
            raise EngineAnswerError(model.name, "must run", _first_line(error)) from error
        check_answer(model, slices, answer)
        return answer

    def close(self) -> None:
        """Release the models."""
        self._sessions = {}


def _session(model: ServedModel, content: bytes, threads: int) -> InferenceSession:
    try:
        import onnxruntime
    except ImportError as error:
        rule = "needs the package onnxruntime: pip install onnxruntime"
        raise EngineUnsupportedError("onnxruntime", rule, str(error)) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.enable_mem_pattern = False  # one would be kept for every extent of crop there is
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # as above
        raise ModelRepositoryError(model.name, "must be a model that ONNX Runtime loads", _first_line(error)) from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
