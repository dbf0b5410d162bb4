"""An engine whose every question is counted, timed and traced."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from imaging.brain.plan import BrainStep
from imaging.pipeline.predictor import Slices
from imaging.regions import Region
from serving.errors import ServingError
from serving.gateway.metrics import GatewayMetrics
from serving.inference.catalog import ModelCatalog
from serving.inference.engine import Engine, InferenceEngine
from serving.telemetry.tracing import Tracing

_Answer = TypeVar("_Answer")


class MeasuredEngine:
    """Answers what another engine answers. Implements `InferenceEngine`; raises what that raises.

    Args:
        engine: The one that answers. Its own caller closes it.
        metrics: Where questions are counted and timed.
        tracing: Where they are traced.
    """

    def __init__(self, engine: InferenceEngine, metrics: GatewayMetrics, tracing: Tracing) -> None:
        self._engine = engine
        self._metrics = metrics
        self._tracing = tracing

    @property
    def engine(self) -> Engine:
        """Which engine it is."""
        return self._engine.engine

    @property
    def catalog(self) -> ModelCatalog:
        """What it serves."""
        return self._engine.catalog

    def predict(self, region: Region, slices: Slices) -> npt.NDArray[np.float32]:
        """Probabilities of a region, as of `InferenceEngine`."""
        name = self.catalog[region].name
        return self._asked(name, len(slices), lambda: self._engine.predict(region, slices))

    def draw(self, generator: str, maps: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Images of brain maps, as of `InferenceEngine`."""
        name = self.catalog.generator(generator).name
        return self._asked(name, len(maps), lambda: self._engine.draw(generator, maps))

    def find_brain(self, step: BrainStep, volume: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Probabilities of brain, as of `InferenceEngine`."""
        name = self.catalog.brain_step(step).name
        return self._asked(name, 1, lambda: self._engine.find_brain(step, volume))

    def close(self) -> None:
        """Close the engine."""
        self._engine.close()

    def _asked(self, model: str, size: int, ask: Callable[[], _Answer]) -> _Answer:
        started = time.perf_counter()
        try:
            with self._tracing.batch(model, size):
                answer = ask()
        except ServingError as error:
            self._metrics.count_engine_fault(model, error.kind)
            raise
        self._metrics.observe_batch(model, size, time.perf_counter() - started)
        return answer
