"""The engines by name, and how one is opened."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from imaging.pipeline.predictor import Predictor
from serving.inference.catalog import ModelCatalog


class Engine(StrEnum):
    """What runs the networks. Chosen by name; one never stands in for the other."""

    TRITON = "triton"
    """NVIDIA Triton Inference Server, over gRPC."""
    ONNXRUNTIME = "onnxruntime"
    """ONNX Runtime within this process."""


class InferenceEngine(Predictor, Protocol):
    """A predictor that knows what it serves. Thread-safe.

    `predict` raises `EngineUnavailableError`, `EngineBusyError`, `EngineDeadlineError` or `EngineAnswerError`.
    """

    @property
    def engine(self) -> Engine:
        """Which engine this is."""
        ...

    @property
    def catalog(self) -> ModelCatalog:
        """What it serves."""
        ...

    def close(self) -> None:
        """Release what it holds. Calls after that fail."""
        ...
