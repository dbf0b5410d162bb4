"""ONNX Runtime within this process: for machines where Triton can't run, for evaluation and for tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from serving.errors import EngineAnswerError, EngineUnavailableError, EngineUnsupportedError, ModelRepositoryError
from serving.inference.catalog import SHRINKAGE_KEY, read_model, repository_catalog
from serving.inference.checks import check_answer, check_batch
from serving.inference.engine import Engine
from serving.inference.networks import Batch, ServedNetwork
from serving.inference.runner import CatalogRunner

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, RunOptions


class OnnxRuntimePredictor(CatalogRunner):
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

    def close(self) -> None:
        """Release the models."""
        self._sessions = {}

    def _run(self, network: ServedNetwork, batch: Batch) -> npt.NDArray[Any]:
        check_batch(network, batch)
        session = self._sessions.get(network.name)
        if session is None:
            raise EngineUnavailableError("onnxruntime", "must be open", "closed")
        try:
            answer: npt.NDArray[Any] = session.run(
                [network.output_name], {network.input_name: batch}, _run_options(network)
            )[0]
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


def _run_options(network: ServedNetwork) -> RunOptions | None:
    if network.gives_back is None:
        return None
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.add_run_config_entry(SHRINKAGE_KEY, network.gives_back)
    return options


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
