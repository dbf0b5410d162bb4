"""The engines by name, and how one is opened."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from imaging.brain.extract import BrainNetwork
from imaging.pipeline.predictor import Predictor
from serving.inference.catalog import ModelCatalog


class Engine(StrEnum):
    """What runs the networks. Chosen by name; one never stands in for the other."""

    TRITON = "triton"
    """NVIDIA Triton Inference Server, over gRPC."""
    ONNXRUNTIME = "onnxruntime"
    """ONNX Runtime within this process."""


class InferenceEngine(Predictor, BrainNetwork, Protocol):
    """A predictor that knows what it serves, draws too, and finds brains. Thread-safe.

    `predict`, `draw` and `find_brain` raise `EngineRequestError`, `EngineUnavailableError`, `EngineBusyError`,
    `EngineDeadlineError` or `EngineAnswerError`.
    """

    @property
    def engine(self) -> Engine:
        """Which engine this is."""
        ...

    @property
    def catalog(self) -> ModelCatalog:
        """What it serves."""
        ...

    def draw(self, generator: str, maps: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Images of brain maps.

        Args:
            generator: What it is asked for by, e.g. `joint`.
            maps: `uint8 [slice, channel, i, j]`, encoded as its plan tells, `i` and `j` multiples of its plan's
                number; at most its `max_batch_size` slices.

        Returns:
            `float32 [slice, contrast, i, j]`, 0 to 1, the contrasts in its plan's order.

        Raises:
            UnknownGeneratorError: It is not served.
        """
        ...

    def close(self) -> None:
        """Release what it holds. Calls after that fail."""
        ...
