"""ONNX Runtime within this process: for machines where Triton can't run, for evaluation and for tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from imaging.regions import Region
from serving.errors import EngineAnswerError, EngineUnavailableError, EngineUnsupportedError, ModelRepositoryError
from serving.inference.catalog import read_model, repository_catalog
from serving.inference.checks import check_answer, check_batch
from serving.inference.engine import Engine
from serving.inference.networks import Batch, ServedNetwork

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


class OnnxRuntimePredictor:
    """Runs the models of a model repository on this machine's CPU. Implements `InferenceEngine`.

    Args:
        repository: The folder that Triton would be given.
        threads: Cores that one call may use, where a network's configuration does not say; 0 for all.

    Raises:
        ModelRepositoryError: The repository is incomplete, or a model file is not the one that was exported.
        EngineUnsupportedError: The package `onnxruntime` is not installed.
    """

    engine = Engine.ONNXRUNTIME

    def __init__(self, repository: Path, *, threads: int = 0) -> None:
        self.catalog = repository_catalog(repository)
        self._sessions = {
            network.name: _session(network, read_model(repository, network), network.threads or threads)
            for network in self.catalog.networks
        }

    def predict(self, region: Region, slices: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Probabilities of a region, as of `imaging.pipeline.predictor.Predictor`.

        Raises:
            EngineRequestError: The slices do not fit the model.
            EngineUnavailableError: `close` was called.
            EngineAnswerError: The model failed, or answered no probabilities.
        """
        return self._run(self.catalog[region], slices)

    def draw(self, generator: str, maps: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Images of brain maps, as of `InferenceEngine.draw`.

        Raises:
            UnknownGeneratorError: The generator is not served.
            ServingError: As of `predict`.
        """
        return self._run(self.catalog.generator(generator), maps)

    def close(self) -> None:
        """Release the models."""
        self._sessions = {}

    def _run(self, network: ServedNetwork, batch: Batch) -> npt.NDArray[np.float32]:
        check_batch(network, batch)
        session = self._sessions.get(network.name)
        if session is None:
            raise EngineUnavailableError("onnxruntime", "must be open", "closed")
        try:
            answer: npt.NDArray[np.float32] = session.run([network.output_name], {network.input_name: batch})[0]
        except Exception as error:  # ONNX Runtime's exceptions have no narrower base
            raise EngineAnswerError(network.name, "must run", _first_line(error)) from error
        check_answer(network, batch, answer)
        return answer


def _session(model: ServedNetwork, content: bytes, threads: int) -> InferenceSession:
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
