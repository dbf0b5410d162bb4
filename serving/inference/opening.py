"""Opens the engine that the settings name, ready to be used."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from serving.inference.engine import Engine, InferenceEngine
from serving.inference.onnxruntime_predictor import OnnxRuntimePredictor
from serving.inference.readiness import check_golden
from serving.inference.triton_predictor import TritonPredictor
from serving.settings import Settings
from serving.triton.launcher import TritonServer
from serving.triton.runtime import find_runtime
from serving.triton.settings import TritonSettings


@contextmanager
def open_engine(settings: Settings) -> Iterator[InferenceEngine]:
    """The engine of the settings, ready: a Triton of our own is started for as long as the context lasts.

    Raises:
        ServingError: It could not be started, or does not answer as at export.
    """
    if settings.engine is Engine.ONNXRUNTIME:
        with closing(OnnxRuntimePredictor(settings.models)) as predictor:
            check_golden(predictor)
            yield predictor
        return
    if settings.triton is not None:
        with closing(TritonPredictor(settings.triton, shared_memory=settings.triton_shared_memory)) as remote:
            check_golden(remote)
            yield remote
        return
    with tempfile.TemporaryDirectory(prefix="glioserve-") as folder:
        log_file = settings.triton_log or Path(folder, "triton.log")
        with (
            TritonServer(TritonSettings(settings.models, log_file), find_runtime(settings.triton_runtime)) as server,
            closing(TritonPredictor(server.address, shared_memory=settings.triton_shared_memory)) as own,
        ):
            yield own
